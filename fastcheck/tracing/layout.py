"""Copies of arrays that lie in memory as the original does.

How NumPy adds up an array, and which routine of BLAS it calls, depends on strides. A copy with
other strides can differ in the last bit, and replays are compared to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["copied_layout", "extent", "laid_out"]

Array = np.ndarray[Any, Any]
SPARE = 16  # an array that is spread over more than this many times its size is packed


def extent(x: Array) -> tuple[int, int]:
    """Return the first address of an array and the one after its last byte."""
    start = int(x.__array_interface__["data"][0])
    if x.size == 0:
        return start, start
    low = high = start
    for length, stride in zip(x.shape, x.strides, strict=True):
        if stride < 0:
            low += (length - 1) * stride
        else:
            high += (length - 1) * stride
    return low, high + x.itemsize


def _empty_like(x: Array) -> Array:
    """Return an array with the shape and the strides of another, in memory of its own."""
    low, high = extent(x)
    if high - low > SPARE * x.nbytes or x.dtype.hasobject:
        return np.empty_like(x, subok=False)
    start = int(x.__array_interface__["data"][0])
    memory = np.zeros(high - low, np.uint8)
    return np.ndarray(x.shape, x.dtype, memory, start - low, x.strides)


def copied_layout(x: Array) -> Array:
    """Return a copy with the same strides."""
    copy: Array = np.array(x, order="K", copy=True, subok=False)
    return copy if copy.strides == x.strides else laid_out(x, x)


def laid_out(values: Array, like: Array) -> Array:
    """Return values in new memory, with the type and the strides of another array."""
    new = _empty_like(like)
    new[...] = values
    return new
