"""Networks in 50-digit arithmetic: arrays of mpmath numbers, NumPy's products, literal formulas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np

mp = mpmath.mp.clone()
mp.dps = 50

Array = np.ndarray
exact = np.frompyfunc(mp.mpf, 1, 1)
exp, log, tanh, sqrt = (np.frompyfunc(f, 1, 1) for f in (mp.exp, mp.log, mp.tanh, mp.sqrt))


def sigmoid(z: Array) -> Array:
    return 1 / (1 + exp(-z))


def softplus(z: Array) -> Array:
    return log(1 + exp(z))


def softmax(z: Array) -> Array:
    e = exp(z)
    return e / e.sum(axis=-1, keepdims=True)


# value and derivative, the latter from z and the value
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]] = {
    "sigmoid": (sigmoid, lambda _, a: a * (1 - a)),
    "tanh": (tanh, lambda _, a: 1 - a * a),
    "softplus": (softplus, lambda z, _: sigmoid(z)),
}


def dense_gradient(
    params: Mapping[str, Array], x: Array, y: Array, act: str, loss: str
) -> dict[str, Array]:
    """Return the gradient of a dense network by textbook backpropagation.

    The last layer has no activation before the loss, but for "bce", whose outputs are sigmoids.
    Losses are means over samples: "ce" (softmax), "bce" and "mse" (squared errors, summed over
    outputs).
    """
    f, slope = ACTIVATIONS[act]
    p = {name: exact(value) for name, value in params.items()}
    n_layers = len(p) // 2
    zs, acts = [], [exact(x)]
    for k in range(1, n_layers + 1):
        zs.append(acts[-1] @ p[f"W{k}"] + p[f"b{k}"])
        acts.append(f(zs[-1]) if k < n_layers else zs[-1])
    delta = {
        "ce": lambda z: softmax(z) - y,
        "bce": lambda z: sigmoid(z) - y,
        "mse": lambda z: 2 * (z - exact(y)),
    }[loss](zs[-1]) / x.shape[0]
    found = {}
    for k in range(n_layers, 0, -1):
        found[f"W{k}"], found[f"b{k}"] = acts[k - 1].T @ delta, delta.sum(axis=0)
        if k > 1:
            delta = (delta @ p[f"W{k}"].T) * slope(zs[k - 2], acts[k - 1])
    return {name: found[name].astype(float) for name in params}


def gradient(loss: Callable[[dict[str, Array]], Any], params: Mapping[str, Array]) -> Any:
    """Return the gradient of `loss`, a function of arrays of mpmath numbers, by tiny steps.

    With a step of 1e-17 the truncation of central differences is near 1e-34, and so is rounding.
    """
    p = {name: exact(value) for name, value in params.items()}
    h = mp.mpf(10) ** -17
    found = {}
    for name, value in p.items():
        found[name] = np.empty(value.shape)
        for place in np.ndindex(value.shape):
            old = value[place]
            ends = []
            for end in (old + h, old - h):
                value[place] = end
                ends.append(loss(p))
            value[place] = old
            found[name][place] = float((ends[0] - ends[1]) / (2 * h))
    return found
