"""Layers of objects: products, activations, losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.layers.entry import Entry, normal


class Affine:
    """``x W + b``, samples first."""

    def __init__(self, fault: str = "", n_in: int = 4, n_out: int = 3, seed: int = 1) -> None:
        self.fault = fault
        self.W, self.b = normal(n_in, n_out, seed=seed), normal(n_out, seed=seed)

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout: Any) -> Any:
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        if self.fault == "mean":
            self.dW = self.dW / len(self.x)
        if self.fault == "wrong axis":
            self.db = dout[: self.b.size].sum(axis=1)
        dx = dout @ self.W.T
        if self.fault == "last sample":
            dx[-1] = 0
        return dx


class FeaturesFirst:
    """``W x + b``, samples last, ``b`` a column."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.params = {"W": normal(3, 4, seed=1), "b": normal(3, 1, seed=1)}
        self.grads: dict[str, Any] = {}

    def forward(self, x: Any) -> Any:
        self.x = x
        return self.params["W"] @ x + self.params["b"]

    def backward(self, dout: Any) -> Any:
        self.grads["W"] = dout @ self.x.T
        self.grads["b"] = dout.sum(axis=1, keepdims=True)
        if self.fault == "one sample":
            self.grads["b"] = dout[:, :1]
        if self.fault == "sign":
            self.grads["W"][2, 1] *= -1
        return self.params["W"].T @ dout


class ReLU:
    """Works in place in both directions."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault

    def forward(self, x: Any) -> Any:
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout: Any) -> Any:
        if self.fault == "leak":
            dout[self.mask] *= 0.01
        elif self.fault == "inverted":
            dout[~self.mask] = 0
        else:
            dout[self.mask] = 0
        return dout


class Sigmoid:
    """Keeps its output."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault

    def forward(self, x: Any) -> Any:
        self.x, self.out = x, 1.0 / (1.0 + np.exp(-x))
        return self.out

    def backward(self, dout: Any) -> Any:
        if self.fault == "of the input":
            return dout * self.x * (1.0 - self.x)
        if self.fault == "upstream left out":
            return self.out * (1.0 - self.out)
        return dout * self.out * (1.0 - self.out)


def tanh(fault: str) -> dict[str, Any]:
    """Return functions without state; backward takes the output."""

    def backward(dout: Any, out: Any) -> Any:
        return dout * (1.0 - (out if fault == "not squared" else out**2))

    return {"forward": lambda x: np.tanh(x), "backward": backward, "inputs": normal(5, 4)}


def _softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax(fault: str) -> dict[str, Any]:
    """Return forward with a cache; the tempting fault is a diagonal Jacobian."""

    def forward(x: Any) -> Any:
        p = _softmax(x)
        return p, (p,)

    def backward(dout: Any, cache: Any) -> Any:
        (p,) = cache
        if fault == "diagonal":
            return dout * p * (1.0 - p)
        axis = 0 if fault == "wrong axis" else -1
        return p * (dout - (dout * p).sum(axis=axis, keepdims=True))

    return {"forward": forward, "backward": backward, "inputs": normal(5, 4)}


class SoftmaxWithLoss:
    """The end of a network: takes labels, and an upstream gradient of 1 by default."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault

    def forward(self, x: Any, t: Any) -> Any:
        self.t, self.y = t, _softmax(x)
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout: Any = 1) -> Any:
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        if self.fault == "sum":
            return dx * dout
        if self.fault == "squared error":
            dx = dx * self.y * (1 - self.y)
        return dx / len(self.t) * (1 if self.fault == "ignores dout" else dout)


class Dropout:
    """The mask is drawn once."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.mask = np.random.default_rng(3).random((5, 4)) < 0.6

    def forward(self, x: Any, train_flg: bool = True) -> Any:
        return x * self.mask / 0.6 if train_flg else x

    def backward(self, dout: Any) -> Any:
        return dout * self.mask / {"": 0.6, "not scaled": 1.0, "scaled twice": 0.36}[self.fault]


def _object(kind: Any, *inputs: Any) -> Any:
    return lambda fault: {"forward": kind(fault), "inputs": inputs if inputs[1:] else inputs[0]}


LABELS = np.array([0, 3, 1, 1, 2])
ENTRIES = [
    Entry(
        "affine",
        _object(Affine, normal(5, 4)),
        "x W b",
        {"mean": "W", "wrong axis": "b", "last sample": "x"},
    ),
    Entry(
        "affine, features first",
        _object(FeaturesFirst, normal(4, 5)),
        "x W b",
        {"one sample": "b", "sign": "W"},
    ),
    Entry("relu in place", _object(ReLU, normal(5, 4)), "x", {"leak": "x", "inverted": "x"}),
    Entry(
        "sigmoid",
        _object(Sigmoid, normal(5, 4)),
        "x",
        {"of the input": "x", "upstream left out": "x"},
    ),
    Entry("tanh", tanh, "x", {"not squared": "x"}),
    Entry("softmax", softmax, "x", {"diagonal": "x", "wrong axis": "x"}),
    Entry(
        "softmax with loss",
        _object(SoftmaxWithLoss, normal(5, 4), LABELS),
        "x",
        {"sum": "x", "squared error": "x"},
    ),
    Entry("dropout", _object(Dropout, normal(5, 4)), "x", {"not scaled": "x", "scaled twice": "x"}),
]
