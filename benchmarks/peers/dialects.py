"""The loss of a dense network, written once for NumPy, torch and JAX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OUTPUTS = ("sigmoid", "softmax", "relu softmax")


@dataclass(frozen=True)
class Dialect:
    """The functions of one library that the loss of a network needs.

    Attributes
    ----------
    relu, tanh, sigmoid, log : callable
        Entry by entry.
    softmax, log_softmax : callable
        Along axis 1.
    """

    relu: Callable[..., Any]
    tanh: Callable[..., Any]
    sigmoid: Callable[..., Any]
    log: Callable[..., Any]
    softmax: Callable[..., Any]
    log_softmax: Callable[..., Any]


@dataclass(frozen=True)
class Net:
    """What a dense network computes.

    Attributes
    ----------
    sizes : tuple of int
        Features, hidden units, outputs.
    hidden : {"relu", "tanh"}
        The activation of the hidden layers.
    output : {"sigmoid", "softmax", "relu softmax"}
        Sigmoid and binary cross-entropy; softmax and cross-entropy; the same with a ReLU before.
    guard : float
        Added in the logarithm of the cross-entropy after a softmax.
    l2 : float
        Adds ``l2 / 2 sum W**2`` over all weights.
    """

    sizes: tuple[int, ...]
    hidden: str = "relu"
    output: str = "softmax"
    guard: float = 0.0
    l2: float = 0.0

    @property
    def n_layers(self) -> int:
        """The number of layers that have weights."""
        return len(self.sizes) - 1

    @property
    def has_kinks(self) -> bool:
        """Whether the loss bends anywhere."""
        return self.output == "relu softmax" or (self.hidden == "relu" and self.n_layers > 1)

    def loss(self, f: Dialect, p: Mapping[str, Any], x: Any, y: Any, rows: Any) -> Any:
        """Return the mean loss, and the penalty.

        Parameters
        ----------
        f : Dialect
            The library of all arrays.
        p : mapping of str to array
            W1 (n_in, n_out), b1 (n_out,), and so on.
        x, y, rows : array
            Examples (n_batch, n_in), labels (n_batch,), and ``0 ... n_batch - 1``.
        """
        last = self.n_layers
        bend = f.relu if self.hidden == "relu" else f.tanh
        a = x
        for k in range(1, last):
            a = bend(a @ p[f"W{k}"] + p[f"b{k}"])
        z = a @ p[f"W{last}"] + p[f"b{last}"]
        loss = self._mean(f, z, y, rows)
        if self.l2:
            loss = loss + 0.5 * self.l2 * sum((p[f"W{k}"] ** 2).sum() for k in range(1, last + 1))
        return loss

    def _mean(self, f: Dialect, z: Any, y: Any, rows: Any) -> Any:
        if self.output == "sigmoid":
            q = f.sigmoid(z)[:, 0]
            return -(y * f.log(q) + (1 - y) * f.log(1 - q)).mean()
        if self.output == "relu softmax":
            z = f.relu(z)
        if self.guard:
            return -f.log(f.softmax(z)[rows, y] + self.guard).mean()
        return -f.log_softmax(z)[rows, y].mean()


# ------------------------------------------------------------ NumPy


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def _relu(z: Any) -> Any:
    return np.maximum(z, 0)


def _softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _log_softmax(z: Any) -> Any:
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


NUMPY = Dialect(_relu, np.tanh, _sigmoid, np.log, _softmax, _log_softmax)
"""Each function as people write it."""
