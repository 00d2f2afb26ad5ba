"""Constants that explain every entry of a tensor: intervals, and the simple number in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

    Interval = tuple[float, float]

NARROW = 1e-3
"""Widest interval of a constant, relative to it."""
SURE = 1e-3
"""Widest interval around a whole number that is taken for it."""


@dataclass(frozen=True, slots=True)
class Fit:
    """One explanation of one tensor, exact in every known entry.

    Attributes
    ----------
    kind : str
        What kind of explanation.
    tensor : str
        The tensor.
    n : int
        How many entries it explains that were clearly wrong.
    complexity : float
        What it is compared with others by: the smaller, the likelier.
    interval : pair of float or None
        Where its constant must lie; None if it has none.
    detail : str
        What explanations must share to be one, beside kind and constant.
    """

    kind: str
    tensor: str
    n: int
    complexity: float
    interval: Interval | None = None
    detail: str = ""


def interval_of(target: Floats, direction: Floats, allowance: Floats) -> Interval | None:
    """Return the constants `k` with ``|target - k direction| <= allowance`` in every entry.

    Parameters
    ----------
    target, direction, allowance : ndarray of float64, one shape
        Finite values.

    Returns
    -------
    pair of float, or None
        The least and the largest; None if there are none, if zero is among them, or if they are
        too far apart to mean anything.

    Notes
    -----
    An intersection of one interval per entry: no least squares, so that a single entry that does
    not fit is enough to reject. Cost: a few passes.
    """
    moved = direction != 0.0
    if not moved.any() or np.any(np.abs(target[~moved]) > allowance[~moved]):
        return None
    t, d, tol = target[moved], direction[moved], allowance[moved]
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ends = (t - tol) / d, (t + tol) / d
    low = float(np.max(np.minimum(*ends)))
    high = float(np.min(np.maximum(*ends)))
    return (low, high) if is_narrow((low, high)) else None


def is_narrow(interval: Interval) -> bool:
    """Return whether an interval holds a constant that is not zero, and holds it well."""
    low, high = interval
    if not (math.isfinite(low) and math.isfinite(high)) or low > high or low <= 0.0 <= high:
        return False
    return high - low <= NARROW * max(abs(low), abs(high))


def inverse(interval: Interval) -> Interval:
    """Return the inverses of the constants in an interval without zero."""
    return 1.0 / interval[1], 1.0 / interval[0]


def simple_factor(interval: Interval, lengths: Iterable[int]) -> float | None:
    """Return the simple number in an interval: from lengths, whole, or one over a whole number."""
    for size in (1.0, 2.0, 0.5):
        for sign in (1.0, -1.0):
            if _holds(interval, sign * size):
                return sign * size
    for m in lengths:
        for size in (m, 1 / m, 2 / m, m / 2, (m - 1) / m, m / (m - 1)):
            for sign in (1.0, -1.0):
                if _holds(interval, sign * size):
                    return sign * size
    for turned in (False, True):
        low, high = inverse(interval) if turned else interval
        whole = float(round((low + high) / 2.0))
        if abs(whole) >= 1.0 and _holds((low, high), whole) and high - low <= SURE:
            return 1.0 / whole if turned else whole
    return None


def round_number(interval: Interval, digits: int = 2) -> float | None:
    """Return the number with so many decimal digits in an interval, if there is one."""
    middle = (interval[0] + interval[1]) / 2.0
    for n in range(1, digits + 1):
        value = float(f"{middle:.{n - 1}e}")
        if _holds(interval, value):
            return value
    return None


def _holds(interval: Interval, value: float) -> bool:
    slack = 1e-14 * abs(value)
    return interval[0] - slack <= value <= interval[1] + slack
