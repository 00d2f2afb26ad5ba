"""Reading off the index of a wrong entry from ratios of directional derivatives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.directions.boxes import Box
    from fastcheck.directions.reading import Oracle, Reading

    Floats = NDArray[np.float64]

SPREAD = 4.0
"""Signal over tolerance that one value of a digit needs."""
SURE = 0.5
"""Part of the largest possible error within which a digit must be whole. A tolerance is six
standard deviations, so that a right digit is hardly ever missed, and two wrong entries are rarely
taken for one."""
WINDOW = 0.02
"""Within which a digit counts as whole in any case."""
UNCLEAR = 0.3
"""Above it a reading says nothing about a digit: a kink was met, or the domain left."""


def digits_for(n: int, ratio: float) -> tuple[int, int]:
    """Return base and number of the digits in which an index below `n` is read.

    Parameters
    ----------
    n : int
        How many indices there are.
    ratio : float
        Signal over tolerance.

    Returns
    -------
    base, n_digits : int
        The fewest digits that the ratio allows; base 0 if it allows none.

    Examples
    --------
    >>> digits_for(1000, 1e6), digits_for(1000, 100.0), digits_for(1000, 3.0)
    ((1000, 1), (10, 3), (0, 0))
    """
    most = 1 + int(min(ratio / SPREAD, 2.0**40))
    if most < 2:
        return 0, 0
    for n_digits in range(1, 64):
        base = max(2, math.ceil(n ** (1.0 / n_digits) - 1e-9))
        if base <= most:
            return base, n_digits
    return 0, 0


def find_index(oracle: Oracle, box: Box, move: Floats, whole: Reading, axis: int) -> int | None:
    """Return the index along an axis that all wrong entries of a box share, if they do.

    Parameters
    ----------
    oracle : Oracle
        Measures.
    box : Box
        Where the wrong entries are.
    move : ndarray of float64, shape of the box
        The direction.
    whole : Reading
        What it reads.
    axis : int
        The axis.

    Notes
    -----
    With weights ``digit/(base - 1)`` on the indices, the reading is ``digit/(base - 1)`` of that
    without, if one digit is all there is. Of several wrong entries with different digits it is
    some other number, hardly ever a whole digit. One probe per digit, at the first that is not
    whole the search ends.
    """
    lo, hi = box.bounds[axis]
    base, n_digits = digits_for(hi - lo, whole.ratio)
    if not base:
        return None
    along = [1] * len(box.shape)
    along[axis] = hi - lo
    index = 0
    for j in range(n_digits):
        digits = np.arange(hi - lo) // base**j % base
        weights = (digits / (base - 1.0)).reshape(along)
        part = oracle.quick([(box, move * weights)])
        share = part.value / whole.value
        error = (part.tolerance + abs(share) * whole.tolerance) / abs(whole.value)
        digit = (base - 1.0) * share
        allowed = max(SURE * (base - 1.0) * error, WINDOW)
        if not allowed <= UNCLEAR or abs(digit - round(digit)) > allowed:
            return None
        if not 0 <= round(digit) < base:
            return None
        index += round(digit) * base**j
    return lo + index if index < hi - lo else None
