"""A formula is taken for an operation where it has its values, and not where it cancels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import fastcheck as fc

Array = np.ndarray
Formula = Callable[[Array], Array]

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))
W, V = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2))


def tanh_by_exp(z: Array) -> Array:
    return 1 - 2 / (np.exp(2 * z) + 1)


def logistic_from_above(z: Array) -> Array:
    return 1 - 1 / (1 + np.exp(z))


FORMULAS: dict[str, tuple[str, Formula, Formula, Formula]] = {
    "tanh": ("Tanh", tanh_by_exp, lambda a: 1 - a * a, lambda w: 1e-17 * w),
    "sigmoid": ("Sigmoid", logistic_from_above, lambda a: a * (1 - a), lambda w: w),
}
"""Operation, formula, slope from its value, and weights at which the formula cancels."""


def checked(name: str, w: Array, x: Array = X, shift: float = 0.0) -> tuple[fc.CheckResult, bool]:
    """Check a network and its right gradient; return whether the formula was recognised, too."""
    operation, formula, slope, _ = FORMULAS[name]

    def loss(p: dict[str, Array]) -> float:
        return np.sum((formula(x @ p["W"] + shift) @ p["V"] - Y) ** 2)

    params = {"W": w, "V": V}
    a = formula(x @ w + shift)
    d = 2 * (a @ V - Y)
    grads = {"V": a.T @ d, "W": x.T @ ((d @ V.T) * slope(a))}
    graph = fc.trace(loss, params).graph
    names = {type(node.op).__name__ for node in graph.nodes}
    return fc.check_gradients(loss, params, grads), operation in names


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_with_digits_is_taken_for_its_operation(name: str) -> None:
    result, is_recognised = checked(name, W)
    assert is_recognised
    assert result.passed


@pytest.mark.parametrize(("name", "shift"), [("tanh", 0.0), ("sigmoid", -45.0)])
def test_a_right_gradient_is_not_accused_where_its_formula_cancels(name: str, shift: float) -> None:
    """The values are zero, and so is the gradient of what they are multiplied by."""
    *_, smaller = FORMULAS[name]
    result, _ = checked(name, smaller(W), shift=shift)
    assert result.verdict != "fail"
    assert not result.diagnosis


@pytest.mark.parametrize("size", [1e-5, 1e-3])
def test_a_formula_that_loses_some_digits_is_still_an_operation(size: float) -> None:
    assert checked("tanh", size * W)[1]
