"""The largest or smallest entry over axes, and where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.ops.cells import cells, spread_over
from fastcheck.graph.ops.reduce import Sum
from fastcheck.kernels import extremes as kernels

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape
    from fastcheck.graph.state import State


class ExtremeOver(Sum):
    """Largest or smallest entry over `axes`; a probe after which another entry wins is at a kink.

    Parameters
    ----------
    axes : tuple of int, or None
        The axes to reduce, None for all.
    keepdims : bool
        Whether reduced axes stay with length 1.
    sign : float
        1 for the largest, -1 for the smallest.
    """

    is_linear = False
    is_exact = True

    def __init__(self, axes: tuple[int, ...] | None, keepdims: bool, sign: float) -> None:
        super().__init__(axes, keepdims, mean=False)
        self.sign = float(sign)

    def value(self, *values: Floats) -> Floats:
        (x,) = values
        reduce = np.max if self.sign > 0.0 else np.min
        return np.asarray(reduce(x, axis=self.over(x.shape), keepdims=self.keepdims))

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        return None

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        axis = inputs[0].batch_axis
        place, _ = super().batch(inputs, shape)
        return place, axis is not None and place is None

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        (x,) = values
        rows = np.moveaxis(x, self.over(x.shape), range(-len(self.over(x.shape)), 0))
        n = rows.ndim - len(self.over(x.shape))
        flat = rows.reshape(*rows.shape[:n], -1)
        first = np.argmax(self.sign * flat, axis=-1)
        found = np.zeros(flat.shape)
        np.put_along_axis(found, first[..., None], cotangent.reshape(first.shape)[..., None], -1)
        places = range(-len(self.over(x.shape)), 0)
        return [np.moveaxis(found.reshape(rows.shape), places, self.over(x.shape))]

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        return state.inputs(node)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        (d,) = diffs
        assert d is not None
        shape = node.inputs[0].shape
        over = self.over(shape)
        d = spread_over(d, shape, over)
        changed = self._changed(node, d, block)
        kept = [a for a in range(len(shape)) if self.keepdims or a not in over]
        pins = {kept.index(a): p for a, p in d.pins.items()}
        local = [1 if a in over else d.data.shape[a] for a in kept]
        return d.replaced(changed.reshape(*local, changed.shape[-1]), pins)

    def _changed(self, node: Node, d: Difference, block: Block) -> Floats:
        """Return the change of each result, and mark the probes that change a winner."""
        (x,), which = block.tables(node, d, node.inputs[0])
        local = d.data.shape[:-1]
        places = cells(local, self.over(local), block.state)
        out = np.empty((places.shape[0], d.rows.size))
        flags = np.zeros(d.rows.size, np.uint8)
        if kernels.extreme(x, which, d.flat, d.offsets, places, self.sign, out, flags):
            d.rows.mark(flags, block.kink)
        return out


class PlaceOf(ExtremeOver):
    """Where the first of the largest (smallest) entries over one axis is, as a number.

    A constant as far as differences go: a probe that moves it is at a kink.
    """

    is_exact = False
    is_frozen = True

    def value(self, *values: Floats) -> Floats:
        (x,) = values
        if self.axes is None:
            return np.asarray(np.argmax(self.sign * x), dtype=np.float64)
        (axis,) = self.axes
        place = np.argmax(self.sign * x, axis=axis, keepdims=self.keepdims)
        return np.asarray(place, dtype=np.float64)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        return [np.zeros(values[0].shape)]

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        super().difference(node, diffs, block)
        return None
