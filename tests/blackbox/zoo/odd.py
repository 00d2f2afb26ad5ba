"""Losses that are right and awkward: rounded, cancelling, sharp, jumping, solved for."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from tests.blackbox.networks import Arrays, Network, dense
from tests.blackbox.zoo.base import add, member, of_vector
from tests.blackbox.zoo.functions import normal


def rounded(seed: int, digits: int) -> Network:
    """Return a network whose author rounds the loss, as for printing."""
    net = dense(seed, "tanh")
    return Network(net.params, lambda: (round(float(net.loss()), digits), net.grads))


for digits in (3, 5, 7, 10):
    add(f"rounded_to_{digits}_digits", partial(rounded, digits=digits), smooth=False, single=True)


def halves(seed: int) -> Network:
    net = dense(seed, "tanh")
    return Network(net.params, lambda: (np.float16(net.loss()), net.grads))


add("half_precision_loss", halves, smooth=False, single=True)


@member(smooth=False, single=True)
def variance_by_cancellation(seed: int) -> Network:
    """Return the mean of squares less the square of the mean, far from zero."""
    return of_vector(
        1e4 + normal(seed, 12),
        lambda x: float(np.mean(x * x) - np.mean(x) ** 2),
        lambda x: 2 * (x - x.mean()) / x.size,
    )


@member(smooth=False)
def naive_softplus(seed: int) -> Network:
    """Return log(1 + exp(-x)), of which nothing is left where x is large."""
    return of_vector(
        np.linspace(-3, 45, 12) + normal(seed, 12),
        lambda x: float(np.log(1 + np.exp(-x)).sum()),
        lambda x: -1 / (1 + np.exp(x)),
    )


@member(smooth=False)
def smoothed_absolute_values(seed: int) -> Network:
    """Return roots of squares with a tiny guard: curvature of 1e6 within 1e-6."""
    x = normal(seed, 15) * 10.0 ** np.linspace(-9, 0, 15)
    x[0] = 0.0
    return of_vector(
        x, lambda x: float(np.sqrt(x * x + 1e-12).sum()), lambda x: x / np.sqrt(x * x + 1e-12)
    )


@member(smooth=False)
def softmax_of_low_temperature(seed: int) -> Network:
    t = 1e-4
    x = normal(seed, 8)
    x[1:4] = x[0] + t * normal(seed + 1, 3)

    def both(x: np.ndarray) -> tuple[float, np.ndarray]:
        e = np.exp((x - x.max()) / t)
        return float(x.max() + t * np.log(e.sum())), e / e.sum()

    return of_vector(x, lambda x: both(x)[0], lambda x: both(x)[1])


@member(smooth=False)
def steep_sigmoids(seed: int) -> Network:
    """Return steps as wide as 1e-5, near some of the entries."""
    rng = np.random.default_rng([seed, 11])
    x = rng.standard_normal(12)
    c = x + 1e-5 * rng.standard_normal(12) * 10.0 ** rng.uniform(-1, 3, 12)

    def s(x: np.ndarray) -> np.ndarray:
        return 0.5 * (1 + np.tanh((x - c) / 2e-5))

    return of_vector(
        x, lambda x: float(s(x).sum() + x @ x), lambda x: s(x) * (1 - s(x)) / 1e-5 + 2 * x
    )


@member(smooth=False)
def jumps_at_every_distance(seed: int) -> Network:
    """Return a loss with a jump near each entry, as hard choices make them."""
    rng = np.random.default_rng([seed, 12])
    x = rng.standard_normal(25)
    at = x + rng.choice([-1, 1], 25) * 10.0 ** rng.uniform(-9, -1, 25)
    height = rng.choice([-1, 1], 25) * 10.0 ** rng.uniform(-9, 0, 25)
    return of_vector(
        x, lambda x: float((height * (x > at)).sum() + np.sin(x).sum()), lambda x: np.cos(x)
    )


@member(smooth=False)
def hard_mixture(seed: int) -> Network:
    """Return a mixture of which each sample takes the one expert that its gate prefers."""
    rng = np.random.default_rng([seed, 13])
    p = {"G": rng.standard_normal((4, 3)), "W": rng.standard_normal((3, 4, 2))}
    x, t, rows = rng.standard_normal((40, 4)), rng.standard_normal((40, 2)), np.arange(40)

    def passes() -> tuple[float, Arrays]:
        gate = x @ p["G"]
        k = gate.argmax(1)
        g = 1 / (1 + np.exp(-gate[rows, k]))
        y = np.einsum("ni,nio->no", x, p["W"][k])
        r = g[:, None] * y - t
        d = {"G": np.zeros((4, 3)), "W": np.zeros((3, 4, 2))}
        dg = (r * y).sum(1) * g * (1 - g)
        for n in range(40):
            d["G"][:, k[n]] += x[n] * dg[n] / 40
            d["W"][k[n]] += np.outer(x[n], r[n]) * g[n] / 40
        return 0.5 * float((r * r).sum()) / 40, d

    return Network(p, passes)


def solved(seed: int, tolerance: float) -> Network:
    """Return fixed points by iteration to a tolerance, whose last digits jump."""

    def root(v: float) -> float:
        y = 1.0
        while abs(y - (v + 0.5 * math.cos(y))) > max(tolerance, 2 * math.ulp(y)):
            y = v + 0.5 * math.cos(y)
        return y

    def slope(x: np.ndarray) -> np.ndarray:
        y = np.array([root(float(v)) for v in x])
        return 1 / (1 + 0.5 * np.sin(y))

    return of_vector(normal(seed, 8), lambda x: sum(root(float(v)) for v in x), slope)


for tolerance in (1e-10, 1e-15):
    add(
        f"iterated_to_{tolerance:.0e}",
        partial(solved, tolerance=tolerance),
        smooth=False,
    )


@member(smooth=False)
def ties_in_a_maximum(seed: int) -> Network:
    """Return maxima over pairs that are equal, whose gradient goes to the first."""
    x = np.repeat(normal(seed, 5), 2).reshape(5, 2)
    x[::2, 1] -= 0.3

    def slope(x: np.ndarray) -> np.ndarray:
        g = np.zeros_like(x)
        g[np.arange(5), x.argmax(1)] = 1
        return g

    return of_vector(x, lambda x: float(x.max(axis=1).sum()), slope)


@member(smooth=False)
def powers_at_zero(seed: int) -> Network:
    """Return what is once differentiable at zero, where some entries are."""
    x = normal(seed, 12)
    x[::4], x[1::4] = 0.0, 1e-7 * x[1::4]
    return of_vector(
        x,
        lambda x: float((np.maximum(x, 0) ** 1.5 + np.abs(x) ** 1.2).sum()),
        lambda x: 1.5 * np.sqrt(np.maximum(x, 0)) + 1.2 * np.sign(x) * np.abs(x) ** 0.2,
    )


@member(smooth=False)
def subnormal_parameters(seed: int) -> Network:
    return of_vector(
        1e-310 * normal(seed, 5),
        lambda x: float(np.sin(x + 1).sum() + (1e150 * x).sum()),
        lambda x: np.cos(x + 1) + 1e150,
    )


@member(smooth=False)
def narrow_domain(seed: int) -> Network:
    """Return an inverse sine so near its end that only a tiny step stays inside."""
    x = 1 - 10.0 ** -np.linspace(1, 9, 9) * (1 + 0.1 * np.tanh(normal(seed, 9)))

    def value(x: np.ndarray) -> float:
        with np.errstate(all="ignore"):
            return float(np.arcsin(x).sum())

    return of_vector(x, value, lambda x: 1 / np.sqrt((1 - x) * (1 + x)))


@member(smooth=False)
def published_digits(seed: int) -> Network:
    """Return two layers on raw pixels, ReLU on the logits too, and a guarded logarithm."""
    rng = np.random.default_rng([seed, 14])
    x = np.floor(256 * rng.random((30, 40))) * (rng.random((30, 40)) < 0.3)
    y, rows = rng.integers(0, 5, 30), np.arange(30)
    p = {"W1": 0.01 * rng.standard_normal((40, 9)), "b1": np.zeros(9),
         "W2": 0.01 * rng.standard_normal((9, 5)), "b2": np.zeros(5)}  # fmt: skip

    def passes() -> tuple[float, Arrays]:
        z1 = x @ p["W1"] + p["b1"]
        a1 = np.maximum(z1, 0)
        z2 = a1 @ p["W2"] + p["b2"]
        e = np.exp(np.maximum(z2, 0) - np.maximum(z2, 0).max(1, keepdims=True))
        q = e / e.sum(1, keepdims=True)
        picked = q[rows, y]
        d2 = q.copy()
        d2[rows, y] -= 1
        d2 *= (picked / (picked + 1e-7))[:, None] / 30 * (z2 > 0)
        d1 = d2 @ p["W2"].T * (z1 > 0)
        return -np.log(picked + 1e-7).mean(), {
            "W1": x.T @ d1, "b1": d1.sum(0), "W2": a1.T @ d2, "b2": d2.sum(0),
        }  # fmt: skip

    return Network(p, passes)
