"""A product of which one operand changes: ``D b`` by the cheapest of three forms.

* *column*: a row touches one entry of the operand; the change is the other operand's values times
  the size of the change.
* *matrix*: a sum over entries that all change; one matrix product for all rows that see the same
  part of the other operand.
* *outer*: nothing is summed, yet the operand changes in many entries.
"""

from __future__ import annotations

import math
from functools import cached_property
from string import ascii_letters
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph import memory
from fastcheck.graph.difference import Difference, flat_index
from fastcheck.kernels import products
from fastcheck.kernels import rows as kernels

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Floats, Ints
    from fastcheck.graph.ops.contraction import Contraction
    from fastcheck.graph.state import State


SEVERAL, WORTH = 16, 0.9
"""Of so many summed entries, at most this share must change for the others to be left out."""


def multiplied(op: Contraction, node: Node, i: int, d: Difference, block: Block) -> Difference:
    """Return the change of the product `node` when operand `i` changes by `d`."""
    streamed = d.samples is not None
    key = ("form", node.index, i, tuple(d.pins), streamed)
    form = block.state.memo.get(key)
    if form is None:
        form = block.state.memo[key] = Form(op, node, i, tuple(d.pins), streamed, block.state)
    return form.apply(d)


class Form:
    """How the product is computed for differences with given pins; made once per base point.

    Letters are those of :class:`~fastcheck.graph.ops.contraction.Contraction`: ``own`` of the
    operand that changes, ``other`` of the one that does not.
    """

    def __init__(
        self,
        op: Contraction,
        node: Node,
        i: int,
        pins: tuple[int, ...],
        streamed: bool,
        state: State,
    ) -> None:
        own, other, out = op.letters[i], op.letters[1 - i], op.out
        source, base = node.inputs[i], node.inputs[1 - i]
        sizes = dict(zip(own, source.shape, strict=True)) | dict(
            zip(other, base.shape, strict=True)
        )
        batch = None
        if streamed:
            axis = source.batch_axis
            batch = own[axis] if axis is not None else out[node.batch_axis or 0]
        pinned = {own[a] for a in pins} | ({batch} if batch else set())

        axes = tuple(a for a, k in enumerate(other) if k in pinned)
        self.table = state.table((node.index, i, "other"), state.value(base), axes)
        self.dims = [base.shape[a] for a in axes]
        self.index = [None if other[a] == batch else own.index(other[a]) for a in axes]

        def free(letters: str, *, shared: bool, kept: bool) -> list[str]:
            rest = own if letters is other else other
            return [
                k for k in letters
                if k not in pinned and (k in rest) == shared and (k in out) == kept
            ]  # fmt: skip

        both, mine = free(own, shared=True, kept=True), free(own, shared=False, kept=True)
        summed, theirs = free(own, shared=True, kept=False), free(other, shared=False, kept=True)
        self.apply = self._matrix if summed else self._outer if both or mine else self._column
        local = [k for k in own if k not in pinned]
        inner = [k for k in other if k not in pinned]
        letters = both + mine + theirs
        result = [k for k in out if k in letters]

        def extent(group: list[str]) -> int:
            return math.prod(sizes[k] for k in group)

        def order(target: list[str], now: list[str]) -> tuple[int, ...]:
            return (*(now.index(k) for k in target), len(now))

        self.local_shape = tuple(sizes[k] for k in local)
        self.local_order = order(both + mine + summed, local)
        self.matrix_shape = (extent(both), extent(mine), extent(summed))
        self.inner_shape = tuple(sizes[k] for k in inner)
        self.inner_order = order(both + theirs + summed, inner)[:-1]
        self.base_shape = (extent(both), 1, extent(theirs), extent(summed))
        self.letter_shape = tuple(sizes[k] for k in letters)
        self.letter_order = order(result, letters)
        self.out_shape = tuple(sizes[k] if k in letters else 1 for k in out)
        self.out_pins = [(out.index(own[a]), a) for a in pins if own[a] in out]
        self._bases: dict[int, Floats] = {}
        rows, summands = self.base_shape[2:]
        plain = self.matrix_shape[:2] == (1, 1)
        self.is_narrow = plain and rows <= products.NARROW and summands >= products.LONG

    def which(self, d: Difference) -> Ints:
        """Return the row of the table that each group sees, shape (G,)."""
        return d.place(self.index, self.dims)

    def base(self, row: int) -> Floats:
        """Return the part of the other operand in a row of the table, as a stack of matrices."""
        found = self._bases.get(row)
        if found is None:
            found = self.table[row].reshape(self.inner_shape).transpose(self.inner_order)
            found = self._bases[row] = found.reshape(self.base_shape)
        return found

    @cached_property
    def narrow_base(self) -> Floats:
        """The other operand as one matrix, for few rows of the result."""
        return np.ascontiguousarray(self.base(0)[0, 0])

    def _column(self, d: Difference) -> Difference:
        out = memory.empty((self.table.shape[1], d.n_groups))
        if d.scale is None:  # rows: from here on they differ only in size
            ones = np.ones((1, d.n_groups))
            d = Difference(ones, d.rows, d.offsets, d.pins, d.samples, d.flat[0])
        kernels.outer(self.table, self.which(d), d.flat[0], out)
        return self._finished(d, out)

    def _outer(self, d: Difference) -> Difference:
        columns = d.per_column(self.which(d))
        mine = d.data.reshape(*self.local_shape, columns.size).transpose(self.local_order)
        mine = mine.reshape(*self.matrix_shape[:2], columns.size)
        theirs = self.table[columns].reshape(columns.size, *self.inner_shape)
        theirs = theirs.transpose(*(a + 1 for a in self.inner_order), 0)
        theirs = memory.contiguous(theirs).reshape(self.base_shape[0], -1, columns.size)
        mine = memory.contiguous(mine)
        out = memory.empty((*self.matrix_shape[:2], theirs.shape[1], columns.size))
        products.outer_product(mine, theirs, out)
        return self._finished(d, out)

    def _matrix(self, d: Difference) -> Difference:
        n = d.data.shape[-1]
        mine = d.data.reshape(*self.local_shape, n).transpose(self.local_order)
        mine = memory.contiguous(mine).reshape(*self.matrix_shape, n)
        out = memory.empty((*self.matrix_shape[:2], self.base_shape[2], n))
        moved = self._moved(mine) if self.table.shape[0] == 1 and not self.is_narrow else None
        if self.table.shape[0] == 1 and self.is_narrow:
            products.narrow_product(self.narrow_base, mine.reshape(-1, n), out.reshape(-1, n))
        elif moved is not None:
            lo, hi = moved
            np.matmul(self.base(0)[..., lo:hi], mine[..., lo:hi, :], out=out)
        elif self.table.shape[0] == 1:
            np.matmul(self.base(0), mine, out=out)
        else:
            for row, lo, hi in _runs(self.which(d), d):
                np.matmul(self.base(row), mine[..., lo:hi], out=out[..., lo:hi])
        return self._finished(d, out)

    def _moved(self, mine: Floats) -> tuple[int, int] | None:
        """Return the range of summed entries outside of which nothing changes; None if it is wide.

        What is put together from changing and constant parts, as the input and the last state of
        a recurrence are, changes in the former only.
        """
        if mine.shape[:2] != (1, 1) or mine.shape[2] < SEVERAL:
            return None
        moves = np.flatnonzero(mine[0, 0, :, 0])  # a first look, at one column
        lo, hi = (int(moves[0]), int(moves[-1]) + 1) if moves.size else (0, 1)
        if hi - lo > WORTH * mine.shape[2] or mine[0, 0, :lo].any() or mine[0, 0, hi:].any():
            return None
        return lo, hi

    def _finished(self, d: Difference, data: Floats) -> Difference:
        """Give `data`, in the order both, mine, theirs, the axes of the result and its pins."""
        n = data.shape[-1]
        data = data.reshape(*self.letter_shape, n).transpose(self.letter_order)
        data = memory.contiguous(data).reshape(*self.out_shape, n)
        new = d.replaced(data, {a: d.pins[k] for a, k in self.out_pins})
        return new if new.pins or new.scale is not None else new.regrouped()


def _runs(which: Ints, d: Difference) -> list[tuple[int, int, int]]:
    """Return (table row, first column, end) for each run of groups that use one table row."""
    edges = np.flatnonzero(np.diff(which, prepend=-1, append=-1))
    bounds = edges if d.scale is not None else d.offsets[edges]
    return [
        (int(which[e]), int(lo), int(hi))
        for e, lo, hi in zip(edges[:-1], bounds[:-1], bounds[1:], strict=True)
    ]


def changed_twice(op: Contraction, node: Node, a: Difference, b: Difference) -> Difference:
    """Return the product of the changes of both operands, of which one may touch one entry."""
    for i, (one, other) in enumerate(((a, b), (b, a))):
        if _touches_one_entry(op, node, i, one, other):
            return _picked(op, node, i, one.expanded(), other.unpinned(node.inputs[1 - i].shape))
    left, right = (d.unpinned(n.shape) for d, n in zip((a, b), node.inputs, strict=True))
    row = next(k for k in ascii_letters if k not in "".join(op.letters))
    spec = f"{op.letters[0]}{row},{op.letters[1]}{row}->{op.out}{row}"
    return left.replaced(np.ascontiguousarray(np.einsum(spec, left.data, right.data)))


def changed_whole(
    op: Contraction, node: Node, a: Difference, b: Difference, block: Block
) -> Difference | None:
    """Return the change of the product when both operands change, None where pins help.

    One compiled loop in place of two matrix products and what both changes give together.
    """
    pinned = [{k for axis, k in enumerate(letters) if axis in d.pins}
              for letters, d in zip(op.letters, (a, b), strict=True)]  # fmt: skip
    if (
        a.rows is not b.rows
        or pinned[0] & pinned[1] & set(op.out)
        or _touches_one_entry(op, node, 0, a, b)
        or _touches_one_entry(op, node, 1, b, a)
    ):
        return None
    a, b = (d.unpinned(n.shape) for d, n in zip((a, b), node.inputs, strict=True))
    streamed = a.samples is not None
    key = ("both", node.index, streamed)
    form = block.state.memo.get(key)
    if form is None:
        form = block.state.memo[key] = BothForm(op, node, streamed, block.state)
    return form.apply(a, b)


class BothForm:
    """How a product is computed of which both operands change in all entries.

    Axes are ordered as *both*, *mine* and *summed* for the first operand, *both*, *theirs* and
    *summed* for the second; the sample axis, of length 1 where samples are streamed, is left out.
    """

    def __init__(self, op: Contraction, node: Node, streamed: bool, state: State) -> None:
        batch = None
        for letters, source in zip(op.letters, node.inputs, strict=True):
            if streamed and source.batch_axis is not None:
                batch = letters[source.batch_axis]
        left, right = ([k for k in letters if k != batch] for letters in op.letters)
        out = [k for k in op.out if k != batch]
        both = [k for k in left if k in right and k in out]
        summed = [k for k in left if k in right and k not in out]
        groups = ([k for k in left if k not in right], [k for k in right if k not in left])
        sizes: dict[str, int] = {}
        self.tables, self.orders, self.shapes, self.locals = [], [], [], []
        for letters, own, free, source in zip(
            op.letters, (left, right), groups, node.inputs, strict=True
        ):
            sizes |= dict(zip(letters, source.shape, strict=True))
            target = both + free + summed
            self.tables.append(_ordered(state.value(source), letters, target, batch))
            self.locals.append(tuple(sizes[k] for k in own))
            self.orders.append((*(own.index(k) for k in target), len(own)))
            self.shapes.append(tuple(
                math.prod(sizes[k] for k in part) for part in (both, free, summed)
            ))  # fmt: skip
        now = both + groups[0] + groups[1]
        self.letter_shape = tuple(sizes[k] for k in now)
        self.out_order = (*(now.index(k) for k in out), len(now))
        self.out_shape = tuple(1 if k == batch else sizes[k] for k in op.out)

    def apply(self, a: Difference, b: Difference) -> Difference:
        """Return the change of the product."""
        n = a.rows.size
        x, y = (
            memory.contiguous(d.data.reshape(*self.locals[i], n).transpose(self.orders[i])).reshape(
                *self.shapes[i], n
            )
            for i, d in enumerate((a, b))
        )
        out = memory.empty((x.shape[0], x.shape[1], y.shape[1], n))
        zero = np.zeros(a.n_groups, dtype=np.int64)
        left, right = (
            zero if a.samples is None or len(table) == 1 else a.samples for table in self.tables
        )
        products.contract_both(self.tables[0], left, self.tables[1], right, x, y, a.offsets, out)
        data = out.reshape(*self.letter_shape, n).transpose(self.out_order)
        return a.replaced(memory.contiguous(data).reshape(*self.out_shape, n))


def _ordered(value: Floats, letters: str, target: list[str], batch: str | None) -> Floats:
    """Return the base value as a table: a row per sample, columns in the order of `target`."""
    first = [] if batch is None or batch not in letters else [letters.index(batch)]
    moved = value.transpose([*first, *(letters.index(k) for k in target)])
    return np.array(moved, order="C").reshape(value.shape[first[0]] if first else 1, -1)


def _touches_one_entry(
    op: Contraction, node: Node, i: int, one: Difference, other: Difference
) -> bool:
    """Return whether a row of operand `i` is one entry, which picks what it is multiplied with."""
    own, theirs = op.letters[i], op.letters[1 - i]
    axis = node.inputs[i].batch_axis if one.samples is not None else None
    pinned = {own[k] for k in one.pins}
    unit = {k for k, n in zip(own, node.inputs[i].shape, strict=True) if n == 1}
    shared = set(own) & set(theirs) - ({own[axis]} if axis is not None else set())
    return (
        bool(one.pins)
        and one.rows is other.rows
        and one.flat.shape[0] == 1
        and shared <= pinned | unit
        and not any(k in op.out for k in shared)
    )


def _picked(op: Contraction, node: Node, i: int, one: Difference, other: Difference) -> Difference:
    """Return the product of one moved entry per row with the entries of `other` that it meets."""
    own, theirs = op.letters[i], op.letters[1 - i]
    n_rows = one.rows.size
    shape = node.inputs[1 - i].shape
    axis = node.inputs[1 - i].batch_axis if other.samples is not None else None
    sample = None if axis is None else theirs[axis]  # of length 1
    summed = [k for k in theirs if k in own and k not in op.out and k != sample]
    free = [k for k in theirs if k not in summed and k != sample]
    dropped = [k for k in theirs if k == sample]
    order = [theirs.index(k) for k in summed + free + dropped]
    data = other.data.transpose(*order, len(theirs))
    dims = [shape[theirs.index(k)] for k in summed]
    zero = np.zeros(one.n_groups, dtype=np.int64)
    index = [one.pins.get(own.index(k), zero) for k in summed]
    place = one.per_column(flat_index(index, dims)) if summed else np.zeros(n_rows, dtype=np.int64)
    data = data.reshape(math.prod(dims), -1, n_rows)
    picked = data[place, :, np.arange(n_rows)].T * one.flat[0]
    local = dict(zip(theirs, other.data.shape, strict=False))
    result = [k for k in op.out if k in free]
    picked = picked.reshape(*(local[k] for k in free), n_rows)
    picked = picked.transpose(*(free.index(k) for k in result), len(free))
    out = [local[k] if k in result else 1 for k in op.out]
    pins = {op.out.index(own[a]): p for a, p in one.pins.items() if own[a] in op.out}
    return one.replaced(np.ascontiguousarray(picked).reshape(*out, n_rows), pins)
