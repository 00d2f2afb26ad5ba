"""Differences of choices; see :mod:`fastcheck.kernels.pointwise` for what all kernels share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.kernels._jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@jit
def choose(
    gap: Array, which: Array, da: Array, db: Array, offsets: Array, larger: bool, out: Array
) -> int:
    """Change of the larger (or smaller) of a and b, with ``gap = a - b``.

    Returns how many rows change the winner.
    """
    edge = offsets.view(np.uint64)
    crossed = 0
    for i in range(da.shape[0]):
        for g in range(offsets.size - 1):
            z = gap[which[g], i]
            above = z > 0.0
            if above == larger:  # a wins before
                for r in range(edge[g], edge[g + 1]):
                    stays = (z + (da[i, r] - db[i, r]) > 0.0) == above
                    crossed += not stays
                    out[i, r] = da[i, r] if stays else db[i, r] - z
            else:
                for r in range(edge[g], edge[g + 1]):
                    stays = (z + (da[i, r] - db[i, r]) > 0.0) == above
                    crossed += not stays
                    out[i, r] = db[i, r] if stays else da[i, r] + z
    return crossed


@jit
def select(table: Array, which: Array, data: Array, out: Array) -> None:
    """Write ``out[i, c] = data[i, c]`` where ``table[which[c], i]`` is not zero, else zero."""
    row = which.view(np.uint64)
    for i in range(data.shape[0]):
        for c in range(data.shape[1]):
            out[i, c] = data[i, c] if table[row[c], i] != 0.0 else 0.0
