"""Noise that a smooth term hides near the point is found; cliffs, kinks and waves are no noise."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.blackbox import BlackBox
from fastcheck.blackbox.hidden import find_hidden, level_of, noise_on
from fastcheck.blackbox.noise import find_noise
from tests.blackbox.networks import Network
from tests.blackbox.zoo import MEMBERS

PENALTIES = {
    "squares": (lambda w: (w**2).sum(), lambda w: 2.0 * w),
    "absolute": (lambda w: np.abs(w).sum(), np.sign),
}
PLANS = ("exhaustive", "sample", "directions")


def single(seed: int, penalty: str, weight: float, n_out: int = 3) -> tuple[Network, dict]:
    """Return a regression in float32 with a penalty in float64, and the gradient of that alone."""
    rng = np.random.default_rng(seed)
    x, y = (rng.normal(size=(16, n)).astype(np.float32) for n in (6, n_out))
    W = rng.normal(size=(6, n_out))
    value, slope = PENALTIES[penalty]

    def passes() -> tuple[float, dict]:
        loss = float(np.mean((x @ W.astype(np.float32) - y) ** 2)) + weight * float(value(W))
        wide = x.astype(float)
        return loss, {"W": 2.0 * wide.T @ (wide @ W - y) / y.size + weight * slope(W)}

    return Network({"W": W}, passes), {"W": weight * slope(W)}


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("weight", [1e-4, 1e-2])
@pytest.mark.parametrize("seed", range(3))
def test_float32_beside_a_penalty_neither_passes_without_its_part_nor_fails_with_it(
    seed: int, weight: float, penalty: str, plan: str
) -> None:
    net, alone = single(seed, penalty, weight)
    options = {"engine": "black box", "plan": plan, "seed": seed}
    right = fc.check_gradients(net.loss, net.params, net.grads, **options)
    wrong = fc.check_gradients(net.loss, net.params, alone, **options)
    assert right.verdict != "fail", str(right)
    assert wrong.verdict == "fail", str(wrong)
    for result in (right, wrong):
        assert "hidden-float32" in {finding.kind for finding in result.findings}


def test_float32_beside_a_penalty_is_found_with_a_given_step() -> None:
    net, alone = single(0, "squares", 1e-3)
    options = {"engine": "black box", "step": 1e-5}
    assert fc.check_gradients(net.loss, net.params, net.grads, **options).verdict != "fail"
    assert fc.check_gradients(net.loss, net.params, alone, **options).verdict != "pass"


def test_float16_beside_a_penalty_neither_passes_without_its_part_nor_fails_with_it() -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x, y, W = rng.normal(size=(16, 6)), rng.normal(size=(16, 3)), rng.normal(size=(6, 3))

        def loss(x: np.ndarray = x, y: np.ndarray = y, W: np.ndarray = W) -> float:
            low = W.astype(np.float16).astype(float)
            return float(np.mean((x @ low - y) ** 2) + 1e-2 * (W**2).sum())

        alone = 2e-2 * W
        right = 2.0 * x.T @ (x @ W - y) / y.size + alone
        options = {"engine": "black box", "seed": seed}
        assert fc.check_gradients(loss, [W], [right], **options).verdict != "fail"
        assert fc.check_gradients(loss, [W], [alone], **options).verdict == "fail"


def test_differences_of_exponentials_near_zero_are_noise() -> None:
    """They have a digit in two near 1e-8, and a smooth penalty beside them has all."""
    rng = np.random.default_rng(0)
    x, W = 1e-8 * rng.normal(size=(9, 6)), rng.normal(size=(6, 3))

    def passes() -> tuple[float, dict]:
        z = x @ W
        a = (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z))
        grad = 1e6 * x.T @ (1.0 - np.tanh(z) ** 2) + 2e-3 * W
        return float(1e6 * a.sum() + 1e-3 * (W**2).sum()), {"W": grad}

    net = Network({"W": W}, passes)
    for seed in range(5):
        right = fc.check_gradients(net.loss, [W], [net.grads["W"]], engine="black box", seed=seed)
        wrong = fc.check_gradients(net.loss, [W], [2e-3 * W], engine="black box", seed=seed)
        assert right.verdict != "fail", str(right)
        assert wrong.verdict != "pass", str(wrong)


def test_hidden_noise_is_found_with_any_seed() -> None:
    net, _ = single(0, "squares", 1e-3)
    box = BlackBox(net.loss, net.params)
    loss = box.loss()
    assert all(find_hidden(box, loss, 2.0**-53 * loss, seed) > 0.0 for seed in range(100))


def test_hidden_noise_is_about_that_of_float32() -> None:
    for seed in range(10):
        net, _ = single(seed, "squares", 1e-2, 8)
        box = BlackBox(net.loss, net.params)
        loss = box.loss()
        scatter = 2.0**-24 * loss
        assert 0.1 * scatter < find_noise(box, loss, seed).size < 30.0 * scatter


@pytest.mark.parametrize(
    "name",
    ["steep_sigmoids", "softmax_of_low_temperature", "entries_of_very_different_sizes",
     "reciprocals_of_small_numbers", "kinks_at_every_distance", "small_kinks_at_every_distance",
     "dense_relu", "large_batch_relu"],
)  # fmt: skip
def test_what_is_continuous_is_not_taken_for_noise(name: str) -> None:
    for seed in range(4):
        net = MEMBERS[name].make(seed)
        box = BlackBox(net.loss, net.params)
        loss = box.loss()
        assert find_hidden(box, loss, 2.0**-53 * abs(loss), seed) <= 2.0**-46 * abs(loss)


def test_a_loss_that_overflows_or_raises_beside_the_point_has_no_hidden_noise() -> None:
    w = np.array([600.0, 700.0])
    assert find_hidden(BlackBox(lambda: float(np.exp(w).sum()), [w]), 1e304, 1e288, 0) == 0.0
    v = np.array([1e-9])
    box = BlackBox(lambda: 1.0 / float(v[0] > 0.0), [v])
    assert find_hidden(box, 1.0, 1e-16, 0) == 0.0


def test_arrays_are_restored_bit_for_bit() -> None:
    net, _ = single(0, "squares", 1e-2)
    before = net.params["W"].tobytes()
    box = BlackBox(net.loss, net.params)
    assert find_hidden(box, box.loss(), 1e-16, 0) > 0.0
    assert net.params["W"].tobytes() == before


def test_levels_are_standard_deviations() -> None:
    rng = np.random.default_rng(0)
    found = [level_of(1e-9 * rng.standard_normal(12)) for _ in range(200)]
    assert np.median(found) == pytest.approx(1e-9, rel=0.5)
    assert level_of(np.full(12, np.nan)) == np.inf


def test_a_ladder_shows_the_noise_that_stays_and_not_what_grows() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(12) - 5.5
    stays = [1e-9 * rng.standard_normal(12) + 8.0**k * t for k in range(5)]
    grows = [8.0**k * np.maximum(t, 0.0) + 8.0**k * rng.standard_normal(12) for k in range(5)]
    assert noise_on(stays)[0] == pytest.approx(1e-9, rel=1.0)
    assert noise_on(grows) == (0.0, 0)
