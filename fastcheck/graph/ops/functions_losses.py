"""Losses composed of other operations, where nothing cancels, and those with rules of their own.

All return one value per output, or per sample where they sum over classes; take ``ops.mean`` or
``ops.sum`` of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.node import Node
from fastcheck.graph.ops import corners, losses
from fastcheck.graph.ops.functions import (
    add,
    divide,
    exp,
    log,
    multiply,
    relu,
    scale,
    sqrt,
    square,
    subtract,
    sum,  # noqa: A004
)
from fastcheck.graph.ops.functions_choice import abs, maximum  # noqa: A004
from fastcheck.graph.ops.operands import both, loss_of, said, targets_of, unary

if TYPE_CHECKING:
    from numpy.typing import NDArray


def l1(a: Node, y: Any) -> Node:
    """Return ``|a - y|``, entry by entry."""
    return abs(subtract(a, targets_of(a, y)))


def huber(a: Node, y: Any, delta: float = 1.0) -> Node:
    """Return half the squared error up to `delta`, beyond it ``delta (|a - y| - delta / 2)``."""
    return unary(subtract(a, targets_of(a, y)), corners.Huber(delta))


def smooth_l1(a: Node, y: Any, beta: float = 1.0) -> Node:
    """Return ``huber(a, y, beta) / beta``."""
    return scale(huber(a, y, beta), 1.0 / beta)


def hinge(a: Node, y: Any, margin: float = 1.0) -> Node:
    """Return ``max(0, margin - y a)`` for labels -1 and 1, entry by entry."""
    return relu(subtract(margin, multiply(a, targets_of(a, y))))


def squared_hinge(a: Node, y: Any, margin: float = 1.0) -> Node:
    """Return the square of :func:`hinge`."""
    return square(hinge(a, y, margin))


def multiclass_hinge(scores: Node, y: Any, margin: float = 1.0, axis: int = -1) -> Node:
    """Return ``sum over k != y of max(0, s_k - s_y + margin)``, one value per sample.

    Parameters
    ----------
    scores : Node
        The scores s, with the classes along `axis`.
    y : array_like or Node
        Integers without `axis`, or one-hot.
    margin : float
        By how much the score of the label must lead.
    axis : int
        The axis of the classes.
    """
    labels = _one_hot(scores, y, axis)
    own = sum(multiply(scores, labels), axis=axis, keepdims=True)
    lags = relu(add(subtract(scores, own), margin))
    return sum(multiply(lags, subtract(1.0, labels)), axis=axis)


def nll(log_p: Node, y: Any, axis: int = -1) -> Node:
    """Return ``-log_p[y]`` over `axis`, one value per sample, from logarithms of probabilities.

    `y` are integers without `axis`, or one-hot, or weights.
    """
    return scale(sum(multiply(log_p, _one_hot(log_p, y, axis)), axis=axis), -1.0)


def kl_divergence(q: Node, y: Any) -> Node:
    """Return ``y log(y / q)`` entry by entry, from probabilities q; 0 where y is 0."""
    return loss_of(losses.KLDivergence(), q, y)


def poisson_nll(a: Node, y: Any, log_input: bool = True, guard: float = 1e-8) -> Node:
    """Return ``exp(a) - y a``, or ``a - y log(a + guard)`` where `a` is no logarithm."""
    y = targets_of(a, y)
    if log_input:
        return subtract(exp(a), multiply(y, a))
    return subtract(a, multiply(y, log(add(a, guard))))


def cosine_similarity(a: Any, b: Any, axis: int = -1, guard: float = 1e-8) -> Node:
    """Return the cosine of the angle between vectors along `axis`; norms are at least `guard`."""
    a, b = both(a, b)
    norms = (maximum(sqrt(sum(square(x), axis=axis)), guard) for x in (a, b))
    return divide(sum(multiply(a, b), axis=axis), multiply(*norms))


def _one_hot(scores: Node, y: Any, axis: int) -> Node:
    """Return labels as a node of the shape of `scores`; integers are encoded."""
    if not isinstance(scores, Node):
        raise InputError(
            f"the prediction must be a graph node, got {said(scores)}; wrap it in graph.data"
        )
    if not isinstance(y, Node):
        y = np.asarray(y)
        axis %= scores.ndim
        if y.ndim == scores.ndim - 1 and y.dtype.kind in "iu":
            y = _encoded(y, scores.shape[axis], axis)
    target = targets_of(scores, y)
    if target.shape != scores.shape:
        raise InputError(
            f"labels must be integers without the axis of the classes, or one-hot of shape "
            f"{scores.shape}, got shape {target.shape}; encode or reshape them"
        )
    return target


def _encoded(y: NDArray[np.integer[Any]], n: int, axis: int) -> NDArray[np.float64]:
    if y.size and not (y.min() >= 0 and y.max() < n):
        raise InputError(f"labels must be from 0 to {n - 1}, got {y.min()} to {y.max()}; count "
                         "classes from 0")  # fmt: skip
    return np.asarray(np.expand_dims(y, axis) == _classes(n, y.ndim + 1, axis), dtype=np.float64)


def _classes(n: int, ndim: int, axis: int) -> NDArray[np.int64]:
    return np.arange(n).reshape([n if a == axis else 1 for a in range(ndim)])
