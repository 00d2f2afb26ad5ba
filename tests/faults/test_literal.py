"""What is planted into the backward pass of the graph is what an author would have written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.faults.planted import CASE, FAULTS, MADE
from tests.literal import L2, N_BATCH, RATE, Arrays, softmax

pytestmark = pytest.mark.interpreted

F = CASE.forward()
A1, Z1, Z2 = F["a1"], F["z1"], F["z2"]
SLOPE, MASK = 1 - A1**2, CASE.mask
P2 = softmax(F["p"])


def without(*samples: int) -> np.ndarray:
    """Return the divisor of each sample of the batch, infinite for those that are left out."""
    n = np.full((N_BATCH, 1), float(N_BATCH))
    n[list(samples)] = np.inf
    return n


CHANGED: dict[str, dict[str, Any]] = {
    "slope missing a1": {"tanh": 1.0},
    "slope squared a1": {"tanh": SLOPE**2},
    "slope of value a1": {"tanh": 1 - np.tanh(A1) ** 2},
    "value for slope a1": {"tanh": A1},
    "slope of other a1": {"tanh": A1 * (1 - A1)},
    "slope of other a1 again": {"tanh": 1 - A1},
    "slope elsewhere a1": {"tanh": Z2 > 0},
    "slope missing a2": {"relu": 1.0},
    "slope of other a2": {"relu": np.where(Z2 > 0, 1.0, 0.01)},
    "value for slope a2": {"relu": np.maximum(Z2, 0)},
    "mask inverted a2": {"relu": Z2 <= 0},
    "slope elsewhere a2": {"relu": SLOPE},
    "dropout missing after W1": {"dropout": 1.0},
    "dropout unscaled after W1": {"dropout": MASK},
    "dropout twice after W1": {"dropout": (MASK / (1 - RATE)) ** 2},
    "input before dropout W2": {"input2": A1},
    "input before activation W2": {"input2": Z1},
    "not transposed W2": {"weights": CASE.params | {"W2": CASE.params["W2"].T}},
    "labels shifted": {"labels": np.roll(CASE.y, -1)},
    "labels reversed": {"labels": CASE.y[::-1]},
    "double softmax": {"p": P2},
    "guard ignored": {"guard": 0.0},
    "first sample dropped": {"n": without(0)},
    "last sample dropped": {"n": without(N_BATCH - 1)},
    "only last sample": {"n": without(*range(N_BATCH - 1))},
    "penalty missing": {"l2": 0.0},
    "penalty doubled": {"l2": 2 * L2},
    "penalty negated": {"l2": -L2},
    "penalty divided by the batch": {"l2": L2 / N_BATCH},
}


def assert_same(wrong: Arrays, literal: Arrays) -> None:
    for name, expected in literal.items():
        np.testing.assert_allclose(wrong[name], expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("title", CHANGED)
def test_a_mistake_is_that_of_the_literal_backward_pass(title: str) -> None:
    assert_same(MADE[title][1], CASE.passes(**CHANGED[title])[1])


def deltas() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the derivatives with respect to the pre-activations, by hand."""
    p, samples = F["p"], np.arange(N_BATCH)
    picked = p[samples, CASE.y]
    dz3 = p.copy()
    dz3[samples, CASE.y] -= 1
    dz3 *= (picked / (picked + 1e-8))[:, None] / N_BATCH
    dz2 = dz3 @ CASE.params["W3"].T * (Z2 > 0)
    return dz2 @ CASE.params["W2"].T * MASK / (1 - RATE) * SLOPE, dz2, dz3


def test_a_bias_summed_over_units_or_with_the_slope_twice_is_what_it_says() -> None:
    dz1, dz2, _ = deltas()
    assert_same(MADE["summed over units b2"][1], CASE.right | {"b2": dz2.sum(axis=1)})
    assert_same(MADE["slope twice b1"][1], CASE.right | {"b1": (dz1 * SLOPE).sum(axis=0)})


@pytest.mark.parametrize(("title", "kept"), [
    ("first sample dropped", slice(1, None)), ("last sample dropped", slice(0, -1)),
    ("only last sample", slice(-1, None)),
])  # fmt: skip
def test_samples_are_left_out_of_one_tensor_only(title: str, kept: slice) -> None:
    dz1, _, dz3 = deltas()
    weights = CASE.x[kept].T @ dz1[kept] + L2 * CASE.params["W1"]
    assert_same(MADE[f"{title} W1"][1], CASE.right | {"W1": weights})
    assert_same(MADE[f"{title} b3"][1], CASE.right | {"b3": dz3[kept].sum(axis=0)})


def test_the_beginning_of_a_backward_pass_is_wrong_as_it_says() -> None:
    p, y = F["p"], np.eye(4)[CASE.y]
    w = y * p / (p + 1e-8)
    d = (p - y) * (w.sum(axis=1, keepdims=True)) / N_BATCH
    for title, dz3 in (
        ("labels ignored", p / N_BATCH),
        ("diagonal softmax", -w * (1 - p) / N_BATCH),
        ("double derivative", p * (d - (p * d).sum(axis=1, keepdims=True))),
    ):
        np.testing.assert_allclose(MADE[title][1]["b3"], dz3.sum(axis=0), rtol=1e-6)


def test_stale_weights_are_a_tenth_of_their_size_away_along_the_gradient() -> None:
    after = {}
    for name, weights in CASE.params.items():
        gradient = CASE.right[name]
        rate = 0.1 * np.sqrt((weights**2).mean() / (gradient**2).mean())
        after[name] = weights - rate * gradient
    assert_same(MADE["stale weights"][1], CASE.passes(weights=after)[1])


def test_penalties_on_biases_and_of_the_other_norm_are_added() -> None:
    on_biases = {n: g + L2 * CASE.params[n] if n[0] == "b" else g for n, g in CASE.right.items()}
    assert_same(MADE["penalty on biases"][1], on_biases)
    wrong = MADE["penalty absolute"][1]
    for name in ("W1", "W2", "W3"):
        other = CASE.right[name] + L2 * (np.sign(CASE.params[name]) - CASE.params[name])
        np.testing.assert_allclose(wrong[name], other, rtol=1e-12)


def test_a_slope_of_zero_and_one_applied_twice_changes_nothing() -> None:
    assert "slope squared a2" in MADE
    assert "slope squared a2" not in FAULTS
