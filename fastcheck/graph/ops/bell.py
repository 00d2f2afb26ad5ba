"""The bell curve ``exp(-a x x)``, its integrals, and differences of these."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FAR = 4.0
"""From which exponent on the two ends of an integral of the bell curve differ by themselves."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)
PLACES, SHARES = 0.5 + 0.5 * NODES, 0.5 * WEIGHTS

_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def erf(x: Floats) -> Floats:
    """Return the error function."""
    return np.asarray(_erf(x), dtype=np.float64)


def erfc(x: Floats) -> Floats:
    """Return ``1 - erf(x)`` without cancellation."""
    return np.asarray(_erfc(x), dtype=np.float64)


def normal(x: Floats) -> Floats:
    """Return the normal distribution ``(1 + erf(x / sqrt(2))) / 2`` without cancellation."""
    return 0.5 * erfc(-x / np.sqrt(2.0))


def bell(x: Floats, a: float) -> Floats:
    """Return ``exp(-a x x)``; the square is taken in two parts, of which the first is exact."""
    with np.errstate(all="ignore"):
        high = x.astype(np.float32).astype(np.float64)
        whole = np.exp(-a * high * high) * np.exp(-a * (x - high) * (x + high))
    return np.where(np.abs(x) > 1e3, 0.0 * x, whole)


def bell_change(d: Floats, x: Floats, q: Floats, a: float, top: float) -> Floats:
    """Return the change of the integral of a bell curve with value q at x, from x to ``x + d``.

    Near x, q times the integral of ``exp(-a (2 x t + t t))`` over t, by Gauss's formula with 12
    places, all terms of which have one sign; far from it, the difference of two values of ``top
    erf(sqrt(a) x)``, which are then far apart.
    """
    d, x, q = np.broadcast_arrays(d, x, q)
    far = a * np.abs(d) * (2.0 * np.abs(x) + np.abs(d)) > FAR
    step = np.where(far, 0.0, d)
    total = np.zeros_like(step)
    for place, share in zip(PLACES, SHARES, strict=True):
        t = place * step
        total += share * np.exp(-a * t * (2.0 * x + t))
    total *= step * q
    if far.any():
        start, end = math.sqrt(a) * x[far], math.sqrt(a) * (x[far] + d[far])
        total[far] = top * _erf_change(start, end)
    return total


def _erf_change(start: Floats, end: Floats) -> Floats:
    """Return ``erf(end) - erf(start)`` where the two are far apart."""
    sign = np.where(start > 0.0, 1.0, -1.0)
    outside = sign * (erfc(sign * start) - erfc(sign * end))
    return np.where(start * end > 0.0, outside, erf(end) - erf(start))
