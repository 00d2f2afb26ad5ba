"""Which cases are run, which first, and what they will cost, by what became of them last time."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fastcheck.errors import InputError
from fastcheck.nightly.records import FAILED
from fastcheck.params import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fastcheck.nightly.records import Case, Run

__all__ = ["chosen", "cost", "fits", "in_order", "rank"]

CERTAIN = 3
"""Rank of a case that passed and did not change."""


def fits(name: str, pattern: str) -> bool:
    """Return whether a case is meant by a pattern with ``*`` and ``?``.

    The pattern is that of a whole name, or of what stands before its brackets.

    Examples
    --------
    >>> fits("mnist[seed=1]", "mnist"), fits("mnist[seed=1]", "mnist[seed=1]")
    (True, True)
    >>> fits("mnist[seed=1]", "*seed=1*"), fits("mnist[seed=1]", "mni")
    (True, False)
    """
    literal = pattern.replace("[", "[[]")
    return fnmatchcase(name, literal) or fnmatchcase(name.partition("[")[0], literal)


def chosen(cases: Sequence[Case], patterns: Iterable[str]) -> list[Case]:
    """Return the cases that a pattern means, all without patterns.

    Raises
    ------
    InputError
        If a pattern means none.
    """
    wanted = list(patterns)
    for pattern in wanted:
        if not any(fits(case.name, pattern) for case in cases):
            names = [*dict.fromkeys(case.name.partition("[")[0] for case in cases)]
            near = did_you_mean([pattern.strip("*")], names)
            shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" * (len(names) > 10))
            raise InputError(
                f"`only` must be patterns of names, got {pattern!r}, which fits no case{near}; "
                f"there are {shown}"
            )
    return [c for c in cases if not wanted or any(fits(c.name, p) for p in wanted)]


def rank(case: Case, previous: Run | None) -> int:
    """Return how much a case asks for attention, 0 for most: failed, changed, undecided, passed."""
    before = None if previous is None else previous.record(case.name)
    if previous is None:
        return CERTAIN
    if before is not None and before.status in FAILED:
        return 0
    if before is None or before.case.key != case.key:
        return 1
    return CERTAIN if before.status == "pass" else 2


def in_order(cases: Iterable[Case], previous: Run | None) -> list[Case]:
    """Return cases in the order in which they are run; else that of the suite."""
    return sorted(cases, key=lambda case: rank(case, previous))


def cost(case: Case, previous: Run | None) -> float:
    """Return the seconds that a case took in the previous run; infinite if that is not known."""
    before = None if previous is None else previous.record(case.name)
    if before is None or previous is None or before.result is None or before.case.key != case.key:
        return math.inf
    if before.result.interrupted or (before.message and previous.options.get("budget")):
        return math.inf  # it was given less than it asked for
    return before.seconds
