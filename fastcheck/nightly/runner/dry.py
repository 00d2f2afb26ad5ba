"""What a run would do, without running it."""

from __future__ import annotations

from dataclasses import dataclass
from time import sleep
from typing import TYPE_CHECKING

from fastcheck.nightly.runner.known import START, Known
from fastcheck.nightly.runner.loop import TICK
from fastcheck.nightly.runner.process import CaseProcess, not_started
from fastcheck.nightly.runner.shares import share_of
from fastcheck.nightly.units import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fastcheck.check.prediction import Prediction
    from fastcheck.nightly.records import Case, Run

__all__ = ["Foreseen", "foresee"]

PATIENCE = 60.0
"""Seconds that a look at a case may take, where it has no time-out."""


@dataclass(frozen=True)
class Foreseen:
    """What would become of a case.

    Attributes
    ----------
    case : Case
        The case.
    prediction : Prediction or None
        Its plan, time and coverage; None if that cannot be said.
    message : str
        Why not, or what is to be said beside it.
    seconds : float
        What the case would take, the start of its process included.
    share : float or None
        Seconds that it would be given, if that is less; 0 for a case that would not be run.
    """

    case: Case
    prediction: Prediction | None
    message: str
    seconds: float
    share: float | None = None


def foresee(
    folder: Path,
    cases: Sequence[Case],
    *,
    jobs: int = 1,
    budget: float | None = None,
    previous: Run | None = None,
    on_case: Callable[[Case], None] | None = None,
) -> list[Foreseen]:
    """Return what would become of cases, in the order in which they would be run.

    The parameters are those of :func:`fastcheck.nightly.runner.run_suite`. User code is called, in
    processes of its own, and the loss is evaluated a few times; nothing is probed.
    """
    known = Known(previous)
    pending = known.in_order(cases)
    running: list[CaseProcess] = []
    found: dict[str, Foreseen] = {}

    def note(seen: Foreseen) -> None:
        found[seen.case.name] = seen
        if on_case is not None:
            on_case(seen.case)

    try:
        while pending or running:
            while pending and len(running) < jobs:
                try:
                    process = CaseProcess()
                except OSError as problem:
                    if running:
                        break  # until one has ended
                    case = pending.pop(0)
                    note(Foreseen(case, None, f"error: {not_started(problem)}", 0.0))
                    continue
                running.append(process)
                process.give(pending.pop(0), folder, predict=True)
            for process in list(running):
                seen = _look(process)
                if seen is not None:
                    running.remove(process)
                    process.close()
                    note(seen)
            sleep(TICK)
    finally:
        for process in running:
            process.close()
    listed = [found[case.name] for case in known.in_order(cases)]
    return listed if budget is None else _shared(listed, jobs * budget, known)


def _look(process: CaseProcess) -> Foreseen | None:
    """Return what a process found out, None if it is at it."""
    assert process.case is not None
    case, seconds = process.case, process.seconds
    limit = case.timeout or PATIENCE
    if process.is_over:
        outcome = process.outcome()
        prediction = outcome.prediction
        probing = START if prediction is None else START + prediction.seconds
        message = (
            outcome.message if prediction is not None else f"{outcome.status}: {outcome.message}"
        )
        return Foreseen(case, prediction, message, max(seconds, probing))
    if seconds > limit:
        message = f"timeout: nothing could be said within {duration(limit)}"
        return Foreseen(case, None, message, limit)
    return None


def _shared(listed: Sequence[Foreseen], seconds: float, known: Known) -> list[Foreseen]:
    """Return the same with the shares of a budget, as far as it can be foreseen."""
    claims = [known.claim(seen.case, seen.seconds) for seen in listed]
    left, shared = seconds, []
    for k, (seen, claim) in enumerate(zip(listed, claims, strict=True)):
        share = share_of(claim, claims[k + 1 :], left)
        given: float | None = None if share.is_whole else share.seconds
        if claim.least > left:
            given = 0.0
        left -= seen.seconds if given is None else given
        shared.append(Foreseen(seen.case, seen.prediction, seen.message, seen.seconds, given))
    return shared
