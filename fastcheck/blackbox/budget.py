"""Which plan a black box is checked with, by what an evaluation costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastcheck.errors import InputError
from fastcheck.result.wording import count, quantity, seconds
from fastcheck.sampling import FEWEST, needed, shares, so_many

if TYPE_CHECKING:
    from collections.abc import Mapping

PLANS = ("auto", "exhaustive", "sample", "directions")
BUDGET = 60.0
"""Seconds that `auto` lets all entries take where the user gives no budget."""
SHARE = 0.3
"""Part of the time in which noise and steps are found."""
RESERVE = 2.0
"""How many times the evaluations of right entries are reckoned with in a sample."""
DIRECTIONS = 40
"""Evaluations with which directions show that a gradient is right: noise, steps, two directions."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which probes are made.

    Attributes
    ----------
    plan, reason : str
        The plan, and why it was chosen.
    counts : dict of str to int
        How many entries of each tensor are probed one by one.
    seconds : float
        Predicted time.
    limit : float
        Seconds after which bounds are not improved any more.
    """

    plan: str
    reason: str
    counts: dict[str, int]
    seconds: float
    limit: float


@dataclass(frozen=True, slots=True)
class Budget:
    """What probing costs.

    Attributes
    ----------
    shapes : mapping of str to tuple of int
        Of the tensors.
    seconds : float
        Of one evaluation.
    n_calls : int
        Evaluations for one entry.
    budget : float or None
        Seconds that the user allows.
    obstacle : str
        Why no directions can be probed; empty if they can.
    entries : int or None
        How many entries of each tensor a sample has; None for what the budget allows.
    """

    shapes: Mapping[str, tuple[int, ...]]
    seconds: float
    n_calls: int
    budget: float | None
    obstacle: str = ""
    entries: int | None = None

    @property
    def is_short(self) -> bool:
        """Whether finding noise and steps with care would take a good part of the time."""
        return (24 + 40 * len(self.shapes)) * self.seconds > SHARE * self.limit

    @property
    def limit(self) -> float:
        """Seconds that all entries may take."""
        return BUDGET if self.budget is None else self.budget

    @property
    def total(self) -> int:
        """Entries of all tensors."""
        return sum(map(math.prod, self.shapes.values()))

    def choose(self, plan: str) -> Choice:
        """Return the plan to be used.

        Raises
        ------
        InputError
            If `plan` is unknown here.
        """
        if plan not in PLANS:
            raise InputError(
                f"`plan` must be one of {', '.join(PLANS)} for a Python function, got {plan!r}; "
                "leave it out"
            )
        if plan == "directions":
            if self.obstacle:
                raise InputError(
                    f"`plan` must be auto, exhaustive or sample where {self.obstacle}, got "
                    "'directions'; leave it out"
                )
            return self._directions("asked for", dict.fromkeys(self.shapes, 0), math.inf)
        all_of_it = self.seconds * self.n_calls * self.total
        predicted = f"predicted {seconds(all_of_it)} for every entry"
        sizes = {name: math.prod(shape) for name, shape in self.shapes.items()}
        if plan == "exhaustive":
            return Choice(plan, f"asked for; {predicted}", sizes, all_of_it, math.inf)
        if plan == "sample":
            return self._sample("asked for; ")
        if all_of_it <= self.limit:
            reason = f"{predicted} is within the budget of {seconds(self.limit)}"
            return Choice("exhaustive", reason, sizes, all_of_it, math.inf)
        above = f"{predicted} is above the budget of {seconds(self.limit)}"
        if self.obstacle:
            return self._sample(f"{above}, so that ")
        return self._directions(above, self._beside(), self.limit)

    @property
    def _cost(self) -> float:
        """Seconds that are reckoned with for an entry of a sample."""
        return RESERVE * self.seconds * self.n_calls

    def _sample(self, why: str) -> Choice:
        if self.entries is None:
            counts = shares(self.shapes, int((1.0 - SHARE) * self.limit / self._cost))
        else:
            counts = so_many(self.shapes, self.entries)
        sampled = sum(counts.values())
        reason = f"{why}{count(sampled)} of {count(self.total)} are sampled"
        limit = self.limit if self.entries is None else math.inf
        return Choice("sample", reason, counts, self._cost * sampled, limit)

    def _beside(self) -> dict[str, int]:
        """Return how many entries there is time for beside directions.

        Those that hold every row and column, or the least of each tensor, or none.
        """
        time = (1.0 - SHARE) * (self.limit - DIRECTIONS * self.seconds)
        n = min(int(max(time, 0.0) / self._cost), sum(map(needed, self.shapes.values())))
        if n < FEWEST * len(self.shapes):
            return dict.fromkeys(self.shapes, 0)
        return shares(self.shapes, n)

    def _directions(self, why: str, counts: dict[str, int], limit: float) -> Choice:
        time, sampled = DIRECTIONS * self.seconds, sum(counts.values())
        reason = (
            f"{why}; about {DIRECTIONS} evaluations ({seconds(time)}) along random directions if "
            "the gradient is right, about 30 more for each entry that is not"
        )
        if sampled:
            reason += f", and {quantity(sampled, 'entry', 'entries')} one by one"
        elif time > limit:
            reason += ", which is more than the budget but the least that says anything"
        return Choice("directions", reason, counts, time + self._cost * sampled, limit)
