"""Normalisation by mean and variance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph import memory
from fastcheck.graph.ops.base import Op
from fastcheck.graph.ops.cells import cells, spread_over
from fastcheck.kernels import moments as kernels

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape
    from fastcheck.graph.state import State


class Normalise(Op):
    """``c / sqrt(mean(c**2) + eps)`` with ``c = x - mean(x)``, over `axes`.

    Batch, layer and group normalisation differ in the axes only. Without centring c is x.

    Parameters
    ----------
    axes : tuple of int
        The axes over which means are taken, not negative, ascending.
    eps : float
        Added to the variance.
    centred : bool
        Whether the mean is subtracted.
    """

    def __init__(self, axes: tuple[int, ...], eps: float, centred: bool = True) -> None:
        self.axes = axes
        self.eps = float(eps)
        self.centred = centred

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if not self.axes or any(not 0 <= a < len(shape) for a in self.axes):
            raise InputError(
                f"`axis` must name axes of the operand, got {self.axes} for shape {shape}; "
                "count them from 0"
            )
        return shape

    def centre(self, x: Floats) -> Floats:
        """Return `x` less its mean, if that is subtracted."""
        return x - x.mean(axis=self.axes, keepdims=True) if self.centred else x

    def root(self, c: Floats) -> Floats:
        """Return what `c` is divided by."""
        return np.asarray(np.sqrt(np.mean(c * c, axis=self.axes, keepdims=True) + self.eps))

    def value(self, *values: Floats) -> Floats:
        c = self.centre(values[0])
        return c / self.root(c)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        along = (cotangent * output).mean(axis=self.axes, keepdims=True)
        part = cotangent - output * along
        if self.centred:
            part = part - cotangent.mean(axis=self.axes, keepdims=True)
        return [part / self.root(self.centre(values[0]))]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        size = np.abs(output)
        part = cotangent + size * (cotangent * size).mean(axis=self.axes, keepdims=True)
        if self.centred:
            part = part + cotangent.mean(axis=self.axes, keepdims=True)
        return [part / self.root(self.centre(values[0]))]

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        axis = inputs[0].batch_axis
        return axis, axis in self.axes

    def length(self, i: int, values: tuple[Floats, ...]) -> float:
        return float(self.root(self.centre(values[0])).min(initial=1.0))

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        c = self.centre(state.inputs(node)[0])
        return c, np.broadcast_to(self.root(c), c.shape)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        (d,) = diffs
        assert d is not None
        d = spread_over(d, node.shape, self.axes)
        (c, root), which = block.tables(node, d)
        members = cells(d.data.shape[:-1], self.axes, block.state)
        new = d.replaced(memory.empty(d.data.shape))
        divisor = float(math.prod(node.shape[a] for a in self.axes))
        kernels.normalise(
            c, root, which, d.flat, d.offsets, members, divisor, self.centred, new.flat
        )
        return new
