"""Sums, means and products over any axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph import memory
from fastcheck.graph.ops.axes import Reduction, base_of
from fastcheck.graph.ops.pointwise import smallest
from fastcheck.kernels import products as kernels

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape
    from fastcheck.graph.state import State


class Sum(Reduction):
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
        super().__init__(axes, keepdims)
        self.mean = mean

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
        n = self.count(shape)
        return 1.0 / n if self.mean and n else 1.0

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        (x,) = values
        return [np.broadcast_to(self.factor(x.shape) * self.spread(cotangent, x.shape), x.shape)]

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        source = node.inputs[0]
        over = self.over(source.shape)
        if single:  # one entry of each sample, hence all samples where they are summed
            over = tuple(a for a in over if a == source.batch_axis)
        return math.prod(source.shape[a] for a in over) * self.factor(source.shape)

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        return super().batch(inputs, shape)[0], False

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
        return self.closed(d, data, shape)


class Product(Reduction):
    """Product over `axes`.

    Parameters
    ----------
    axes : tuple of int, or None
        The axes to reduce, None for all.
    keepdims : bool
        Whether reduced axes stay with length 1.
    """

    def value(self, *values: Floats) -> Floats:
        (x,) = values
        return np.asarray(np.prod(x, axis=self.over(x.shape), keepdims=self.keepdims))

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        (x,) = values
        over = self.over(x.shape)
        order = (*(a for a in range(x.ndim) if a not in over), *over)
        moved = x.transpose(order)
        rows = moved.reshape(cotangent.size, -1)
        slopes = (_products_before(rows) * _products_before(rows[:, ::-1])[:, ::-1]).reshape(
            moved.shape
        )  # of all others: a quotient would fail at zero
        return [self.spread(cotangent, x.shape) * slopes.transpose(np.argsort(order))]

    def length(self, i: int, values: tuple[Floats, ...]) -> float:
        return smallest(values[0])

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        return state.inputs(node)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        d = self.opened(node, diffs)
        (x,), which, ends = base_of(node, d, block)
        members = self.members(d)
        change = memory.empty((members.shape[0], d.rows.size))
        scratch = np.empty(d.rows.size)
        kernels.product_over(x, which, d.flat, ends, members, scratch, change)
        return self.closed(d, change, node.inputs[0].shape)


def _products_before(rows: Floats) -> Floats:
    """Return, for each entry of each row, the product of those before it."""
    found = np.ones(rows.shape)
    np.cumprod(rows[:, :-1], axis=1, out=found[:, 1:])
    return found
