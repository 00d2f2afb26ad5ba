"""Differences of powers, circular and hyperbolic functions.

See :mod:`fastcheck.kernels.pointwise` for what all kernels share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.kernels._jit import jit
from fastcheck.kernels.pointwise import SMALL, small_expm1, small_log1p

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@jit
def rsqrt(x: Array, which: Array, data: Array, offsets: Array) -> int:
    """Reciprocal root: ``-d / (s t (s + t))``, s and t the roots, for changes of any size."""
    edge = offsets.view(np.uint64)
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            base = x[which[g], i]
            s = np.sqrt(base)
            for r in range(edge[g], edge[g + 1]):
                t = np.sqrt(base + data[i, r])
                data[i, r] = -data[i, r] / (s + t) / s / t
    return 0


@jit
def power(x: Array, y: Array, which: Array, data: Array, offsets: Array, p: float) -> int:
    """Real power: ``y expm1(p log1p(d / x))``, y the value."""
    edge = offsets.view(np.uint64)
    limit = SMALL / max(1.0, 1.1 * abs(p))
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            yi = y[which[g], i]
            inverse = 1.0 / x[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                d = data[i, r] * inverse
                bad += not abs(d) <= limit
                data[i, r] = yi * small_expm1(p * small_log1p(d))
    return bad


@jit
def whole_power(x: Array, which: Array, data: Array, offsets: Array, p: int) -> int:
    """Whole power: ``d sum_k (x + d) ** k x ** (p - 1 - k)``, for changes of any size."""
    edge = offsets.view(np.uint64)
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            base = x[which[g], i]
            if p == 3:  # the usual case, without an inner loop
                for r in range(edge[g], edge[g + 1]):
                    end = base + data[i, r]
                    data[i, r] *= (base + end) * end + base * base
                continue
            for r in range(edge[g], edge[g + 1]):
                end = base + data[i, r]
                total = 1.0
                power = 1.0
                for _ in range(p - 1):
                    power *= base
                    total = total * end + power
                data[i, r] *= total
    return 0


@jit
def turn(
    a: Array,
    b: Array,
    x: Array,  # noqa: ARG001 - for the rule for large changes; both have one list of arguments
    which: Array,
    data: Array,
    offsets: Array,
    sign: float,
) -> int:
    """Circular (sign -1) or hyperbolic (1) functions: ``a S(d) + b (C(d) - 1)``.

    S and C are sine and cosine, or hyperbolic.
    """
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            ai = a[which[g], i]
            bi = sign * b[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                d = data[i, r]
                bad += abs(d) > SMALL
                s = sign * d * d
                odd = d + d * s * (1 / 6 + s * (1 / 120 + s * (1 / 5040)))
                even = d * d * (0.5 + s * (1 / 24 + s * (1 / 720)))
                data[i, r] = ai * odd + bi * even
    return bad
