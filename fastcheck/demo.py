"""The main job's two networks, with backward passes written by hand as their authors would.

They are what `fastcheck run` checks when it is given nothing else: the cat-vs-noncat network and
the MNIST network of two well-known courses, at full size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.network import (
    BinaryCrossEntropy,
    Dense,
    Network,
    ReLU,
    Sigmoid,
    SoftmaxCrossEntropy,
    Tanh,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    from fastcheck.datasets import Batch
    from fastcheck.objective import GraphObjective

    Floats = NDArray[np.float64]
    Params = dict[str, Floats]

GUARD = 1e-7


@dataclass(frozen=True)
class Demo:
    """A network with data and a hand-written backward pass.

    Attributes
    ----------
    title : str
        What it is.
    data : str
        Name of the data set, for :func:`fastcheck.datasets.find_data`.
    n_features, n_classes : int
        What such data have; the labels are whole numbers.
    network : Network
        The description that is checked against.
    scale : str or float
        Scale of the initial weights.
    backward : callable
        ``backward(params, x, y)`` returns the loss and the gradient by name.
    """

    title: str
    data: str
    n_features: int
    n_classes: int
    network: Network
    scale: str | float
    backward: Callable[[Params, Floats, NDArray[Any]], tuple[float, Params]]

    def takes(self, batch: Batch) -> bool:
        """Return whether a minibatch is one that the network is made for."""
        is_alike = batch.x.shape[1:] == (self.n_features,) and batch.y.ndim == 1
        return is_alike and batch.n_classes <= self.n_classes

    def case(self, batch: Batch, seed: int) -> tuple[GraphObjective, Params, float, Params]:
        """Return the objective, parameters, and the hand-written loss and gradient."""
        params = self.network.init_params(seed=seed, scale=self.scale)
        loss, grads = self.backward(params, batch.x, batch.y)
        return self.network.objective(batch), params, loss, grads


def mnist_backward(p: Params, x: Floats, y: NDArray[Any]) -> tuple[float, Params]:
    """Return loss and gradient of 784-50-10 with ReLU twice and a guarded cross-entropy."""
    n = len(x)
    z1 = x @ p["W1"] + p["b1"]
    a1 = np.maximum(z1, 0)
    z2 = a1 @ p["W2"] + p["b2"]
    a2 = np.maximum(z2, 0)
    e = np.exp(a2 - a2.max(axis=1, keepdims=True))
    prob = e / e.sum(axis=1, keepdims=True)
    picked = prob[np.arange(n), y]
    loss = -np.log(picked + GUARD).mean()

    da2 = prob.copy()
    da2[np.arange(n), y] -= 1
    da2 *= (picked / (picked + GUARD))[:, None] / n
    dz2 = da2 * (z2 > 0)
    dz1 = (dz2 @ p["W2"].T) * (z1 > 0)
    return float(loss), {
        "W1": x.T @ dz1, "b1": dz1.sum(axis=0), "W2": a1.T @ dz2, "b2": dz2.sum(axis=0),
    }  # fmt: skip


def cat_backward(p: Params, x: Floats, y: NDArray[Any]) -> tuple[float, Params]:
    """Return loss and gradient of 12288-5-5-1 with tanh and a sigmoid output."""
    n = len(x)
    a1 = np.tanh(x @ p["W1"] + p["b1"])
    a2 = np.tanh(a1 @ p["W2"] + p["b2"])
    a3 = 1 / (1 + np.exp(-(a2 @ p["W3"] + p["b3"])))
    t = y[:, None]
    loss = -(t * np.log(a3) + (1 - t) * np.log(1 - a3)).mean()

    dz3 = (a3 - t) / n
    dz2 = (dz3 @ p["W3"].T) * (1 - a2 * a2)
    dz1 = (dz2 @ p["W2"].T) * (1 - a1 * a1)
    return float(loss), {
        "W1": x.T @ dz1, "b1": dz1.sum(axis=0),
        "W2": a1.T @ dz2, "b2": dz2.sum(axis=0),
        "W3": a2.T @ dz3, "b3": dz3.sum(axis=0),
    }  # fmt: skip


def demos() -> list[Demo]:
    """Return the networks of the main job."""
    cat = Network(
        [Dense(12288, 5), Tanh(), Dense(5, 5), Tanh(), Dense(5, 1), Sigmoid()],
        loss=BinaryCrossEntropy(),
    )
    mnist = Network(
        [Dense(784, 50), ReLU(), Dense(50, 10), ReLU()], loss=SoftmaxCrossEntropy(guard=GUARD)
    )
    return [
        Demo(
            "cat-vs-noncat 12288-5-5-1, tanh", "catvnoncat", 12288, 2, cat, "fan_in", cat_backward
        ),
        Demo("MNIST 784-50-10, ReLU", "mnist", 784, 10, mnist, 0.01, mnist_backward),
    ]
