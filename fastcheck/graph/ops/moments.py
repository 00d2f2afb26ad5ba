"""Sums of squares over axes, their roots, and what is divided by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph import memory
from fastcheck.graph.ops.axes import OverAxes, Reduction, base_of
from fastcheck.graph.ops.grouped import mark_rows
from fastcheck.graph.ops.pointwise import smallest
from fastcheck.kernels import moments as kernels

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape
    from fastcheck.graph.state import State


class Squares(Reduction):
    """``sum(c**2) / n`` over axes, or its root; c is x, or ``x - mean(x)``.

    Variance, standard deviation, 2-norm. The difference is that of ``sum(c**2)``, see
    :mod:`fastcheck.kernels.moments`, and for a root ``dv / (sqrt(v + dv) + sqrt(v))``.

    Parameters
    ----------
    axes : tuple of int, or None
        The axes to reduce, None for all.
    keepdims : bool
        Whether reduced axes stay with length 1.
    centred : bool
        Whether c is the distance from the mean.
    ddof : int, optional
        The sum is divided by the number of entries less this; not divided by default.
    root : bool
        Whether to take the root. Where it is zero there is a kink.
    """

    def __init__(
        self,
        axes: tuple[int, ...] | None,
        keepdims: bool,
        *,
        centred: bool,
        ddof: int | None,
        root: bool,
    ) -> None:
        super().__init__(axes, keepdims)
        self.centred = centred
        self.ddof = ddof
        self.root = root

    def divisor(self, shape: Shape) -> float:
        """Return what the sum of squares is divided by."""
        return 1.0 if self.ddof is None else _divisor(self.count(shape), self.ddof)

    def shape(self, *shapes: Shape) -> Shape:
        found = super().shape(*shapes)
        self.divisor(shapes[0])
        return found

    def value(self, *values: Floats) -> Floats:
        (x,) = values
        over = self.over(x.shape)
        c = x - x.mean(axis=over, keepdims=True) if self.centred else x
        v = (c * c).sum(axis=over, keepdims=self.keepdims) / self.divisor(x.shape)
        return np.asarray(np.sqrt(v) if self.root else v)

    def _slopes(self, size: Floats, values: tuple[Floats, ...], output: Floats) -> Floats:
        (x,) = values
        if not self.root:
            return 2.0 * size / self.divisor(x.shape)
        root = self.spread(output, x.shape)
        inverse = np.divide(1.0, root, out=np.zeros(root.shape), where=root != 0.0)
        return size * inverse / self.divisor(x.shape)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        (x,) = values
        c = _centred(x, self.over(x.shape)) if self.centred else x
        return [self.spread(cotangent, x.shape) * self._slopes(c, values, output)]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        (x,) = values
        size = np.abs(x)  # c is rounded in proportion to what it is the difference of
        if self.centred:
            size = size + size.mean(axis=self.over(x.shape), keepdims=True)
        return [self.spread(cotangent, x.shape) * self._slopes(size, values, output)]

    def length(self, i: int, values: tuple[Floats, ...]) -> float:
        return smallest(self.value(*values)) if self.root else 1.0

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        (x,) = state.inputs(node)
        over = self.over(x.shape)
        c = _centred(x, over) if self.centred else x
        v = (c * c).sum(axis=over, keepdims=True) / self.divisor(x.shape)
        return c, np.broadcast_to(v, x.shape)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        d = self.opened(node, diffs)
        shape = node.inputs[0].shape
        (c, _), which, ends = base_of(node, d, block)
        members = self.members(d)
        change = memory.empty((members.shape[0], d.rows.size))
        kernels.grow_squares(c, which, d.flat, ends, members, self.centred, change)
        change /= self.divisor(shape)
        new = self.closed(d, change, shape)
        if self.root:
            (_, table), which = block.tables(node, d, node.inputs[0])
            v = table[:, members[:, 0]][d.per_column(which)].T
            mark_rows((v == 0.0) & (change != 0.0), new, block)
            bottom = np.sqrt(np.maximum(v + change, 0.0)) + np.sqrt(v)
            np.divide(change, bottom, out=change, where=bottom != 0.0)
        return new


class Normalise(OverAxes):
    """``(x - mean(x)) / sqrt(var(x) + eps)`` over axes: batch, layer, instance normalisation.

    With ``c = x - mean(x)``, ``e = d - mean(d)`` and ``s = sqrt(mean(c**2) + eps)`` the difference
    is ``c (1 / s' - 1 / s) + e / s'``, where ``1 / s' - 1 / s = -dv / (s s' (s + s'))`` and
    ``dv = mean(e (2 c + e))``.

    Parameters
    ----------
    axes : tuple of int, or None
        The axes of which mean and variance are taken, None for all.
    eps : float
        Added to the variance.
    ddof : int
        The variance is a sum of squares divided by the number of entries less this.
    centred : bool
        Whether the mean is subtracted; without it, c is x: root-mean-square normalisation.
    """

    def __init__(
        self, axes: tuple[int, ...] | None, eps: float, ddof: int = 0, *, centred: bool = True
    ) -> None:
        super().__init__(axes)
        self.eps = float(eps)
        self.ddof = ddof
        self.centred = centred

    def shape(self, *shapes: Shape) -> Shape:
        found = super().shape(*shapes)
        _divisor(self.count(found), self.ddof)
        return found

    def value(self, *values: Floats) -> Floats:
        (x,) = values
        c = x - x.mean(axis=self.over(x.shape), keepdims=True) if self.centred else x
        return np.asarray(c / self._root(c))

    def _root(self, c: Floats) -> Floats:
        over = self.over(c.shape)
        v = (c * c).sum(axis=over, keepdims=True) / _divisor(self.count(c.shape), self.ddof)
        return np.asarray(np.sqrt(v + self.eps))

    def _at(self, x: Floats) -> tuple[Floats, Floats]:
        c = _centred(x, self.over(x.shape)) if self.centred else x
        return c, self._root(c)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        (x,) = values
        over = self.over(x.shape)
        c, s = self._at(x)
        y = c / s
        pull = (cotangent * y).sum(axis=over, keepdims=True)
        pull = cotangent - y * (pull / _divisor(self.count(x.shape), self.ddof))
        if self.centred:
            pull = pull - cotangent.mean(axis=over, keepdims=True)
        return [pull / s]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        """Return the terms by absolute value, with what rounding does to c.

        c is rounded in proportion to the size of x, which can be much larger.
        """
        (x,) = values
        over, n = self.over(x.shape), _divisor(self.count(x.shape), self.ddof)
        c, s = self._at(x)
        y, size = np.abs(c) / s, np.abs(x) / s
        if self.centred:
            size = size + size.mean(axis=over, keepdims=True)
        pull = cotangent.copy()
        if self.centred:
            pull += cotangent.mean(axis=over, keepdims=True)
        pull *= 1.0 + (y * size).sum(axis=over, keepdims=True) / n
        pull += size * ((cotangent * y).sum(axis=over, keepdims=True) / n)
        pull += y * ((cotangent * size).sum(axis=over, keepdims=True) / n)
        return [pull / s]

    def length(self, i: int, values: tuple[Floats, ...]) -> float:
        return smallest(self._at(values[0])[1])

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        (x,) = state.inputs(node)
        c, s = self._at(x)
        return c, np.broadcast_to(s, x.shape)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        d = self.opened(node, diffs)
        (c, s), which, ends = base_of(node, d, block)
        new = d.replaced(memory.like(d.data))
        n = _divisor(self.count(node.shape), self.ddof)
        kernels.normalise(
            c, s, which, d.flat, ends, self.members(d), n, self.centred, new.flat
        )  # fmt: skip
        return new


def _centred(x: Floats, over: tuple[int, ...]) -> Floats:
    """Return ``x - mean(x)``; what the first mean has lost by rounding, a second one finds."""
    c = x - x.mean(axis=over, keepdims=True)
    return np.asarray(c - c.mean(axis=over, keepdims=True))


def _divisor(n: int, ddof: int) -> float:
    if n <= ddof:
        raise InputError(f"`ddof` must be below the number of entries, {n}, got {ddof}; use 0")
    return float(n - ddof)
