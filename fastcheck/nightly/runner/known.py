"""What is known of cases from an earlier run: which go first, and what they will cost."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastcheck.nightly.records import FAILED, FINE
from fastcheck.nightly.runner.shares import MARGIN, SLACK, Claim

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastcheck.nightly.records import Case, Run

__all__ = ["START", "Known"]

CERTAIN = 3
"""Rank of a case that passed and did not change."""
START = 1.0
"""Seconds that the start of a process takes, until it is known."""
LEAST = 0.7
"""Seconds with which a case can do something, once its process has started."""
URGENT = 4.0
"""Weight of what failed or changed last time, against 1."""


class Known:
    """What became of cases last time.

    Parameters
    ----------
    previous : Run or None
        An earlier run; None if there is none.
    """

    def __init__(self, previous: Run | None) -> None:
        self._previous = previous

    def rank(self, case: Case) -> int:
        """Return how much a case asks for attention.

        0 for most, where it failed; then changed or new, undecided, passed.
        """
        if self._previous is None:
            return CERTAIN
        before = self._previous.record(case.name)
        if before is not None and before.status in FAILED:
            return 0
        if before is None or before.case.key != case.key:
            return 1
        return CERTAIN if before.status in FINE else 2

    def in_order(self, cases: Iterable[Case]) -> list[Case]:
        """Return cases in the order in which they are run; else that of the suite."""
        return sorted(cases, key=self.rank)

    def cost(self, case: Case) -> float:
        """Return the seconds that a case took; infinite if that is not known."""
        if self._previous is None:
            return math.inf
        before = self._previous.record(case.name)
        if before is None or before.result is None or before.case.key != case.key:
            return math.inf
        if before.result.interrupted or (before.message and self._previous.options.get("budget")):
            return math.inf  # it was given less than it asked for
        return before.seconds

    def claim(self, case: Case, cost: float | None = None) -> Claim:
        """Return what a case asks for.

        Parameters
        ----------
        case : Case
            The case.
        cost : float, optional
            Seconds that it takes; by default what is known.
        """
        seconds = self.cost(case) if cost is None else cost
        weight = 1.0 if self.rank(case) == CERTAIN else URGENT
        return Claim(seconds, min(START + LEAST, MARGIN * seconds + SLACK), weight)
