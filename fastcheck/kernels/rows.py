"""Moving differences between columns, rows and probes.

Shapes, here and in the other kernels: ``n`` local elements of a tensor, ``G`` groups, ``R`` rows.
Rows ``offsets[g]:offsets[g + 1]`` belong to group ``g``.

Index arrays are read through unsigned views: an index that may be negative is wrapped around by
compiled code at every access, and the loop is not vectorised (measured: 0.56 against 0.09 ns an
element in `expand`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.kernels._jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LINE = 8
"""Numbers in a cache line."""


@jit
def enter(
    x: Array,
    key: Array,
    size: Array,
    runs: Array,
    unit: Array,
    alive: Array,
    lo: int,
    hi: int,
    probe: Array,
    scale: Array,
    offsets: Array,
    samples: Array,
    units: Array,
    segments: Array,
) -> tuple[int, int]:
    """Spread probes of single weights over samples, leaving out inputs that are exactly zero.

    Probes ``2e`` and ``2e + 1`` move the weight of input ``key[e]`` and unit ``unit[q]`` (``e`` in
    run ``q``) by ``+size[e]`` and ``-size[e]``; in sample ``s`` this moves the unit by
    ``x[s, key[e]]`` times as much. Units with ``alive[s, unit] == 0`` are left out. The rows of a
    group are the upward probes, then the downward ones.

    Returns the numbers of rows and groups written.
    """
    m = 0
    g = 0
    at = key.view(np.uint64)
    edge = runs.view(np.uint64)
    for s in range(lo, hi):
        segments[s - lo] = m
        for q in range(unit.size):
            if alive[s, unit[q]] == 0:
                continue
            n = 0
            for e in range(edge[q], edge[q + 1]):
                n += x[s, at[e]] != 0.0
            if n == 0:
                continue
            rows = scale[m : m + n]
            ids = probe[m : m + n]
            if n == runs[q + 1] - runs[q]:
                for e in range(edge[q], edge[q + 1]):
                    rows[e - edge[q]] = x[s, at[e]] * size[e]
                    ids[e - edge[q]] = 2 * e
            else:
                k = 0
                for e in range(edge[q], edge[q + 1]):
                    v = x[s, at[e]]
                    if v != 0.0:
                        rows[k] = v * size[e]
                        ids[k] = 2 * e
                        k += 1
            back = scale[m + n : m + 2 * n]
            back_ids = probe[m + n : m + 2 * n]
            for k in range(n):
                back[k] = -rows[k]
                back_ids[k] = ids[k] + 1
            offsets[g] = m
            samples[g] = s
            units[g] = unit[q]
            m += 2 * n
            g += 1
    segments[hi - lo] = m
    offsets[g] = m
    return m, g


@jit
def expand(columns: Array, scale: Array, offsets: Array, out: Array) -> None:
    """Write ``out[i, r] = columns[i, g] * scale[r]`` for the rows ``r`` of each group ``g``."""
    edge = offsets.view(np.uint64)
    for i in range(columns.shape[0]):
        for g in range(offsets.size - 1):
            c = columns[i, g]
            for r in range(edge[g], edge[g + 1]):
                out[i, r] = c * scale[r]


@jit
def spread(table: Array, which: Array, offsets: Array, out: Array) -> None:
    """Write ``out[i, r] = table[which[g], i]`` for the rows ``r`` of each group ``g``."""
    edge = offsets.view(np.uint64)
    for i in range(out.shape[0]):
        for g in range(offsets.size - 1):
            base = table[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                out[i, r] = base


@jit
def reach(scale: Array, offsets: Array, out: Array) -> None:
    """Write the largest ``|scale|`` of each group, NaN where one is NaN.

    Without their sign bits, doubles are ordered like integers, NaN last, and the largest integer
    is found in vectors: 0.06 against 0.83 ns a row.
    """
    edge = offsets.view(np.uint64)
    bits = scale.view(np.int64)
    tops = out.view(np.int64)
    for g in range(offsets.size - 1):
        top = 0
        for r in range(edge[g], edge[g + 1]):
            top = max(top, bits[r] & 0x7FFFFFFFFFFFFFFF)
        tops[g] = top


@jit
def weigh(table: Array, which: Array, data: Array, out: Array) -> None:
    """Write ``out[i, c] = data[i, c] * table[which[c], i]``; see :func:`outer` for the order."""
    row = which.view(np.uint64)
    n = data.shape[0]
    for lo in range(0, n, LINE):
        for c in range(data.shape[1]):
            base = table[row[c], lo : min(lo + LINE, n)]
            for i in range(base.size):
                out[lo + i, c] = data[lo + i, c] * base[i]


@jit
def weigh_groups(table: Array, which: Array, data: Array, offsets: Array, out: Array) -> None:
    """Write ``out[i, r] = data[i, r] * table[which[g], i]`` for the rows ``r`` of each group."""
    edge = offsets.view(np.uint64)
    for i in range(data.shape[0]):
        for g in range(offsets.size - 1):
            base = table[which[g], i]
            for r in range(edge[g], edge[g + 1]):
                out[i, r] = data[i, r] * base


@jit
def outer(table: Array, which: Array, data: Array, out: Array) -> None:
    """Write ``out[i, c] = table[which[c], i] * data[c]``: one moved unit seen by the next layer.

    A cache line of the table is used whole before the next one is read: 0.54 against 1.8 ns an
    element, measured for a table of 512 by 512.
    """
    row = which.view(np.uint64)
    n = out.shape[0]
    for lo in range(0, n, LINE):
        for c in range(out.shape[1]):
            base = table[row[c], lo : min(lo + LINE, n)]
            for i in range(base.size):
                out[lo + i, c] = base[i] * data[c]


@jit
def unpin(data: Array, which: Array, out: Array) -> None:
    """Write ``out[which[c], i, c] = data[i, c]`` into zeros."""
    row = which.view(np.uint64)
    for i in range(data.shape[0]):
        for c in range(data.shape[1]):
            out[row[c], i, c] = data[i, c]


@jit
def collapse(data: Array, probe: Array, acc: Array) -> None:
    """Add the rows of each probe: ``acc[i, probe[r]] += data[i, r]``."""
    place = probe.view(np.uint32)
    for i in range(data.shape[0]):
        for r in range(data.shape[1]):
            acc[i, place[r]] += data[i, r]
