"""The least loops of each kind, by which the price of an element is measured.

They are written for this purpose alone, with one scalar per function and all data contiguous, so
that they do not change when the kernels of the package do. Changes ``d`` are tiny: a polynomial
replaces exp, log1p and tanh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

least = numba.njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"}, cache=True)


@least
def _expm1(d: float) -> float:
    return d + d * d * (0.5 + d * (1 / 6 + d * (1 / 24 + d * (1 / 120))))


@least
def _log1p(d: float) -> float:
    return d + d * d * (-0.5 + d * (1 / 3 + d * (-1 / 4 + d * (1 / 5))))


@least
def expand(d: Array, scale: Array, out: Array) -> None:
    """Multiply a row by one factor: columns become rows."""
    for i in range(d.shape[0]):
        c = d[i, 0]
        for r in range(d.shape[1]):
            out[i, r] = c * scale[r]


@least
def bend(d: Array, scale: Array, out: Array) -> None:
    """Apply a slope, and count what crosses the kink."""
    crossed = 0
    for i in range(d.shape[0]):
        base = scale[i]
        for r in range(d.shape[1]):
            end = base + d[i, r]
            crossed += end > 0.0
            out[i, r] = end - base if end > 0.0 else 0.0
    out[0, 0] += crossed


@least
def tanh(d: Array, scale: Array, out: Array) -> None:
    """Write the change of a tanh, with one division."""
    for i in range(d.shape[0]):
        t = scale[i]
        for r in range(d.shape[1]):
            s = d[i, r] * d[i, r]
            big = d[i, r] + d[i, r] * s * (-1 / 3 + s * (2 / 15))
            out[i, r] = (1.0 - t * t) * big / (1.0 + t * big)


@least
def sigmoid(d: Array, scale: Array, out: Array) -> None:
    """Write the change of a sigmoid, with one division."""
    for i in range(d.shape[0]):
        t = scale[i]
        for r in range(d.shape[1]):
            big = _expm1(d[i, r])
            out[i, r] = t * big / (1.0 + t * big)


@least
def softplus(d: Array, scale: Array, out: Array) -> None:
    """Write the change of a softplus."""
    for i in range(d.shape[0]):
        t = scale[i]
        for r in range(d.shape[1]):
            out[i, r] = _log1p(t * _expm1(d[i, r]))


@least
def softmax_cross_entropy(d: Array, scale: Array, out: Array) -> None:
    """Write the change of a cross-entropy: an element per class, a logarithm per row."""
    total = out[0]
    for r in range(total.size):
        total[r] = 0.0
    for i in range(d.shape[0]):
        p = scale[i]
        for r in range(total.size):
            total[r] += p * _expm1(d[i, r] - d[0, r])
    for r in range(total.size):
        total[r] = _log1p(total[r])


@least
def binary_cross_entropy(d: Array, scale: Array, out: Array) -> None:
    """Write the change of a binary cross-entropy: two logarithms."""
    for i in range(d.shape[0]):
        t = scale[i]
        for r in range(d.shape[1]):
            out[i, r] = t * _log1p(t * d[i, r]) + (1.0 - t) * _log1p(-t * d[i, r])


@least
def scatter(x: Array, keys: Array, probes: Array, out: Array) -> None:
    """Let an input times a step enter, and add it to its probe: a row."""
    for s in range(x.shape[0]):
        for e in range(keys.size):
            out[probes[e]] += 1e-7 * x[s, keys[e]]


KINDS: dict[str, Callable[[Array, Array, Array], None]] = {
    "expand": expand,
    "outer": expand,
    "bend": bend,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "softmax_cross_entropy": softmax_cross_entropy,
    "guarded_cross_entropy": softmax_cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
}
"""By the names that :mod:`benchmarks.floor` counts."""


def sample(size: int, n: int) -> tuple[Array, Array, Array]:
    """Return tiny changes, base values and room for results, of local size `size`."""
    rng = np.random.default_rng(0)
    base = rng.uniform(0.2, 0.8, max(size, n))
    return 1e-7 * rng.standard_normal((size, n)), base, np.empty((size, n))
