"""Sums, products and quotients with NumPy's broadcasting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph import memory
from fastcheck.graph.difference import Difference, aligned
from fastcheck.graph.ops.base import EntryByEntry, unbroadcast
from fastcheck.kernels import products
from fastcheck.kernels import rows as kernels

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Ints, Shape
    from fastcheck.graph.state import State


LONG = 8
"""Rows per group from which on a loop over the rows of a group is worth its start."""


class Binary(EntryByEntry):
    """An operation of two tensors that broadcast against each other."""

    def shape(self, *shapes: Shape) -> Shape:
        return broadcast_shape(type(self).__name__.lower(), *shapes)

    @staticmethod
    def terms(node: Node, diffs: Diffs, block: Block) -> list[Difference | None]:
        """Return the differences with the axes of `node`.

        Where both inputs change, data stay of length 1 along axes on which they are repeated.
        """
        lazy = all(d is not None for d in diffs)
        return [
            None if d is None else block.broadcast(d, source, node, lazy=lazy)
            for d, source in zip(diffs, node.inputs, strict=True)
        ]


class Add(Binary):
    """``a + sign b``."""

    is_linear = True
    keeps_place = True

    def __init__(self, sign: float = 1.0) -> None:
        self.sign = float(sign)

    def value(self, *values: Floats) -> Floats:
        return values[0] + values[1] if self.sign > 0 else values[0] - values[1]

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        a, b = values
        return [unbroadcast(cotangent, a.shape), self.sign * unbroadcast(cotangent, b.shape)]

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        a, b = self.terms(node, diffs, block)
        if b is None:
            return a
        if a is None:
            return b if self.sign > 0 else b.replaced(np.negative(b.data, memory.like(b.data)))
        a, b = aligned([a, b], node.shape)
        combine = np.add if self.sign > 0 else np.subtract
        room = _room(diffs, (a, b), block)
        return a.replaced(combine(a.data, b.data, room))


class Multiply(Binary):
    """``a b``."""

    def value(self, *values: Floats) -> Floats:
        return values[0] * values[1]

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        a, b = values
        return [unbroadcast(cotangent * b, a.shape), unbroadcast(cotangent * a, b.shape)]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        a, b = values
        return self.vjp(cotangent, (np.abs(a), np.abs(b)), output)

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        return state.largest(node.inputs[1 - i])

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        x, y = state.inputs(node)
        return np.broadcast_to(x, node.shape), np.broadcast_to(y, node.shape)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        a, b = self.terms(node, diffs, block)
        if a is None or b is None:
            d = b if a is None else a
            assert d is not None
            tables, which = block.tables(node, d)
            return weighed(d, tables[0] if a is None else tables[1], which)
        a, b = aligned([a.expanded(), b.expanded()], node.shape)
        (x, y), which = block.tables(node, a)
        if a.data.size < b.data.size:
            a, b, x, y, diffs = b, a, y, x, diffs[::-1]
        new = _taken(a, b, diffs[0], block)
        index = _repeated(b, new, block)
        products.multiply(x, y, which, new.flat, b.flat, index, new.offsets)
        return new


class Divide(Binary):
    """``a / b``."""

    def value(self, *values: Floats) -> Floats:
        return values[0] / values[1]

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        a, b = values
        part = cotangent / b
        return [unbroadcast(part, a.shape), unbroadcast(-part * output, b.shape)]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        a, b = values
        part = cotangent / np.abs(b)
        return [unbroadcast(part, a.shape), unbroadcast(part * np.abs(output), b.shape)]

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        if i == 1:
            return None
        smallest = float(np.abs(state.value(node.inputs[1])).min(initial=np.inf))
        return 1.0 / max(smallest, 1e-300)

    def length(self, i: int, values: tuple[Floats, ...]) -> float:
        smallest = float(np.abs(values[1]).min(initial=np.inf)) if i == 1 else 1.0
        return smallest if smallest > 0.0 else 1.0

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        b = np.broadcast_to(state.inputs(node)[1], node.shape)
        return b, 1.0 / b, -state.value(node)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        a, b = self.terms(node, diffs, block)
        if b is None:
            assert a is not None
            (_, inverse, _), which = block.tables(node, a)
            return weighed(a, inverse, which)
        if a is None:
            new = block.writable(b)
            (base, _, quotient), which = block.tables(node, new)
            products.divide_by(base, quotient, which, new.flat, new.offsets)
            return new
        a, b = aligned([a.expanded(), b.expanded()], node.shape)
        (base, _, quotient), which = block.tables(node, a)
        new = _taken(a, b, diffs[0], block)
        index = _repeated(b, new, block)
        products.divide(base, quotient, which, new.flat, b.flat, index, new.offsets)
        return new


class Scale(EntryByEntry):
    """``factor * a`` with a plain number."""

    is_linear = True

    def __init__(self, factor: float) -> None:
        self.factor = float(factor)

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def value(self, *values: Floats) -> Floats:
        return self.factor * values[0]

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        return [self.factor * cotangent]

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        return abs(self.factor)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        (d,) = diffs
        assert d is not None
        return d.replaced(np.multiply(d.data, self.factor, memory.like(d.data)))


def _room(diffs: Diffs, terms: tuple[Difference, Difference], block: Block) -> Floats:
    """Return an array for the sum of `terms`: that of a term if nobody else reads it."""
    local = tuple(map(max, *(t.data.shape for t in terms)))
    for i, term in enumerate(terms):
        if term.data.shape == local and _is_free(term, diffs[i], block):
            return term.data
    return memory.empty(local)


def _is_free(term: Difference, given: Difference | None, block: Block) -> bool:
    """Return whether the data of `term`, made from the input `given`, may be overwritten."""
    assert given is not None
    return block.owns(given) or not np.may_share_memory(term.data, given.data)


def _taken(a: Difference, b: Difference, given: Difference | None, block: Block) -> Difference:
    """Return `a` of full length along the axes of `b`, its data to be overwritten."""
    local = tuple(map(max, a.data.shape, b.data.shape))
    if a.data.shape != local:
        return a.replaced(memory.copied(np.broadcast_to(a.data, local)))
    return a if _is_free(a, given, block) else a.replaced(memory.copied(a.data))


def _repeated(b: Difference, full: Difference, block: Block) -> Ints:
    """Return, for each local entry of `full`, the entry of `b` that stands there."""
    local, own = full.data.shape[:-1], b.data.shape[:-1]
    key = ("repeated", local, own)
    if key not in block.state.memo:
        places = np.arange(b.flat.shape[0]).reshape(own)
        block.state.memo[key] = np.broadcast_to(places, local).reshape(-1).copy()
    found: Ints = block.state.memo[key]
    return found


def weighed(d: Difference, table: Floats, which: Ints) -> Difference:
    """Return `d` times the base values of `table`."""
    new = d.replaced(memory.like(d.data))
    if d.scale is None and d.rows.size >= LONG * d.n_groups:
        kernels.weigh_groups(table, which, d.flat, d.offsets, new.flat)
    else:
        kernels.weigh(table, d.per_column(which), d.flat, new.flat)
    return new


def full_terms(node: Node, diffs: Diffs, block: Block) -> list[Difference | None]:
    """Return the differences with the axes of `node`, written out along all of them."""
    return [
        None if d is None else block.broadcast(d, source, node)
        for d, source in zip(diffs, node.inputs, strict=True)
    ]


def broadcast_shape(name: str, *shapes: Shape) -> Shape:
    """Return the shape to which operands broadcast; `name` is how a message calls the operation."""
    try:
        return tuple(np.broadcast_shapes(*shapes))
    except ValueError:
        listed = " and ".join(str(shape) for shape in shapes)
        raise InputError(
            f"operands of {name} must broadcast, got shapes {listed}; reshape one of them"
        ) from None
