"""Functions over axes: extremes, spreads, products, running sums, softmax and normalisation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastcheck.errors import InputError
from fastcheck.graph.ops.cumulative import RunningSum
from fastcheck.graph.ops.extremes import ExtremeOver, PlaceOf
from fastcheck.graph.ops.functions import _axes, add, multiply
from fastcheck.graph.ops.functions import sum as sum_
from fastcheck.graph.ops.functions_choice import abs as magnitude
from fastcheck.graph.ops.moments import Normalise, Squares
from fastcheck.graph.ops.normalise import LogSoftmax, LogSumExp
from fastcheck.graph.ops.operands import unary
from fastcheck.graph.ops.reduce import Product

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.graph.node import Node

    Axis = int | Sequence[int] | None


def max(a: Node, axis: Axis = None, keepdims: bool = False) -> Node:  # noqa: A001
    """Return the largest entry over the axes; a probe that changes which it is is at a kink."""
    return unary(a, ExtremeOver(_axes(axis), keepdims, 1.0))


def min(a: Node, axis: Axis = None, keepdims: bool = False) -> Node:  # noqa: A001
    """Return the smallest entry over the axes; a probe that changes which it is is at a kink."""
    return unary(a, ExtremeOver(_axes(axis), keepdims, -1.0))


def argmax(a: Node, axis: int | None = None, keepdims: bool = False) -> Node:
    """Return the index of the first of the largest entries; constant, with kinks."""
    return unary(a, PlaceOf(_axes(axis), keepdims, 1.0))


def argmin(a: Node, axis: int | None = None, keepdims: bool = False) -> Node:
    """Return the index of the first of the smallest entries; constant, with kinks."""
    return unary(a, PlaceOf(_axes(axis), keepdims, -1.0))


def var(a: Node, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Node:
    """Return the mean square distance from the mean; the sum is divided by ``n - ddof``."""
    return unary(a, Squares(_axes(axis), keepdims, centred=True, ddof=ddof, root=False))


def std(a: Node, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Node:
    """Return the square root of the variance; there is a kink where it is zero."""
    return unary(a, Squares(_axes(axis), keepdims, centred=True, ddof=ddof, root=True))


def norm(a: Node, axis: Axis = None, keepdims: bool = False, order: float = 2) -> Node:
    """Return the norm of the entries over the axes: `order` 2, 1 or infinity.

    Of a matrix this is the norm of its entries as one vector. There is a kink where it is zero.

    Raises
    ------
    InputError
        If the order is another one.
    """
    if order == 2:
        return unary(a, Squares(_axes(axis), keepdims, centred=False, ddof=None, root=True))
    if order == 1:
        return sum_(magnitude(a), axis, keepdims)
    if order == math.inf:
        return max(magnitude(a), axis, keepdims)
    raise InputError(f"`order` must be 1, 2 or infinity, got {order!r}; write other norms with "
                     "ops.power and ops.sum")  # fmt: skip


def prod(a: Node, axis: Axis = None, keepdims: bool = False) -> Node:
    """Return the product over the axes."""
    return unary(a, Product(_axes(axis), keepdims))


def logsumexp(a: Node, axis: Axis = None, keepdims: bool = False) -> Node:
    """Return ``log(sum(exp(a)))`` over the axes."""
    return unary(a, LogSumExp(_axes(axis), keepdims))


def log_softmax(a: Node, axis: Axis = -1) -> Node:
    """Return ``a - log(sum(exp(a)))`` over the axes (None: all)."""
    return unary(a, LogSoftmax(_axes(axis)))


def cumsum(a: Node, axis: int) -> Node:
    """Return running sums along an axis."""
    return unary(a, RunningSum(axis % a.ndim))


def normalise(
    a: Node, axis: Axis = -1, eps: float = 1e-5, ddof: int = 0, *, centred: bool = True
) -> Node:
    """Return ``(a - mean) / sqrt(var + eps)`` over the axes (None: all).

    With ``centred=False`` nothing is subtracted and the variance is the mean square.
    """
    return unary(a, Normalise(_axes(axis), eps, ddof, centred=centred))


def layer_norm(a: Node, gamma: Any, beta: Any, axis: Axis = -1, eps: float = 1e-5) -> Node:
    """Return ``gamma (a - mean) / sqrt(var + eps) + beta`` over axes inside a sample.

    `gamma` and `beta` broadcast against `a`.
    """
    return add(multiply(normalise(a, axis, eps), gamma), beta)


def batch_norm(a: Node, gamma: Any, beta: Any, axis: Axis = 0, eps: float = 1e-5) -> Node:
    """Return ``gamma (a - mean) / sqrt(var + eps) + beta`` over the samples.

    For pictures, `axis` has the axes of the samples and positions. `gamma` and `beta` broadcast
    against `a`. Samples meet here: the whole batch is carried.
    """
    return layer_norm(a, gamma, beta, axis, eps)
