"""Activations and their slopes, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAK = 0.1
"""The slope of the negative side of a leaky ReLU."""


def sigmoid(z: Floats) -> Floats:
    """Return ``1 / (1 + exp(-z))``."""
    return 1.0 / (1.0 + np.exp(-z))


def softmax(z: Floats) -> Floats:
    """Return the softmax over the last axis."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


VALUES: dict[str, Callable[[Floats], Floats]] = {
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": lambda z: np.maximum(z, 0.0),
    "leaky": lambda z: np.where(z > 0, z, LEAK * z),
    "softplus": lambda z: np.log(1.0 + np.exp(z)),
    "linear": lambda z: 1.0 * z,
}
SLOPES: dict[str, Callable[[Floats], Floats]] = {
    "tanh": lambda z: 1.0 - np.tanh(z) ** 2,
    "sigmoid": lambda z: sigmoid(z) * (1.0 - sigmoid(z)),
    "relu": lambda z: (z > 0).astype(z.dtype),
    "leaky": lambda z: np.where(z > 0, 1.0, LEAK).astype(z.dtype),
    "softplus": sigmoid,
    "linear": np.ones_like,
}
"""As functions of what goes into the activation."""
HIDDEN = ("tanh", "sigmoid", "relu", "leaky", "softplus")
