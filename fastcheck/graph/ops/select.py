"""Choices between two tensors: the larger, the smaller, and one by a condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph import memory
from fastcheck.graph.difference import aligned
from fastcheck.graph.ops.arithmetic import Binary, broadcast_shape, full_terms
from fastcheck.graph.ops.base import EntryByEntry, unbroadcast
from fastcheck.graph.ops.grouped import mark_crossings
from fastcheck.graph.ops.pointwise import bent
from fastcheck.kernels import choices as kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape
    from fastcheck.graph.state import State


class Extreme(Binary):
    """The larger of two tensors, or the smaller, entry by entry.

    With ``z = a - b``, a is the larger where z is positive, else b. If the winner stays, its
    change is the result's; if b takes over, the result changes by ``db - z``, if a does, by
    ``da + z``.

    Parameters
    ----------
    larger : bool
        Whether it is the larger.
    """

    def __init__(self, larger: bool) -> None:
        self.larger = larger

    def value(self, *values: Floats) -> Floats:
        return np.maximum(*values) if self.larger else np.minimum(*values)

    def _wins(self, values: tuple[Floats, ...]) -> NDArray[np.bool_]:
        """Return where the first operand is the result; the second is where they are equal."""
        return np.asarray((values[0] > values[1]) == self.larger)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        first = self._wins(values)
        return [
            unbroadcast(np.where(first, cotangent, 0.0), values[0].shape),
            unbroadcast(np.where(first, 0.0, cotangent), values[1].shape),
        ]

    def flat(self, i: int, values: tuple[Floats, ...], margin: float) -> NDArray[np.bool_] | None:
        lead = values[1 - i] - values[i]
        return np.asarray((lead if self.larger else -lead) > 2.0 * margin)

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        a, b = state.inputs(node)
        gap = np.broadcast_to(a - b, node.shape)
        return gap, -gap

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        a, b = full_terms(node, diffs, block)
        low, high = (0.0, 1.0) if self.larger else (1.0, 0.0)
        if a is None or b is None:
            d, slot = (a, 0) if b is None else (b, 1)
            assert d is not None
            return bent(node, d, block, low, high, slot)
        a, b = aligned([a.expanded(), b.expanded()], node.shape)
        (gap, _), which = block.tables(node, a)
        new = a.replaced(memory.like(a.data))
        if kernels.choose(gap, which, a.flat, b.flat, a.offsets, self.larger, new.flat):
            mark_crossings(a.replaced(a.data - b.data), gap, which, block)
        return new


class Where(EntryByEntry):
    """The second operand where the first is not zero, else the third.

    The first is data or a comparison: it does not change but at kinks, which the comparison marks.
    """

    is_linear = True
    keeps_place = True

    def shape(self, *shapes: Shape) -> Shape:
        return broadcast_shape("where", *shapes)

    def value(self, *values: Floats) -> Floats:
        condition, a, b = values
        return np.where(condition != 0.0, a, b)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        condition, a, b = values
        return [
            np.zeros_like(condition),
            unbroadcast(np.where(condition != 0.0, cotangent, 0.0), a.shape),
            unbroadcast(np.where(condition != 0.0, 0.0, cotangent), b.shape),
        ]

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        return 0.0 if i == 0 else 1.0

    def flat(self, i: int, values: tuple[Floats, ...], margin: float) -> Any:
        return None if i == 0 else (values[0] != 0.0) == (i == 2)

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        chosen = np.broadcast_to(state.inputs(node)[0] != 0.0, node.shape)
        return chosen.astype(np.float64), 1.0 - chosen

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        parts = []
        for slot, d in enumerate(full_terms(node, diffs, block)[1:]):
            if d is not None:
                tables, which = block.tables(node, d)
                new = d.replaced(memory.like(d.data))
                kernels.select(tables[slot], d.per_column(which), d.flat, new.flat)
                parts.append(new)
        if len(parts) < 2:
            return parts[0] if parts else None
        a, b = aligned(parts, node.shape)
        return a.replaced(a.data + b.data)
