"""Differences of the largest of several entries.

If entry k wins at the base point and entry j after the change, the largest entry changes by
``d_j + (x_j - x_k)``, which is the largest of all ``d_j + (x_j - x_k)``. Cells and tables are those
of :mod:`fastcheck.kernels.softmax`; ``winner[w, i]`` is the number of the winner in the cell to
which entry ``i`` belongs. `sign` is 1 for the largest entry, -1 for the smallest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.kernels._jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

SAME = 2.0**-46
"""Relative difference up to which two changes count as one: what tied entries that see the same
inputs may differ by in rounding."""


@jit
def extreme_columns(
    x: Array, winner: Array, which: Array, data: Array, reach: Array, members: Array, sign: float,
    out: Array,
) -> int:  # fmt: skip
    """Let each column of `data`, multiplied by up to `reach`, keep the winner of the base point.

    Returns how many entries might win in some row; `out` is then void.
    """
    at = members.view(np.uint64)
    near = 0
    start = 0
    while start < which.size:  # a run of columns that see the same base point
        stop = start + 1
        while stop < which.size and which[stop] == which[start]:
            stop += 1
        w = which[start]
        top = reach[start:stop]
        for c in range(at.shape[0]):
            k = at[c, int(winner[w, at[c, 0]])]
            first = data[k, start:stop]
            new = out[c, start:stop]
            for g in range(new.size):
                new[g] = first[g]
            for m in range(at.shape[1]):
                gap = sign * (x[w, k] - x[w, at[c, m]])
                d = data[at[c, m], start:stop]
                for g in range(new.size):
                    near += not (abs(d[g] - first[g]) * top[g] < gap or d[g] == first[g])
        start = stop
    return near


@jit
def extreme_rows(
    x: Array, winner: Array, which: Array, data: Array, offsets: Array, members: Array,
    sign: float, out: Array, flags: Array,
) -> int:  # fmt: skip
    """Write the change of the winner's value.

    Sets ``flags[r] = 1`` for rows in which another entry wins than at the base point, and for those
    in which tied winners move differently. Returns how many cells have such rows.
    """
    at = members.view(np.uint64)
    edge = offsets.view(np.uint64)
    found = 0
    for c in range(at.shape[0]):
        for g in range(offsets.size - 1):
            w = which[g]
            k = at[c, int(winner[w, at[c, 0]])]
            lo = edge[g]
            hi = edge[g + 1]
            moved = 0
            for r in range(lo, hi):
                out[c, r] = data[k, r]
            for m in range(at.shape[1]):
                i = at[c, m]
                gap = x[w, i] - x[w, k]
                if i == k:
                    continue
                for r in range(lo, hi):
                    d = gap + data[i, r]
                    wins = sign * (d - out[c, r]) > 0.0 or d != d
                    out[c, r] = d if wins else out[c, r]
                if gap == 0.0:
                    for r in range(lo, hi):
                        moved += not abs(data[i, r] - data[k, r]) <= SAME * abs(data[k, r])
            for r in range(lo, hi):
                moved += not abs(out[c, r] - data[k, r]) <= SAME * abs(data[k, r])
            if moved:
                found += 1
                for m in range(at.shape[1]):
                    i = at[c, m]
                    gap = x[w, i] - x[w, k]
                    for r in range(lo, hi):
                        lead = sign * (gap + data[i, r] - data[k, r])
                        size = abs(lead) if gap == 0.0 else lead
                        if size > SAME * abs(data[k, r]):
                            flags[r] = 1
    return found
