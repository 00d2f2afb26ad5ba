"""Functions of one number that have an operation, by their values."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph import Graph, ops
from fastcheck.graph.ops.pointwise import Bend, logistic

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]

GRID = np.concatenate([np.linspace(-40.0, 40.0, 161) + 1e-3, [-1e-5, 1e-5, 0.1234, -0.1234]])
"""Where functions are compared; no kink lies on it."""

SAME = 1e-12
"""How far two ways to compute the same thing may differ, relatively."""

LOST = 1e-9
"""How much of the largest value a formula may have lost where it is taken for an operation."""


@cache
def known_functions() -> list[tuple[Floats, Callable[[Node], Node]]]:
    """Return operations of one number, with their values on the grid."""
    x = GRID
    root = np.sqrt(2.0 / np.pi)
    return [
        (logistic(x), ops.sigmoid),
        (logistic(-x), lambda a: ops.sigmoid(ops.scale(a, -1.0))),
        (np.tanh(x), ops.tanh),
        (np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), ops.softplus),
        (x * logistic(x), ops.silu),
        (
            0.5 * x * (1.0 + np.tanh(root * (x + 0.044715 * x**3))),
            lambda a: ops.gelu(a, approximate="tanh"),
        ),
        (x * _phi(x), ops.gelu),
        (np.where(x > 0, x, np.expm1(np.minimum(x, 0))), ops.elu),
        (x * x, ops.square),
        (np.abs(x), ops.abs),
    ]


def match(y: Floats) -> Callable[[Node], Node] | None:
    """Return the operation whose values on the grid are `y`."""
    if y.shape != GRID.shape or y.dtype != np.float64:
        return None
    with np.errstate(all="ignore"):
        low, high = float(y[0] / GRID[0]), float(y[160] / GRID[160])
        bent = np.where(GRID > 0.0, high * GRID, low * GRID)
        if low != high and _close(bent, y):
            return lambda a: a.graph.apply(Bend(low, high), a)
        for known, make in known_functions():
            if _close(known, y):
                return make
    return None


def keeps_digits(make: Callable[[Node], Node], x: Any, found: Any) -> bool:
    """Return whether a formula has the values of its operation at the base point.

    Where it cancels in all entries, as ``1 - 2 / (exp(2 z) + 1)`` next to zero, gradients that are
    made from its values have their few digits, too, and none of the operation's.

    Parameters
    ----------
    make : callable
        Appends the operation to a graph.
    x, found : ndarray
        The argument, and what the formula makes of it.
    """
    if getattr(x, "dtype", None) != np.float64 or not x.size:
        return True
    with np.errstate(all="ignore"):
        right = _computed(make, x).reshape(np.shape(found))
        off = np.abs(found - right)
        size = np.abs(right)
    usable = np.isfinite(off)
    largest = float(np.max(size, initial=0.0, where=usable))
    return float(np.max(off, initial=0.0, where=usable)) <= LOST * largest


def _computed(make: Callable[[Node], Node], x: Floats) -> Floats:
    """Return what an operation makes of `x`."""
    graph = Graph()
    make(graph.data(x))
    found = np.asarray(x)
    for node in graph.nodes[1:]:  # each reads the one before
        assert node.op is not None
        found = node.op.value(found)
    return found


def _phi(x: Floats) -> Floats:
    """Return the normal distribution function, without cancellation on the left."""
    return np.array([0.5 * math.erfc(-t / math.sqrt(2.0)) for t in x.reshape(-1)]).reshape(x.shape)


def _close(known: Floats, y: Floats) -> bool:
    """Return whether `y` is `known` to rounding wherever it is a number."""
    finite = np.isfinite(y)
    allowed = SAME * np.abs(known) + 1e-14 * np.maximum(1.0, np.abs(GRID))
    return bool(finite.mean() > 0.6 and np.all(np.abs(known - y)[finite] <= allowed[finite]))
