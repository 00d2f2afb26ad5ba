"""Differences of means of squares, and of what is divided by their roots.

Cells and tables are those of :mod:`fastcheck.kernels.softmax`. With ``m = mean(d)`` and
``c = x - mean(x)``, ``sum c' c'`` for ``c' = c + d - m`` grows by

    ``sum (d - m)(2 c + d - m) = 2 sum c e + sum e e - (sum e)**2 / k,   e = d - z``

for any z, since c adds up to zero. With z the median of three of the d no digits are lost where
all d are equal (a bias before normalisation: the change is exactly zero), nor where one entry moves
alone. Without centring c is x, and m and z are zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.kernels._jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

PIECE = 512
"""Rows, of all cells that are in work together, that are taken at once."""


@jit
def median(a: float, b: float, c: float) -> float:
    """Return the median of three numbers."""
    return max(min(a, b), min(max(a, b), c))


@jit
def normalise(
    c: Array, root: Array, which: Array, data: Array, offsets: Array, members: Array,
    divisor: float, centred: bool, out: Array,
) -> None:  # fmt: skip
    """Normalisation ``c / s``, ``s = sqrt(sum(c**2) / divisor + eps)``.

    Writes ``c q + (e - mean(e)) / (s + ds)`` with ``q = 1 / (s + ds) - 1 / s``, which is
    ``-dv / (s (s + ds)(s + s + ds))``.
    """
    at = members.view(np.uint64)
    k = at.shape[1]
    shift, total, growth = np.empty(PIECE), np.empty(PIECE), np.empty(PIECE)
    for g in range(offsets.size - 1):
        w = which[g]
        for lo in range(offsets[g], offsets[g + 1], PIECE):
            hi = min(lo + PIECE, offsets[g + 1])
            n = hi - lo
            block = PIECE // n
            for first in range(0, at.shape[0], block):
                last = min(first + block, at.shape[0])
                for j in range(first, last):
                    z = shift[(j - first) * n : (j - first + 1) * n]
                    sums = total[(j - first) * n : (j - first + 1) * n]
                    squares = growth[(j - first) * n : (j - first + 1) * n]
                    d0 = data[at[j, 0], lo:hi]
                    d1 = data[at[j, k // 2], lo:hi]
                    d2 = data[at[j, k - 1], lo:hi]
                    for r in range(z.size):
                        z[r] = median(d0[r], d1[r], d2[r]) if centred else 0.0
                        sums[r] = 0.0
                        squares[r] = 0.0
                for m in range(0, k - 3, 4):
                    for j in range(first, last):
                        z = shift[(j - first) * n : (j - first + 1) * n]
                        sums = total[(j - first) * n : (j - first + 1) * n]
                        squares = growth[(j - first) * n : (j - first + 1) * n]
                        c0 = 2.0 * c[w, at[j, m]]
                        c1 = 2.0 * c[w, at[j, m + 1]]
                        c2 = 2.0 * c[w, at[j, m + 2]]
                        c3 = 2.0 * c[w, at[j, m + 3]]
                        d0 = data[at[j, m], lo:hi]
                        d1 = data[at[j, m + 1], lo:hi]
                        d2 = data[at[j, m + 2], lo:hi]
                        d3 = data[at[j, m + 3], lo:hi]
                        for r in range(z.size):
                            e0 = d0[r] - z[r]
                            e1 = d1[r] - z[r]
                            e2 = d2[r] - z[r]
                            e3 = d3[r] - z[r]
                            sums[r] += (e0 + e1) + (e2 + e3)
                            squares[r] += (e0 * (c0 + e0) + e1 * (c1 + e1)) + (
                                e2 * (c2 + e2) + e3 * (c3 + e3)
                            )
                for m in range(k - k % 4, k):
                    for j in range(first, last):
                        z = shift[(j - first) * n : (j - first + 1) * n]
                        sums = total[(j - first) * n : (j - first + 1) * n]
                        squares = growth[(j - first) * n : (j - first + 1) * n]
                        c0 = 2.0 * c[w, at[j, m]]
                        d0 = data[at[j, m], lo:hi]
                        for r in range(z.size):
                            e0 = d0[r] - z[r]
                            sums[r] += e0
                            squares[r] += e0 * (c0 + e0)
                for j in range(first, last):
                    z = shift[(j - first) * n : (j - first + 1) * n]
                    sums = total[(j - first) * n : (j - first + 1) * n]
                    squares = growth[(j - first) * n : (j - first + 1) * n]
                    s = root[w, at[j, 0]]
                    for r in range(z.size):
                        mean = sums[r] / k if centred else 0.0
                        dv = (squares[r] - mean * sums[r]) / divisor
                        end = np.sqrt(s * s + dv)
                        z[r] += mean
                        sums[r] = 1.0 / end
                        squares[r] = -dv / (s * end * (s + end))
                for m in range(k):
                    for j in range(first, last):
                        z = shift[(j - first) * n : (j - first + 1) * n]
                        inverse = total[(j - first) * n : (j - first + 1) * n]
                        quotient = growth[(j - first) * n : (j - first + 1) * n]
                        base = c[w, at[j, m]]
                        d = data[at[j, m], lo:hi]
                        new = out[at[j, m], lo:hi]
                        for r in range(z.size):
                            new[r] = base * quotient[r] + (d[r] - z[r]) * inverse[r]


@jit
def grow_squares(
    c: Array, which: Array, data: Array, offsets: Array, members: Array, centred: bool, out: Array
) -> None:
    """Write by how much ``sum c**2`` grows, for each cell."""
    at = members.view(np.uint64)
    k = at.shape[1]
    shift, total = np.empty(PIECE), np.empty(PIECE)
    for g in range(offsets.size - 1):
        w = which[g]
        for lo in range(offsets[g], offsets[g + 1], PIECE):
            hi = min(lo + PIECE, offsets[g + 1])
            z = shift[: hi - lo]
            sums = total[: hi - lo]
            for j in range(at.shape[0]):
                squares = out[j, lo:hi]
                d0 = data[at[j, 0], lo:hi]
                d1 = data[at[j, k // 2], lo:hi]
                d2 = data[at[j, k - 1], lo:hi]
                for r in range(z.size):
                    z[r] = median(d0[r], d1[r], d2[r]) if centred else 0.0
                    sums[r] = 0.0
                    squares[r] = 0.0
                for m in range(k):
                    twice = 2.0 * c[w, at[j, m]]
                    d = data[at[j, m], lo:hi]
                    for r in range(z.size):
                        e = d[r] - z[r]
                        sums[r] += e
                        squares[r] += e * (twice + e)
                if centred:
                    for r in range(z.size):
                        squares[r] -= sums[r] * (sums[r] / k)
