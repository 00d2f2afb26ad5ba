"""A failing check costs at most three times a passing one, also when everything is wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import fastcheck as fc
from tests.blackbox.detection import checked
from tests.blackbox.networks import KINDS, Arrays, Network
from tests.blackbox.zoo import MEMBERS
from tests.blackbox.zoo.dense import ACTIVATIONS

MOST = 3.0
SHAPES = {1: (1, 1), 10: (5, 2), 100: (10, 10), 10_000: (100, 100)}
FAULTS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "factor 2": lambda g, rng: 2 * g,
    "sign": lambda g, rng: -g,
    "zeros": lambda g, rng: 0 * g,
    "random": lambda g, rng: (np.abs(g).max() + 1) * rng.standard_normal(g.shape).astype(g.dtype),
    "a thousandth": lambda g, rng: g * g.dtype.type(1.001),
    "nan": lambda g, rng: np.full_like(g, np.nan),
}


def layer(size: int, activation: str, dtype: str, seed: int = 0) -> Network:
    """Return one layer, summed with random weights."""
    rng = np.random.default_rng(seed)
    n_in, n_out = SHAPES[size]
    W = (rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)).astype(dtype)
    x, v = rng.standard_normal((8, n_in)).astype(dtype), rng.standard_normal(n_out).astype(dtype)
    f, slope = ACTIVATIONS[activation]

    def passes() -> tuple[float, Arrays]:
        z = x @ W
        a = f(z)
        return (a @ v).sum(), {"W": (x.T @ (slope(z, a) * v)).astype(dtype)}

    return Network({"W": W}, passes)


def costs(net: Network) -> tuple[int, dict[str, tuple[int, fc.CheckResult]]]:
    """Return the evaluations of a check of the right gradient, and of each wrong one."""
    _, right = checked(net, net.grads)
    wrong = {}
    for name, fault in FAULTS.items():
        rng = np.random.default_rng(1)
        result, loss = checked(net, {n: fault(g, rng) for n, g in net.grads.items()})
        wrong[name] = (loss.n_calls, result)
    return right.n_calls, wrong


def assert_cheap(net: Network) -> None:
    right, wrong = costs(net)
    for name, (calls, result) in wrong.items():
        assert calls <= MOST * right, f"{name}: {calls} evaluations against {right}"
        assert not result.passed
        assert result.verdict == "fail" or name == "a thousandth"


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("size", [1, 10, 100])
def test_small_tensors(size: int, activation: str, dtype: str) -> None:
    assert_cheap(layer(size, activation, dtype))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_large_tensors(activation: str, dtype: str) -> None:
    assert_cheap(layer(10_000, activation, dtype))


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("kind", KINDS)
def test_networks_of_several_tensors(kind: str, dtype: str) -> None:
    assert_cheap(KINDS[kind](0, "relu", dtype))


def assert_cheap_in_the_zoo(name: str) -> None:
    net = MEMBERS[name].make(0)
    _, right = checked(net, net.grads)
    for fault in ("factor 2", "sign", "random"):
        rng = np.random.default_rng(1)
        _, loss = checked(net, {n: FAULTS[fault](np.asarray(g), rng) for n, g in net.grads.items()})
        assert loss.n_calls <= MOST * right.n_calls


@pytest.mark.parametrize("name", ["one_large_exponential", "rosenbrock", "hinge", "attention"])
def test_some_members_of_the_zoo(name: str) -> None:
    assert_cheap_in_the_zoo(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", MEMBERS)
def test_every_member_of_the_zoo(name: str) -> None:
    assert_cheap_in_the_zoo(name)


def test_what_is_not_confirmed_any_more_is_still_judged() -> None:
    net = layer(100, "tanh", "f8")
    grads = net.grads
    grads["W"] = 2 * grads["W"]
    result, loss = checked(net, grads)
    assert result.tensors["W"].n_disagree == 100
    assert loss.n_calls < 2 * 100 + 4 * 64 + 100
