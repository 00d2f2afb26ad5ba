"""Mistakes in the delta of a layer are named where they are made; near misses are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tests.diagnose.backward.common import LEAK, RATE, SLOPES, VALUES, Arrays, Mlp, claims

Wrong = Callable[[Mlp], dict[str, Any]]


@dataclass
class Mistake:
    """A mistake in a delta, what it is called, and where it shows first."""

    kind: str
    layer: int
    wrong: Wrong
    constant: float | None = None
    net: dict[str, Any] = field(default_factory=dict)
    words: str = ""


def slope(k: int, of: Callable[[np.ndarray, np.ndarray], Any]) -> Wrong:
    """Return what puts a function of z and a in the place of a slope."""
    return lambda net: {f"slope{k}": of(net.forward[f"z{k}"], net.forward[f"a{k}"]) + 0.0}


def labels(change: Callable[[np.ndarray], np.ndarray]) -> Wrong:
    return lambda net: {f"delta{net.n}": net.output_delta(change(net.y))}


def output(of: Callable[[Mlp, np.ndarray, np.ndarray], np.ndarray]) -> Wrong:
    """Return what puts a function of predictions and targets in the place of the delta."""
    return lambda net: {f"delta{net.n}": of(net, net.forward["p"], net.y)}


def kept(*samples: int) -> Callable[[Mlp], np.ndarray]:
    def column(net: Mlp) -> np.ndarray:
        keep = np.zeros((net.m, 1))
        keep[list(samples)] = 1.0
        return keep

    return column


def dropped(net: Mlp) -> np.ndarray:
    return 1.0 - kept(net.m - 1)(net)


SIGMOID, SQUARES, RELU = {"head": "sigmoid"}, {"head": "squares"}, {"activation": "relu"}
SQUARE = {"widths": (5, 5, 5, 5)}
MISTAKES: dict[str, Mistake] = {
    "delta times 0.3": Mistake("delta-factor", 2, lambda n: {"delta2": lambda d: 0.3 * d}, 0.3),
    "delta over m": Mistake("delta-factor", 1, lambda n: {"delta1": lambda d: d / 7}, 1 / 7),
    "labels one class on": Mistake("labels-shifted", 3, labels(lambda y: np.roll(y, 1, 1)), 1.0),
    "labels one class back": Mistake(
        "labels-shifted", 3, labels(lambda y: np.roll(y, -1, 1)), -1.0
    ),
    "labels of the next sample": Mistake(
        "labels-reordered", 3, labels(lambda y: np.roll(y, -1, 0)), -1.0
    ),
    "labels not subtracted": Mistake("labels-ignored", 3, output(lambda n, p, y: p / n.m)),
    "labels not subtracted, sigmoid": Mistake(
        "labels-ignored", 3, output(lambda n, p, y: p / n.m), net=SIGMOID
    ),
    "softmax derivative twice": Mistake(
        "double-derivative", 3,
        output(lambda n, p, y: p * ((p - y) - ((p - y) * p).sum(1, keepdims=True)) / n.m),
    ),
    "times p (1 - p)": Mistake(
        "double-derivative", 3, output(lambda n, p, y: (p - y) * p * (1 - p) / n.m)
    ),
    "sigmoid derivative twice": Mistake(
        "double-derivative", 3, output(lambda n, p, y: (p - y) * p * (1 - p) / n.m), net=SIGMOID
    ),
    "diagonal of the softmax": Mistake(
        "diagonal-softmax", 3, output(lambda n, p, y: -y * (1 - p) / n.m)
    ),
    "softmax of softmax": Mistake(
        "double-softmax", 3,
        output(lambda n, p, y: (np.exp(p) / np.exp(p).sum(1, keepdims=True) - y) / n.m),
    ),
    "no softmax derivative": Mistake("slope-missing", 3, output(lambda n, p, y: -y / p / n.m)),
    "guard ignored": Mistake(
        "guard-ignored", 3, output(lambda n, p, y: (p - y) / n.m), 1e-3, {"guard": 1e-3}
    ),
    "guard ignored, sigmoid": Mistake(
        "guard-ignored", 3, output(lambda n, p, y: (p - y) / n.m), 1e-3, SIGMOID | {"guard": 1e-3}
    ),
    "slope of the output missing": Mistake(
        "slope-missing", 3, output(lambda n, p, y: (p - y) / n.m), net=SQUARES
    ),
    "slope of the output squared": Mistake(
        "slope-squared", 3, output(lambda n, p, y: (p - y) * (p * (1 - p)) ** 2 / n.m), net=SQUARES
    ),
    "slope missing": Mistake("slope-missing", 2, slope(2, lambda z, a: 1)),
    "slope missing, first layer": Mistake("slope-missing", 1, slope(1, lambda z, a: 1)),
    "slope squared": Mistake("slope-squared", 2, slope(2, lambda z, a: (1 - a**2) ** 2)),
    "1 - a": Mistake("slope-without-square", 2, slope(2, lambda z, a: 1 - a)),
    "slope at a": Mistake("slope-of-value", 1, slope(1, lambda z, a: 1 - np.tanh(a) ** 2)),
    "value for the slope": Mistake("value-for-slope", 1, slope(1, lambda z, a: a)),
    "slope of a sigmoid": Mistake("slope-of-other", 2, slope(2, lambda z, a: a * (1 - a))),
    "slope of a rectifier": Mistake("slope-of-other", 1, slope(1, lambda z, a: z > 0)),
    "mask inverted": Mistake("mask-inverted", 2, slope(2, lambda z, a: z <= 0), net=RELU),
    "leak inverted": Mistake(
        "mask-inverted", 1, slope(1, lambda z, a: np.where(z > 0, LEAK, 1)),
        net={"activation": "leaky"},
    ),
    "slope of the layer above": Mistake(
        "slope-elsewhere", 1, lambda n: {"slope1": 1 - n.forward["a2"] ** 2}
    ),
    "not transposed": Mistake("not-transposed", 1, lambda n: {"back2": lambda W: W.T}),
    "not transposed, above": Mistake(
        "not-transposed", 2, lambda n: {"back3": lambda W: W.T}, net=SQUARE
    ),
    "weights of the layer below": Mistake(
        "other-weights", 2, lambda n: {"back3": n.params["W2"]}, net=SQUARE, words="W2"
    ),
    "updated before use": Mistake(
        "stale-weights", 1, lambda n: {"back2": n.params["W2"] - 0.1 * n.right["W2"]}, 0.1,
        words="0.1",
    ),
    "dropout forgotten": Mistake(
        "dropout-missing", 1, lambda n: {"mask": np.ones_like}, net={"dropout": True}
    ),
    "dropout not rescaled": Mistake(
        "dropout-unscaled", 1, lambda n: {"mask": lambda mask: 1.0 * (mask > 0)},
        net={"dropout": True}, words=f"{1 / (1 - RATE):.6g}",
    ),
    "dropout twice": Mistake(
        "dropout-twice", 1, lambda n: {"mask": np.square}, net={"dropout": True}
    ),
    "last sample only": Mistake(
        "only-sample", 2, lambda n: {"delta2": lambda d: d * kept(n.m - 1)(n)}, 6.0
    ),
    "first sample only": Mistake(
        "only-sample", 3, lambda n: {"delta3": lambda d: d * kept(0)(n)}, 0.0
    ),
    "last sample dropped": Mistake(
        "sample-dropped", 3, lambda n: {"delta3": lambda d: d * dropped(n)}, 6.0
    ),
}  # fmt: skip
EVERY_MISTAKE = pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
VARIANTS: dict[str, dict[str, Any]] = {
    "rows": {}, "columns": {"columns": True}, "penalty": {"l2": 0.1},
    "one-hot columns with penalty": {"columns": True, "l2": 0.2, "one_hot": True},
}  # fmt: skip


def address(mistake: Mistake) -> set[str]:
    return {f"W{mistake.layer}", f"b{mistake.layer}"}


@EVERY_MISTAKE
@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_a_mistake_is_named_where_it_is_made(mistake: Mistake, options: dict[str, Any]) -> None:
    net = Mlp(**({"seed": 1} | mistake.net | options))
    found = net.only(net.grads(**mistake.wrong(net)))
    assert found.kind == mistake.kind, str(found)
    assert found.tensor in address(mistake)
    if mistake.constant is not None:
        assert found.constant == pytest.approx(mistake.constant, rel=1e-6)
    assert found.is_exact
    assert mistake.words in found.message
    below = {f"{n}{k}" for k in range(1, mistake.layer + 1) for n in "Wb"}
    assert set(found.tensors) == below


@EVERY_MISTAKE
def test_the_same_mistake_with_one_entry_of_the_delta_off_is_not_named(mistake: Mistake) -> None:
    """A delta that is off by 1e-6 in one entry: nothing exact may be said of what it gives."""
    net = Mlp(**({"seed": 1} | mistake.net))
    wrong = dict(mistake.wrong(net))
    own = wrong.get(f"delta{mistake.layer}", lambda d: d)

    def nearly(d: np.ndarray) -> np.ndarray:
        d = np.array(own(d) if callable(own) else own)
        d[1, 0] += 1e-6 * np.abs(d).max()
        d[2, 1] -= 2e-6 * np.abs(d).max()
        return d

    given = net.grads(**(wrong | {f"delta{mistake.layer}": nearly}))
    assert claims(net.said(given)) == []


@EVERY_MISTAKE
def test_one_entry_beside_a_mistake_is_given_no_other_cause(mistake: Mistake) -> None:
    """What dropout is scaled by wrongly is a factor of the delta as well."""
    alike = {"one-entry", mistake.kind, "delta-factor" if mistake.net.get("dropout") else ""}
    net = Mlp(**({"seed": 1} | mistake.net))
    given = net.grads(**mistake.wrong(net))
    name = f"W{mistake.layer}"
    given[name] = given[name].copy()
    given[name][2, 1] += 1e-3 * np.abs(given[name]).max()
    found = net.said(given)
    assert found
    assert [str(d) for d in found if d.is_exact and d.tensor == name and d.kind not in alike] == []


# ------------------------------------------------------------ near misses


def swapped(net: Mlp) -> Arrays:
    """Return the gradient with the targets of two samples exchanged."""
    order = np.arange(net.m)
    i, j = next((i, j) for i in order for j in order if net.labels[i] != net.labels[j])
    order[[i, j]] = order[[j, i]]
    return net.grads(delta3=net.output_delta(net.y[order]))


NEAR_MISSES: dict[str, Callable[[Mlp], Arrays]] = {
    "two labels exchanged": swapped,
    "slope to the power 1.9": lambda n: n.grads(slope2=lambda s: s**1.9),
    "slope of 0.99 z": lambda n: n.grads(slope1=SLOPES["tanh"](0.99 * n.forward["z1"])),
    "1 - 0.9 a^2": lambda n: n.grads(slope2=1 - 0.9 * n.forward["a2"] ** 2),
    "another temperature": lambda n: n.grads(
        delta3=(np.exp(2 * n.forward["z3"]) / np.exp(2 * n.forward["z3"]).sum(1, keepdims=True)
                - n.y) / n.m
    ),
    "labels smoothed": lambda n: n.grads(delta3=n.output_delta(0.9 * n.y + 0.1 / 3)),
    "weights nearly transposed": lambda n: n.grads(
        back2=n.params["W2"].T + 1e-4 * np.arange(25.0).reshape(5, 5)
    ),
    "samples weighted": lambda n: n.grads(delta2=lambda d: d * np.linspace(0.5, 1.5, n.m)[:, None]),
    "units weighted": lambda n: n.grads(delta3=lambda d: d * np.array([1.0, 0.5, 2.0])),
    "two samples dropped": lambda n: n.grads(delta3=lambda d: d * (1 - kept(2, 4)(n))),
}  # fmt: skip


@pytest.mark.parametrize("near", NEAR_MISSES.values(), ids=NEAR_MISSES)
@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_a_near_miss_is_not_explained(
    near: Callable[[Mlp], Arrays], options: dict[str, Any]
) -> None:
    net = Mlp(**({"seed": 1} | options))
    found = net.said(near(net))
    assert found
    assert claims(found) == []


def test_the_derivative_of_a_leaky_rectifier_for_a_rectifier() -> None:
    net = Mlp(activation="relu")
    found = net.only(net.grads(slope2=np.where(net.forward["z2"] > 0, 1.0, 0.01)))
    assert (found.kind, found.tensor) == ("slope-of-other", "W2")
    assert "0.01" in found.message
    assert claims(net.said(net.grads(slope2=np.where(net.forward["z2"] > 0, 1.0, 0.0123)))) == []


@pytest.mark.parametrize("activation", [a for a in SLOPES if a != "tanh"])
def test_other_activations_are_named_by_their_names(activation: str) -> None:
    net = Mlp(activation=activation, seed=2)
    found = net.only(net.grads(slope2=VALUES["sigmoid"](net.forward["z2"]) ** 0 * 1.0))
    assert (found.kind, found.tensor) == ("slope-missing", "W2")
    names = {"relu": "ReLU", "leaky": f"leaky ReLU ({LEAK:g})"}
    assert names.get(activation, activation) in found.message
