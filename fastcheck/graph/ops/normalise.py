"""Softmax over one axis, and its logarithm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph import memory
from fastcheck.graph.ops.base import Op
from fastcheck.graph.ops.cells import cells, spread_over
from fastcheck.kernels import softmax as kernels

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Ints, Shape
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

    def probabilities(self, node: Node, state: State) -> Floats:
        """Return the softmax of the input."""
        return state.value(node)

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        p = self.probabilities(node, state)
        top = np.argmax(p, axis=self.axis)
        return p, np.broadcast_to(np.expand_dims(top, self.axis), p.shape).astype(np.float64)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        (d,) = diffs
        assert d is not None
        axis = self.axis % node.ndim
        d = spread_over(d, node.shape, (axis,))
        tables, which = block.tables(node, d)
        members = cells(d.data.shape[:-1], (axis,), block.state)
        out = memory.empty(d.data.shape)
        new = d.replaced(out)
        if self.compiled(tables, which, d, members, new.flat):
            return d.replaced(self.plain(d, axis, *block.base(node, d, node)))
        return new

    def compiled(
        self, tables: tuple[Floats, ...], which: Ints, d: Difference, members: Ints, out: Floats
    ) -> int:
        """Write the change into `out`; return how many entries change too much for the kernel."""
        p, top = tables
        return int(kernels.softmax(p, top, which, d.flat, d.offsets, members, out))

    def plain(self, d: Difference, axis: int, p: Floats, top: Floats) -> Floats:
        """Return the change, however large it is."""
        grown = np.expm1(d.data - _of_top(d.data, axis, top))
        total = (p * grown).sum(axis=axis, keepdims=True)
        return np.asarray(p * (grown - total) / (1.0 + total))


class LogSoftmax(Softmax):
    """``x - log(sum(exp(x)))`` over one axis.

    The difference is ``(d - d_k) - log1p(sum p expm1(d - d_k))`` with k the largest entry.
    """

    def value(self, *values: Floats) -> Floats:
        shifted = values[0] - values[0].max(axis=self.axis, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=self.axis, keepdims=True)))

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        total = cotangent.sum(axis=self.axis, keepdims=True)
        return [cotangent - softmax(values[0], self.axis) * total]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        total = cotangent.sum(axis=self.axis, keepdims=True)
        return [cotangent + softmax(values[0], self.axis) * total]

    def probabilities(self, node: Node, state: State) -> Floats:
        return softmax(state.inputs(node)[0], self.axis)

    def compiled(
        self, tables: tuple[Floats, ...], which: Ints, d: Difference, members: Ints, out: Floats
    ) -> int:
        p, top = tables
        change = memory.empty((members.shape[0], d.rows.size))
        bad = kernels.log_sum_exp(p, top, which, d.flat, d.offsets, members, change)
        kernels.subtract_normaliser(top, which, d.flat, d.offsets, members, change, out)
        return int(bad)

    def plain(self, d: Difference, axis: int, p: Floats, top: Floats) -> Floats:
        apart = d.data - _of_top(d.data, axis, top)
        total = (p * np.expm1(apart)).sum(axis=axis, keepdims=True)
        return np.asarray(apart - np.log1p(total))


def _of_top(data: Floats, axis: int, top: Floats) -> Any:
    """Return the change of the entry that is largest at the base point."""
    first = np.take(top.astype(np.int64), [0], axis=axis)
    return np.take_along_axis(data, first, axis=axis)


def softmax(x: Floats, axis: int) -> Floats:
    """Return the softmax of `x` over `axis`."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))
