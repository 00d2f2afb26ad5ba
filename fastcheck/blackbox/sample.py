"""Which entries are probed: all, or as many as there is time for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError
from fastcheck.result.wording import count, seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

PLANS = ("auto", "exhaustive")
BUDGET = 60.0
"""Seconds that `auto` lets all entries take where the user gives no budget."""
FEWEST = 32
"""Entries that are probed of each tensor, whatever the budget."""
SHARE = 0.3
"""Part of the time in which noise and steps are found."""
RESERVE = 2.0
"""How many times the evaluations of right entries are reckoned with in a sample."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which probes are made.

    Attributes
    ----------
    plan, reason : str
        The plan, and why it was chosen.
    counts : dict of str to int
        How many entries of each tensor.
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
    sizes : mapping of str to int
        Entries of each tensor.
    seconds : float
        Of one evaluation.
    n_calls : int
        Evaluations for one entry.
    budget : float or None
        Seconds that the user allows.
    """

    sizes: Mapping[str, int]
    seconds: float
    n_calls: int
    budget: float | None

    @property
    def is_short(self) -> bool:
        """Whether finding noise and steps with care would take a good part of the time."""
        return (24 + 40 * len(self.sizes)) * self.seconds > SHARE * self.limit

    @property
    def limit(self) -> float:
        """Seconds that all entries may take."""
        return BUDGET if self.budget is None else self.budget

    def choose(self, plan: str) -> Choice:
        """Return the plan to be used.

        Raises
        ------
        InputError
            If `plan` is unknown here.
        """
        if plan not in PLANS:
            raise InputError(
                f"`plan` must be auto or exhaustive for a Python function, got {plan!r}; leave it "
                "out"
            )
        sizes = dict(self.sizes)
        total = sum(sizes.values())
        all_of_it = self.seconds * self.n_calls * total
        predicted = f"predicted {seconds(all_of_it)} for every entry"
        if plan == "exhaustive":
            return Choice(plan, f"asked for; {predicted}", sizes, all_of_it, math.inf)
        limit = self.limit
        if all_of_it <= limit:
            reason = f"{predicted} is within the budget of {seconds(limit)}"
            return Choice("exhaustive", reason, sizes, all_of_it, math.inf)
        cost = RESERVE * self.seconds * self.n_calls
        counts = shares(sizes, int((1.0 - SHARE) * limit / cost))
        sampled = sum(counts.values())
        reason = (
            f"{predicted} is above the budget of {seconds(limit)}, so that {count(sampled)} of "
            f"{count(total)} are sampled"
        )
        return Choice("sample", reason, counts, cost * sampled, limit)


def shares(sizes: Mapping[str, int], total: int) -> dict[str, int]:
    """Return how many entries of each tensor are probed, in proportion and at least 32.

    Examples
    --------
    >>> shares({"W1": 39200, "b1": 50, "b2": 10}, 1000)
    {'W1': 957, 'b1': 32, 'b2': 10}
    """
    least = {name: min(size, FEWEST) for name, size in sizes.items()}
    rest = max(0, total - sum(least.values()))
    left = sum(sizes.values()) - sum(least.values())
    part = min(1.0, rest / left) if left else 0.0
    return {name: n + int(part * (sizes[name] - n)) for name, n in least.items()}


def chosen_entries(size: int, n: int, analytic: Floats | None, seed: int) -> Ints:
    """Return `n` of `size` entries, ordered: an eighth with the largest values, others at random.

    What is not finite counts as largest.
    """
    if n >= size:
        return np.arange(size)
    rng = np.random.default_rng([seed, 13, size])
    order = rng.permutation(size)
    if analytic is not None:
        magnitude = np.nan_to_num(np.abs(analytic.reshape(-1)), nan=np.inf)
        largest = np.argsort(-magnitude, kind="stable")[: max(1, n // 8)]
        order = np.concatenate([largest, order[~np.isin(order, largest)]])
    return np.sort(order[:n])
