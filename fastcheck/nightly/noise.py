"""What the times of the last runs say about the next: how far they spread."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Final

from fastcheck.result.wording import quantity, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.nightly.differences import Past
    from fastcheck.nightly.records import Record, Run

    Found = tuple[str, str, str, str]

__all__ = ["LAST", "changed_time"]

LAST: Final = 10
"""How many runs are looked back on, the new one among them."""
FEW: Final = 6
"""With fewer times their spread is not known."""
WIDTH: Final = 4.0
"""How many standard deviations are noise."""
LEAST_FACTOR: Final = 1.4
"""A time that is off by less from those known, but for the shortest and the longest, is noise."""
UNKNOWN_FACTOR: Final = 2.0
"""The same beyond all that is known, where that is too little for a spread."""
LEAST_SECONDS: Final = 1.0
"""A change by less does not matter to a night; starting a process may take as much longer."""


def changed_time(record: Record, run: Run, past: Past) -> Found | None:
    """Return whether a case took another time than the spread of earlier ones explains.

    Notes
    -----
    Times are compared by their logarithms, because what else a machine does multiplies them. The
    spread is 1.4826 times the median distance from the median, which one bad night does not
    change. Of few times this is often far too small, so that the times themselves are noise, too,
    but for the shortest and the longest. Where times spread by 15 %, fewer than 1 % of them are
    told, however many are known; with the spread alone it were 4 % with six of them and 11 % with
    three. Only runs on the same machine, with as many cases at a time, that gave this verdict by
    the same plan with the same settings count.
    """
    about = _circumstances(record, run)
    known = [
        earlier.seconds
        for other, earlier in past.same
        if earlier.seconds > 0.0 and _circumstances(earlier, other) == about
    ][-(LAST - 1) :]
    if not known or record.seconds <= 0.0 or record.result is None:
        return None
    usual = median(known)
    low, high = _noise(known)
    if low <= record.seconds <= high:
        return None
    if abs(record.seconds - usual) < LEAST_SECONDS:
        return None
    was, now = seconds(usual), seconds(record.seconds)
    spread = f" ({seconds(min(known))} to {seconds(max(known))} in {quantity(len(known), 'run')})"
    kind = "slower" if record.seconds > usual else "faster"
    return kind, was, now, f"took {now}, usually {was}{spread if len(known) > 1 else ''}"


def _circumstances(record: Record, run: Run) -> tuple[object, ...]:
    """Return what the time of a case depends on, besides its settings."""
    plan = None if record.result is None else record.result.plan
    machine = record.machine or run.provenance.get("machine")
    return record.status, plan, machine, run.options.get("jobs")


def _noise(known: Sequence[float]) -> tuple[float, float]:
    """Return the shortest and the longest time that noise explains."""
    if len(known) < FEW:
        return min(known) / UNKNOWN_FACTOR, max(known) * UNKNOWN_FACTOR
    logs = [math.log(value) for value in known]
    middle = median(logs)
    spread = 1.4826 * median(abs(value - middle) for value in logs)
    usual, factor = math.exp(middle), math.exp(WIDTH * spread)
    _, second, *_, last_but_one, _ = sorted(known)
    return min(usual / factor, second / LEAST_FACTOR), max(
        usual * factor, last_but_one * LEAST_FACTOR
    )
