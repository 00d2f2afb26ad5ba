"""Softmax, its logarithm, and the logarithm of its denominator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph import memory
from fastcheck.graph.ops.axes import OverAxes, Reduction, base_of, place_of_largest
from fastcheck.kernels import softmax as kernels

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats
    from fastcheck.graph.state import State


class _OfExponentials(OverAxes):
    """A function of ``exp(x)`` and its sums over axes.

    Rules read p, the softmax at the base point, and measure changes from that of the largest entry:
    then no large probability is a difference of others.
    """

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        (x,) = state.inputs(node)
        over = self.over(x.shape)
        p = softmax(x, over)
        return p, np.broadcast_to(place_of_largest(p, over), p.shape)

    def _log_growth(self, node: Node, d: Difference, block: Block) -> Floats | None:
        """Return ``log(sum(p exp(d - d_top)))``; None if a change is too large for the kernel."""
        (p, top), which, ends = base_of(node, d, block)
        members = self.members(d)
        change = memory.empty((members.shape[0], d.rows.size))
        bad = kernels.log_sum_exp(p, top, which, d.flat, ends, members, change)
        return None if bad else change

    def _far(self, node: Node, d: Difference, block: Block) -> tuple[Floats, Floats, Floats]:
        """Return p, the changes of each set beyond that of its largest entry, and the growth.

        In NumPy and for changes of any size; all have the axes (set, entry, row).
        """
        tables, which = block.tables(node, d, node.inputs[0])
        rows, members = d.per_column(which), self.members(d)
        p, top = (table[rows][:, members].transpose(1, 2, 0) for table in tables)
        data = d.flat[members]
        moved = data - np.take_along_axis(data, top[:, :1].astype(np.int64), axis=1)
        small = (p * np.expm1(np.minimum(moved, 1.0))).sum(axis=1, keepdims=True)
        largest = moved.max(axis=1, keepdims=True)
        large = largest + np.log((p * np.exp(moved - largest)).sum(axis=1, keepdims=True))
        near = (small > -0.5) & (largest < 1.0)
        return p, moved, np.where(near, np.log1p(np.where(near, small, 0.0)), large)

    def _scattered(self, d: Difference, change: Floats) -> Difference:
        """Return a change with the axes (set, entry, row) in the axes of `d`."""
        new = d.replaced(np.empty_like(d.data))
        new.flat[self.members(d)] = change
        return new


class Softmax(_OfExponentials):
    """``exp(x) / sum(exp(x))`` over axes.

    The difference is ``p (E - S) / (1 + S)`` with ``E = expm1(d - d_k)``, ``S = sum p E``, and k
    the largest entry.
    """

    def value(self, *values: Floats) -> Floats:
        return softmax(values[0], self.over(values[0].shape))

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        mean = (cotangent * output).sum(axis=self.over(output.shape), keepdims=True)
        return [output * (cotangent - mean)]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        mean = (cotangent * output).sum(axis=self.over(output.shape), keepdims=True)
        return [output * (cotangent + mean)]

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        d = self.opened(node, diffs)
        (p, top), which, ends = base_of(node, d, block)
        new = d.replaced(memory.like(d.data))
        if not kernels.softmax(p, top, which, d.flat, ends, self.members(d), new.flat):
            return new
        p, moved, growth = self._far(node, d, block)
        rise = moved - growth  # of the logarithm of each probability
        return self._scattered(d, p * np.expm1(rise))


class LogSoftmax(_OfExponentials):
    """``x - log(sum(exp(x)))`` over axes; the difference is ``(d - d_k) - log1p(S)``."""

    def value(self, *values: Floats) -> Floats:
        (x,) = values
        over = self.over(x.shape)
        shifted = x - x.max(axis=over, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=over, keepdims=True)))

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        total = cotangent.sum(axis=self.over(output.shape), keepdims=True)
        return [cotangent - softmax(values[0], self.over(output.shape)) * total]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        total = cotangent.sum(axis=self.over(output.shape), keepdims=True)
        return [cotangent + softmax(values[0], self.over(output.shape)) * total]

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        d = self.opened(node, diffs)
        growth = self._log_growth(node, d, block)
        if growth is None:
            _, moved, far = self._far(node, d, block)
            return self._scattered(d, moved - far)
        (_, top), which, ends = base_of(node, d, block)
        new = d.replaced(memory.like(d.data))
        members = self.members(d)
        kernels.subtract_growth(top, which, d.flat, ends, members, growth, new.flat)
        return new


class LogSumExp(Reduction, _OfExponentials):
    """``log(sum(exp(x)))`` over axes; the difference is ``d_k + log1p(S)``."""

    def value(self, *values: Floats) -> Floats:
        (x,) = values
        over = self.over(x.shape)
        top = x.max(axis=over, keepdims=True)
        found = top + np.log(np.exp(x - top).sum(axis=over, keepdims=True))
        return np.asarray(found.reshape(self.shape(x.shape)))

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        (x,) = values
        return [softmax(x, self.over(x.shape)) * self.spread(cotangent, x.shape)]

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        d = self.opened(node, diffs)
        (_, top), which, ends = base_of(node, d, block)
        growth = self._log_growth(node, d, block)
        if growth is None:
            growth = np.ascontiguousarray(self._far(node, d, block)[2][:, 0])
        kernels.add_top(top, which, d.flat, ends, self.members(d), growth)
        return self.closed(d, growth, node.inputs[0].shape)


def softmax(x: Floats, axis: int | tuple[int, ...]) -> Floats:
    """Return the softmax of `x` over `axis`."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))
