"""Functions that return their value with their gradient, and a product mistaken for another."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

import fastcheck as fc

Pair = tuple[float, np.ndarray]


def checked(f: Callable[[np.ndarray], Pair], x: np.ndarray, **options: object) -> fc.CheckResult:
    """Check a function of one array that returns its value and its gradient together."""
    # With fc.check_value_and_grad this is: fc.check_value_and_grad(f, x, engine="black box").
    return fc.check_gradients(
        lambda: f(x)[0], {"x": x}, {"x": f(x)[1]}, engine="black box", **options
    )


# ------------------------------------------------------------ right ones, of any shape


@pytest.mark.parametrize("shape", [(), (1,), (3,), (4, 5), (2, 3, 4)])
def test_the_sum_of_exponentials_passes(shape: tuple[int, ...]) -> None:
    x = np.asarray(np.random.default_rng(0).standard_normal(shape))
    result = checked(lambda x: (np.sum(np.exp(x)), np.exp(x)), x, strict=True)
    assert result.passed, str(result)
    assert result.coverage.n_resolved == max(1, x.size)


@pytest.mark.parametrize("x", [np.array(123.456), np.arange(1.0, 4.0), np.full((4, 5), -0.7)])
def test_the_sum_of_squares_passes(x: np.ndarray) -> None:
    assert checked(lambda x: (np.sum(x**2), 2 * x), x, strict=True).passed


def test_a_wrong_gradient_of_the_exponentials_is_named_at_the_first_wrong_entry() -> None:
    x = np.random.default_rng(1).standard_normal((3, 4))

    def f(x: np.ndarray) -> Pair:
        g = np.exp(x)
        g[1, 2] *= 1.001
        return np.exp(x).sum(), g

    result = checked(f, x)
    assert result.verdict == "fail"
    (entry,) = result.tensors["x"].mismatches
    assert entry.index == (1, 2)
    assert entry.numerical == pytest.approx(np.exp(x[1, 2]), rel=1e-8)


# ------------------------------------------------------------ a function that draws


def sampled(x: np.ndarray) -> Pair:
    """Return a loss over five indices that Python's generator draws, as negative sampling does."""
    value, g = 0.0, np.zeros_like(x)
    for _ in range(5):
        k = random.randint(0, x.size - 1)
        value += np.log1p(np.exp(x[k]))
        g[k] += 1 / (1 + np.exp(-x[k]))
    return value, g


def test_a_function_that_draws_from_pythons_random_is_found_out_and_not_blamed() -> None:
    x = np.random.default_rng(2).standard_normal(8)
    random.seed(4)
    result = checked(sampled, x)
    assert result.verdict != "pass"
    (finding,) = (f for f in result.findings if f.severity == "error")
    assert finding.kind == "loss-not-repeatable"
    assert "Python's random" in finding.message
    assert sum(t.n_disagree for t in result.tensors.values()) == 0


def test_it_passes_when_the_state_is_restored_before_each_evaluation() -> None:
    x = np.random.default_rng(2).standard_normal(8)
    random.seed(4)
    state = random.getstate()
    gradient = sampled(x)[1]
    result = fc.check_gradients(
        lambda: sampled(x)[0],
        {"x": x},
        {"x": gradient},
        engine="black box",
        before_each=lambda: random.setstate(state),
    )
    assert result.passed, str(result)
    assert result.tensors["x"].n_zero == np.count_nonzero(gradient == 0.0)


def test_it_passes_when_the_function_restores_the_state_itself() -> None:
    x = np.random.default_rng(2).standard_normal(8)
    random.seed(4)
    state = random.getstate()

    def f(x: np.ndarray) -> Pair:
        random.setstate(state)
        return sampled(x)

    result = checked(f, x)
    assert result.passed, str(result)
    assert result.findings == ()


def test_a_wrong_gradient_of_what_is_drawn_fails_where_it_was_drawn() -> None:
    x = np.random.default_rng(2).standard_normal(8)
    random.seed(4)
    state = random.getstate()

    def f(x: np.ndarray) -> Pair:
        random.setstate(state)
        value, g = sampled(x)
        g[np.flatnonzero(g)[0]] *= 2
        return value, g

    result = checked(f, x)
    assert result.verdict == "fail"
    random.setstate(state)
    assert result.tensors["x"].worst.index == (int(np.flatnonzero(sampled(x)[1])[0]),)


# ------------------------------------------------------------ a matrix product, or elementwise


def product(W: np.ndarray) -> Callable[[np.ndarray], Pair]:
    """Return the sum of a matrix product with the gradient of an elementwise one."""
    return lambda x: (np.sum(W @ x), W)


def test_the_elementwise_gradient_of_a_matrix_product_is_refused_with_its_shapes() -> None:
    rng = np.random.default_rng(3)
    W, x = rng.standard_normal((5, 10)), rng.standard_normal((10, 3))
    result = checked(product(W), x)
    assert not result.passed
    (finding,) = result.findings
    assert (finding.kind, finding.severity) == ("wrong-shape", "error")
    assert "has shape (5, 10), the parameter (10, 3)" in finding.message
    assert "the gradient of sum(W @ x) is W.T @ ones" in finding.message


def test_where_shapes_agree_it_fails_at_its_address() -> None:
    rng = np.random.default_rng(3)
    W, x = rng.standard_normal((4, 4)), rng.standard_normal((4, 4))
    right = W.T @ np.ones((4, 4))
    result = checked(product(W), x)
    assert result.verdict == "fail"
    assert result.tensors["x"].n_disagree == 16
    worst = result.tensors["x"].worst
    assert worst.analytic == W[worst.index]
    assert worst.numerical == pytest.approx(right[worst.index], rel=1e-8)
    assert str(worst).startswith(f"x[{worst.index[0]}, {worst.index[1]}]: yours ")


def test_both_products_pass_with_the_gradients_that_are_theirs() -> None:
    rng = np.random.default_rng(3)
    W, x = rng.standard_normal((5, 10)), rng.standard_normal((10, 3))
    assert checked(lambda x: (np.sum(W @ x), W.T @ np.ones((5, 3))), x, strict=True).passed
    V = rng.standard_normal((10, 3))
    assert checked(lambda x: (np.sum(V * x), V), x, strict=True).passed
