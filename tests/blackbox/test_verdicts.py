"""Verdicts on losses that can only be called: right passes, wrong is found where it is."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from tests.faults.planted import CASE, FAULTS, SLIGHT
from tests.literal import Arrays
from tests.wild.cases import CASES, name_of

RTOL = 1e-5
TRULY_ZERO = {"fc_batchnorm": {"b1", "b2"}, "book_multilayer": {"b1", "b2"}, "siamese": {"b2"}}
"""Biases whose gradient is zero: a normalisation or a difference takes them away."""


class Counted:
    """A loss that counts its calls."""

    def __init__(self, loss) -> None:
        self.loss = loss
        self.n_calls = 0

    def __call__(self) -> float:
        """Return the loss."""
        self.n_calls += 1
        return self.loss()


def checked(grads: Arrays, **options: object) -> fc.CheckResult:
    loss = lambda: CASE.passes()[0]  # noqa: E731
    return fc.check_gradients(loss, CASE.params, grads, engine="black box", **options)


@pytest.mark.parametrize("make", CASES, ids=name_of)
def test_a_right_gradient_raises_no_alarm(make) -> None:
    case = make()
    loss = Counted(case.loss)
    result = fc.check_gradients(
        loss, case.params, case.grads, engine="black box", budget=0.5, strict=True
    )
    wrong = [t.name for t in result.tensors.values() if not t.passed]
    assert set(wrong) <= TRULY_ZERO.get(name_of(make), set())
    assert sum(t.n_disagree + t.n_close for t in result.tensors.values()) == 0
    assert loss.n_calls <= 3 * result.coverage.n_checked + 120 * len(case.params) + 60


@pytest.mark.parametrize("grads", FAULTS.values(), ids=FAULTS)
def test_a_fault_fails_in_exactly_the_entries_that_are_wrong(grads: Arrays) -> None:
    result = checked(grads)
    assert result.verdict == "fail"
    for name, right in CASE.right.items():
        size = np.maximum(np.abs(right), np.abs(grads[name]))
        floor = 0.01 * np.sqrt((right**2).mean())
        far = np.abs(grads[name] - right) / np.maximum(size, floor)
        tensor = result.tensors[name]
        assert (far > 1.01 * RTOL).sum() <= tensor.n_disagree <= (far > 0.99 * RTOL).sum()
        assert tensor.verdict == ("fail" if (far > 1.01 * RTOL).any() else "pass")
        told = {e.index for e in tensor.mismatches if e.verdict == "disagree"}
        assert told <= {tuple(map(int, place)) for place in np.argwhere(far > 0.99 * RTOL)}


@pytest.mark.parametrize("grads", SLIGHT.values(), ids=SLIGHT)
def test_a_slight_fault_is_close_and_fails_when_strict(grads: Arrays) -> None:
    assert checked(grads).passed
    assert checked(grads, strict=True).verdict == "fail"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_never_agrees(value: float) -> None:
    gradient = CASE.right["b2"].copy()
    gradient[3] = value
    result = checked(CASE.right | {"b2": gradient})
    assert [n for n, t in result.tensors.items() if not t.passed] == ["b2"]
    (entry,) = result.tensors["b2"].mismatches
    assert entry.index == (3,)


def test_two_evaluations_are_enough_for_an_entry_that_agrees() -> None:
    rng = np.random.default_rng(0)
    W, x, y = rng.standard_normal((50, 30)), rng.standard_normal((8, 50)), rng.random((8, 30))
    loss = Counted(lambda: 0.5 * np.sum((np.tanh(x @ W) - y) ** 2))
    a = np.tanh(x @ W)
    result = fc.check_gradients(loss, [W], [x.T @ ((a - y) * (1 - a * a))], engine="black box")
    assert result.passed
    assert loss.n_calls < 2 * W.size + 200


def test_a_wrong_gradient_everywhere_costs_at_most_three_times_a_right_one() -> None:
    rng = np.random.default_rng(0)
    W, x = rng.standard_normal((40, 30)), rng.standard_normal((8, 40))
    loss = Counted(lambda: np.sum(np.tanh(x @ W)))
    right = x.T @ (1 - np.tanh(x @ W) ** 2)
    assert fc.check_gradients(loss, [W], [right], engine="black box").passed
    calls, loss.n_calls = loss.n_calls, 0
    result = fc.check_gradients(loss, [W], [2 * right], engine="black box")
    assert result.tensors["0"].n_disagree == W.size
    assert loss.n_calls <= 3 * calls
