"""Running cases, some at the same time, wherever there are places for them."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter, sleep
from typing import TYPE_CHECKING

from fastcheck.nightly.records import FAILED, Record
from fastcheck.nightly.runner.known import Known
from fastcheck.nightly.runner.process import not_started
from fastcheck.nightly.runner.shares import Share, share_of
from fastcheck.nightly.units import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fastcheck.nightly.records import Case, Run, Status
    from fastcheck.nightly.runner.places import Place, Places
    from fastcheck.nightly.runner.shares import Claim
    from fastcheck.nightly.runner.signals import Interrupts

__all__ = ["Loop"]

TICK = 0.02
"""Seconds between two looks at the places."""
GRACE = 2.5
"""Seconds in which a check that was asked to end may do so."""
MOST_ASKED = 32
"""How many cases are asked at the same time where they are."""


@dataclass
class Running:
    """A case on its way.

    Attributes
    ----------
    case, place
        The case, and where it runs.
    share : Share or None
        Its part of the budget.
    started : str
        When it began; empty before.
    asked : float
        Seconds after which it was asked to end; infinite if it was not.
    """

    case: Case
    place: Place
    share: Share | None
    started: str = ""
    asked: float = math.inf


End = tuple[Running, "Status", str]
"""A case that is ended, as what it counts, and the reason."""


class Loop:
    """Running cases until all are done, or somebody or something ends it.

    Parameters
    ----------
    folder : Path
        Where the paths of the cases start.
    report : callable
        Called with each record, as soon as it is there.
    interrupts : Interrupts
        What counts Ctrl-C.
    places : Places
        Where they run.
    budget : float or None
        Seconds for all.
    fail_fast : bool
        Whether to start no other after the first that fails.
    previous : Run or None
        What is known of the cases.
    on_start : callable or None
        Called with a case when it starts.
    """

    def __init__(
        self,
        folder: Path,
        report: Callable[[Record], None],
        interrupts: Interrupts,
        *,
        places: Places,
        budget: float | None,
        fail_fast: bool,
        previous: Run | None,
        on_start: Callable[[Case], None] | None,
    ) -> None:
        self.folder = folder
        self.report = report
        self.interrupts = interrupts
        self.places = places
        self.budget = budget
        self.fail_fast = fail_fast
        self.known = Known(previous)
        self.on_start = on_start
        self.pending: list[Case] = []
        self.claims: dict[str, Claim] = {}
        self.running: list[Running] = []
        self.stopped_by = ""
        self.start = perf_counter()

    def run(self, cases: Sequence[Case]) -> None:
        """Run the cases; one record is reported for each."""
        self.start = perf_counter()
        self.pending = self.known.in_order(cases)
        self.claims = {case.name: self.known.claim(case) for case in cases}
        try:
            while self.pending or self.running:
                has_more = bool(self.pending and self.running and not self.stopped_by)
                self.places.refresh(has_more=has_more)
                self._greet()
                self._collect()
                self._watch()
                self._start()
                if self.running or (self.pending and not self.stopped_by):
                    sleep(TICK)
                else:
                    break
            for case in self.pending:
                self.report(Record(case, message=self.stopped_by))
        finally:
            for item in self.running:
                item.place.close()

    # ------------------------------------------------------------ what has ended

    def _collect(self) -> None:
        for item in [item for item in self.running if item.place.is_over]:
            seconds = item.place.seconds
            outcome = item.place.outcome()
            message = outcome.message
            is_cut = outcome.status == "interrupted" and not self.places.problem
            if is_cut and item.share is not None:
                message = "; ".join(filter(None, (self._told(item.share), message)))
            self._end(item, Record(
                item.case, outcome.status, outcome.result, message, outcome.traceback, seconds,
                item.started, outcome.arrays, item.place.machine,
            ))  # fmt: skip

    def _told(self, share: Share) -> str:
        """Return what a case was given, as the beginning of a sentence."""
        budget = duration(self.budget or 0.0)
        return f"{duration(share.seconds)} of the budget of {budget} were left for it"

    def _end(self, item: Running, record: Record) -> None:
        item.place.close()
        self.running.remove(item)
        self.report(record)
        if self.fail_fast and record.status in FAILED and not self.stopped_by:
            self.stopped_by = f"not started, because {record.case.name} ended with {record.status}"

    def _kill(self, ends: Sequence[End]) -> None:
        """End cases that do not end, all at once; their records say where they were."""
        seconds = [item.place.seconds for item, _, _ in ends]
        with ThreadPoolExecutor(MOST_ASKED) as pool:
            wheres = list(pool.map(lambda end: end[0].place.where(), ends))
        for (item, status, message), after, where in zip(ends, seconds, wheres, strict=True):
            self._end(item, Record(
                item.case, status, None, message, where, after, item.started,
                machine=item.place.machine,
            ))  # fmt: skip

    def _take_back(self) -> None:
        """Let cases that have not begun be among those that are still to be run."""
        waiting = [item for item in self.running if not item.place.has_begun]
        for item in waiting:
            item.place.close()
            self.running.remove(item)
        self.pending[:0] = [item.case for item in waiting]

    # ------------------------------------------------------------ what takes too long

    def _watch(self) -> None:
        if not self.stopped_by:
            self.stopped_by = self.places.problem
        if self.interrupts.n and not self.stopped_by:
            self.stopped_by = "the run was interrupted before it started"
        if self.stopped_by or self._left <= 0.0:
            self._take_back()
        if self.interrupts.n > 1:
            self._kill([
                (item, "interrupted",
                 f"the run was interrupted after {duration(item.place.seconds)}")
                for item in self.running
            ])  # fmt: skip
        begun = [item for item in self.running if item.place.has_begun]
        ends = [end for item in begun if (end := self._end_of(item)) is not None]
        if ends:
            self._kill(ends)

    def _end_of(self, item: Running) -> End | None:
        """Return the end of a case that has to be ended; one that may end by itself is asked to."""
        seconds = item.place.seconds
        if item.case.timeout is not None and seconds > item.case.timeout:
            message = f"it took longer than its time-out of {duration(item.case.timeout)}"
            return item, "timeout", message
        if item.share is None:
            return None
        is_late = seconds > item.share.limit or self._left <= 0.0
        if is_late and math.isinf(item.asked):
            item.asked = seconds
            item.place.interrupt()
        elif seconds > item.asked + GRACE:
            told = f"{self._told(item.share)}, and it did not end after {duration(seconds)}"
            return item, "interrupted", told
        return None

    @property
    def _left(self) -> float:
        """Seconds until the budget is used up."""
        if self.budget is None:
            return math.inf
        return self.budget - (perf_counter() - self.start)

    # ------------------------------------------------------------ what is next

    def _start(self) -> None:
        while self.pending and not self.stopped_by and len(self.running) < self.places.n_given:
            case = self._next()
            if case is None:
                self.stopped_by = (
                    f"the budget of {duration(self.budget or 0.0)} was used up before it could "
                    "start"
                )
                return
            try:
                place = self.places.place()
            except OSError as problem:
                if self.running:
                    return  # once one has ended
                self.pending.remove(case)
                self.report(Record(case, "error", message=not_started(problem)))
                continue
            self.pending.remove(case)
            share = None if self.budget is None else self._share(case)
            planned = None if share is None or share.is_whole else share.seconds
            place.give(case, self.folder, share=planned)
            self.running.append(Running(case, place, share))

    def _greet(self) -> None:
        """Take note of what has begun."""
        for item in self.running:
            if item.place.has_begun and not item.started:
                item.started = datetime.now(UTC).isoformat(timespec="milliseconds")
                if self.on_start is not None:
                    self.on_start(item.case)

    def _next(self) -> Case | None:
        """Return the first case that fits into what is left."""
        left = self._left
        return next((case for case in self.pending if self.claims[case.name].least <= left), None)

    def _share(self, case: Case) -> Share:
        taken = sum(
            max(item.share.seconds - item.place.seconds, 0.0)
            for item in self.running if item.share is not None
        )  # fmt: skip
        left = self._left
        others = [self.claims[other.name] for other in self.pending]
        share = share_of(self.claims[case.name], others, left * self.places.n_at_once - taken)
        return Share(min(share.seconds, left), share.is_whole)
