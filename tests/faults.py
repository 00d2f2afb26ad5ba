"""Wrong gradients on purpose: mistakes that people make, each planted in a literal backward pass.

A fault is a function from a `Case`, which holds the right gradient and all that it was made from,
to a wrong one. `FAULTS` has those that are far outside any tolerance, `SLIGHT` those that are
within `rtol` and still measurably wrong.
"""

from __future__ import annotations

from collections.abc import Callable
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


Fault = Callable[[Case], Arrays]
FAULTS: dict[str, Fault] = {}
SLIGHT: dict[str, Fault] = {}


def wrong(fault: Fault) -> Fault:
    """Add a fault to `FAULTS`."""
    FAULTS[fault.__name__] = fault
    return fault


def slight(fault: Fault) -> Fault:
    """Add a fault to `SLIGHT`."""
    SLIGHT[fault.__name__] = fault
    return fault


def each(case: Case, change: Callable[[np.ndarray], np.ndarray], names: str = "WWWbbb") -> Arrays:
    """Return the right gradient with `change` applied to the tensors of the letters in `names`."""
    return {n: change(g.copy()) if n[0] in names else g for n, g in case.right.items()}


def one(case: Case, name: str, change: Callable[[np.ndarray], np.ndarray]) -> Arrays:
    """Return the right gradient with `change` applied to one tensor."""
    return case.right | {name: change(case.right[name].copy())}


# ------------------------------------------------------------ constant factors


@wrong
def divided_by_the_batch_twice(case: Case) -> Arrays:
    return each(case, lambda g: g / N_BATCH)


@wrong
def not_divided_by_the_batch(case: Case) -> Arrays:
    return case.passes(n=1)[1]


@wrong
def doubled(case: Case) -> Arrays:
    return each(case, lambda g: 2 * g)


@wrong
def negated(case: Case) -> Arrays:
    return each(case, lambda g: -g)


@wrong
def negated_bias(case: Case) -> Arrays:
    return one(case, "b2", lambda g: -g)


@wrong
def without_its_sign(case: Case) -> Arrays:
    return each(case, np.abs)


@wrong
def clipped(case: Case) -> Arrays:
    return each(case, lambda g: g.clip(-0.5 * np.abs(g).max(), 0.5 * np.abs(g).max()))


@wrong
def clipped_by_norm(case: Case) -> Arrays:
    norm = np.sqrt(sum((g**2).sum() for g in case.right.values()))
    return each(case, lambda g: g * 0.9 / norm)


# ------------------------------------------------------------ axes and layout


@wrong
def transposed(case: Case) -> Arrays:
    return one(case, "W2", lambda g: g.T)


@wrong
def in_the_order_of_columns(case: Case) -> Arrays:
    return one(case, "W1", lambda g: g.T.reshape(g.shape))


@wrong
def bias_is_a_mean(case: Case) -> Arrays:
    return each(case, lambda g: g / N_BATCH, "b")


@wrong
def bias_is_summed_over_units(case: Case) -> Arrays:
    f = case.forward()
    dz3 = f["p"].copy()
    dz3[np.arange(N_BATCH), case.y] -= 1
    dz2 = (dz3 / N_BATCH) @ case.params["W3"].T * (f["z2"] > 0)
    return case.right | {"b2": dz2.sum(axis=1)}


@wrong
def rolled_rows(case: Case) -> Arrays:
    return one(case, "W1", lambda g: np.roll(g, 1, axis=0))


@wrong
def rolled_columns(case: Case) -> Arrays:
    return one(case, "W3", lambda g: np.roll(g, 1, axis=1))


@wrong
def two_biases_swapped(case: Case) -> Arrays:
    return case.right | {"b1": case.right["b2"], "b2": case.right["b1"]}


@wrong
def weights_are_not_transposed_on_the_way_back(case: Case) -> Arrays:
    return case.passes(weights=case.params | {"W2": case.params["W2"].T})[1]


# ------------------------------------------------------------ single entries


def one_entry_off(name: str, index: tuple[int, ...], factor: float) -> Fault:
    """Return a fault that multiplies one entry."""

    def fault(case: Case) -> Arrays:
        gradient = case.right[name].copy()
        gradient[index] *= factor
        return case.right | {name: gradient}

    fault.__name__ = f"{name}{list(index)}_times_{factor}"
    return fault


for entry in (("W1", (5, 4)), ("b1", (2,)), ("W2", (0, 3)), ("b2", (4,)), ("W3", (1, 0))):
    wrong(one_entry_off(*entry, 1.001))
    wrong(one_entry_off(*entry, 0.0))
    slight(one_entry_off(*entry, 1 + 1e-6))


@wrong
def one_row_is_zero(case: Case) -> Arrays:
    keep = np.arange(6)[:, None] != 3
    return one(case, "W1", lambda g: g * keep)


@wrong
def one_column_is_zero(case: Case) -> Arrays:
    return one(case, "W2", lambda g: g * (np.arange(5) != 4))


@wrong
def a_bias_is_forgotten(case: Case) -> Arrays:
    return one(case, "b1", np.zeros_like)


# ------------------------------------------------------------ regularisation and batch


@wrong
def without_l2(case: Case) -> Arrays:
    return case.passes(l2=0.0)[1]


@wrong
def l2_without_the_half(case: Case) -> Arrays:
    return case.passes(l2=2 * L2)[1]


@wrong
def l2_of_the_biases_too(case: Case) -> Arrays:
    return {n: g + L2 * case.params[n] if n[0] == "b" else g for n, g in case.right.items()}


@wrong
def last_sample_is_dropped(case: Case) -> Arrays:
    keep = np.arange(N_BATCH)[:, None] < N_BATCH - 1
    tanh, relu = (1 - case.forward()["a1"] ** 2) * keep, (case.forward()["z2"] > 0) & keep
    return case.passes(tanh=tanh, relu=relu)[1]


@wrong
def labels_are_shifted(case: Case) -> Arrays:
    return case.passes(labels=np.roll(case.y, 1))[1]


# ------------------------------------------------------------ activations and the loss


@wrong
def slope_of_tanh_without_the_square(case: Case) -> Arrays:
    return case.passes(tanh=1 - case.forward()["a1"])[1]


@wrong
def slope_of_tanh_at_the_wrong_place(case: Case) -> Arrays:
    return case.passes(tanh=1 - case.forward()["z1"] ** 2)[1]


@wrong
def slope_of_a_sigmoid_for_tanh(case: Case) -> Arrays:
    a1 = case.forward()["a1"]
    return case.passes(tanh=a1 * (1 - a1))[1]


@wrong
def no_slope_of_tanh(case: Case) -> Arrays:
    return case.passes(tanh=1.0)[1]


@wrong
def no_slope_of_relu(case: Case) -> Arrays:
    return case.passes(relu=1.0)[1]


@wrong
def relu_is_leaky_on_the_way_back(case: Case) -> Arrays:
    return case.passes(relu=np.where(case.forward()["z2"] > 0, 1.0, 0.01))[1]


@wrong
def dropout_is_forgotten(case: Case) -> Arrays:
    return case.passes(dropout=1.0)[1]


@wrong
def dropout_is_not_rescaled(case: Case) -> Arrays:
    return case.passes(dropout=case.mask)[1]


@wrong
def input_before_dropout(case: Case) -> Arrays:
    return case.passes(input2=case.forward()["a1"])[1]


@wrong
def input_before_the_activation(case: Case) -> Arrays:
    return case.passes(input2=case.forward()["z1"])[1]


@wrong
def stale_weights(case: Case) -> Arrays:
    """Update the weights before they are used on the way back."""
    after = {n: w - 0.1 * case.right[n] for n, w in case.params.items()}
    return case.passes(weights=after)[1]


@wrong
def double_softmax(case: Case) -> Arrays:
    return case.passes(p=softmax(case.forward()["p"]))[1]


@slight
def guard_is_ignored(case: Case) -> Arrays:
    return case.passes(guard=0.0)[1]


# ------------------------------------------------------------ rounding


@wrong
def rounded_to_float16(case: Case) -> Arrays:
    return each(case, lambda g: g.astype(np.float16).astype(np.float64))


@slight
def rounded_to_float32(case: Case) -> Arrays:
    return each(case, lambda g: g.astype(np.float32).astype(np.float64))
