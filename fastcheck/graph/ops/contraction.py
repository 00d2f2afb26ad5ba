"""The one product of arrays: any matmul, dot, tensordot or einsum of two operands.

Axes are letters, as in einsum: those in both operands and the result run along (*batch*), those
in both operands only are summed (*contracted*), the others are *free*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.difference import Difference, Rows, aligned, flat_index
from fastcheck.graph.ops.base import Op
from fastcheck.kernels import rows as kernels

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Ints, Shape
    from fastcheck.graph.state import State


class Contraction(Op):
    """``einsum(f"{left},{right}->{out}", a, b)``.

    Parameters
    ----------
    left, right, out : str
        A letter for each axis; none twice in one operand, and each letter of one operand alone
        appears in the result.
    """

    def __init__(self, left: str, right: str, out: str) -> None:
        self.letters = (left, right)
        self.out = out
        for own, other in ((left, right), (right, left)):
            lost = set(own) - set(other) - set(out)
            if len(set(own)) != len(own) or lost or set(out) - set(left) - set(right):
                raise InputError(
                    f"`spec` must use each letter once per operand and keep the letters of one "
                    f"operand alone, got '{left},{right}->{out}'; sum or take diagonals first"
                )

    def shape(self, *shapes: Shape) -> Shape:
        sizes: dict[str, int] = {}
        for letters, shape in zip(self.letters, shapes, strict=True):
            if len(letters) != len(shape):
                raise InputError(
                    f"operand '{letters}' must have {len(letters)} axes, got shape {shape}"
                )
            for letter, n in zip(letters, shape, strict=True):
                if sizes.setdefault(letter, n) != n:
                    raise InputError(
                        f"the operands of a product must agree, got shapes {shapes[0]} and "
                        f"{shapes[1]} for '{self.letters[0]},{self.letters[1]}->{self.out}' "
                        f"({sizes[letter]} against {n}); transpose or reshape one of them"
                    )
        return tuple(sizes[letter] for letter in self.out)

    def value(self, *values: Floats) -> Floats:
        return contract(values[0], self.letters[0], values[1], self.letters[1], self.out)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        a, b = values
        left, right = self.letters
        return [
            contract(cotangent, self.out, b, right, left),
            contract(a, left, cotangent, self.out, right),
        ]

    def vjp_abs(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        return self.vjp(cotangent, (np.abs(values[0]), np.abs(values[1])), output)

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        found = {
            letters[n.batch_axis]
            for n, letters in zip(inputs, self.letters, strict=True)
            if n.batch_axis is not None
        }
        if not found:
            return None, False
        letter = min(found)
        for n, letters in zip(inputs, self.letters, strict=True):
            if len(found) > 1 or (n.batch_axis is None and letter in letters):
                return None, True
        return (self.out.index(letter) if letter in self.out else None), False

    def gain(self, i: int, values: tuple[Floats, ...], single: bool) -> tuple[float, bool]:
        own, other = self.letters[i], self.letters[1 - i]
        size = np.abs(values[1 - i])
        if not single:
            summed = tuple(a for a, k in enumerate(other) if k not in self.out)
            size = size.sum(axis=summed)
        return float(size.max(initial=0.0)), single and not set(other) - set(own)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        moved = [i for i in (0, 1) if diffs[i] is not None]
        terms = []
        for i in moved:
            d = diffs[i]
            assert d is not None
            side = _Side(self, node, i)
            term = side.enter(d, block) if side.can_enter(d, block) else side.moved(d, block)
            if term is None:
                return None
            terms.append(term)
        if len(moved) == 2:
            terms.append(_both_moved(self, node, diffs, block))
        if len(terms) == 1:
            return terms[0]
        terms = aligned(terms, node.shape)
        return terms[0].replaced(sum(term.data for term in terms[1:]) + terms[0].data)


class _Side:
    """The change of one operand (`own`) while the `other` stays at its base value."""

    def __init__(self, op: Contraction, node: Node, i: int) -> None:
        self.op = op
        self.node = node
        self.i = i
        self.own, self.other = op.letters[i], op.letters[1 - i]
        self.source, self.base = node.inputs[i], node.inputs[1 - i]
        self.out = op.out

    def can_enter(self, d: Difference, block: Block) -> bool:
        """Return whether single weights meet the samples here, one number per sample."""
        free = set(self.other) - set(self.own)
        return (
            block.drops_rows
            and block.enters(self.node, d)
            and d.scale is not None
            and d.flat.shape[0] == 1
            and self.base.batch_axis is not None
            and free == {self.other[self.base.batch_axis]}
            and not set(self.own) & set(self.other) & set(self.out)
        )

    def enter(self, d: Difference, block: Block) -> Difference | None:
        """Spread single weights over the samples, without rows that are exactly zero."""
        assert self.base.batch_axis is not None
        assert d.scale is not None
        state = block.state
        x = state.table((self.node.index, "x", self.i), state.value(self.base), (self.base.batch_axis,))
        contracted = [k for k in self.other if k in self.own]
        key = self._pin_index(d, contracted)
        kept = [k for k in self.own if k in self.out]
        unit = self._pin_index(d, kept)
        runs = np.flatnonzero(np.diff(unit, prepend=-1, append=-1))
        pin = unit[runs[:-1]]
        rows, offsets, samples, pins, scale = self._spread(d, block, x, key, runs, pin)
        if not rows.size:
            return None
        data = np.ones((*(1 for _ in self.out), samples.size))
        if not np.all(d.data == 1.0):
            raise AssertionError("single weights enter with unit columns")
        dims = [self.source.shape[self.own.index(k)] for k in kept]
        index = np.unravel_index(pins, dims) if dims else ()
        named = {
            self.out.index(k): i
            for k, i, n in zip(kept, index, dims, strict=True)
            if n != 1
        }
        return Difference(data, rows, offsets, named, samples, scale)

    def _pin_index(self, d: Difference, letters: list[str]) -> Ints:
        """Return the position of each group among the `letters` of this operand, all pinned."""
        zero = np.zeros(d.n_groups, dtype=np.int64)
        if not letters:
            return zero
        axes = [self.own.index(k) for k in letters]
        return flat_index([d.pins.get(a, zero) for a in axes], [self.source.shape[a] for a in axes])

    def _spread(
        self, d: Difference, block: Block, x: Floats, key: Ints, runs: Ints, pin: Ints
    ) -> tuple[Rows, Ints, Ints, Ints, Floats]:
        n = block.hi - block.lo
        most = 2 * key.size * n
        probe, scale = np.empty(most, np.int32), np.empty(most)
        groups = pin.size * n
        offsets, samples, pins = (np.empty(groups + 1, np.int64) for _ in range(3))
        segments = np.empty(n + 1, np.int64)
        alive = block.alive.get(self.node.index)
        if alive is None:
            alive = np.ones((block.hi, int(pin.max()) + 1), np.uint8)
        m, g = kernels.enter(
            x, key, runs, pin, alive, d.scale, block.lo, block.hi,
            probe, scale, offsets, samples, pins, segments,
        )  # fmt: skip
        rows = Rows(probe[:m], d.rows.n_probes, np.arange(block.lo, block.hi), segments)
        return rows, offsets[: g + 1], samples[:g], pins[:g], scale[:m]

    def moved(self, d: Difference, block: Block) -> Difference:
        """Return the change of the product, by the cheapest of three forms."""
        if block.enters(self.node, d):
            d = block.spread(d)
        batch = self._batch_letter(d)
        pinned = {self.own[a] for a in d.pins} | ({batch} if batch else set())
        table, which = self._table(d, block, batch, pinned)
        summed = [k for k in self.own if k in self.other and k not in self.out and k not in pinned]
        if not summed:
            return self._outer(d, table, which, pinned)
        return self._product(d, table, which, pinned, summed)

    def _batch_letter(self, d: Difference) -> str | None:
        axis = self.source.batch_axis
        if d.samples is None:
            return None
        if axis is not None:
            return self.own[axis]
        assert self.node.batch_axis is not None
        return self.out[self.node.batch_axis]

    def _table(
        self, d: Difference, block: Block, batch: str | None, pinned: set[str]
    ) -> tuple[Floats, Ints]:
        """Return the other operand, pinned letters joined into rows, and each group's row."""
        value = block.state.value(self.base)
        axes = tuple(a for a, k in enumerate(self.other) if k in pinned)
        table = block.state.table((self.node.index, "other", self.i), value, axes)
        index = [
            d.samples if self.other[a] == batch else d.pins[self.own.index(self.other[a])]
            for a in axes
        ]
        if not axes:
            return table, np.zeros(d.n_groups, dtype=np.int64)
        return table, flat_index([i for i in index if i is not None], [value.shape[a] for a in axes])

    def _outer(self, d: Difference, table: Floats, which: Ints, pinned: set[str]) -> Difference:
        """One moved entry per group: the other operand's values, times its size."""
        along = [k for k in self.other if k not in pinned]
        own = [k for k in self.own if k not in pinned]
        if not own:
            return self._outer_column(d, table, which, along)
        sizes = {k: n for k, n in zip(self.own, d.data.shape, strict=False)}
        sizes |= {k: n for k, n in zip(self.other, self.base.shape, strict=True) if k in along}
        columns = d.per_column(which)
        factor = table[columns].T.reshape(*(sizes[k] for k in along), columns.size)
        mine = d.data.reshape(*(sizes[k] for k in own), columns.size)
        result = [k for k in self.out if k in along or k in own]
        spec = f"{''.join(own)}~,{''.join(along)}~->{''.join(result)}~".replace("~", "Z")
        return self._finish(d, np.einsum(spec, mine, factor), result, pinned)

    def _outer_column(
        self, d: Difference, table: Floats, which: Ints, along: list[str]
    ) -> Difference:
        out = np.empty((table.shape[1], d.n_groups))
        flat = d.flat
        if d.scale is None:  # rows: from here on they differ only in size
            d = Difference(np.ones((1, d.n_groups)), d.rows, d.offsets, d.pins, d.samples, flat[0])
            flat = d.data
        kernels.outer(table, which, flat[0], out)
        sizes = dict(zip(self.other, self.base.shape, strict=True))
        result = [k for k in self.out if k in along]
        data = out.reshape(*(sizes[k] for k in along), d.n_groups)
        data = data.transpose(*(along.index(k) for k in result), len(along))
        pinned = set(self.own) | (set(self.other) - set(along))
        return self._finish(d, data, result, pinned)

    def _product(
        self, d: Difference, table: Floats, which: Ints, pinned: set[str], summed: list[str]
    ) -> Difference:
        """A sum over unpinned entries: one matrix product per distinct row of the table."""
        sizes = dict(zip(self.own, self.source.shape, strict=True))
        sizes |= dict(zip(self.other, self.base.shape, strict=True))
        both = [k for k in self.own if k in self.other and k in self.out and k not in pinned]
        own = [k for k in self.own if k not in self.other and k not in pinned]
        free = [k for k in self.other if k not in self.own and k not in pinned]
        inner = [k for k in self.other if k not in pinned]
        n_columns = d.data.shape[-1]
        local = [k for k in self.own if k not in pinned]
        mine = d.data.reshape(*(sizes[k] for k in local), n_columns)
        mine = mine.transpose(*(local.index(k) for k in both + own + summed), len(local))
        size = {name: int(np.prod([sizes[k] for k in group], dtype=np.int64))
                for name, group in (("both", both), ("own", own), ("sum", summed), ("free", free))}  # fmt: skip
        mine = mine.reshape(size["both"], size["own"], size["sum"], n_columns)
        out = np.empty((size["both"], size["own"], size["free"], n_columns))
        for row, lo, hi in _runs(which, d):
            base = table[row].reshape(*(sizes[k] for k in inner))
            base = base.transpose(*(inner.index(k) for k in both + free + summed))
            base = base.reshape(size["both"], 1, size["free"], size["sum"])
            np.matmul(base, mine[..., lo:hi], out=out[..., lo:hi])
        letters = both + own + free
        result = [k for k in self.out if k in letters]
        data = out.reshape(*(sizes[k] for k in letters), n_columns)
        data = data.transpose(*(letters.index(k) for k in result), len(letters))
        return self._finish(d, data, result, pinned)

    def _finish(
        self, d: Difference, data: Floats, result: list[str], pinned: set[str]
    ) -> Difference:
        """Give `data`, with axes `result`, the axes of the output and its pins."""
        local = [self.node.shape[a] if k in result else 1 for a, k in enumerate(self.out)]
        data = np.ascontiguousarray(data).reshape(*local, data.shape[-1])
        pins = {
            self.out.index(self.own[a]): p for a, p in d.pins.items() if self.own[a] in self.out
        }
        new = d.replaced(data, pins)
        return new if pins or new.scale is not None else new.regrouped()


def _runs(which: Ints, d: Difference) -> list[tuple[int, int, int]]:
    """Return (table row, first column, end) for each run of groups that use one table row."""
    edges = np.flatnonzero(np.diff(which, prepend=-1, append=-1))
    bounds = edges if d.scale is not None else d.offsets[edges]
    return [
        (int(which[e]), int(lo), int(hi))
        for e, lo, hi in zip(edges[:-1], bounds[:-1], bounds[1:], strict=True)
    ]


def _both_moved(op: Contraction, node: Node, diffs: Diffs, block: Block) -> Difference:
    """Return the product of the two changes."""
    a, b = diffs
    assert a is not None
    assert b is not None
    a, b = (
        block.spread(d) if block.enters(node, d) else d for d in (a, b)
    )
    left, right = (d.unpinned(n.shape) for d, n in zip((a, b), node.inputs, strict=True))
    spec = f"{op.letters[0]}~,{op.letters[1]}~->{op.out}~".replace("~", "Z")
    data = np.einsum(spec, left.data, right.data, optimize=False)
    return left.replaced(np.ascontiguousarray(data))


def contract(a: Floats, left: str, b: Floats, right: str, out: str) -> Floats:
    """Return ``einsum(f"{left},{right}->{out}", a, b)`` by matrix products."""
    both = [k for k in left if k in right and k in out]
    own = [k for k in left if k not in right]
    free = [k for k in right if k not in left]
    summed = [k for k in left if k in right and k not in out]
    sizes = dict(zip(left, a.shape, strict=True)) | dict(zip(right, b.shape, strict=True))

    def joined(array: Floats, letters: str, *groups: list[str]) -> Floats:
        order = [letters.index(k) for group in groups for k in group]
        dims = [int(np.prod([sizes[k] for k in group], dtype=np.int64)) for group in groups]
        return array.transpose(order).reshape(dims)

    product = np.matmul(joined(a, left, both, own, summed), joined(b, right, both, summed, free))
    letters = both + own + free
    full = product.reshape([sizes[k] for k in letters])
    return full.transpose([letters.index(k) for k in out])
