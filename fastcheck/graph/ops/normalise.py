"""Softmax over one axis."""

from __future__ import annotations

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


class Softmax(Op):
    """``exp(x) / sum(exp(x))`` over one axis.

    The difference is ``p (E - S) / (1 + S)`` with ``E = expm1(d - d_k)``, ``S = sum p E``, and k
    the largest entry, so that no large probability is a difference of others.
    """

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if not -len(shape) <= self.axis < len(shape):
            raise InputError(
                f"`axis` must name an axis of the operand, got {self.axis} for shape {shape}"
            )
        return shape

    def value(self, *values: Floats) -> Floats:
        return softmax(values[0], self.axis)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        mean = (cotangent * output).sum(axis=self.axis, keepdims=True)
        return [output * (cotangent - mean)]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        mean = (cotangent * output).sum(axis=self.axis, keepdims=True)
        return [output * (cotangent + mean)]

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        axis = inputs[0].batch_axis
        over = self.axis % len(shape)
        return (None, True) if axis == over else (axis, False)

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        p = state.value(node)
        top = np.argmax(p, axis=self.axis)
        return p, np.broadcast_to(np.expand_dims(top, self.axis), p.shape).astype(np.float64)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        (d,) = diffs
        assert d is not None
        axis = self.axis % node.ndim
        d = d.unpinned(node.shape) if axis in d.pins else d.expanded()
        base, top = block.base(node, d, node)
        index = top.astype(np.int64)
        first = np.take(index, [0], axis=axis)
        grown = np.expm1(d.data - np.take_along_axis(d.data, first, axis=axis))
        total = (base * grown).sum(axis=axis, keepdims=True)
        return d.replaced(base * (grown - total) / (1.0 + total))


def softmax(x: Floats, axis: int) -> Floats:
    """Return the softmax of `x` over `axis`."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))
