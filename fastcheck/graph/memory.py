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


class _Blocks(threading.local):
    """The blocks of one thread, by size."""

    def __init__(self) -> None:
        self.by_size: dict[int, list[Floats]] = {}
        self.total = 0


_blocks = _Blocks()


def _count_of_unused() -> int:
    """Return the reference count, as a scan sees it, of a block that only its list refers to."""
    for block in [np.empty(1)]:
        return sys.getrefcount(block)
    raise AssertionError


UNUSED = _count_of_unused()


def empty(shape: tuple[int, ...]) -> Floats:
    """Return a new array of `shape`, not initialised."""
    n = math.prod(shape)
    if n < LARGE:
        return np.empty(shape)
    size = _rounded(n)
    for block in _blocks.by_size.setdefault(size, []):
        if sys.getrefcount(block) == UNUSED:
            return block[:n].reshape(shape)
    if _blocks.total + size > MOST:
        release()
    block = np.empty(size)
    _blocks.by_size.setdefault(size, []).append(block)
    _blocks.total += size
    return block[:n].reshape(shape)


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
    _blocks.by_size.clear()
    _blocks.total = 0


def _rounded(n: int) -> int:
    unit: int = max(1 << (n - 1).bit_length() - 1, 1) // STEPS
    return -(-n // unit) * unit
