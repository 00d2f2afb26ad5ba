"""A network and its backward pass, written out in NumPy; the backward pass can be made wrong."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

import fastcheck as fc

Arrays = dict[str, np.ndarray]

GUARD = 1e-8
L2 = 0.1
RATE = 0.25
WIDTHS = (6, 5, 5, 4)
N_BATCH = 5  # as wide as the hidden layers, so that a sum over the wrong axis has the right shape


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Case:
    """6-5-5-4: tanh, dropout, ReLU, a guarded softmax cross-entropy and L2, batch first."""

    params: Arrays
    x: np.ndarray
    y: np.ndarray
    mask: np.ndarray

    @classmethod
    def drawn(cls, seed: int = 0) -> Case:
        """Return a case in which every ReLU of the second layer is open for some samples."""
        rng = np.random.default_rng(seed)
        params = {}
        for k, (n_in, n_out) in enumerate(pairwise(WIDTHS), start=1):
            params[f"W{k}"] = rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)
            params[f"b{k}"] = 0.3 + 0.1 * rng.standard_normal(n_out)
        mask = np.ones((N_BATCH, WIDTHS[1]))
        mask[[0, 2, 3], [1, 3, 0]] = 0
        return cls(params, rng.standard_normal((N_BATCH, 6)), rng.integers(0, 4, N_BATCH), mask)

    @cached_property
    def objective(self) -> fc.GraphObjective:
        """The same network as the package describes it."""
        layers = [
            fc.Dense(6, 5), fc.Tanh(), fc.Dropout(RATE, mask=self.mask),
            fc.Dense(5, 5), fc.ReLU(), fc.Dense(5, 4),
        ]  # fmt: skip
        net = fc.Network(layers, loss=fc.SoftmaxCrossEntropy(guard=GUARD), l2=L2)
        return net.objective(self.x, self.y)

    @cached_property
    def loss(self) -> float:
        """The loss, as the author of the network computes it."""
        return self.passes()[0]

    @cached_property
    def right(self) -> Arrays:
        """The right gradient, by hand."""
        return self.passes()[1]

    def forward(self) -> dict[str, np.ndarray]:
        """Return everything that the backward pass needs."""
        p = self.params
        z1 = self.x @ p["W1"] + p["b1"]
        a1 = np.tanh(z1)
        d1 = a1 * self.mask / (1 - RATE)
        z2 = d1 @ p["W2"] + p["b2"]
        a2 = np.maximum(z2, 0)
        z3 = a2 @ p["W3"] + p["b3"]
        return {"z1": z1, "a1": a1, "d1": d1, "z2": z2, "a2": a2, "z3": z3, "p": softmax(z3)}

    def passes(self, **changed: Any) -> tuple[float, Arrays]:
        """Return the loss and the gradient; `changed` replaces what the backward pass uses."""
        f = self.forward()
        uses = {
            "weights": self.params, "labels": self.y, "guard": GUARD, "p": f["p"],
            "tanh": 1 - f["a1"] ** 2, "relu": f["z2"] > 0, "dropout": self.mask / (1 - RATE),
            "input2": f["d1"], "x": self.x, "n": N_BATCH, "l2": L2,
        }  # fmt: skip
        assert changed.keys() <= uses.keys()
        u = uses | changed
        samples = np.arange(N_BATCH)
        loss = -np.log(f["p"][samples, self.y] + GUARD).mean()
        loss += L2 / 2 * sum((self.params[f"W{k}"] ** 2).sum() for k in (1, 2, 3))

        picked = u["p"][samples, u["labels"]]
        dz3 = u["p"].copy()
        dz3[samples, u["labels"]] -= 1
        dz3 *= (picked / (picked + u["guard"]))[:, None] / u["n"]
        dz2 = dz3 @ u["weights"]["W3"].T * u["relu"]
        dz1 = dz2 @ u["weights"]["W2"].T * u["dropout"] * u["tanh"]
        grads = {
            "W1": u["x"].T @ dz1, "b1": dz1.sum(axis=0),
            "W2": u["input2"].T @ dz2, "b2": dz2.sum(axis=0),
            "W3": f["a2"].T @ dz3, "b3": dz3.sum(axis=0),
        }  # fmt: skip
        for k in (1, 2, 3):
            grads[f"W{k}"] = grads[f"W{k}"] + u["l2"] * self.params[f"W{k}"]
        return float(loss), grads
