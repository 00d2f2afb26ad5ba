"""Slopes of functions that can only be called, compared with closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastcheck.graph.ops.slopes import find_noise, find_slopes

Array = Any
X = np.random.default_rng(3).normal(size=(30, 4))

FUNCTIONS: dict[str, tuple[Any, Any, float]] = {
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2, 1e-11),
    "exp": (lambda x: np.exp(4 * x), lambda x: 4 * np.exp(4 * x), 1e-10),
    "cube": (lambda x: x**3, lambda x: 3 * x * x, 1e-10),
    "fast": (lambda x: np.sin(300 * x), lambda x: 300 * np.cos(300 * x), 1e-8),
    "very fast": (lambda x: np.sin(3000 * x), lambda x: 3000 * np.cos(3000 * x), 1e-5),
    "pole": (lambda x: np.log(x * x), lambda x: 2 / x, 1e-7),
    "small change": (lambda x: 1 + 1e-6 * np.tanh(x), lambda x: 1e-6 / np.cosh(x) ** 2, 1e-5),
    "rounded corner": (
        lambda x: np.sqrt(x * x + 1e-8), lambda x: x / np.sqrt(x * x + 1e-8), 1e-7,
    ),
    "corner": (lambda x: np.maximum(x, 0.0), lambda x: (x > 0) * 1.0, 1e-7),
    "single precision": (
        lambda x: np.tanh(x.astype(np.float32)).astype(np.float64),
        lambda x: 1 - np.tanh(x) ** 2, 1e-2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-12, 1e-9, 1e-6, 1e-3])
def test_a_result_that_a_tiny_input_does_not_move_has_an_error(size: float) -> None:
    """Near zero ``sqrt(1 + x**2)`` is 1 to the last digit."""
    x = size * X
    found = slopes_of(lambda x: np.sqrt(1 + x * x), x)
    right = x / np.sqrt(1 + x * x)
    for j in range(x.shape[1]):
        error = found.error[:, j, j]
        assert np.all(np.abs(found.value[:, j, j] - right[:, j]) <= error)
        assert error.max() < 1e-9
        assert error.min() > 0


def slopes_of(function: Any, x: Array) -> Any:
    with np.errstate(all="ignore"):
        return find_slopes(function, x, find_noise(function, (x,)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_are_bounded_and_small(name: str) -> None:
    function, derivative, most = FUNCTIONS[name]
    found = slopes_of(function, X)
    right = derivative(X)
    scale = np.abs(right).max()
    for j in range(X.shape[1]):
        error = np.abs(found.value[:, j, j] - right[:, j])
        assert np.all(error <= found.error[:, j, j])
        assert found.error[:, j, j].max() <= most * scale
    off = ~np.eye(X.shape[1], dtype=bool)
    assert not found.value[:, off].any()
    assert not found.error[:, off].any()


def test_a_shared_input_has_slopes_in_every_sample() -> None:
    w = np.array([[0.3, -1.2, 0.0, 2.0]])
    found = slopes_of(lambda p: X * p**2, w)
    for j in range(4):
        np.testing.assert_allclose(found.value[:, j, j], 2 * X[:, j] * w[0, j], atol=1e-9)


def test_a_kink_at_the_point_has_two_slopes() -> None:
    x = np.array([[0.0, 1.0, -2.0]])
    found = slopes_of(lambda x: np.where(x > 0, 3 * x, -x), x)
    assert found.kinked(0).tolist() == [True, False, False]
    assert found.jump[0, 0, 0] == pytest.approx(2.0, rel=1e-6)
    up, down = found.change(np.array([[1e-8, -1e-8], [0.0, 0.0], [0.0, 0.0]]), 0)[0]
    assert (up, down) == (pytest.approx(3e-8), pytest.approx(1e-8))


def test_curvature_at_a_stationary_point_is_no_kink() -> None:
    for function in (lambda x: x**2, lambda x: x**4, np.cos, lambda x: x * np.abs(x)):
        found = slopes_of(function, np.array([[0.0, 1.0]]))
        assert found.jump is None or np.abs(found.jump).max() < 1e-6
        assert abs(found.value[0, 0, 0]) <= found.error[0, 0, 0] + 1e-12


def test_at_the_edge_of_a_domain_nothing_is_known() -> None:
    found = slopes_of(np.sqrt, np.array([[0.0, 1.0]]))
    assert not found.error[0, 0, 0] < 1e3
    assert found.value[0, 1, 1] == pytest.approx(0.5, rel=1e-9)


def test_noise_is_measured() -> None:
    x = np.random.default_rng(0).normal(size=200)
    rng = np.random.default_rng(1)

    def shaky(x: Array) -> Array:
        return np.tanh(x) + 1e-9 * rng.standard_normal(x.shape)

    noise = find_noise(shaky, (x,))
    assert 2e-9 < np.median(noise) < 1e-8
    exact = find_noise(np.tanh, (x,))
    assert np.all(exact < 1e-14)
