"""Large arrays whose memory is used again.

The allocator gives large blocks back to the system, which hands them out again page by page and
zeroed. For arrays that live for one step of a chunk this costs more than the arithmetic: 40 % of
the time of a recurrent network, measured. Here a block is kept, and it is free for the next array
as soon as nobody refers to it, which is what Python's reference count says: every view of a block
refers to it.
"""

from __future__ import annotations

import math
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LARGE = 1 << 13
"""Numbers from which on a block is kept; smaller ones come from the allocator's own lists."""
MOST = 1 << 27
"""Numbers that a thread keeps at most."""
STEPS = 4
"""Sizes are rounded up to one of so many steps between powers of two."""
WASTE = 4
"""A block serves arrays down to this part of its size: few blocks stay in the cache."""


class _Blocks(threading.local):
    """The blocks of one thread, the one that was used last at the end."""

    def __init__(self) -> None:
        self.blocks: list[Floats] = []
        self.total = 0


_kept = _Blocks()


def _count_of_unused() -> int:
    """Return the reference count, as a scan sees it, of a block that only its list refers to."""
    blocks = [np.empty(1)]
    return sys.getrefcount(blocks[0])


UNUSED = _count_of_unused()


def empty(shape: tuple[int, ...]) -> Floats:
    """Return a new array of `shape`, not initialised."""
    n = math.prod(shape)
    if n < LARGE:
        return np.empty(shape)
    blocks = _kept.blocks
    for k in range(len(blocks) - 1, -1, -1):
        if n <= blocks[k].size <= WASTE * n and sys.getrefcount(blocks[k]) == UNUSED:
            blocks.append(blocks.pop(k))
            return blocks[-1][:n].reshape(shape)
    size = _rounded(n)
    if _kept.total + size > MOST:
        release()
    blocks.append(np.empty(size))
    _kept.total += size
    return blocks[-1][:n].reshape(shape)


def like(array: Floats) -> Floats:
    """Return a new array of the shape of `array`, not initialised."""
    return empty(array.shape)


def zeros(shape: tuple[int, ...]) -> Floats:
    """Return a new array of zeros."""
    new = empty(shape)
    new.fill(0.0)
    return new


def contiguous(array: Floats) -> Floats:
    """Return `array` in C order, copied where it is not."""
    return array if array.flags.c_contiguous else copied(array)


def copied(array: Floats) -> Floats:
    """Return a copy of `array` in C order."""
    new = empty(array.shape)
    np.copyto(new, array)
    return new


def release() -> None:
    """Forget the blocks of this thread; those in use live as long as their arrays."""
    _kept.blocks.clear()
    _kept.total = 0


def _rounded(n: int) -> int:
    unit: int = max(1 << (n - 1).bit_length() - 1, 1) // STEPS
    return -(-n // unit) * unit
