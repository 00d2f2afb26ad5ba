"""Inputs that repeat: weights of one unit whose input is the same number in a sample.

Pixels are whole numbers from 0 to 255, however they are scaled. Two weights of one unit that are
multiplied by the same number move the unit by the same amount: one row serves both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.kernels._jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

MOST = 1024
"""How many different numbers a sample may have."""
SLOTS = 4096
"""Size of the hash table; a power of two."""


@jit
def encode(x: Array, codes: Array, values: Array, counts: Array, lo: int, hi: int) -> bool:
    """Give numbers to the different nonzero inputs of the samples ``lo:hi``.

    Code 0 is zero; code ``c`` stands for ``values[s, c - 1]``, in the order of appearance. Returns
    False as soon as a sample has too many.
    """
    bits = x.view(np.uint64)
    slots = np.empty(SLOTS, np.int64)
    for s in range(lo, hi):
        slots[:] = 0
        n = 0
        for k in range(x.shape[1]):
            v = x[s, k]
            if v == 0.0:
                codes[s, k] = 0
                continue
            b = bits[s, k]
            mixed = (b >> np.uint64(41)) ^ (b >> np.uint64(52))  # leading digits and exponent
            slot = np.int64(mixed & np.uint64(SLOTS - 1))
            while slots[slot] != 0 and values[s, slots[slot] - 1] != v and v == v:
                slot = (slot + 1) & (SLOTS - 1)
            if slots[slot] == 0 or v != v:
                if n == values.shape[1]:
                    return False
                values[s, n] = v
                n += 1
                slots[slot] = n
            codes[s, k] = slots[slot]
        counts[s] = n
    return True


@jit
def enter_once(
    values: Array,
    counts: Array,
    size: Array,
    unit: Array,
    alive: Array,
    lo: int,
    hi: int,
    scale: Array,
    offsets: Array,
    samples: Array,
    units: Array,
    runs: Array,
    segments: Array,
) -> tuple[int, int]:
    """Write a row up and a row down for each different input of a sample and each run.

    ``size[q]`` is how far the probes of run ``q`` move their weights. See
    :func:`fastcheck.kernels.rows.enter` for the other arguments; ``runs[g]`` is the run of a group.
    """
    m = 0
    g = 0
    for s in range(lo, hi):
        segments[s - lo] = m
        n = counts[s]
        for q in range(unit.size):
            if n == 0 or alive[s, unit[q]] == 0:
                continue
            for c in range(n):
                scale[m + c] = values[s, c] * size[q]
                scale[m + n + c] = -scale[m + c]
            offsets[g] = m
            samples[g] = s
            units[g] = unit[q]
            runs[g] = q
            m += 2 * n
            g += 1
    segments[hi - lo] = m
    offsets[g] = m
    return m, g


@jit
def collapse_repeats(
    data: Array,
    codes: Array,
    key: Array,
    edges: Array,
    samples: Array,
    runs: Array,
    offsets: Array,
    acc: Array,
) -> None:
    """Add to each probe what its row changed; probe pair ``e`` has input ``key[e]``."""
    at = key.view(np.uint64)
    edge = edges.view(np.uint64)
    for i in range(data.shape[0]):
        for g in range(runs.size):
            n = (offsets[g + 1] - offsets[g]) // 2
            up = data[i, offsets[g] : offsets[g] + n]
            down = data[i, offsets[g] + n : offsets[g + 1]]
            code = codes[samples[g]]
            total = acc[i]
            for e in range(edge[runs[g]], edge[runs[g] + 1]):
                c = code[at[e]]
                if c:
                    total[2 * e] += up[c - 1]
                    total[2 * e + 1] += down[c - 1]
