"""Sums and means over any axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.ops.base import Op

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape
    from fastcheck.graph.state import State


class Sum(Op):
    """Sum or mean over `axes`.

    Parameters
    ----------
    axes : tuple of int, or None
        The axes to reduce, None for all.
    keepdims : bool
        Whether reduced axes stay with length 1.
    mean : bool
        Whether to divide by the number of summed entries.
    """

    is_linear = True

    def __init__(self, axes: tuple[int, ...] | None, keepdims: bool, mean: bool) -> None:
        self.axes = axes
        self.keepdims = keepdims
        self.mean = mean

    def over(self, shape: Shape) -> tuple[int, ...]:
        """Return the reduced axes of an input of `shape`, not negative, ascending."""
        if self.axes is None:
            return tuple(range(len(shape)))
        if any(not -len(shape) <= a < len(shape) for a in self.axes):
            raise InputError(
                f"`axis` must name axes of the operand, got {self.axes} for shape {shape}; "
                "count them from 0"
            )
        return tuple(sorted({a % len(shape) for a in self.axes}))

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        over = self.over(shape)
        if self.keepdims:
            return tuple(1 if a in over else n for a, n in enumerate(shape))
        return tuple(n for a, n in enumerate(shape) if a not in over)

    def value(self, *values: Floats) -> Floats:
        (x,) = values
        over = self.over(x.shape)
        return np.asarray(
            x.mean(axis=over, keepdims=self.keepdims)
            if self.mean
            else x.sum(axis=over, keepdims=self.keepdims)
        )

    def factor(self, shape: Shape) -> float:
        """Return what a sum of entries is multiplied by."""
        n = math.prod(shape[a] for a in self.over(shape))
        return 1.0 / n if self.mean and n else 1.0

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        (x,) = values
        kept = tuple(1 if a in self.over(x.shape) else n for a, n in enumerate(x.shape))
        return [np.broadcast_to(self.factor(x.shape) * cotangent.reshape(kept), x.shape)]

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        source = node.inputs[0]
        over = self.over(source.shape)
        if single:  # one entry of each sample, hence all samples where they are summed
            over = tuple(a for a in over if a == source.batch_axis)
        return math.prod(source.shape[a] for a in over) * self.factor(source.shape)

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        axis = inputs[0].batch_axis
        over = self.over(inputs[0].shape)
        if axis is None or axis in over:
            return None, False
        return (axis if self.keepdims else axis - sum(a < axis for a in over)), False

    def stays_single(self, node: Node, i: int) -> bool:
        return True

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        (d,) = diffs
        assert d is not None
        shape = node.inputs[0].shape
        over = self.over(shape)
        data = d.data
        if any(data.shape[a] != 1 for a in over):
            data = np.add.reduce(data, axis=over, keepdims=True)
        if self.mean:
            data = self.factor(shape) * data
        kept = [a for a in range(len(shape)) if self.keepdims or a not in over]
        pins = {kept.index(a): p for a, p in d.pins.items() if a not in over}
        return d.replaced(data.reshape(*(data.shape[a] for a in kept), data.shape[-1]), pins)
