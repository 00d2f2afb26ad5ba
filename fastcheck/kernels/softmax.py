"""Differences of softmax, of its logarithm and of the logarithm of its denominator.

Shapes, here and in the other kernels of reductions: a *cell* is a set of k entries that are reduced
together, and ``members[c, m]`` is the place of the m-th entry of cell ``c`` among the n local
entries. Tables, groups and the returned count are those of :mod:`fastcheck.kernels.pointwise`;
``top[w, i]`` is the number of the largest entry in the cell to which entry ``i`` belongs.

Rows are taken in pieces so short that what the first pass has read is still in the cache when the
second pass asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.kernels._jit import jit
from fastcheck.kernels.pointwise import SMALL, small_expm1, small_log1p

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

PIECE = 512
"""Rows that are taken at once."""


@jit
def softmax(
    p: Array, top: Array, which: Array, data: Array, offsets: Array, members: Array, out: Array
) -> int:
    """Softmax: ``p (E - S) / (1 + S)`` with ``E = expm1(d - d_top)`` and ``S = sum p E``."""
    at = members.view(np.uint64)
    bad = 0
    sums = np.empty(PIECE)
    factors = np.empty(PIECE)
    for g in range(offsets.size - 1):
        w = which[g]
        for lo in range(offsets[g], offsets[g + 1], PIECE):
            hi = min(lo + PIECE, offsets[g + 1])
            total = sums[: hi - lo]
            factor = factors[: hi - lo]
            for c in range(at.shape[0]):
                for r in range(total.size):
                    total[r] = 0.0
                first = data[at[c, int(top[w, at[c, 0]])], lo:hi]
                for m in range(at.shape[1]):
                    pm = p[w, at[c, m]]
                    d = data[at[c, m], lo:hi]
                    grown = out[at[c, m], lo:hi]
                    for r in range(total.size):
                        x = d[r] - first[r]
                        bad += abs(x) > SMALL
                        e = small_expm1(x)
                        grown[r] = e
                        total[r] += pm * e
                for r in range(total.size):
                    factor[r] = 1.0 / (1.0 + total[r])
                for m in range(at.shape[1]):
                    pm = p[w, at[c, m]]
                    grown = out[at[c, m], lo:hi]
                    for r in range(total.size):
                        grown[r] = pm * (grown[r] - total[r]) * factor[r]
    return bad


@jit
def log_sum_exp(
    p: Array, top: Array, which: Array, data: Array, offsets: Array, members: Array, out: Array
) -> int:
    """Logarithm of a sum of exponentials, less the change of its largest entry.

    Writes ``log1p(sum_m p_m expm1(d_m - d_top))`` for each cell.
    """
    at = members.view(np.uint64)
    bad = 0
    for g in range(offsets.size - 1):
        w = which[g]
        for lo in range(offsets[g], offsets[g + 1], PIECE):
            hi = min(lo + PIECE, offsets[g + 1])
            for c in range(at.shape[0]):
                total = out[c, lo:hi]
                for r in range(total.size):
                    total[r] = 0.0
                first = data[at[c, int(top[w, at[c, 0]])], lo:hi]
                for m in range(at.shape[1]):
                    pm = p[w, at[c, m]]
                    d = data[at[c, m], lo:hi]
                    for r in range(total.size):
                        x = d[r] - first[r]
                        bad += abs(x) > SMALL
                        total[r] += pm * small_expm1(x)
                for r in range(total.size):
                    bad += abs(total[r]) > SMALL
                    total[r] = small_log1p(total[r])
    return bad


@jit
def add_top(
    top: Array, which: Array, data: Array, offsets: Array, members: Array, out: Array
) -> None:
    """Add the change of the largest entry of each cell to `out`."""
    at = members.view(np.uint64)
    for c in range(at.shape[0]):
        for g in range(offsets.size - 1):
            first = data[at[c, int(top[which[g], at[c, 0]])], offsets[g] : offsets[g + 1]]
            total = out[c, offsets[g] : offsets[g + 1]]
            for r in range(total.size):
                total[r] += first[r]


@jit
def subtract_growth(
    top: Array, which: Array, data: Array, offsets: Array, members: Array, growth: Array, out: Array
) -> None:
    """Logarithm of softmax: ``(d_m - d_top) - growth``, which `log_sum_exp` wrote."""
    at = members.view(np.uint64)
    for c in range(at.shape[0]):
        for g in range(offsets.size - 1):
            lo = offsets[g]
            hi = offsets[g + 1]
            first = data[at[c, int(top[which[g], at[c, 0]])], lo:hi]
            total = growth[c, lo:hi]
            for m in range(at.shape[1]):
                d = data[at[c, m], lo:hi]
                new = out[at[c, m], lo:hi]
                for r in range(total.size):
                    new[r] = (d[r] - first[r]) - total[r]
