"""A network of dense layers: parameters, a minibatch, and the loss in three ways.

Inside, samples are rows; only what is handed over lies as the setting says.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

import fastcheck as fc
from benchmarks.faulty.activations import LEAK, VALUES, softmax
from benchmarks.faulty.data import examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.faulty.setting import Setting

    Floats = NDArray[np.float64]
    Arrays = dict[str, Floats]

GAINS = {"relu": 1.3, "leaky": 1.3}
"""Gain of the weights by activation, 1.1 for others."""
LAYERS: dict[str, Callable[[], Any]] = {
    "tanh": lambda: fc.Tanh(),
    "sigmoid": lambda: fc.Sigmoid(),
    "relu": lambda: fc.ReLU(),
    "leaky": lambda: fc.LeakyReLU(LEAK),
    "softplus": lambda: fc.Softplus(),
    "softmax": lambda: fc.Softmax(),
}


class Net:
    """The network of a setting.

    Attributes
    ----------
    params : dict of str to ndarray
        ``W1`` of shape (n_in, n_out), ``b1`` of (n_out,), and so on.
    x, y : ndarray
        Examples (n_batch, n_in) and targets (n_batch, n_out), one-hot for a softmax.
    mask : ndarray or None
        The dropout mask after the first hidden layer.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        rng = np.random.default_rng([setting.seed, setting.n_batch, *setting.widths])
        gain = GAINS.get(setting.activation, 1.1)
        self.params: Arrays = {}
        for k, (n_in, n_out) in enumerate(pairwise(setting.widths), start=1):
            self.params[f"W{k}"] = gain * rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)
            self.params[f"b{k}"] = 0.3 * rng.standard_normal(n_out)
        self.x, labels = examples(setting, rng)
        self.labels = labels
        self.y = self._targets(labels, rng)
        self.mask = None
        if setting.rate:
            self.mask = 1.0 * (rng.random((setting.n_batch, setting.widths[1])) >= setting.rate)

    def _targets(self, labels: NDArray[np.int64], rng: np.random.Generator) -> Floats:
        """Return targets of the shape of the outputs."""
        n_out, kind = self.setting.widths[-1], self.setting.head.kind
        if kind == "cross-entropy":
            return np.eye(n_out)[labels]
        if kind == "binary":
            if n_out == 1:
                return (labels % 2)[:, None].astype(np.float64)
            return rng.integers(0, 2, (self.setting.n_batch, n_out)).astype(np.float64)
        return np.asarray(rng.uniform(-0.9, 0.9, (self.setting.n_batch, n_out)))

    @property
    def n_layers(self) -> int:
        """Dense layers."""
        return self.setting.n_layers

    # ------------------------------------------------------------ as it is handed over

    def placed(self, arrays: Arrays) -> Arrays:
        """Return parameters or gradients as they lie in the layout of the setting."""
        if self.setting.layout == "batch_first":
            return arrays
        turned = {n: a.T if a.ndim == 2 else a[:, None] for n, a in arrays.items()}
        return {name: np.ascontiguousarray(a) for name, a in turned.items()}

    @cached_property
    def given(self) -> Arrays:
        """The parameters as they are handed over."""
        return self.placed(self.params)

    @cached_property
    def objective(self) -> Any:
        """The loss as the package sees it."""
        return self._traced() if self.setting.is_traced else self._declared()

    def _declared(self) -> Any:
        s, head = self.setting, self.setting.head
        layers: list[Any] = []
        for k in range(1, s.n_layers + 1):
            layers.append(fc.Dense(s.widths[k - 1], s.widths[k]))
            if k < s.n_layers:
                layers.append(LAYERS[s.activation]())
            if k == 1 and self.mask is not None:
                lies = self.mask if s.layout == "batch_first" else self.mask.T
                layers.append(fc.Dropout(s.rate, mask=lies))
        loss: Any
        if head.kind == "cross-entropy" and head.guard == 0.0:
            loss = fc.SoftmaxCrossEntropy()
        else:
            if head.output != "linear":
                layers.append(LAYERS[head.output]())
            loss = {
                "cross-entropy": lambda: fc.CrossEntropy(guard=head.guard),
                "binary": lambda: fc.BinaryCrossEntropy(guard=head.guard),
                "squared": lambda: fc.SquaredError(half=head.half),
            }[head.kind]()
        net = fc.Network(layers, loss=loss, l2=s.penalty, layout=s.layout)
        y: Any = self.y if head.kind != "cross-entropy" or head.one_hot else self.labels
        if s.layout == "batch_first":
            return net.objective(self.x, y)
        return net.objective(self.x.T, y if y.ndim == 1 else y.T)

    def _traced(self) -> Any:
        if self.setting.layout == "batch_first":
            return fc.trace(self._loss_of_rows, self.given, self.x, self.y)
        loss = self._loss_of_columns
        return fc.trace(loss, self.given, self.x.T.copy(), self.y.T.copy(), batch_axis=1)

    # ------------------------------------------------------------ as its author writes it

    def _loss_of_rows(self, p: Any, x: Any, y: Any) -> Any:
        s = self.setting
        a = x
        for k in range(1, s.n_layers + 1):
            z = a @ p[f"W{k}"] + p[f"b{k}"]
            a = written(s.activation, z) if k < s.n_layers else z
            if k == 1 and self.mask is not None:
                a = a * self.mask / (1.0 - s.rate)
        return self._cost(z, y, 1) + self._decay(p)

    def _loss_of_columns(self, p: Any, x: Any, y: Any) -> Any:
        s = self.setting
        a = x
        for k in range(1, s.n_layers + 1):
            z = p[f"W{k}"] @ a + p[f"b{k}"]
            a = written(s.activation, z) if k < s.n_layers else z
            if k == 1 and self.mask is not None:
                a = a * self.mask.T / (1.0 - s.rate)
        return self._cost(z, y, 0) + self._decay(p)

    def _cost(self, z: Any, y: Any, axis: int) -> Any:
        head, m = self.setting.head, self.setting.n_batch
        if head.kind == "cross-entropy":
            e = np.exp(z - np.max(z, axis=axis, keepdims=True))
            p = e / np.sum(e, axis=axis, keepdims=True)
            if head.one_hot:
                return -np.sum(y * np.log(p + head.guard)) / m
            rows = np.arange(m)
            picked = p[rows, self.labels] if axis == 1 else p[self.labels, rows]
            return -np.mean(np.log(picked + head.guard))
        a = written(head.output, z)
        if head.kind == "binary":
            one, other = np.log(a + head.guard), np.log(1.0 - a + head.guard)
            return -np.sum(y * one + (1.0 - y) * other) / m
        return (0.5 if head.half else 1.0) * np.sum((a - y) ** 2) / m

    def _decay(self, p: Any) -> Any:
        if not self.setting.l2:
            return 0.0
        squares = sum(np.sum(p[f"W{k}"] ** 2) for k in range(1, self.n_layers + 1))
        return self.setting.penalty / 2.0 * squares

    @cached_property
    def loss(self) -> float:
        """The loss at the point."""
        if self.setting.layout == "batch_first":
            return float(self._loss_of_rows(self.given, self.x, self.y))
        return float(self._loss_of_columns(self.given, self.x.T, self.y.T))

    # ------------------------------------------------------------ what backward passes read

    def single(self) -> Net:
        """Return the same network in float32."""
        other = copy(self)
        vars(other).pop("forward", None)
        other.params = {name: a.astype(np.float32) for name, a in self.params.items()}
        other.x, other.y = self.x.astype(np.float32), self.y.astype(np.float32)
        other.mask = None if self.mask is None else self.mask.astype(np.float32)
        return other

    @cached_property
    def forward(self) -> dict[str, Floats]:
        """Every intermediate value: x1 (what enters layer 1), z1, a1, x2, ..., and the output."""
        s = self.setting
        found: dict[str, Floats] = {"x1": self.x}
        for k in range(1, s.n_layers + 1):
            z = found[f"x{k}"] @ self.params[f"W{k}"] + self.params[f"b{k}"]
            found[f"z{k}"] = z
            if k < s.n_layers:
                a = found[f"a{k}"] = VALUES[s.activation](z)
                dropped = k == 1 and self.mask is not None
                found[f"x{k + 1}"] = a * self.mask / (1.0 - s.rate) if dropped else a
        output = s.head.output
        found["out"] = softmax(z) if output == "softmax" else VALUES[output](z)
        return found


def written(name: str, z: Any) -> Any:
    """Return an activation as people write it."""
    if name == "tanh":
        return np.tanh(z)
    if name == "sigmoid":
        return 1.0 / (1.0 + np.exp(-z))
    if name == "relu":
        return np.maximum(z, 0.0)
    if name == "leaky":
        return np.where(z > 0, z, LEAK * z)
    if name == "softplus":
        return np.log(1.0 + np.exp(z))
    return z
