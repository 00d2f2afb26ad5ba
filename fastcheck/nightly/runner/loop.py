"""Running cases, each in a process of its own, some at the same time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter, sleep
from typing import TYPE_CHECKING

from fastcheck.nightly.records import Record
from fastcheck.nightly.runner.order import CERTAIN, FAILED, cost, in_order, rank
from fastcheck.nightly.runner.process import CaseProcess
from fastcheck.nightly.runner.shares import Claim, Share, share_of
from fastcheck.nightly.units import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fastcheck.nightly.records import Case, Run, Status
    from fastcheck.nightly.runner.signals import Interrupts

__all__ = ["Loop"]

TICK = 0.02
"""Seconds between two looks at the processes."""
GRACE = 2.5
"""Seconds in which a check that was asked to end may do so."""
START = 1.0
"""Seconds that the start of a process takes, until it is known."""
LEAST = 0.7
"""Seconds with which a case can do something, once its process has started."""
URGENT = 4.0
"""Weight of what failed or changed last time, against 1."""


@dataclass
class Running:
    """A case on its way.

    Attributes
    ----------
    case, process, started
        The case, its process, and when it was started.
    share : Share or None
        Its part of the budget.
    asked : float
        Seconds after which it was asked to end; infinite if it was not.
    """

    case: Case
    process: CaseProcess
    started: str
    share: Share | None
    asked: float = math.inf


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
    jobs : int
        How many cases at the same time.
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
        jobs: int,
        budget: float | None,
        fail_fast: bool,
        previous: Run | None,
        on_start: Callable[[Case], None] | None,
    ) -> None:
        self.folder = folder
        self.report = report
        self.interrupts = interrupts
        self.jobs = jobs
        self.budget = budget
        self.fail_fast = fail_fast
        self.previous = previous
        self.on_start = on_start
        self.pending: list[Case] = []
        self.running: list[Running] = []
        self.spare: CaseProcess | None = None
        self.stopped_by = ""
        self.start = perf_counter()

    def run(self, cases: Sequence[Case]) -> None:
        """Run the cases; one record is reported for each."""
        self.start = perf_counter()
        self.pending = in_order(cases, self.previous)
        try:
            while self.pending or self.running:
                self._collect()
                self._watch()
                self._start()
                if self.running:
                    sleep(TICK)
                elif self.stopped_by:
                    break
            for case in self.pending:
                self.report(Record(case, message=self.stopped_by))
        finally:
            for item in self.running:
                item.process.close()
            if self.spare is not None:
                self.spare.close()

    # ------------------------------------------------------------ what has ended

    def _collect(self) -> None:
        for item in [item for item in self.running if item.process.is_over]:
            seconds = item.process.seconds
            outcome = item.process.outcome()
            message = outcome.message
            if outcome.status == "interrupted" and item.share is not None:
                message = "; ".join(filter(None, (self._told(item.share), message)))
            self._end(item, Record(
                item.case, outcome.status, outcome.result, message, outcome.traceback, seconds,
                item.started, outcome.arrays,
            ))  # fmt: skip

    def _told(self, share: Share) -> str:
        """Return what a case was given, as the beginning of a sentence."""
        budget = duration(self.budget or 0.0)
        return f"{duration(share.seconds)} of the budget of {budget} were left for it"

    def _end(self, item: Running, record: Record) -> None:
        item.process.close()
        self.running.remove(item)
        self.report(record)
        if self.fail_fast and record.status in FAILED and not self.stopped_by:
            self.stopped_by = f"not started, because {record.case.name} ended with {record.status}"

    def _kill(self, item: Running, status: Status, message: str) -> None:
        """End a process that does not end; its record says where it was."""
        seconds = item.process.seconds
        where = item.process.where()
        item.process.kill()
        self._end(item, Record(
            item.case, status, None, message, where, seconds, item.started,
        ))  # fmt: skip

    # ------------------------------------------------------------ what takes too long

    def _watch(self) -> None:
        if self.interrupts.n and not self.stopped_by:
            self.stopped_by = "the run was interrupted before it started"
        for item in list(self.running):
            seconds = item.process.seconds
            if self.interrupts.n > 1:
                self._kill(
                    item, "interrupted", f"the run was interrupted after {duration(seconds)}"
                )
            elif item.case.timeout is not None and seconds > item.case.timeout:
                limit = duration(item.case.timeout)
                self._kill(item, "timeout", f"it took longer than its time-out of {limit}")
            elif item.share is not None:
                self._hold_to(item, item.share, seconds)

    def _hold_to(self, item: Running, share: Share, seconds: float) -> None:
        """Ask a check to end that has used up its time, and end it if it does not."""
        is_late = seconds > share.limit or self._left <= 0.0
        if is_late and math.isinf(item.asked):
            item.asked = seconds
            item.process.interrupt()
        elif seconds > item.asked + GRACE:
            message = f"{self._told(share)}, and it did not end after {duration(seconds)}"
            self._kill(item, "interrupted", message)

    @property
    def _left(self) -> float:
        """Seconds until the budget is used up."""
        if self.budget is None:
            return math.inf
        return self.budget - (perf_counter() - self.start)

    # ------------------------------------------------------------ what is next

    def _start(self) -> None:
        while self.pending and not self.stopped_by and len(self.running) < self.jobs:
            case = self._next()
            if case is None:
                self.stopped_by = (
                    f"the budget of {duration(self.budget or 0.0)} was used up before it could "
                    "start"
                )
                return
            self.pending.remove(case)
            share = None if self.budget is None else self._share(case)
            process = self.spare or CaseProcess()
            self.spare = None
            if process.is_over:  # while it waited
                process.close()
                process = CaseProcess()
            planned = None if share is None or share.is_whole else share.seconds
            process.give(case, self.folder, share=planned)
            started = datetime.now(UTC).isoformat(timespec="milliseconds")
            self.running.append(Running(case, process, started, share))
            if self.on_start is not None:
                self.on_start(case)
        if self.pending and not self.stopped_by and self.spare is None and self.running:
            self.spare = CaseProcess()  # starts while others work

    def _next(self) -> Case | None:
        """Return the first case that fits into what is left."""
        left = self._left
        return next((case for case in self.pending if self._claim(case).least <= left), None)

    def _claim(self, case: Case) -> Claim:
        known = cost(case, self.previous)
        weight = 1.0 if rank(case, self.previous) == CERTAIN else URGENT
        return Claim(known, min(START + LEAST, 1.25 * known + 0.5), weight)

    def _share(self, case: Case) -> Share:
        taken = sum(
            max(item.share.seconds - item.process.seconds, 0.0)
            for item in self.running if item.share is not None
        )  # fmt: skip
        left = self._left
        others = [self._claim(other) for other in self.pending]
        share = share_of(self._claim(case), others, left * self.jobs - taken)
        return Share(min(share.seconds, left), share.is_whole)
