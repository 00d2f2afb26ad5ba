"""Losses that move in steps: rounded by their author, counted, or of a coarse type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

COARSE = 1e5
"""By how many roundings of a loss its steps must be higher."""
CLOSE = 1e3
"""By how many roundings a multiple of a step may be missed."""
NEAR = 100.0
"""Differences that are compared, in units of the smallest."""
NOISY = 0.05
"""Least noise that steps make, in units of them; that of rounding is 0.29."""
FEW = 6.0
"""A divisor of up to so many units of the last digit is taken for one: few values were seen."""
MOST_DIGITS = 15


def find_stairs(values: Floats, *, rounding: float, noise: float) -> float:
    """Return the step of which all differences of values are multiples; 0 if there is none.

    Parameters
    ----------
    values : ndarray of float64
        Losses at different points.
    rounding : float
        How large their rounding errors are by their type, absolute.
    noise : float
        How large these errors are really: what is linear has equal differences too, and no noise.

    Notes
    -----
    The greatest common divisor of small differences, by Euclid's algorithm: of values that are not
    on a grid it falls to their rounding. Or the power of ten of which all values are multiples, if
    that is not far below. Single precision is a grid too, but not one that anybody made: steps of
    its spacing do not count.

    Examples
    --------
    >>> find_stairs(np.round(np.sin(np.arange(9.0)), 2), rounding=2.0**-53, noise=0.003)
    0.01
    """
    values = np.unique(values[np.isfinite(values)])
    if values.size < 2:
        return 0.0
    decimal, step = _decimal(values, rounding), _divisor(np.diff(values), rounding)
    if decimal and step <= FEW * decimal:
        step = decimal
    if not COARSE * rounding < step <= noise / NOISY or _is_single(values, step):
        return 0.0
    return step


def _decimal(values: Floats, rounding: float) -> float:
    """Return the largest power of ten, at most 0.1, of which all values are multiples; or 0."""
    for digits in range(1, MOST_DIGITS):
        if np.all(np.abs(values - np.round(values, digits)) <= 4.0 * rounding):
            return float(10.0**-digits)
    return 0.0


def _divisor(gaps: Floats, rounding: float) -> float:
    """Return the greatest common divisor of differences that are not far above the smallest."""
    step = 0.0
    for gap in gaps[gaps <= NEAR * gaps.min()].tolist():
        while step > CLOSE * rounding:
            gap, step = step, abs(gap - round(gap / step) * step)
        step = gap
    return step


def _is_single(values: Floats, step: float) -> bool:
    """Return whether values are numbers of single precision, and a step is their spacing."""
    with np.errstate(over="ignore", under="ignore"):
        single = values.astype(np.float32)
    return bool((single == values).all() and step <= np.spacing(np.abs(single).max()))
