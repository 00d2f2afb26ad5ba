"""Running a suite."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from fastcheck.errors import InputError
from fastcheck.nightly.records import NOT_RUN, Record
from fastcheck.nightly.runner.loop import Loop
from fastcheck.nightly.runner.order import chosen
from fastcheck.nightly.runner.places import LocalPlaces, Places, PlacesError
from fastcheck.nightly.runner.signals import Interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from fastcheck.nightly.records import Case, Run
    from fastcheck.nightly.suite import Suite

__all__ = ["Parts", "PlacesError", "run_case", "run_suite"]

ONLY = "left out, because --only asks for others"


class Parts(Protocol):
    """A run in progress, which keeps what is reported."""

    @property
    def run(self) -> Run:
        """The run, with all that was reported."""

    def add(self, record: Record) -> None:
        """Keep a record; it is durable when this returns."""


def run_suite(
    suite: Suite,
    parts: Parts,
    *,
    jobs: int = 1,
    budget: float | None = None,
    fail_fast: bool = False,
    only: Iterable[str] = (),
    seed: int = 0,
    previous: Run | None = None,
    places: Places | None = None,
    on_record: Callable[[Record], None] | None = None,
    on_start: Callable[[Case], None] | None = None,
) -> Run:
    """Run the cases of a suite that were not run yet.

    Parameters
    ----------
    suite : Suite
        What is to be run.
    parts : Parts
        Where records are kept, and what it has already; it begins with what
        :func:`fastcheck.nightly.beginning.new_run` returns.
    jobs : int, default 1
        How many cases at the same time, each in a process of its own.
    budget : float, optional
        Seconds for all of them.
    fail_fast : bool, default False
        Whether to start no other after the first that fails, raises, crashes or takes too long.
    only : iterable of str
        Patterns of the names of the cases to run; the others are not run, and say so.
    seed : int, default 0
        Added to the seed of each case.
    previous : Run, optional
        An earlier run: what failed or changed is run first, and with a budget it gets more.
    places : Places, optional
        Where the cases run, as :class:`fastcheck.nightly.runner.remote.DaskPlaces`, which know by
        themselves how many at the same time; processes on this machine by default.
    on_record, on_start : callable, optional
        Called with each record once it is durable, and with each case when it starts.

    Returns
    -------
    Run
        With a record for each case.

    Raises
    ------
    InputError
        If an argument is wrong.
    DataError
        If a record cannot be kept. What was kept before is not lost.
    PlacesError
        If cases were not run, or not to their end, because there was no place for them any more;
        all records are kept.
    KeyboardInterrupt
        After Ctrl-C, once what was running is finished and kept; after a second one at once. All
        records are kept, those of cases that were stopped or not started too.
    """
    if jobs < 1:
        raise InputError(f"`jobs` must be a whole number from 1, got {jobs!r}")
    if budget is not None and not 0.0 < budget < math.inf:
        raise InputError(f"`budget` must be a number of seconds above 0, got {budget!r}")
    cases = suite.with_seed(seed).cases
    done = {r.case.key for r in parts.run.records if r.status not in NOT_RUN}
    wanted = {case.name for case in chosen(cases, only)}

    def report(record: Record) -> None:
        parts.add(record)
        if on_record is not None:
            on_record(record)

    left = [case for case in cases if case.key not in done]
    used = LocalPlaces(jobs) if places is None else places
    with Interrupts() as interrupts:
        for case in left:
            if case.name not in wanted:
                report(Record(case, message=ONLY))
        try:
            Loop(
                suite.folder, report, interrupts, places=used, budget=budget,
                fail_fast=fail_fast, previous=previous, on_start=on_start,
            ).run([case for case in left if case.name in wanted])  # fmt: skip
        finally:
            if places is None:
                used.close()
    if interrupts.n:
        raise KeyboardInterrupt
    if used.problem and any(r.message == used.problem for r in parts.run.records):
        raise PlacesError(used.problem)
    return parts.run


def run_case(case: Case, folder: Path) -> Record:
    """Run one case, in a process of its own.

    Parameters
    ----------
    case : Case
        The case.
    folder : Path
        Where its paths start.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, at once; the process has ended then, with all that it started.
    """
    found: list[Record] = []
    uncounted = Interrupts()  # which is not entered, so that Ctrl-C raises as anywhere else
    Loop(
        folder, found.append, uncounted, places=LocalPlaces(1), budget=None, fail_fast=False,
        previous=None, on_start=None,
    ).run([case])  # fmt: skip
    return found[0]
