"""A dense layer as a compiled loss, in the shapes in which people write one."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numba
import numpy as np

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((6, 5)), RNG.standard_normal((6, 3))
W, B = RNG.standard_normal((5, 3)), RNG.standard_normal(3)


class Pair(NamedTuple):
    """Parameters by field."""

    W: Any
    b: Any


@numba.njit
def loss(W, b, x, y):
    """Return half the squared distance of a dense layer with tanh, by explicit loops."""
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(W.shape[1]):
            z = b[j]
            for k in range(W.shape[0]):
                z += x[i, k] * W[k, j]
            total += 0.5 * (np.tanh(z) - y[i, j]) ** 2
    return total


@numba.njit
def data_first(x, y, W, b):
    return loss(W, b, x, y)


@numba.njit
def in_one_vector(theta):
    return loss(theta[:15].copy().reshape((5, 3)), theta[15:], X, Y)


@numba.njit
def in_a_tuple(params):
    return loss(params[0], params[1], X, Y)


@numba.njit
def of_the_first(params):
    return loss(params[0], B, X, Y)


@numba.njit
def by_field(params):
    return loss(params.W, params.b, X, Y)


@numba.njit
def of_any_number(*params):
    return loss(params[0], params[1], X, Y)


@numba.njit
def with_a_default(W, b, scale=1.0):
    return scale * loss(W, b, X, Y)


@numba.njit
def with_a_default_before(W, b, scale=1.0, x=X):
    return scale * loss(W, b, x, Y)


def gradient(W: Any, b: Any) -> tuple[Any, Any]:
    a = np.tanh(X @ W + b)
    d = (a - Y) * (1.0 - a * a)
    return X.T @ d, d.sum(axis=0)


DW, DB = gradient(W, B)
THETA = np.concatenate([W.reshape(-1), B])
NAMED = {"W": W, "b": B}
SHAPES = {
    "by name": (partial(loss, x=X, y=Y), NAMED, {"W": DW, "b": DB}),
    "by name in another order": (partial(loss, x=X, y=Y), {"b": B, "W": W}, {"W": DW, "b": DB}),
    "mapping by position": (partial(loss, x=X, y=Y), {"A": W, "c": B}, {"A": DW, "c": DB}),
    "list by position": (partial(loss, x=X, y=Y), [W, B], [DW, DB]),
    "tuple by position": (partial(loss, x=X, y=Y), (W, B), (DW, DB)),
    "leading data": (partial(data_first, X, Y), NAMED, {"W": DW, "b": DB}),
    "bound twice": (partial(partial(data_first, X), y=Y), (W, B), (DW, DB)),
    "bound parameters": (partial(loss, W, B, X, Y), NAMED, {"W": DW, "b": DB}),
    "one bound parameter": (partial(data_first, X, Y, W), (W, B), (DW, DB)),
    "one vector": (in_one_vector, {"theta": THETA}, {"theta": np.append(DW, DB)}),
    "one vector by position": (in_one_vector, [THETA], [np.append(DW, DB)]),
    "one vector in a tuple": (in_one_vector, (THETA,), (np.append(DW, DB),)),
    "tuple of one": (of_the_first, (W,), (DW,)),
    "tuple": (in_a_tuple, (W, B), (DW, DB)),
    "list as a tuple": (in_a_tuple, [W, B], [DW, DB]),
    "named tuple": (by_field, Pair(W, B), Pair(DW, DB)),
    "any number": (of_any_number, (W, B), (DW, DB)),
    "default": (with_a_default, NAMED, {"W": DW, "b": DB}),
    "default before data": (partial(with_a_default_before, x=X), NAMED, {"W": DW, "b": DB}),
    "default by name": (with_a_default, NAMED | {"scale": 1.0},
                        {"W": DW, "b": DB, "scale": loss(W, B, X, Y)}),
}  # fmt: skip


def changed(grads: Any) -> Any:
    """Return gradients of which the first has another sign in one entry."""
    first = np.array(next(iter(grads.values())) if isinstance(grads, dict) else grads[0])
    first.flat[first.size // 2] *= -1.0
    if isinstance(grads, dict):
        return grads | {next(iter(grads)): first}
    return [first, *list(grads)[1:]]
