"""How far wrong entries go from one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.directions.boxes import Box

LITTLE = 8
"""Indices in which nothing need show at the end of a tensor."""


def edge_of(
    box: Box,
    example: tuple[int, ...],
    shape: tuple[int, ...],
    axis: int,
    sign: int,
    look: Callable[[Box], bool | None],
) -> int:
    """Return the last index along an axis that is wrong too.

    Parameters
    ----------
    box : Box
        Wrong entries lie densely in it, but need not fill it, and may go on beyond it.
    example : tuple of int
        A wrong entry of the box.
    shape : tuple of int
        Of the tensor.
    axis : int
        The axis.
    sign : {-1, 1}
        Whether to go down or up.
    look : callable
        Whether something is wrong in a part; None if nothing shows, though it may be.

    Notes
    -----
    By bisection, between the example and the edge of the box, or from there to the end of the
    tensor; one look at all that the box has at one index. Cost: one or two looks where the whole
    axis is wrong, else about ``log2(n)``.
    """

    def is_wrong(i: int) -> bool:
        return bool(look(box.along(axis, i, i + 1)))

    lo, hi = box.bounds[axis]
    edge = hi - 1 if sign > 0 else lo
    end = shape[axis] - 1 if sign > 0 else 0
    inside, outside = example[axis], edge
    if edge == end:
        if _reaches_end(box, axis, sign, look):
            return end
    elif is_wrong(edge):
        if not is_wrong(edge + sign):
            return edge
        if is_wrong(end):
            return end
        inside, outside = edge + sign, end
    while abs(outside - inside) > 1:
        middle = (inside + outside) // 2
        if is_wrong(middle):
            inside = middle
        else:
            outside = middle
    return inside


def _reaches_end(box: Box, axis: int, sign: int, look: Callable[[Box], bool | None]) -> bool:
    """Return whether the last index is wrong, or if that does not show, whether the last ones are.

    The gradient may be zero there, or an error too small to be seen.
    """
    n = 1
    while (found := look(last_of(box, axis, sign, n))) is None and n < LITTLE:
        n *= 2
    return bool(found)


def last_of(box: Box, axis: int, sign: int, n: int) -> Box:
    """Return what a box has at its last indices along an axis, up or down, at most `n`."""
    lo, hi = box.bounds[axis]
    n = min(hi - lo, n)
    return box.along(axis, hi - n, hi) if sign > 0 else box.along(axis, lo, lo + n)
