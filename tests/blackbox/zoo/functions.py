"""Smooth functions of one or two arrays whose gradients are known in closed form."""

from __future__ import annotations

import math

import numpy as np

from tests.blackbox.networks import Network
from tests.blackbox.zoo.base import member, of_vector


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng([seed, 3]).standard_normal(shape)


def definite(seed: int, n: int) -> np.ndarray:
    """Return a symmetric matrix with eigenvalues above 1."""
    m = normal(seed, n, n)
    return m @ m.T / n + np.eye(n)


@member()
def quadratic(seed: int) -> Network:
    a, b = definite(seed, 12), normal(seed + 100, 12)
    return of_vector(
        normal(seed, 12), lambda x: float(0.5 * x @ a @ x - b @ x), lambda x: a @ x - b
    )


@member()
def rosenbrock(seed: int) -> Network:
    def value(x: np.ndarray) -> float:
        return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())

    def slope(x: np.ndarray) -> np.ndarray:
        g, r = np.zeros_like(x), x[1:] - x[:-1] ** 2
        g[1:] = 200 * r
        g[:-1] -= 400 * r * x[:-1] + 2 * (1 - x[:-1])
        return g

    return of_vector(normal(seed, 10), value, slope)


@member()
def sum_of_exponentials(seed: int) -> Network:
    return of_vector(2 * normal(seed, 4, 5), lambda x: float(np.exp(x).sum()), np.exp)


@member()
def one_large_exponential(seed: int) -> Network:
    """All but one of the terms are lost in the rounding of the largest."""
    x = normal(seed, 6)
    x[seed % 6] = 15.0
    return of_vector(x, lambda x: float(np.exp(x).sum()), np.exp)


@member()
def log_sum_exp(seed: int) -> Network:
    a = normal(seed + 9, 15, 8)

    def both(x: np.ndarray) -> tuple[float, np.ndarray]:
        z = a @ x
        e = np.exp(z - z.max())
        return float(z.max() + np.log(e.sum())), a.T @ (e / e.sum())

    return of_vector(normal(seed, 8), lambda x: both(x)[0], lambda x: both(x)[1])


@member()
def trigonometric(seed: int) -> Network:
    def slope(x: np.ndarray) -> np.ndarray:
        g = np.cos(x) * np.cos(2 * x) - 2 * np.sin(x) * np.sin(2 * x)
        c = np.cos(x[1:] * x[:-1])
        g[1:] += c * x[:-1]
        g[:-1] += c * x[1:]
        return g

    return of_vector(
        3 * normal(seed, 9),
        lambda x: float((np.sin(x) * np.cos(2 * x)).sum() + np.sin(x[1:] * x[:-1]).sum()),
        slope,
    )


@member()
def high_frequency(seed: int) -> Network:
    return of_vector(
        normal(seed, 9), lambda x: float(np.sin(300 * x).sum()), lambda x: 300 * np.cos(300 * x)
    )


@member()
def polynomial(seed: int) -> Network:
    return of_vector(
        normal(seed, 11),
        lambda x: float((x**5 - 3 * x**3 + 2 * x).sum()),
        lambda x: 5 * x**4 - 9 * x**2 + 2,
    )


@member()
def rational(seed: int) -> Network:
    return of_vector(
        2 * normal(seed, 11),
        lambda x: float((x / (1 + x * x)).sum()),
        lambda x: (1 - x * x) / (1 + x * x) ** 2,
    )


@member()
def ackley(seed: int) -> Network:
    def value(x: np.ndarray) -> float:
        r, c = np.sqrt(np.mean(x * x)), np.mean(np.cos(2 * np.pi * x))
        return float(-20 * np.exp(-0.2 * r) - np.exp(c) + 20 + np.e)

    def slope(x: np.ndarray) -> np.ndarray:
        r, c = np.sqrt(np.mean(x * x)), np.mean(np.cos(2 * np.pi * x))
        waves = 2 * np.pi * np.sin(2 * np.pi * x) * np.exp(c)
        return (4 * np.exp(-0.2 * r) * x / r + waves) / x.size

    return of_vector(normal(seed, 7), value, slope)


@member()
def determinant(seed: int) -> Network:
    return of_vector(
        normal(seed, 4, 4),
        lambda a: float(np.linalg.det(a)),
        lambda a: np.linalg.det(a) * np.linalg.inv(a).T,
    )


@member()
def log_determinant(seed: int) -> Network:
    def square(x: np.ndarray) -> np.ndarray:
        return x @ x.T + np.eye(5)

    return of_vector(
        normal(seed, 5, 7),
        lambda x: float(np.linalg.slogdet(square(x))[1]),
        lambda x: 2 * np.linalg.solve(square(x), x),
    )


@member()
def trace_of_inverse(seed: int) -> Network:
    def slope(a: np.ndarray) -> np.ndarray:
        inverse = np.linalg.inv(a)
        return -(inverse @ inverse).T

    return of_vector(definite(seed, 6), lambda a: float(np.trace(np.linalg.inv(a))), slope)


@member()
def gaussian_likelihood(seed: int) -> Network:
    """Return a log-likelihood, which is maximised; its scale is an array without axes."""
    data = 2 + 3 * normal(seed, 40, 3)
    p = {"mu": normal(seed + 1, 3), "log_sigma": np.array(0.7 + 0.1 * seed)}

    def passes() -> tuple[float, dict[str, np.ndarray]]:
        r = (data - p["mu"]) * np.exp(-p["log_sigma"])
        loss = -0.5 * (r * r).sum() - data.size * p["log_sigma"]
        slopes = (r * r).sum() - data.size
        return float(loss), {"mu": r.sum(0) * np.exp(-p["log_sigma"]), "log_sigma": slopes}

    return Network(p, passes)


@member()
def gaussian_covariance(seed: int) -> Network:
    """Return a likelihood of a covariance whose entries are taken as independent."""
    c = definite(seed + 50, 5)

    def slope(s: np.ndarray) -> np.ndarray:
        inverse = np.linalg.inv(s)
        return 0.5 * (inverse - inverse @ c @ inverse).T

    return of_vector(
        definite(seed, 5),
        lambda s: float(0.5 * np.linalg.slogdet(s)[1] + 0.5 * np.trace(np.linalg.solve(s, c))),
        slope,
    )


@member()
def poisson_likelihood(seed: int) -> Network:
    x = normal(seed, 30, 6)
    y = np.random.default_rng(seed).poisson(2.0, 30)
    return of_vector(
        0.3 * normal(seed + 1, 6),
        lambda w: float(y @ (x @ w) - np.exp(x @ w).sum()),
        lambda w: x.T @ (y - np.exp(x @ w)),
    )


@member()
def logistic_with_l2(seed: int) -> Network:
    x, y = normal(seed, 40, 8), np.sign(normal(seed + 5, 40))
    return of_vector(
        normal(seed + 1, 8),
        lambda w: float(np.logaddexp(0, -y * (x @ w)).mean() + 0.05 * w @ w),
        lambda w: x.T @ (-y / (1 + np.exp(y * (x @ w)))) / 40 + 0.1 * w,
    )


@member()
def entropy_of_softmax(seed: int) -> Network:
    def p(x: np.ndarray) -> np.ndarray:
        e = np.exp(x - x.max())
        return e / e.sum()

    def value(x: np.ndarray) -> float:
        return float(-(p(x) * np.log(p(x))).sum())

    return of_vector(normal(seed, 8), value, lambda x: -p(x) * (np.log(p(x)) + value(x)))


@member()
def cosine_similarity(seed: int) -> Network:
    y = normal(seed + 3, 9)

    def slope(x: np.ndarray) -> np.ndarray:
        n, m = np.linalg.norm(x), np.linalg.norm(y)
        return y / (n * m) - (x @ y) * x / (n**3 * m)

    return of_vector(
        normal(seed, 9),
        lambda x: float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y))),
        slope,
    )


@member()
def one_parameter(seed: int) -> Network:
    x = np.array(1.3 + 0.37 * seed)
    return of_vector(
        x,
        lambda x: math.sin(x) * x + math.exp(-x),
        lambda x: np.array(math.cos(x) * x + math.sin(x) - math.exp(-x)),
    )


@member()
def norm_of_a_short_vector(seed: int) -> Network:
    return of_vector(
        1e-4 * normal(seed, 6),
        lambda x: float(np.sqrt(x @ x)),
        lambda x: x / np.sqrt(x @ x),
    )


@member()
def zero_at_the_point(seed: int) -> Network:
    """Return a loss that is exactly zero where it is checked."""
    kept, a = normal(seed, 7), definite(seed, 7)
    b = normal(seed + 1, 7)
    return of_vector(
        kept.copy(),
        lambda x: float((x - kept) @ a @ (x - kept) + b @ (x - kept)),
        lambda x: 2 * a @ (x - kept) + b,
    )
