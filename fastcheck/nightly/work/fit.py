"""Making a check fit into its share of the time."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from fastcheck.check.prediction import predict
from fastcheck.nightly.units import duration

if TYPE_CHECKING:
    from fastcheck.nightly.work.prepare import Prepared

__all__ = ["fit"]

RESERVE = 0.6
"""Part of the time that is given to probing: judging and diagnosing take the rest."""
LEAST = 0.05
"""Seconds for which anything is tried."""


def fit(prepared: Prepared, share: float, start: float) -> bool:
    """Change the options of a check so that it keeps to its time, if it would not.

    Every entry if there is time; else units, or directions with some entries; else a sample.

    Parameters
    ----------
    prepared : Prepared
        The check; its options are changed and a note is added.
    share : float
        Seconds for the case.
    start : float
        When it began, by :func:`time.perf_counter`.

    Returns
    -------
    bool
        Whether less is checked than was asked for.
    """
    before = perf_counter()
    asked = predict(*prepared.arguments, **prepared.options)
    looking = perf_counter() - before  # which the check does once more
    left = max(RESERVE * (share - (before - start) - 2.0 * looking), LEAST)
    probing = asked.seconds - looking
    if probing <= left:
        return False
    prepared.notes.append(
        f"{duration(share)} of the budget were left for it, plan {asked.plan} would have taken "
        f"{duration(probing)}"
    )
    if prepared.options.get("arithmetic") == "plain":
        return False  # has one plan only, and ends with what it has
    for plan in ("auto", "sample"):
        reduced = _with_plan(prepared.options, plan, left)
        expected = predict(*prepared.arguments, **reduced)
        if plan == "sample" or expected.seconds <= left + looking:
            prepared.options = reduced
            return True
    return False


def _with_plan(options: dict[str, Any], plan: str, budget: float) -> dict[str, Any]:
    kept = {name: value for name, value in options.items() if name != "entries"}
    return {**kept, "plan": plan, "budget": budget}
