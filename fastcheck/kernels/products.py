"""Matrix products that BLAS is slow at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastcheck.kernels._jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

TILE = 256
"""Columns that are worked on at once; the tile of `out` then stays in the first-level cache."""
NARROW = 16
"""Up to this many rows of the result, :func:`narrow_product` beats BLAS for long sums."""
LONG = 64
"""From this many summed entries on."""


@jit
def narrow_product(w: Array, data: Array, out: Array) -> None:
    """Write ``out = w @ data`` for a `w` with few rows.

    BLAS packs `data` before it multiplies, which costs more than the product itself when `w` has
    few rows: 283 against 127 us, measured for 10 by 512 by 512.
    """
    n_in = w.shape[1]
    whole = n_in - n_in % 4
    for lo in range(0, data.shape[1], TILE):
        hi = min(lo + TILE, data.shape[1])
        for o in range(w.shape[0]):
            x = out[o, lo:hi]
            for r in range(x.size):
                x[r] = 0.0
        for k in range(0, whole, 4):
            a = data[k, lo:hi]
            b = data[k + 1, lo:hi]
            c = data[k + 2, lo:hi]
            d = data[k + 3, lo:hi]
            for o in range(w.shape[0]):
                p, q, s, t = w[o, k], w[o, k + 1], w[o, k + 2], w[o, k + 3]
                x = out[o, lo:hi]
                for r in range(x.size):
                    x[r] += (p * a[r] + q * b[r]) + (s * c[r] + t * d[r])
        for k in range(whole, n_in):
            a = data[k, lo:hi]
            for o in range(w.shape[0]):
                p = w[o, k]
                x = out[o, lo:hi]
                for r in range(x.size):
                    x[r] += p * a[r]
