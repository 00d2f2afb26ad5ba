"""Running sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.ops.base import Op

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape
    from fastcheck.graph.state import State


class RunningSum(Op):
    """Sums of the entries up to each along one axis.

    Parameters
    ----------
    axis : int
        The axis, not negative.
    """

    is_linear = True

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def value(self, *values: Floats) -> Floats:
        return np.cumsum(values[0], axis=self.axis)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        turned = np.flip(cotangent, self.axis)
        return [np.flip(np.cumsum(turned, axis=self.axis), self.axis)]

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        return 1.0 if single else float(node.shape[self.axis])

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        axis = inputs[0].batch_axis
        return (None, True) if axis == self.axis else (axis, False)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        (d,) = diffs
        assert d is not None
        if self.axis in d.pins:
            d = d.unpinned(node.shape, [self.axis])
        return d.replaced(np.cumsum(d.data, axis=self.axis))
