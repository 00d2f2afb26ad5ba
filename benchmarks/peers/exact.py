"""The gradient of a dense network in 50-digit arithmetic, by textbook backpropagation."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from benchmarks.peers.dialects import Net

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.object_]

DIGITS = 50


@cache
def _arithmetic() -> Any:
    import mpmath

    mp = mpmath.mp.clone()
    mp.dps = DIGITS
    return mp


def gradient(
    net: Net, params: Mapping[str, Floats], x: Floats, y: NDArray[np.int64]
) -> dict[str, Floats]:
    """Return the gradient, rounded to float64 at the end.

    Notes
    -----
    Some microseconds per multiplication: a minute for two million of them in the first layer.
    """
    mp = _arithmetic()
    p = {name: _numbers(value) for name, value in params.items()}
    last = net.n_layers
    acts, slopes = [_numbers(x)], []
    for k in range(1, last):
        a, slope = _bent(net.hidden, _product(acts[-1], p[f"W{k}"]) + p[f"b{k}"])
        acts.append(a)
        slopes.append(slope)
    delta = _delta(net, _product(acts[-1], p[f"W{last}"]) + p[f"b{last}"], y)
    found: dict[str, Floats] = {}
    for k in range(last, 0, -1):
        W = _product(acts[k - 1].T, delta)
        if net.l2:
            W = W + mp.mpf(net.l2) * p[f"W{k}"]
        found[f"W{k}"], found[f"b{k}"] = W.astype(float), delta.sum(axis=0).astype(float)
        if k > 1:
            delta = _product(delta, p[f"W{k}"].T) * slopes[k - 2]
    return {name: found[name] for name in params}


def _bent(hidden: str, z: Numbers) -> tuple[Numbers, Numbers]:
    """Return the activations and their derivatives."""
    if hidden == "tanh":
        a = np.frompyfunc(_arithmetic().tanh, 1, 1)(z)
        return a, 1 - a * a
    on = (z > 0).astype(int)
    return z * on, on


def _delta(net: Net, z: Numbers, y: NDArray[np.int64]) -> Numbers:
    """Return the derivative of the mean loss with respect to the results of the last layer."""
    mp = _arithmetic()
    exp = np.frompyfunc(mp.exp, 1, 1)
    n = len(y)
    if net.output == "sigmoid":
        return (1 / (1 + exp(-z)) - y[:, None]) / n
    on: Any = 1
    if net.output == "relu softmax":
        z, on = _bent("relu", z)
    e = exp(z)
    prob = e / e.sum(axis=1, keepdims=True)
    rows = np.arange(n)
    of_label = prob[rows, y]
    prob[rows, y] -= 1
    if net.guard:
        prob = prob * (of_label / (of_label + mp.mpf(net.guard)))[:, None]
    return prob * on / n


def _numbers(values: Floats) -> Numbers:
    """Return floats as exact numbers; equal ones, such as pixels, share one object."""
    different, which = np.unique(values, return_inverse=True)
    numbers = np.frompyfunc(_arithmetic().mpf, 1, 1)(different)
    return np.asarray(numbers[which].reshape(values.shape))


def _product(a: Numbers, b: Numbers) -> Numbers:
    """Return the matrix product; terms that are exactly zero cost nothing."""
    dot = _arithmetic().fdot
    found = np.empty((a.shape[0], b.shape[1]), dtype=object)
    columns = [list(column) for column in b.T]
    for i, row in enumerate(a):
        used = np.flatnonzero(row != 0)
        left = [row[k] for k in used]
        for j, column in enumerate(columns):
            found[i, j] = dot(left, [column[k] for k in used])
    return found
