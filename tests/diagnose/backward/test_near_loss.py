"""Mistakes in the derivative of a loss that is checked alone, with respect to what it reads."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc

RNG = np.random.default_rng(2)
SCORES, LABELS = RNG.normal(size=(8, 5)), RNG.integers(0, 5, 8)
TARGETS = np.eye(5)[LABELS]


class SoftmaxLoss:
    """Softmax and cross-entropy over classes along an axis, with a guard that backward ignores."""

    def __init__(self, guard=0.0, edit=lambda p, y: p - y, axis=1):
        self.guard, self.edit, self.axis = guard, edit, axis

    def forward(self, z, y):
        """Return the mean over the samples."""
        e = np.exp(z - z.max(axis=self.axis, keepdims=True))
        self.p, self.y = e / e.sum(axis=self.axis, keepdims=True), y
        return -np.sum(y * np.log(self.p + self.guard)) / 8

    def backward(self, dout=1):
        """Return the gradient of the scores."""
        return dout * self.edit(self.p, self.y) / 8


class SigmoidLoss(SoftmaxLoss):
    """Sigmoids and binary cross-entropy."""

    def forward(self, z, y):
        """Return the mean over the samples."""
        self.p, self.y = 1 / (1 + np.exp(-z)), y
        yes, no = np.log(self.p + self.guard), np.log(1 - self.p + self.guard)
        return -np.sum(y * yes + (1 - y) * no) / 8


def told(layer, axis=1, **options):
    inputs = (SCORES, TARGETS) if axis == 1 else (SCORES.T.copy(), TARGETS.T.copy())
    result = fc.check_layer(layer, inputs=inputs, only="z", **options)
    return result, [(d.kind, d.is_exact) for d in result.diagnosis]


MISTAKES = [
    (lambda p, y: p, "labels-ignored"),
    (lambda p, y: p - np.roll(y, 1, axis=0), "labels-reordered"),
    (lambda p, y: p - np.roll(y, 1, axis=1), "labels-shifted"),
    (lambda p, y: (p - y) * p * (1 - p), "double-derivative"),
]


@pytest.mark.parametrize("guard", [0.0, 1e-7, 1e-3])
@pytest.mark.parametrize(("edit", "kind"), MISTAKES, ids=[kind for _, kind in MISTAKES])
def test_a_usual_mistake_is_named(edit, kind: str, guard: float) -> None:
    assert told(SoftmaxLoss(guard, edit))[1] == [(kind, True)]


@pytest.mark.parametrize("loss", [SoftmaxLoss, SigmoidLoss])
def test_a_guard_is_named_and_accepted(loss: type) -> None:
    result, kinds = told(loss(1e-3))
    assert (result.verdict, kinds) == ("fail", [("guard-ignored", True)])
    assert result.diagnosis[0].constant == 1e-3
    assert told(loss(1e-3), accept="guard")[0].passed


def test_a_guard_that_leaves_all_entries_close_is_named_too() -> None:
    result, kinds = told(SoftmaxLoss(1e-7))
    assert (result.verdict, kinds) == ("pass", [("guard-ignored", True)])
    assert result.tensors["z"].n_close > 0
    assert "mostly-close" not in [finding.kind for finding in result.findings]


def test_classes_may_lie_along_the_first_axis() -> None:
    assert told(SoftmaxLoss(1e-3, axis=0), axis=0)[1] == [("guard-ignored", True)]


@pytest.mark.parametrize("guard", [0.0, 1e-3])
@pytest.mark.parametrize(
    "edit",
    [
        lambda p, y: (p - y) * (1 + 1e-3 * np.sin(40 * p)),
        lambda p, y: (p - y) + 1e-4 * np.cos(p),
    ],
)
def test_what_is_nearly_a_mistake_is_not_called_so(edit, guard: float) -> None:
    assert told(SoftmaxLoss(guard, edit))[1] == [("unexplained", False)]


def test_a_factor_beside_an_accepted_guard_fails() -> None:
    wrong = SoftmaxLoss(1e-3, lambda p, y: 2 * (p - y))
    assert told(wrong, accept="guard")[0].verdict == "fail"


def test_right_losses_are_not_explained() -> None:
    for loss in (SoftmaxLoss(), SigmoidLoss()):
        assert told(loss)[1] == []


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_scores_of_a_network_are_explained_where_only_they_are_given(sign: float) -> None:
    x, W = RNG.normal(size=(8, 6)), RNG.normal(size=(6, 5))

    def loss(p, x, y):
        z = fc.mark("z", x @ p["W"])
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return sign * -np.sum(y * np.log(e / e.sum(axis=1, keepdims=True))) / 8

    e = np.exp(x @ W)
    wrong = sign * (e / e.sum(axis=1, keepdims=True)) / 8
    objective = fc.trace(loss, {"W": W}, x, TARGETS)
    (found,) = fc.check_gradients(objective, {"W": W}, {"z": wrong}, only="z").diagnosis
    assert (found.kind, found.tensors) == ("labels-ignored", ("z",))
