"""Functions over axes: extremes, spreads, running sums."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastcheck.graph.ops.cumulative import RunningSum
from fastcheck.graph.ops.extremes import ExtremeOver, PlaceOf
from fastcheck.graph.ops.functions import _axes, mean, scale, sqrt, square, subtract
from fastcheck.graph.ops.functions import sum as sum_
from fastcheck.graph.ops.moments import Normalise
from fastcheck.graph.ops.normalise import LogSoftmax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.graph.node import Node

    Axis = int | Sequence[int] | None


def max(a: Node, axis: Axis = None, keepdims: bool = False) -> Node:  # noqa: A001
    """Return the largest entry over the axes; a probe that changes which it is is at a kink."""
    return a.graph.apply(ExtremeOver(_axes(axis), keepdims, 1.0), a)


def min(a: Node, axis: Axis = None, keepdims: bool = False) -> Node:  # noqa: A001
    """Return the smallest entry over the axes; a probe that changes which it is is at a kink."""
    return a.graph.apply(ExtremeOver(_axes(axis), keepdims, -1.0), a)


def argmax(a: Node, axis: int | None = None, keepdims: bool = False) -> Node:
    """Return the index of the first of the largest entries; constant, with kinks."""
    return a.graph.apply(PlaceOf(_axes(axis), keepdims, 1.0), a)


def argmin(a: Node, axis: int | None = None, keepdims: bool = False) -> Node:
    """Return the index of the first of the smallest entries; constant, with kinks."""
    return a.graph.apply(PlaceOf(_axes(axis), keepdims, -1.0), a)


def var(a: Node, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Node:
    """Return the mean square distance from the mean; the sum is divided by ``n - ddof``."""
    squares = square(subtract(a, mean(a, axis, keepdims=True)))
    over = range(a.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    n = math.prod(a.shape[k] for k in over)
    return scale(sum_(squares, axis, keepdims), 1.0 / (n - ddof))


def std(a: Node, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Node:
    """Return the square root of the variance."""
    return sqrt(var(a, axis, keepdims, ddof))


def cumsum(a: Node, axis: int) -> Node:
    """Return running sums along an axis."""
    return a.graph.apply(RunningSum(axis % a.ndim), a)


def standardise(a: Node, axis: Axis = None, eps: float = 1e-5) -> Node:
    """Return ``(a - mean) / sqrt(var + eps)`` over the axes: batch, layer, group normalisation."""
    over = range(a.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    return a.graph.apply(Normalise(tuple(sorted(k % a.ndim for k in over)), eps), a)


def log_softmax(a: Node, axis: int = -1) -> Node:
    """Return the logarithm of softmax over one axis."""
    return a.graph.apply(LogSoftmax(axis), a)
