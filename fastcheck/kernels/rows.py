"""Moving differences between columns, rows and probes.

Shapes, here and in the other kernels: ``n`` local elements of a tensor, ``G`` groups, ``R`` rows.
Rows ``offsets[g]:offsets[g + 1]`` belong to group ``g``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.kernels._jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@jit
def enter(
    x: Array,
    key: Array,
    runs: Array,
    pin: Array,
    alive: Array,
    step: Array,
    lo: int,
    hi: int,
    probe: Array,
    scale: Array,
    offsets: Array,
    samples: Array,
    pins: Array,
    segments: Array,
) -> tuple[int, int]:
    """Spread probes of single weights over samples, leaving out inputs that are exactly zero.

    Probe pair ``e`` moves the weight of input ``key[e]`` and unit ``pin[q]`` (``e`` in run ``q``)
    by ``step[2e]`` and ``step[2e + 1]``; in sample ``s`` this moves the unit by ``x[s, key[e]]``
    times the step. Units with ``alive[s, pin] == 0`` are left out.

    Returns the numbers of rows and groups written.
    """
    m = 0
    g = 0
    for s in range(lo, hi):
        segments[s - lo] = m
        for q in range(pin.size):
            if alive[s, pin[q]] == 0:
                continue
            start = m
            for e in range(runs[q], runs[q + 1]):
                v = x[s, key[e]]
                if v != 0.0:
                    scale[m] = v * step[2 * e]
                    scale[m + 1] = v * step[2 * e + 1]
                    probe[m] = 2 * e
                    probe[m + 1] = 2 * e + 1
                    m += 2
            if m > start:
                offsets[g] = start
                samples[g] = s
                pins[g] = pin[q]
                g += 1
    segments[hi - lo] = m
    offsets[g] = m
    return m, g


@jit
def expand(columns: Array, scale: Array, offsets: Array, out: Array) -> None:
    """Write ``out[i, r] = columns[i, g] * scale[r]`` for the rows ``r`` of each group ``g``."""
    for i in range(columns.shape[0]):
        for g in range(offsets.size - 1):
            c = columns[i, g]
            for r in range(offsets[g], offsets[g + 1]):
                out[i, r] = c * scale[r]


@jit
def reach(scale: Array, offsets: Array, out: Array) -> None:
    """Write the largest ``|scale|`` of each group, NaN where one is NaN."""
    for g in range(offsets.size - 1):
        top = 0.0
        for r in range(offsets[g], offsets[g + 1]):
            s = abs(scale[r])
            if not s <= top:
                top = s
        out[g] = top


@jit
def weigh(table: Array, which: Array, data: Array, out: Array) -> None:
    """Write ``out[i, c] = data[i, c] * table[which[c], i]``."""
    for i in range(data.shape[0]):
        for c in range(data.shape[1]):
            out[i, c] = data[i, c] * table[which[c], i]


@jit
def outer(table: Array, which: Array, data: Array, out: Array) -> None:
    """Write ``out[i, c] = table[which[c], i] * data[c]``: one moved unit seen by the next layer."""
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[i, c] = table[which[c], i] * data[c]


@jit
def unpin(data: Array, which: Array, out: Array) -> None:
    """Write ``out[which[c], i, c] = data[i, c]`` into zeros."""
    for i in range(data.shape[0]):
        for c in range(data.shape[1]):
            out[which[c], i, c] = data[i, c]


@jit
def collapse(data: Array, probe: Array, acc: Array) -> None:
    """Add the rows of each probe: ``acc[i, probe[r]] += data[i, r]``."""
    for i in range(data.shape[0]):
        for r in range(data.shape[1]):
            acc[i, probe[r]] += data[i, r]


@jit
def collapse_pairs(total: Array, out: Array) -> None:
    """Write the central combination ``out[e] = total[2e] - total[2e + 1]``."""
    for e in range(out.size):
        out[e] = total[2 * e] - total[2 * e + 1]


def empty_int(n: int) -> NDArray[np.int64]:
    """Return an uninitialised index array."""
    return np.empty(n, dtype=np.int64)
