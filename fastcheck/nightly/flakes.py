"""Which verdicts go back and forth though nothing that they rest on has changed."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from fastcheck.nightly.noise import LAST
from fastcheck.nightly.records import NOT_RUN

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["is_flaky", "n_flips", "verdicts_alike"]

FEWEST: Final = 2
"""How many changes of the verdict make it flaky: one may be a cause that nobody recorded."""


def verdicts_alike(known: Sequence[tuple[object, str]]) -> list[str]:
    """Return the last verdicts of a case in the circumstances of its newest run.

    Parameters
    ----------
    known : sequence of (circumstances, status)
        The oldest first: what a verdict depends on, as :func:`fastcheck.nightly.grounds.grounds`
        and the settings of the case, and what became of it.

    Returns
    -------
    list of str
        The oldest first; runs in which it was not run, or interrupted, are left out.

    Examples
    --------
    >>> verdicts_alike([("a", "pass"), ("b", "crashed"), ("a", "not run"), ("a", "pass")])
    ['pass', 'pass']
    """
    told = [s for about, s in known if about == known[-1][0] and s not in NOT_RUN]
    return told[-LAST:]


def n_flips(statuses: Sequence[str]) -> int:
    """Return how often a verdict is another than that before it.

    Examples
    --------
    >>> n_flips(["pass", "fail", "fail", "pass"])
    2
    """
    return sum(a != b for a, b in pairwise(statuses))


def is_flaky(verdicts: Sequence[str]) -> bool:
    """Return whether verdicts go back and forth.

    Examples
    --------
    >>> is_flaky(["pass", "fail", "fail"]), is_flaky(["pass", "fail", "pass"])
    (False, True)
    """
    return n_flips(verdicts) >= FEWEST
