"""Sharing a budget of time: cases that ask for attention get more, and every case something."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Claim", "Share", "share_of"]

MARGIN = 1.25
"""By how much a case may take longer than last time."""
SLACK = 0.5
"""Seconds of the same."""
N_HALVINGS = 60


class Claim(NamedTuple):
    """What a case asks for.

    Attributes
    ----------
    cost : float
        Seconds that all of it takes, infinite if that is not known.
    least : float
        Seconds with which it can do anything.
    weight : float
        How much of the time it gets in proportion to others, where there is not enough.
    """

    cost: float
    least: float
    weight: float

    @property
    def need(self) -> float:
        """Seconds with which it will very likely do all of it."""
        return MARGIN * self.cost + SLACK


class Share(NamedTuple):
    """What a case is given.

    Attributes
    ----------
    seconds : float
        The time that it may plan with.
    is_whole : bool
        Whether that is enough for all that it asks for.
    """

    seconds: float
    is_whole: bool

    @property
    def limit(self) -> float:
        """Seconds after which it is stopped."""
        return MARGIN * self.seconds + 1.0


def share_of(first: Claim, others: Sequence[Claim], seconds: float) -> Share:
    """Return what the next case is given.

    Parameters
    ----------
    first : Claim
        Of the next case.
    others : sequence of Claim
        Of those that come after it.
    seconds : float
        Time that is left for all of them, on all processes.

    Returns
    -------
    Share

    Notes
    -----
    All claims are filled like vessels of different heights, up to a common level times their
    weights; what one does not need rises the level of the others. As it is done again for each
    case, time that a case did not use goes to the rest.

    Examples
    --------
    >>> share_of(Claim(1.0, 0.1, 1.0), [Claim(99.0, 0.1, 1.0)], 10.0).is_whole
    True
    >>> round(share_of(Claim(99.0, 0.1, 4.0), [Claim(99.0, 0.1, 1.0)], 10.0).seconds, 6)
    8.0
    """
    claims = [first, *others]
    needs = np.array([claim.need for claim in claims])
    total = float(needs.sum())
    if total <= seconds:
        return Share(first.need + seconds - total, is_whole=True)
    least = np.array([claim.least for claim in claims])
    weights = np.array([claim.weight for claim in claims])
    low, high = 0.0, max(seconds, 0.0)
    for _ in range(N_HALVINGS):
        level = 0.5 * (low + high)
        if np.minimum(needs, np.maximum(least, weights * level)).sum() > seconds:
            high = level
        else:
            low = level
    level = low if math.isfinite(low) else 0.0
    entitled = max(first.least, first.weight * level)
    return Share(entitled, is_whole=first.need <= entitled)
