"""Functions whose values, parameters or domains are extreme."""

from __future__ import annotations

import math

import numpy as np

from tests.blackbox.networks import Network, dense, scaled
from tests.blackbox.zoo.base import add, member, of_vector
from tests.blackbox.zoo.functions import normal


def uniform_log(seed: int, low: float, high: float, n: int) -> np.ndarray:
    """Return numbers whose logarithms are uniform, the extremes among them."""
    x = np.exp(np.random.default_rng([seed, 4]).uniform(np.log(low), np.log(high), n))
    x[0], x[-1] = low, high
    return x


for size, text in ((1e-8, "1e-8"), (1e8, "1e8"), (1e-100, "1e-100"), (1e100, "1e100")):
    add(
        f"dense_tanh_times_{text}",
        lambda seed, size=size: dense(seed, "tanh", size=size),
    )


def with_offset(seed: int, offset: float) -> Network:
    net = dense(seed, "tanh")

    def passes() -> tuple[float, dict[str, np.ndarray]]:
        loss, grads = net.passes()
        return loss + offset, grads

    return Network(net.params, passes)


add("large_offset", lambda seed: with_offset(seed, 1e3))
add("huge_offset", lambda seed: with_offset(seed, 1e8), smooth=False)
add("offset_that_hides_all", lambda seed: with_offset(seed, -1e15), smooth=False)


@member()
def tensors_of_very_different_sizes(seed: int) -> Network:
    p = {"a": 1e-6 * normal(seed, 7), "b": 1e3 * normal(seed + 1, 7)}
    x = normal(seed + 2, 7)

    def passes() -> tuple[float, dict[str, np.ndarray]]:
        u, v = 1e6 * p["a"], 1e-3 * p["b"]
        loss = np.sin(u) @ x + (v**3).sum() + u @ v
        return float(loss), {"a": 1e6 * (np.cos(u) * x + v), "b": 1e-3 * (3 * v * v + u)}

    return Network(p, passes)


@member()
def entries_of_very_different_sizes(seed: int) -> Network:
    """One array holds entries of 1e-6 beside entries of 1e3; each bends at its own scale."""
    sizes = np.array([1e-6, 1e-3, 1.0, 30.0, 1e3])
    return of_vector(
        sizes * (1 + 0.5 * np.tanh(normal(seed, 5))),
        lambda x: float(np.log1p((x / sizes) ** 2).sum()),
        lambda x: 2 * x / sizes**2 / (1 + (x / sizes) ** 2),
    )


@member()
def gradients_of_very_different_sizes(seed: int) -> Network:
    c = 10.0 ** np.linspace(-6, 3, 10)
    return of_vector(
        normal(seed, 10), lambda x: float(c @ np.tanh(x)), lambda x: c * (1 - np.tanh(x) ** 2)
    )


@member()
def logarithm_near_zero(seed: int) -> Network:
    def value(x: np.ndarray) -> float:
        with np.errstate(all="ignore"):
            return float(-np.log(x).sum())

    return of_vector(uniform_log(seed, 1e-6, 1.0, 9), value, lambda x: -1 / x)


@member()
def logarithm_that_raises(seed: int) -> Network:
    return of_vector(
        uniform_log(seed, 1e-5, 1.0, 7),
        lambda x: sum(-math.log(v) for v in x),
        lambda x: -1 / x,
    )


@member()
def root_near_zero(seed: int) -> Network:
    def value(x: np.ndarray) -> float:
        with np.errstate(all="ignore"):
            return float(np.sqrt(x).sum())

    return of_vector(uniform_log(seed, 1e-6, 1.0, 9), value, lambda x: 0.5 / np.sqrt(x))


@member()
def probabilities_near_one(seed: int) -> Network:
    y = np.arange(8) % 2

    def value(p: np.ndarray) -> float:
        with np.errstate(all="ignore"):
            return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())

    return of_vector(
        1 - uniform_log(seed, 1e-5, 0.5, 8), value, lambda p: -(y / p - (1 - y) / (1 - p)) / 8
    )


@member()
def reciprocals_of_small_numbers(seed: int) -> Network:
    return of_vector(
        uniform_log(seed, 1e-3, 10.0, 8), lambda x: float((1 / x).sum()), lambda x: -1 / x**2
    )


@member()
def parameters_of_a_million(seed: int) -> Network:
    return of_vector(
        1e6 * normal(seed, 6),
        lambda x: float(((1e-6 * x) ** 4).sum()),
        lambda x: 4e-6 * (1e-6 * x) ** 3,
    )


@member()
def all_parameters_zero(seed: int) -> Network:
    a = normal(seed, 8)
    return of_vector(
        np.zeros(8),
        lambda x: float(np.exp(a * x).sum() + np.sin(x).sum()),
        lambda x: a * np.exp(a * x) + np.cos(x),
    )


def halved(seed: int) -> Network:
    """Return a network whose loss does not depend on half of its parameters."""
    net = dense(seed, "sigmoid")
    unused = {"unused": normal(seed, 3, 4)}
    return Network(
        net.params | unused,
        lambda: (net.passes()[0], net.passes()[1] | {"unused": np.zeros((3, 4))}),
    )


add("unused_tensor", halved, zeros=frozenset({"unused"}))
add("sum_over_the_batch", lambda seed: _summed(seed))


def _summed(seed: int) -> Network:
    net = dense(seed, "softplus")
    return Network(net.params, scaled(net.passes, 10.0, "f8"))
