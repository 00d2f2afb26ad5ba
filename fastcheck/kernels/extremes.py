"""Differences of the largest of several entries.

If entry k wins at the base point and entry j after the change, the largest entry changes by
``d_j + (x_j - x_k)``, which is the largest of all ``d_j + (x_j - x_k)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.kernels._jit import jit

if TYPE_CHECKING:
    from fastcheck.kernels.rows import Array


@jit
def extreme(
    x: Array,
    which: Array,
    data: Array,
    offsets: Array,
    places: Array,
    sign: float,
    out: Array,
    flags: Array,
) -> int:
    """Largest (`sign` 1) or smallest (`sign` -1) of several entries, for rows.

    Parameters
    ----------
    x : ndarray, shape (M, n)
        Tables of the base values.
    which : ndarray of int64, shape (G,)
        The table of each group.
    data : ndarray, shape (n, R)
        The changes.
    offsets : ndarray of int64, shape (G + 1,)
        The groups.
    places : ndarray of int64, shape (n_out, k)
        The entries of which each result is the largest.
    sign : float
        See above.
    out : ndarray, shape (n_out, R)
        The changes of the results.
    flags : ndarray of uint8, shape (R,)
        Set for rows in which another entry wins than at the base point.

    Returns
    -------
    int
        How many results have another winner.
    """
    edge = offsets.view(np.uint64)
    entry = places.view(np.uint64)
    table = which.view(np.uint64)
    moved = 0
    for i in range(places.shape[0]):
        for g in range(offsets.size - 1):
            base = x[table[g]]
            first = entry[i, 0]
            for j in range(1, places.shape[1]):
                if sign * base[entry[i, j]] > sign * base[first]:
                    first = entry[i, j]
            top = base[first]
            for r in range(edge[g], edge[g + 1]):
                out[i, r] = data[first, r]
            for j in range(places.shape[1]):
                k = entry[i, j]
                if k == first:
                    continue
                gap = base[k] - top
                for r in range(edge[g], edge[g + 1]):
                    value = gap + data[k, r]
                    if sign * value > sign * out[i, r]:
                        out[i, r] = value
                        flags[r] = 1
                        moved += 1
    return moved
