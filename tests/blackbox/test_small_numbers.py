"""Right gradients are not accused where numbers are small: kinks, bends and zeros."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.blackbox import BlackBox
from fastcheck.blackbox.stencil import Stencil


def pooled(seed: int, size: float) -> tuple:
    """Return a loss of the largest of some features, its weights and its gradient."""
    rng = np.random.default_rng(seed)
    x, W = rng.normal(size=(6, 4, 5)), size * rng.normal(size=(5, 3))
    V, y = rng.normal(size=(3, 2)), rng.normal(size=(6, 2))

    def loss() -> float:
        return float((((x @ W).max(axis=1) @ V - y) ** 2).mean())

    z = x @ W
    first = z.argmax(axis=1)
    up = 2.0 * (z.max(axis=1) @ V - y) @ V.T / y.size
    grad = np.zeros_like(W)
    for i, j in np.ndindex(up.shape):
        grad[:, j] += up[i, j] * x[i, first[i, j]]
    return loss, W, grad


@pytest.mark.parametrize("size", [1e-10, 1e-8, 1e-6, 1e-3])
def test_kinks_nearer_than_any_step_are_no_disagreement(size: float) -> None:
    for seed in range(8):
        loss, W, grad = pooled(seed, size)
        result = fc.check_gradients(loss, [W], [grad], engine="black box", seed=seed)
        assert result.tensors["0"].n_disagree == 0, str(result)


@pytest.mark.parametrize("size", [1e-6, 1e-3, 1.0])
@pytest.mark.parametrize("factor", [0.0, -1.0, 2.0, 1.01])
def test_wrong_gradients_between_kinks_fail(factor: float, size: float) -> None:
    for seed in range(4):
        loss, W, grad = pooled(seed, size)
        result = fc.check_gradients(loss, [W], [factor * grad], engine="black box", seed=seed)
        assert result.verdict == "fail", str(result)


@pytest.mark.parametrize("distance", [0.0, 1e-9, 0.02, 0.3, 0.5, 0.95, 1.05, 1.07, 1.5, 3.0])
def test_bounds_hold_beside_a_jump_of_curvature(distance: float) -> None:
    h = 2.0**-8
    w = np.array([distance * h])
    box = BlackBox(lambda: float(w[0] / (1.0 + abs(w[0]))), [w])
    right = 1.0 / (1.0 + w[0]) ** 2
    stencil = Stencil(box, "0", 0, loss=box.loss(), step=h, noise=2.0**-53)
    for found in (stencil.estimate(0), stencil.extrapolated(0)):
        assert abs(found.value - right) <= found.bound


def test_softsign_near_zero_passes() -> None:
    rng = np.random.default_rng(0)
    for size in (1e-6, 1e-5, 1e-4, 1e-3):
        w, x = size * rng.normal(size=6), rng.normal(size=(3, 6))

        def loss(x: np.ndarray = x, w: np.ndarray = w) -> float:
            return float((x * w / (1.0 + np.abs(x * w))).sum())

        grad = (x / (1.0 + np.abs(x * w)) ** 2).sum(axis=0)
        result = fc.check_gradients(loss, [w], [grad], engine="black box", strict=True)
        assert result.verdict != "fail", str(result)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("seed", range(4))
def test_rounding_of_what_cancels_is_no_disagreement(seed: int, scale: float) -> None:
    """A bias before a normalisation has the derivative zero, and a gradient of rounding."""
    rng = np.random.default_rng(seed)
    x, b, y = rng.normal(size=(8, 4)), rng.normal(size=4), rng.normal(size=(8, 4))

    def loss() -> float:
        z = x + b
        z = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-8)
        return scale * float(np.mean((z - y) ** 2))

    grad = 2e-13 * loss() * rng.normal(size=4).clip(-1.0, 1.0)
    result = fc.check_gradients(loss, [b], [grad], engine="black box", seed=seed)
    assert result.verdict == "inconclusive", str(result)
    wrong = fc.check_gradients(loss, [b], [1e5 * grad], engine="black box", seed=seed)
    assert wrong.verdict != "pass", str(wrong)


@pytest.mark.parametrize("factor", [1e-40, 1e-26, 1e-15])
def test_rounding_beside_a_loss_of_zero_is_no_disagreement(factor: float) -> None:
    """As of a contrast between samples, of which there is one."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(1, 4)), rng.normal(size=(4, 3))

    def loss() -> float:
        s = (x @ w) @ (x @ w).T
        return float((np.log(np.exp(s - s.max()).sum(axis=1)) + s.max() - np.diag(s)).sum())

    assert loss() == 0.0
    grad = factor * rng.normal(size=w.shape)
    result = fc.check_gradients(loss, [w], [grad], engine="black box")
    assert result.verdict == "inconclusive", str(result)
    assert result.tensors["0"].n_disagree == 0
