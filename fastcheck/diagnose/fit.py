"""Constants that explain every entry of a tensor, as intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

    Interval = tuple[float, float]

NARROW = 1e-3
"""Widest interval of a constant that is no usual one, relative to it."""
WIDE = 1e-2
"""Widest interval of any constant."""


@dataclass(frozen=True, slots=True)
class Fit:
    """One explanation of one tensor, exact in every known entry.

    Attributes
    ----------
    kind : str
        What kind of explanation.
    tensor : str
        The tensor.
    digits : tuple of float
        What the entries say that it explains and that were clearly wrong, most first: see
        :attr:`~fastcheck.diagnose.evidence.Evidence.digits`.
    complexity : float
        What it is compared with others by: the smaller, the likelier.
    interval : pair of float or None
        Where its constant must lie; None if it has none.
    detail : str
        What explanations must share to be one, beside kind and constant.
    cost : float
        Decimal digits of the number of such explanations that were tried.
    """

    kind: str
    tensor: str
    digits: tuple[float, ...]
    complexity: float
    interval: Interval | None = None
    detail: str = ""
    cost: float = 0.0


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
        too far apart to mean anything, even for a usual number.

    Notes
    -----
    An intersection of one interval per entry: no least squares, so that a single entry that does
    not fit is enough to reject. Cost: a few passes.
    """
    found = _intersection(target, direction, allowance)
    return found if found is not None and is_narrow(found, WIDE) else None


def _intersection(target: Floats, direction: Floats, allowance: Floats) -> Interval | None:
    """Return where all intervals overlap, from the least to the largest; None for nowhere."""
    moved = direction != 0.0
    if not moved.any() or np.any(np.abs(target[~moved]) > allowance[~moved]):
        return None
    t, d, tol = target[moved], direction[moved], allowance[moved]
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ends = (t - tol) / d, (t + tol) / d
    low = float(np.max(np.minimum(*ends)))
    high = float(np.min(np.maximum(*ends)))
    return None if low > high else (low, high)


def is_excluded(target: Floats, direction: Floats, allowance: Floats) -> bool:
    """Return whether some entries are enough to know that no constant fits all."""
    return bool(direction.any()) and _intersection(target, direction, allowance) is None


def is_narrow(interval: Interval, width: float = NARROW) -> bool:
    """Return whether an interval holds a constant that is not zero, and holds it well."""
    low, high = interval
    if not (math.isfinite(low) and math.isfinite(high)) or low > high or low <= 0.0 <= high:
        return False
    return high - low <= width * max(abs(low), abs(high))


def inverse(interval: Interval) -> Interval:
    """Return the inverses of the constants in an interval without zero."""
    return 1.0 / interval[1], 1.0 / interval[0]


def middle(interval: Interval) -> float:
    """Return what lies in the middle of an interval."""
    return 0.5 * interval[0] + 0.5 * interval[1]


def holds(interval: Interval, value: float) -> bool:
    """Return whether a number lies in an interval, but for rounding."""
    slack = 1e-14 * abs(value)
    return interval[0] - slack <= value <= interval[1] + slack
