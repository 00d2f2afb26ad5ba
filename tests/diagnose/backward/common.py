"""A network and its backward pass in literal NumPy, of which each step can be done wrongly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

import fastcheck as fc
from fastcheck.diagnose.backward.layers import Anatomy
from fastcheck.result import CheckResult, Diagnosis

Array = np.ndarray
Arrays = dict[str, Array]
Change = Callable[[Array], Array]

LEAK = 0.05
VALUES: dict[str, Change] = {
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "relu": lambda z: np.maximum(z, 0.0),
    "leaky": lambda z: np.where(z > 0, z, LEAK * z),
    "softplus": lambda z: np.log1p(np.exp(z)),
}
SLOPES: dict[str, Change] = {
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "sigmoid": lambda z: VALUES["sigmoid"](z) * (1 - VALUES["sigmoid"](z)),
    "relu": lambda z: 1.0 * (z > 0),
    "leaky": lambda z: np.where(z > 0, 1.0, LEAK),
    "softplus": lambda z: 1 / (1 + np.exp(-z)),
}
LAYERS: dict[str, Callable[[], Any]] = {
    "tanh": fc.Tanh, "sigmoid": fc.Sigmoid, "relu": fc.ReLU, "softplus": fc.Softplus,
    "leaky": lambda: fc.LeakyReLU(LEAK),
}  # fmt: skip
RATE = 0.25
DESCRIBING = {"unexplained", "wrong-part", "one-entry"}
"""Words that say where a gradient is wrong, not why."""


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@dataclass
class Mlp:
    """Dense layers with one activation between them; inside, samples are rows.

    `head` is "softmax", "sigmoid", "linear" or "squares" (half squares of a sigmoid).
    """

    widths: tuple[int, ...] = (6, 5, 5, 3)
    activation: str = "tanh"
    head: str = "softmax"
    m: int = 7
    l2: float = 0.0
    bias: bool = True
    columns: bool = False
    one_hot: bool = False
    guard: float = 0.0
    dropout: bool = False
    seed: int = 0
    params: Arrays = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, self.m, *self.widths])
        self.params = {}
        for k, (n_in, n_out) in enumerate(pairwise(self.widths), start=1):
            self.params[f"W{k}"] = rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)
            if self.bias:
                self.params[f"b{k}"] = 0.3 * rng.standard_normal(n_out)
        self.n = len(self.widths) - 1
        self.x = rng.standard_normal((self.m, self.widths[0]))
        n_out = self.widths[-1]
        self.labels = rng.integers(0, n_out, self.m)
        if self.head == "softmax":
            self.y = np.eye(n_out)[self.labels]
        elif self.head == "sigmoid":
            self.y = 1.0 * rng.integers(0, 2, (self.m, n_out))
        else:
            self.y = rng.uniform(0.1, 0.9, (self.m, n_out))
        self.mask = np.ones((self.m, self.widths[1]))
        if self.dropout:
            self.mask = (rng.random(self.mask.shape) >= RATE) / (1 - RATE)

    # ------------------------------------------------------------ for the package

    @cached_property
    def objective(self) -> fc.GraphObjective:
        """The same as the package describes it."""
        layers: list[Any] = []
        for k, (n_in, n_out) in enumerate(pairwise(self.widths), start=1):
            layers.append(fc.Dense(n_in, n_out, bias=self.bias))
            if k < self.n:
                layers.append(LAYERS[self.activation]())
            if k == 1 and self.dropout:
                mask = 1.0 * (self.mask > 0)
                layers.append(fc.Dropout(RATE, mask=mask.T if self.columns else mask))
        if self.head in ("sigmoid", "squares"):
            layers.append(fc.Sigmoid())
        losses = {
            "softmax": lambda: fc.SoftmaxCrossEntropy(guard=self.guard),
            "sigmoid": lambda: fc.BinaryCrossEntropy(guard=self.guard),
        }
        loss = losses.get(self.head, lambda: fc.SquaredError(half=True))()
        layout = "features_first" if self.columns else "batch_first"
        net = fc.Network(layers, loss=loss, l2=self.l2, layout=layout)
        y: Any = self.y
        if self.head == "softmax" and not self.one_hot:
            y = self.labels
        if not self.columns:
            return net.objective(self.x, y)
        return net.objective(self.x.T, y if y.ndim == 1 else y.T)

    def placed(self, arrays: Mapping[str, Array]) -> Arrays:
        """Return parameters or gradients as they lie in the layout."""
        if not self.columns:
            return dict(arrays)
        return {
            n: np.ascontiguousarray(a.T) if a.ndim == 2 else a[:, None].copy()
            for n, a in arrays.items()
        }

    @cached_property
    def anatomy(self) -> Anatomy:
        """The layers of the graph."""
        return Anatomy(self.objective.state(self.placed(self.params)))

    def check(self, grads: Mapping[str, Array], **options: Any) -> CheckResult:
        """Check a gradient; the search for a cause must not have failed."""
        params = self.placed(self.params)
        options = {"strict": True} | options
        result = fc.check_gradients(self.objective, params, self.placed(grads), **options)
        assert "diagnosis-failed" not in {f.kind for f in result.findings}, str(result)
        return result

    def said(self, grads: Mapping[str, Array], **options: Any) -> tuple[Diagnosis, ...]:
        """Return what is said of a gradient."""
        return self.check(grads, **options).diagnosis

    def only(self, grads: Mapping[str, Array], **options: Any) -> Diagnosis:
        """Return the one diagnosis of a gradient."""
        found = self.said(grads, **options)
        assert len(found) == 1, [str(d) for d in found]
        return found[0]

    # ------------------------------------------------------------ by hand

    @cached_property
    def forward(self) -> Arrays:
        """Every intermediate value: x1 (what enters layer 1), z1, a1, x2, ..., and p."""
        found = {"x1": self.x}
        for k in range(1, self.n + 1):
            z = found[f"x{k}"] @ self.params[f"W{k}"] + self.params.get(f"b{k}", 0.0)
            found[f"z{k}"] = z
            if k < self.n:
                a = found[f"a{k}"] = VALUES[self.activation](z)
                found[f"x{k + 1}"] = a * self.mask if k == 1 else a
        found["p"] = softmax(z) if self.head == "softmax" else z
        if self.head in ("sigmoid", "squares"):
            found["p"] = VALUES["sigmoid"](z)
        return found

    def loss(self) -> float:
        """Return the loss by hand."""
        p, y, g = self.forward["p"], self.y, self.guard
        if self.head == "softmax":
            data = -np.sum(y * np.log((p * y).sum(axis=1, keepdims=True) + g))
        elif self.head == "sigmoid":
            data = -np.sum(y * np.log(p + g) + (1 - y) * np.log(1 - p + g))
        else:
            data = 0.5 * np.sum((p - y) ** 2)
        decay = sum(np.sum(self.params[f"W{k}"] ** 2) for k in range(1, self.n + 1))
        return float(data / self.m + self.l2 / 2 * decay)

    def output_delta(self, y: Array | None = None) -> Array:
        """Return dL/dz of the last layer, by the Jacobian of what makes predictions."""
        p, g = self.forward["p"], self.guard
        y = self.y if y is None else y
        if self.head == "linear":
            return (p - y) / self.m
        if self.head == "squares":
            return (p - y) * p * (1 - p) / self.m
        if self.head == "sigmoid":
            u = (1 - y) / (1 - p + g) - y / (p + g)
            return u * p * (1 - p) / self.m
        u = -y / (p + g)
        return p * (u - (u * p).sum(axis=1, keepdims=True)) / self.m

    def grads(self, **wrong: Any) -> Arrays:
        """Return the gradient by hand.

        `wrong` replaces steps, a value or a function of the right one: ``delta3``, ``slope1``,
        ``back2`` (the weights on the way back), ``input2``, ``weight2``, ``bias2`` (the parts that
        come from data), ``penalty2``, ``mask``.
        """
        used = set()

        def step(name: str, right: Any) -> Any:
            if name not in wrong:
                return right
            used.add(name)
            return wrong[name](right) if callable(wrong[name]) else wrong[name]

        f, found = self.forward, {}
        delta = self.output_delta()
        for k in range(self.n, 0, -1):
            delta = step(f"delta{k}", delta)
            weight = step(f"weight{k}", step(f"input{k}", f[f"x{k}"]).T @ delta)
            found[f"W{k}"] = weight + step(f"penalty{k}", self.l2 * self.params[f"W{k}"])
            if self.bias:
                found[f"b{k}"] = step(f"bias{k}", delta.sum(axis=0))
            if k > 1:
                back = delta @ step(f"back{k}", self.params[f"W{k}"]).T
                if k == 2:
                    back = back * step("mask", self.mask)
                delta = back * step(f"slope{k - 1}", SLOPES[self.activation](f[f"z{k - 1}"]))
        assert used == wrong.keys(), wrong.keys() - used
        return {name: found[name] for name in self.params}

    @cached_property
    def right(self) -> Arrays:
        """The right gradient."""
        return self.grads()


def named(found: tuple[Diagnosis, ...]) -> list[tuple[str, str | None]]:
    """Return kind and address of each diagnosis."""
    return [(d.kind, d.tensor) for d in found]


def claims(found: tuple[Diagnosis, ...]) -> list[str]:
    """Return what is said to be exactly why a gradient is wrong."""
    return [str(d) for d in found if d.is_exact and d.kind not in DESCRIBING]


def wrong_names(given: Mapping[str, Array], right: Mapping[str, Array]) -> set[str]:
    """Return the tensors that are wrong by more than rounding."""
    return {
        n for n, g in right.items() if np.abs(given[n] - g).max() > 1e-11 * np.abs(g).max() + 1e-14
    }
