"""Differences of activations; see :mod:`fastcheck.kernels.pointwise` for what all kernels share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.kernels._jit import jit
from fastcheck.kernels.pointwise import SMALL, small_expm1, small_log1p, small_tanh

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@jit
def gated(
    x: Array, s: Array, q: Array, which: Array, data: Array, offsets: Array, a: float, b: float
) -> int:
    """``x sigmoid(v)`` with ``v = a x + b x ** 3``: ``(x + d) ds + d s``.

    s is the sigmoid at v, q its derivative there, ds its change.
    """
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            base = x[which[g], i]
            si = s[which[g], i]
            qi = q[which[g], i]
            first = a + 3.0 * b * base * base
            second = 3.0 * b * base
            for r in range(edge[g], edge[g + 1]):
                d = data[i, r]
                dv = d * (first + d * (second + d * b))
                bad += abs(dv) > SMALL
                big = small_expm1(dv)
                data[i, r] = (base + d) * (qi * big / (1.0 + si * big)) + d * si
    return bad


@jit
def mish(x: Array, s: Array, t: Array, q: Array, which: Array, data: Array, offsets: Array) -> int:
    """``x tanh(softplus(x))``: ``(x + d) dt + d t``.

    s is the sigmoid at x, t the hyperbolic tangent, q its derivative, dt its change.
    """
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            base = x[which[g], i]
            si = s[which[g], i]
            ti = t[which[g], i]
            qi = q[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                d = data[i, r]
                bad += abs(d) > 0.9 * SMALL
                big = small_tanh(small_log1p(si * small_expm1(d)))
                data[i, r] = (base + d) * (qi * big / (1.0 + ti * big)) + d * ti
    return bad


@jit
def elu(x: Array, y: Array, which: Array, data: Array, offsets: Array, high: float) -> int:
    """``high x`` above zero, ``low expm1(x)`` below; y is ``low exp(x)`` there.

    Changes that cross zero are counted with those that are too large.
    """
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            base = x[which[g], i]
            yi = y[which[g], i]
            if base > 0.0:
                for r in range(edge[g], edge[g + 1]):
                    bad += base + data[i, r] <= 0.0
                    data[i, r] = high * data[i, r]
            else:
                for r in range(edge[g], edge[g + 1]):
                    d = data[i, r]
                    bad += (base + d > 0.0) | (abs(d) > SMALL)
                    data[i, r] = yi * small_expm1(d)
    return bad


@jit
def bell(  # the mean of exp(-a (2 x t + t t)) over 0 < t < d, by the series in Hermite polynomials
    x: float, a: float
) -> tuple[float, float, float, float, float, float]:
    """Return the coefficients of d, d**2, ... in the mean of the bell curve from x to ``x + d``.

    In units of its value at x, the mean is ``1 + sum_n (-1)**n H_n(x) d**n / (n + 1)!``, where
    ``H_n`` follows ``H_(n+1) = 2 a (x H_n - n H_(n-1))``: the bell curve is ``exp(-a x x)``.
    """
    h1 = 2.0 * a * x
    h2 = 2.0 * a * (x * h1 - 1.0)
    h3 = 2.0 * a * (x * h2 - 2.0 * h1)
    h4 = 2.0 * a * (x * h3 - 3.0 * h2)
    h5 = 2.0 * a * (x * h4 - 4.0 * h3)
    h6 = 2.0 * a * (x * h5 - 5.0 * h4)
    return -h1 / 2.0, h2 / 6.0, -h3 / 24.0, h4 / 120.0, -h5 / 720.0, h6 / 5040.0


@jit
def erf(x: Array, q: Array, which: Array, data: Array, offsets: Array) -> int:
    """Error function: the integral of its derivative q from x to ``x + d``."""
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            base = x[which[g], i]
            qi = q[which[g], i]
            c1, c2, c3, c4, c5, c6 = bell(base, 1.0)
            limit = 0.5 * SMALL / max(1.0, abs(base))
            for r in range(edge[g], edge[g + 1]):
                d = data[i, r]
                bad += abs(d) > limit
                rest = c3 + d * (c4 + d * (c5 + d * c6))
                data[i, r] = qi * d * (1.0 + d * (c1 + d * (c2 + d * rest)))
    return bad


@jit
def gelu(x: Array, p: Array, q: Array, which: Array, data: Array, offsets: Array) -> int:
    """``x P(x)`` with the normal distribution P, value p and density q: ``(x + d) dP + d p``."""
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            base = x[which[g], i]
            pi = p[which[g], i]
            qi = q[which[g], i]
            c1, c2, c3, c4, c5, c6 = bell(base, 0.5)
            limit = SMALL / max(1.0, abs(base))
            for r in range(edge[g], edge[g + 1]):
                d = data[i, r]
                bad += abs(d) > limit
                rest = c3 + d * (c4 + d * (c5 + d * c6))
                change = qi * d * (1.0 + d * (c1 + d * (c2 + d * rest)))
                data[i, r] = (base + d) * change + d * pi
    return bad
