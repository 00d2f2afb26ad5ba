"""Differences of the usual losses, one value per row.

Tables, groups and the returned count are those of :mod:`fastcheck.kernels.pointwise`.
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
def softmax_cross_entropy(
    p: Array, y: Array, which: Array, data: Array, offsets: Array, shift: Array, out: Array
) -> int:
    """Cross-entropy from logits: ``Y log1p(sum_k p_k expm1(d_k - m))``.

    ``Y = sum_k y_k`` and ``m = sum_k y_k d_k / Y``: without that shift the sum cancels as
    ``p`` of the label tends to 1. Where labels have both signs, ``m = sum_k p_k d_k`` and
    ``sum_k y_k (d_k - m)`` is subtracted. `shift` is scratch of the length of `out`.
    """
    edge = offsets.view(np.uint64)
    bad = 0
    for g in range(offsets.size - 1):
        w = which[g]
        lo = edge[g]
        hi = edge[g + 1]
        total = 0.0
        size = 0.0
        for k in range(p.shape[1]):
            total += y[w, k]
            size += abs(y[w, k])
        one_sign = abs(total) == size
        for r in range(lo, hi):
            shift[r] = 0.0
            out[r] = 0.0
        if size == 0.0:
            continue
        for k in range(p.shape[1]):
            weight = y[w, k] / total if one_sign else p[w, k]
            if weight != 0.0:
                for r in range(lo, hi):
                    shift[r] += weight * data[k, r]
        for k in range(p.shape[1]):
            pk = p[w, k]
            if one_sign and y[w, k] == total:  # the only label: its d - m is exactly zero
                continue
            for r in range(lo, hi):
                d = data[k, r] - shift[r]
                bad += abs(d) > SMALL
                out[r] += pk * small_expm1(d)
        for r in range(lo, hi):
            bad += abs(out[r]) > SMALL
            out[r] = total * small_log1p(out[r])
        if not one_sign:  # the shift does not drop out
            for k in range(p.shape[1]):
                yk = y[w, k]
                for r in range(lo, hi):
                    out[r] -= yk * (data[k, r] - shift[r])
    return bad


@jit
def guarded_cross_entropy(
    p: Array,
    y: Array,
    which: Array,
    data: Array,
    offsets: Array,
    guard: float,
    scratch: Array,
    out: Array,
) -> int:
    """Cross-entropy ``-sum_k y_k log(p_k + guard)`` from logits.

    Each label gives ``-y_k log1p(-p_k S / ((1 + S)(p_k + guard)))`` with
    ``S = sum_j p_j expm1(d_j - d_k)``.
    """
    edge = offsets.view(np.uint64)
    bad = 0
    for g in range(offsets.size - 1):
        w = which[g]
        lo = edge[g]
        hi = edge[g + 1]
        for r in range(lo, hi):
            out[r] = 0.0
        for k in range(p.shape[1]):
            if y[w, k] == 0.0:
                continue
            ratio = p[w, k] / (p[w, k] + guard)
            for r in range(lo, hi):
                scratch[r] = 0.0
            for j in range(p.shape[1]):
                if j == k:
                    continue
                pj = p[w, j]
                for r in range(lo, hi):
                    d = data[j, r] - data[k, r]
                    bad += abs(d) > SMALL
                    scratch[r] += pj * small_expm1(d)
            for r in range(lo, hi):
                u = -ratio * scratch[r] / (1.0 + scratch[r])
                bad += abs(u) > SMALL
                out[r] -= y[w, k] * small_log1p(u)
    return bad


@jit
def logit_cross_entropy(
    s: Array, c: Array, y: Array, which: Array, data: Array, offsets: Array, out: Array
) -> int:
    """Binary cross-entropy from a logit: ``y log1p(c expm1(-d)) + (1 - y) log1p(s expm1(d))``.

    s is the sigmoid of the base point and ``c = 1 - s`` its complement.
    """
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            w = which[g]
            yi = y[w, i]
            si = s[w, i]
            ci = c[w, i]
            for r in range(edge[g], edge[g + 1]):
                d = data[i, r]
                bad += abs(d) > 0.9 * SMALL
                loss = yi * small_log1p(ci * small_expm1(-d))
                out[i, r] = loss + (1.0 - yi) * small_log1p(si * small_expm1(d))
    return bad


@jit
def binary_cross_entropy(
    a: Array,
    c: Array,
    y: Array,
    which: Array,
    data: Array,
    offsets: Array,
    guard: float,
    out: Array,
) -> int:
    """Binary cross-entropy from a probability a with complement c, `guard` added in the log.

    ``-y log1p(d / (a + guard)) - (1 - y) log1p(-d / (c + guard))``.
    """
    edge = offsets.view(np.uint64)
    bad = 0
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            w = which[g]
            yi = y[w, i]
            up = 1.0 / (a[w, i] + guard)
            down = 1.0 / (c[w, i] + guard)
            if yi == 0.0:
                up = 0.0
            if yi == 1.0:
                down = 0.0
            for r in range(edge[g], edge[g + 1]):
                d = data[i, r]
                u = d * up
                v = -d * down
                bad += max(abs(u), abs(v)) > SMALL
                out[i, r] = -yi * small_log1p(u) - (1.0 - yi) * small_log1p(v)
    return bad
