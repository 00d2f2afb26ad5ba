"""Sizes of tensors of any magnitude: squares neither overflow nor vanish."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.blackbox.noise import noise_of
from fastcheck.blackbox.scale import rms
from fastcheck.result import TensorResult


@pytest.mark.parametrize("size", [1e-300, 1e-170, 1.0, 1e160, 1e300])
def test_the_root_mean_square_of_any_magnitude(size: float) -> None:
    assert rms(size * np.array([3.0, -4.0, 0.0, 0.0])) == pytest.approx(2.5 * size, rel=1e-14)


def test_the_root_mean_square_of_nothing_is_zero() -> None:
    assert rms(np.zeros(0)) == rms(np.zeros(3)) == 0.0


def test_the_root_mean_square_of_what_is_not_finite_is_not_either() -> None:
    assert rms(np.array([1.0, np.inf])) == np.inf
    assert np.isnan(rms(np.array([np.nan, 1.0, np.inf])))


@pytest.mark.parametrize("size", [1e-290, 1e280])
def test_noise_of_any_magnitude(size: float) -> None:
    values = 1.0 + 1e-9 * np.random.default_rng(0).standard_normal(8)
    (one, _), (other, advice) = noise_of(values), noise_of(size * values)
    assert advice == 0
    assert other == pytest.approx(size * one, rel=1e-3)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e155, 1e200, 1e300])
def test_gradients_of_any_magnitude_are_judged(size: float) -> None:
    w = np.random.default_rng(0).standard_normal(20)
    right = size * np.cos(w)
    wrong = right.copy()
    wrong[3] *= 1.001

    def checked(gradient: np.ndarray) -> TensorResult:
        loss = lambda: float(size * np.sin(w).sum())  # noqa: E731
        result = fc.check_gradients(loss, [w], [gradient], engine="black box", strict=True)
        return result.tensors["0"]

    assert checked(right).passed
    assert [e.index for e in checked(wrong).mismatches] == [(3,)]


def test_a_slope_beside_which_the_parameter_is_nothing_is_judged() -> None:
    x = 1e-310 * np.random.default_rng(0).standard_normal(5)
    loss = lambda: float(np.sin(x + 1).sum() + (1e300 * x).sum())  # noqa: E731
    assert fc.check_gradients(loss, [x], [np.cos(x + 1) + 1e300], engine="black box").passed
