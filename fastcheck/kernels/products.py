"""Products: those that BLAS is slow at, and those in which several factors change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

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


@jit
def outer_product(a: Array, b: Array, out: Array) -> None:
    """Write ``out[s, i, j, r] = a[s, i, r] * b[s, j, r]``."""
    for s in range(out.shape[0]):
        for i in range(out.shape[1]):
            left = a[s, i]
            for j in range(out.shape[2]):
                right = b[s, j]
                new = out[s, i, j]
                for r in range(new.size):
                    new[r] = left[r] * right[r]


@jit
def multiply(
    x: Array, y: Array, which: Array, a: Array, b: Array, index: Array, offsets: Array
) -> None:
    """Turn a into ``(x + a)(y + b) - x y = a (y + b) + x b``, entry by entry.

    x and y are tables of the base point, row ``which[g]`` of which belongs to group ``g``; entry i
    of a meets entry ``index[i]`` of b. The result takes the place of a because what is written
    from two arrays into one of them is not vectorised.
    """
    edge = offsets.view(np.uint64)
    place = index.view(np.uint64)
    for i in range(a.shape[0]):
        left = a[i]
        right = b[place[i]]
        for g in range(offsets.size - 1):
            xi = x[which[g], i]
            yi = y[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                left[r] = left[r] * (yi + right[r]) + xi * right[r]


@jit
def divide_by(y: Array, q: Array, which: Array, b: Array, offsets: Array) -> None:
    """Turn b into ``x / (y + b) - x / y = q b / (y + b)`` with ``q = -x / y``."""
    edge = offsets.view(np.uint64)
    for i in range(b.shape[0]):
        for g in range(offsets.size - 1):
            yi = y[which[g], i]
            qi = q[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                b[i, r] = qi * b[i, r] / (yi + b[i, r])


@jit
def divide(
    y: Array, q: Array, which: Array, a: Array, b: Array, index: Array, offsets: Array
) -> None:
    """Turn a into ``(x + a) / (y + b) - x / y = (a + q b) / (y + b)`` with ``q = -x / y``."""
    edge = offsets.view(np.uint64)
    place = index.view(np.uint64)
    for i in range(a.shape[0]):
        left = a[i]
        right = b[place[i]]
        for g in range(offsets.size - 1):
            yi = y[which[g], i]
            qi = q[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                left[r] = (left[r] + qi * right[r]) / (yi + right[r])


@jit
def contract_both(
    x: Array, which_x: Array, y: Array, which_y: Array, a: Array, b: Array, offsets: Array,
    out: Array,
) -> None:  # fmt: skip
    """Write the change of a stack of products ``x y'`` of which both operands change.

    In the stack, ``out[i, j] = sum_k a[i, k] (y[j, k] + b[j, k]) + x[i, k] b[j, k]`` for each row,
    with x and y flat in the rows ``which_x[g]`` and ``which_y[g]`` of their tables.

    BLAS cannot do this, since all factors depend on the row, and products of the base point with
    small matrices are as fast here.
    """
    edge = offsets.view(np.uint64)
    n_i, n_k = a.shape[1], a.shape[2]
    n_j = b.shape[1]
    for s in range(out.shape[0]):
        for i in range(n_i):
            for j in range(n_j):
                total = out[s, i, j]
                for r in range(total.size):
                    total[r] = 0.0
                for k in range(n_k):
                    left = a[s, i, k]
                    right = b[s, j, k]
                    for g in range(offsets.size - 1):
                        xk = x[which_x[g], (s * n_i + i) * n_k + k]
                        yk = y[which_y[g], (s * n_j + j) * n_k + k]
                        for r in range(edge[g], edge[g + 1]):
                            total[r] += left[r] * (yk + right[r]) + xk * right[r]


@jit
def product_over(
    x: Array, which: Array, data: Array, offsets: Array, members: Array, moved: Array, out: Array
) -> None:
    """Write the change of the product of the entries of each cell.

    With P the product of the first entries at their new values and D its change, one more entry
    gives ``D x + P d``. Cells are those of :mod:`fastcheck.kernels.softmax`; `moved` is scratch, a
    number per row.
    """
    at = members.view(np.uint64)
    edge = offsets.view(np.uint64)
    for c in range(at.shape[0]):
        for g in range(offsets.size - 1):
            for r in range(edge[g], edge[g + 1]):
                out[c, r] = 0.0
                moved[r] = 1.0
            for m in range(at.shape[1]):
                i = at[c, m]
                base = x[which[g], i]
                for r in range(edge[g], edge[g + 1]):
                    out[c, r] = out[c, r] * base + moved[r] * data[i, r]
                    moved[r] *= base + data[i, r]
