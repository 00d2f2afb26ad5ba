"""Derivatives that are zero because their terms cancel are known to be zero."""

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.judge import judge_tensor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 5))
Y = RNG.normal(size=(12, 3))


def normalised(params, x, y):
    """Return the loss of a network whose bias is undone by batch normalisation."""
    z = x @ params["W"] + params["b"]
    h = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5)
    return np.mean((np.tanh(h) @ params["V"] - y) ** 2)


@pytest.fixture
def case():
    params = {
        "W": RNG.normal(size=(5, 4)), "b": RNG.normal(size=4), "V": RNG.normal(size=(4, 3)),
    }  # fmt: skip
    objective = fc.trace(normalised, params, X, Y)
    return objective, params, objective.gradient(params)


def test_a_bias_before_batch_normalisation_passes(case):
    objective, params, grads = case
    assert np.abs(grads["b"]).max() < 1e-15
    result = fc.check_gradients(objective, params, grads)
    assert result.passed, str(result)
    assert result.tensors["b"].n_agree == 4


def test_a_bias_before_batch_normalisation_passes_in_float32(case):
    objective, params, grads = case
    grads = {name: g.astype(np.float32) for name, g in grads.items()}
    grads["b"] += RNG.normal(size=4).astype(np.float32) * np.float32(3e-9)  # as float32 rounds
    result = fc.check_gradients(objective, params, grads)
    assert result.passed, str(result)
    grads["b"][2] += np.float32(1e-4)
    assert fc.check_gradients(objective, params, grads).tensors["b"].verdict == "fail"


@pytest.mark.parametrize("value", [1e-3, 1e-9, 1e-12])
def test_a_bias_that_is_not_zero_fails(case, value):
    objective, params, grads = case
    grads["b"][2] = value
    assert fc.check_gradients(objective, params, grads).tensors["b"].verdict == "fail"


def test_a_dead_tensor_resolves_nothing():
    zero = np.zeros(4)
    dead = judge_tensor("b", zero, zero, zero, terms=zero)
    assert dead.verdict == "inconclusive"


SATURATED = np.array([[40.0, -35.0, 50.0]])


def logistic(x):
    return 1.0 / (1.0 + np.exp(-x))


@pytest.mark.parametrize(
    ("layer", "x", "verdict"),
    [
        (np.tanh, SATURATED, "pass"),
        (logistic, np.abs(SATURATED), "pass"),
        (logistic, -np.abs(SATURATED), "fail"),  # its derivative is a without 1 - a
        (lambda x: np.maximum(x, 0.0), -np.abs(SATURATED), "inconclusive"),
        (lambda x: np.clip(x, -1.0, 1.0), SATURATED, "inconclusive"),
    ],
)
def test_a_saturated_layer_has_terms_that_cancel_and_a_dead_one_has_none(layer, x, verdict):
    assert fc.check_layer(layer, lambda upstream: 0.0 * upstream, x).verdict == verdict
    if verdict == "pass":
        assert fc.check_layer(layer, lambda upstream: upstream, x).verdict == "fail"


def test_zeros_of_terms_that_cancel_are_resolved():
    noise = np.array([1e-17, -2e-17, 0.0, 3e-17])
    bound = np.full(4, 1e-15)
    assert judge_tensor("b", noise, -noise, bound, terms=np.ones(4)).verdict == "pass"
    assert judge_tensor("b", noise, -noise, bound).verdict == "inconclusive"
    assert judge_tensor("b", noise, -noise, bound, terms=np.full(4, 1e-10)).verdict != "pass"


def test_zeros_of_terms_that_cancel_are_resolved_at_the_precision_of_the_analytic_side():
    noise, exact = np.full(4, 1e-7), np.full(4, 1e-17)
    bound, own, terms = np.full(4, 1e-6), np.full(4, 1e-15), np.ones(4)

    def verdict(numerical=exact, bound=bound, own=own, terms=terms):
        return judge_tensor("b", noise, numerical, bound, own=own, terms=terms).verdict

    assert verdict() == "pass"
    assert verdict(own=None) == "pass"
    assert verdict(bound=np.full(4, 3e-6)) == "pass"
    assert verdict(bound=np.full(4, 3e-6), own=None) == "inconclusive"
    assert verdict(bound=np.full(4, 2e-3)) == "inconclusive"  # float16 says too little
    assert verdict(numerical=np.full(4, 1e-8)) == "inconclusive"  # small, and not zero
    assert verdict(bound=np.full(4, 5e-8)) == "fail"


def test_small_entries_agree_at_the_precision_of_the_analytic_side():
    numerical = np.array([1.0, -2.0, 1e-6, 3.0])
    bound, own = np.full(4, 1e-4), np.full(4, 1e-9)

    def verdict(error, numerical=numerical, bound=bound, own=own):
        analytic = numerical + np.array([0.0, 0.0, error, 0.0])
        return judge_tensor("b", analytic, numerical, bound, own=own).verdict

    assert verdict(9e-5) == "pass"
    assert verdict(9e-5, own=None) == "inconclusive"
    assert verdict(9e-5, own=np.full(4, 1e-4)) == "inconclusive"  # the numerical one is at fault
    assert verdict(9e-5, bound=np.full(4, 3e-3)) == "inconclusive"  # also large beside the others
    assert verdict(2e-4) == "fail"


def test_a_tensor_that_float32_cannot_tell_from_zero_is_not_resolved():
    numerical = RNG.normal(size=20) * 1e-8
    bound, own, terms = np.full(20, 1e-7), np.full(20, 1e-16), np.ones(20)
    result = judge_tensor("W", np.zeros(20), numerical, bound, own=own, terms=terms)
    assert result.verdict == "inconclusive"
