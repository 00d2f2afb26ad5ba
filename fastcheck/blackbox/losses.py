"""Losses of many probes, and the slopes that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Problem:
    """The first probe of several that the loss could not evaluate.

    Attributes
    ----------
    name, place : str, int
        The tensor, and the entry in C order.
    step : float
        By how much it was moved.
    text : str
        The exception, as in ``ValueError: math domain error``, or the value of the loss.
    """

    name: str
    place: int
    step: float
    text: str


@dataclass(eq=False, slots=True)
class Losses:
    """Losses with entries moved one at a time; all arrays are float64, of one length.

    Attributes
    ----------
    up, down : ndarray of float64
        The loss with an entry moved up and down; NaN where it raised or was not finite.
    above, below : ndarray of float64
        By how much the entry really moved, as stored in its dtype; `below` is negative.
    n_outside, n_raised : int
        How many evaluations gave no finite number, and how many of them raised.
    problem : Problem or None
        The first of them.
    """

    up: Floats
    down: Floats
    above: Floats
    below: Floats
    n_outside: int = 0
    n_raised: int = 0
    problem: Problem | None = None

    @classmethod
    def unknown(cls, n: int) -> Losses:
        """Return `n` losses that are still to be filled in."""
        up, down, above, below = np.full((4, n), np.nan)
        return cls(up, down, above, below)

    def failed(self, problem: Problem, *, raised: bool) -> None:
        """Count an evaluation that gave no finite number."""
        self.n_outside += 1
        self.n_raised += raised
        self.problem = self.problem or problem


@dataclass(frozen=True, eq=False, slots=True)
class Slopes:
    """Slopes between a point and both sides of it; all arrays have one length.

    Attributes
    ----------
    step : ndarray of float64
        The mean of both distances.
    minus, plus : ndarray of float64
        One-sided slopes; NaN where that side could not be evaluated.
    value : ndarray of float64
        Central differences, of second order for unequal distances too; NaN with a side missing.
    """

    step: Floats
    minus: Floats
    plus: Floats
    value: Floats

    @classmethod
    def of(cls, losses: Losses, loss: float) -> Slopes:
        """Return the slopes that follow from `losses` and the loss at the point."""
        above, below = losses.above, -losses.below
        with np.errstate(all="ignore"):
            plus = np.where(above > 0.0, (losses.up - loss) / above, np.nan)
            minus = np.where(below > 0.0, (loss - losses.down) / below, np.nan)
            value = (plus * below + minus * above) / (above + below)
        return cls(0.5 * (above + below), minus, plus, value)
