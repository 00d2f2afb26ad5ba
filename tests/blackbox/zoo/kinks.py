"""Functions with kinks: far away, nearby, many, and exactly at the point."""

from __future__ import annotations

import numpy as np

from tests.blackbox.networks import Network
from tests.blackbox.zoo.base import member, of_vector
from tests.blackbox.zoo.functions import normal


@member(smooth=False)
def lasso(seed: int) -> Network:
    """Weights that are exactly zero lie at a kink of the regulariser."""
    x, y, w = normal(seed, 30, 10), normal(seed + 1, 30), normal(seed + 2, 10)
    w[[2, 7]] = 0.0
    return of_vector(
        w,
        lambda w: float(0.5 * ((x @ w - y) ** 2).mean() + 0.3 * np.abs(w).sum()),
        lambda w: x.T @ (x @ w - y) / 30 + 0.3 * np.sign(w),
    )


@member(smooth=False)
def hinge(seed: int) -> Network:
    x, y = normal(seed, 80, 6), np.sign(normal(seed + 1, 80))
    return of_vector(
        normal(seed + 2, 6),
        lambda w: float(np.maximum(0, 1 - y * (x @ w)).mean() + 0.01 * w @ w),
        lambda w: x.T @ (-y * (y * (x @ w) < 1)) / 80 + 0.02 * w,
    )


@member(smooth=False)
def multiclass_hinge(seed: int) -> Network:
    x, y = normal(seed, 25, 7), np.random.default_rng(seed).integers(0, 4, 25)
    rows = np.arange(25)

    def margins(w: np.ndarray) -> np.ndarray:
        z = x @ w
        m = np.maximum(0, z - z[rows, y][:, None] + 1)
        m[rows, y] = 0
        return m

    def slope(w: np.ndarray) -> np.ndarray:
        d = (margins(w) > 0).astype(float)
        d[rows, y] = -d.sum(1)
        return x.T @ d / 25

    return of_vector(normal(seed + 2, 7, 4), lambda w: float(margins(w).sum() / 25), slope)


@member(smooth=False)
def huber(seed: int) -> Network:
    """Continuous slopes, with jumps of curvature."""
    x, y = normal(seed, 50, 6), 2 * normal(seed + 1, 50)

    def value(w: np.ndarray) -> float:
        r = np.abs(x @ w - y)
        return float(np.where(r < 1, 0.5 * r * r, r - 0.5).sum())

    return of_vector(normal(seed + 2, 6), value, lambda w: x.T @ np.clip(x @ w - y, -1, 1))


@member(smooth=False)
def quantile(seed: int) -> Network:
    x, y = normal(seed, 60, 5), normal(seed + 1, 60)

    def value(w: np.ndarray) -> float:
        r = y - x @ w
        return float(np.maximum(0.3 * r, -0.7 * r).mean())

    return of_vector(
        normal(seed + 2, 5), value, lambda w: -x.T @ np.where(y - x @ w > 0, 0.3, -0.7) / 60
    )


@member(smooth=False)
def piecewise_linear(seed: int) -> Network:
    knots = np.linspace(-4, 4, 17)
    heights = normal(seed, 17)
    slopes = np.diff(heights) / np.diff(knots)
    return of_vector(
        np.clip(normal(seed + 1, 9), -3.9, 3.9),
        lambda x: float(np.interp(x, knots, heights).sum()),
        lambda x: slopes[np.searchsorted(knots, x) - 1],
    )


@member(smooth=False)
def largest_of_planes(seed: int) -> Network:
    a, b = normal(seed, 40, 6), normal(seed + 1, 40)
    return of_vector(
        normal(seed + 2, 6), lambda x: float((a @ x + b).max()), lambda x: a[np.argmax(a @ x + b)]
    )


@member(smooth=False)
def clipped(seed: int) -> Network:
    return of_vector(
        normal(seed, 20),
        lambda x: float((np.clip(x, -1, 1) ** 2 * 3 + x).sum()),
        lambda x: 6 * x * (np.abs(x) < 1) + 1,
    )


@member(smooth=False)
def kinks_at_every_distance(seed: int) -> Network:
    """Each entry has one kink, from 1e-9 to 1e-2 away."""
    rng = np.random.default_rng([seed, 8])
    x = rng.standard_normal(30)
    knots = x + rng.choice([-1, 1], 30) * 10.0 ** rng.uniform(-9, -2, 30)
    sizes = rng.uniform(0.1, 3, 30)
    return of_vector(
        x,
        lambda x: float(sizes @ np.abs(x - knots) + 0.5 * x @ x),
        lambda x: sizes * np.sign(x - knots) + x,
    )


@member(smooth=False)
def small_kinks_at_every_distance(seed: int) -> Network:
    """Return the same with jumps of slope from 1e-10 to 1e-2, near what rounding hides."""
    rng = np.random.default_rng([seed, 9])
    x = rng.standard_normal(40)
    knots = x + rng.choice([-1, 1], 40) * 10.0 ** rng.uniform(-9, -2, 40)
    sizes = 10.0 ** rng.uniform(-10, -2, 40)
    return of_vector(
        x,
        lambda x: float(sizes @ np.abs(x - knots) + np.sin(x).sum()),
        lambda x: sizes * np.sign(x - knots) + np.cos(x),
    )


@member(smooth=False)
def two_kinks_inside_one_step(seed: int) -> Network:
    """Opposite kinks, one on each side, of which central differences see only the mean."""
    rng = np.random.default_rng([seed, 10])
    x = rng.standard_normal(20)
    left, right = x - 10.0 ** rng.uniform(-8, -4, 20), x + 10.0 ** rng.uniform(-8, -4, 20)
    return of_vector(
        x,
        lambda x: float((np.maximum(0, left - x) + np.maximum(0, x - right) + np.sin(x)).sum()),
        lambda x: np.cos(x),
    )


@member(smooth=False)
def a_thousand_kinks(seed: int) -> Network:
    """So many kinks that some are inside every step, at any size."""
    knots = np.sort(normal(seed, 5, 4000), axis=1)
    return of_vector(
        normal(seed + 1, 5),
        lambda x: float(np.abs(x[:, None] - knots).mean()),
        lambda x: np.sign(x[:, None] - knots).mean(1) / 5,
    )


@member(smooth=False)
def exactly_at_a_kink(seed: int) -> Network:
    x = normal(seed, 8)
    x[::3] = 0.0
    return of_vector(
        x,
        lambda x: float((np.maximum(x, 0) + 0.5 * x**2).sum()),
        lambda x: (x > 0) + x,
    )
