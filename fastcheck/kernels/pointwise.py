"""Differences of smooth pointwise functions, by short polynomials of the small change.

Each kernel reads what it needs of the base point from ``(M, n)`` tables, row ``which[g]`` of which
belongs to group ``g``, and turns the change of the argument, ``data`` of shape ``(n, R)``, into
that of the function, in place: half the memory traffic, which is what bounds it. It returns how
many changes were too large for its polynomial (above `SMALL`); ``data`` is then void, and the
caller uses the op's rule for changes of any size.

The polynomials are Taylor series; at `SMALL` their first omitted term is below 2**-54 of the sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.kernels._jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

SMALL = 1e-2


@jit
def small_expm1(d: float) -> float:
    """Return ``exp(d) - 1`` for ``|d| <= SMALL``."""
    q = 1 / 24 + d * (1 / 120 + d * (1 / 720 + d * (1 / 5040)))
    return d + d * d * (0.5 + d * (1 / 6 + d * q))


@jit
def small_log1p(d: float) -> float:
    """Return ``log(1 + d)`` for ``|d| <= SMALL``."""
    q = -1 / 4 + d * (1 / 5 + d * (-1 / 6 + d * (1 / 7 + d * (-1 / 8))))
    return d + d * d * (-0.5 + d * (1 / 3 + d * q))


@jit
def small_tanh(d: float) -> float:
    """Return ``tanh(d)`` for ``|d| <= SMALL``."""
    s = d * d
    return d + d * s * (-1 / 3 + s * (2 / 15 + s * (-17 / 315)))


@jit
def tanh(t: Array, q: Array, which: Array, data: Array, offsets: Array) -> int:
    """Tanh: ``q T / (1 + t T)`` with ``T = tanh(d)``, t the value and q its derivative."""
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            ti = t[which[g], i]
            qi = q[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                d = data[i, r]
                bad += abs(d) > SMALL
                big = small_tanh(d)
                data[i, r] = qi * big / (1.0 + ti * big)
    return bad


@jit
def sigmoid(s: Array, q: Array, which: Array, data: Array, offsets: Array) -> int:
    """Sigmoid: ``q E / (1 + s E)`` with ``E = expm1(d)``, s the value and q its derivative."""
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            si = s[which[g], i]
            qi = q[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                d = data[i, r]
                bad += abs(d) > SMALL
                big = small_expm1(d)
                data[i, r] = qi * big / (1.0 + si * big)
    return bad


@jit
def softplus(  # the rule for large changes reads c, and both have one list of arguments
    s: Array,
    c: Array,  # noqa: ARG001
    which: Array,
    data: Array,
    offsets: Array,
) -> int:
    """Softplus: ``log1p(s expm1(d))`` with s the sigmoid of the base point."""
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            si = s[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                d = data[i, r]
                bad += abs(d) > 0.9 * SMALL
                data[i, r] = small_log1p(si * small_expm1(d))
    return bad


@jit
def tanh_columns(
    t: Array, q: Array, which: Array, columns: Array, scale: Array, offsets: Array, out: Array
) -> int:
    """`tanh` of columns times the factors of their rows, which are not stored in between."""
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(columns.shape[0]):
        for g in range(offsets.size - 1):
            ti = t[which[g], i]
            qi = q[which[g], i]
            c = columns[i, g]
            for r in range(edge[g], edge[g + 1]):
                d = c * scale[r]
                bad += abs(d) > SMALL
                big = small_tanh(d)
                out[i, r] = qi * big / (1.0 + ti * big)
    return bad


@jit
def sigmoid_columns(
    s: Array, q: Array, which: Array, columns: Array, scale: Array, offsets: Array, out: Array
) -> int:
    """`sigmoid` of columns times the factors of their rows."""
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(columns.shape[0]):
        for g in range(offsets.size - 1):
            si = s[which[g], i]
            qi = q[which[g], i]
            c = columns[i, g]
            for r in range(edge[g], edge[g + 1]):
                d = c * scale[r]
                bad += abs(d) > SMALL
                big = small_expm1(d)
                out[i, r] = qi * big / (1.0 + si * big)
    return bad


@jit
def exp(y: Array, which: Array, data: Array, offsets: Array) -> int:
    """Exponential: ``y expm1(d)`` with y the value."""
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            yi = y[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                d = data[i, r]
                bad += abs(d) > SMALL
                data[i, r] = yi * small_expm1(d)
    return bad


@jit
def log(x: Array, which: Array, data: Array, offsets: Array) -> int:
    """Logarithm: ``log1p(d / x)``."""
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            inverse = 1.0 / x[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                d = data[i, r] * inverse
                bad += abs(d) > SMALL
                data[i, r] = small_log1p(d)
    return bad


@jit
def square(x: Array, which: Array, data: Array, offsets: Array) -> int:
    """Square: ``d (2 x + d)``, for changes of any size."""
    edge = offsets.view(np.uint64)
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            twice = 2.0 * x[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                data[i, r] = data[i, r] * (twice + data[i, r])
    return 0


@jit
def sqrt(x: Array, which: Array, data: Array, offsets: Array) -> int:
    """Square root: ``d / (sqrt(x + d) + sqrt(x))``, for changes of any size."""
    edge = offsets.view(np.uint64)
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            base = x[which[g], i]
            root = np.sqrt(base)
            for r in range(edge[g], edge[g + 1]):
                data[i, r] = data[i, r] / (np.sqrt(base + data[i, r]) + root)
    return 0


@jit
def reciprocal(x: Array, which: Array, data: Array, offsets: Array) -> int:
    """Reciprocal: ``-d / x / (x + d)``, for changes of any size."""
    edge = offsets.view(np.uint64)
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            base = x[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                data[i, r] = -data[i, r] / base / (base + data[i, r])
    return 0


@jit
def bend_columns(
    x: Array, which: Array, data: Array, reach: Array, low: float, high: float, out: Array
) -> int:
    """Piecewise linear function of columns: each keeps its slope where no row can reach the kink.

    Returns the number of elements that a row could carry to or across zero; `out` is then void.
    """
    near = 0
    n = data.shape[0]
    n_columns = data.shape[1]
    start = 0
    while start < n_columns:  # a run of columns that see the same base point
        stop = start + 1
        while stop < n_columns and which[stop] == which[start]:
            stop += 1
        for i in range(n):
            base = x[which[start], i]
            size = abs(base)
            slope = high if base > 0.0 else low
            column = data[i, start:stop]
            changed = out[i, start:stop]
            top = reach[start:stop]
            for g in range(column.size):
                d = column[g]
                near += not (abs(d) * top[g] < size or d == 0.0)
                changed[g] = d * slope
        start = stop
    return near


@jit
def bend_rows(
    x: Array, which: Array, data: Array, offsets: Array, low: float, high: float, out: Array
) -> int:
    """Piecewise linear function of rows: slope `low` up to zero, `high` above.

    Returns how many rows cross the kink.
    """
    edge = offsets.view(np.uint64)
    crossed = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            base = x[which[g], i]
            if base > 0.0:
                for r in range(edge[g], edge[g + 1]):
                    end = base + data[i, r]
                    crossed += not end > 0.0
                    out[i, r] = high * data[i, r] if end > 0.0 else low * end - high * base
            else:
                for r in range(edge[g], edge[g + 1]):
                    end = base + data[i, r]
                    crossed += end > 0.0
                    out[i, r] = high * end - low * base if end > 0.0 else low * data[i, r]
    return crossed


@jit
def mark_crossings(x: Array, which: Array, data: Array, offsets: Array, flags: Array) -> None:
    """Set ``flags[r] = 1`` for the rows that `bend_rows` counted."""
    edge = offsets.view(np.uint64)
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            base = x[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                if (base > 0.0) != (base + data[i, r] > 0.0):
                    flags[r] = 1
