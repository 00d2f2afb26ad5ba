"""What is told while the cases of a suite run: a bar on a terminal, else lines."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from fastcheck.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastcheck.nightly.records import Case, Record

__all__ = ["Teller", "telling"]

MOST_NAMES = 200
"""Characters of the names of the cases at work."""
MOST = 1_000
"""Characters that are told of a case."""


class Teller(Protocol):
    """Tells how far a run is."""

    def started(self, case: Case) -> None:
        """Take note of a case that begins."""

    def ended(self, record: Record) -> None:
        """Take note of a case that has ended."""

    def foreseen(self, case: Case) -> None:
        """Take note of a case that was looked at and not run."""


@contextmanager
def telling(n_cases: int) -> Iterator[Teller]:
    """Yield what tells how far a run of so many cases is.

    That nobody listens any more, as behind ``| head``, does not end the run.
    """
    if not sys.stderr.isatty():
        yield _Unheard(_Lines(n_cases))
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Unheard(_Bar(bar, n_cases))


class _Unheard:
    """Hands on what it is told, and goes on where that cannot be written."""

    def __init__(self, teller: Teller) -> None:
        self.teller = teller

    def started(self, case: Case) -> None:
        self._attempt(self.teller.started, case)

    def ended(self, record: Record) -> None:
        self._attempt(self.teller.ended, record)

    def foreseen(self, case: Case) -> None:
        self._attempt(self.teller.foreseen, case)

    @staticmethod
    def _attempt(tell: Callable[[Any], None], about: Any) -> None:
        with suppress(OSError, UnicodeError):
            tell(about)


class _Lines:
    """A line for each case that has ended."""

    def __init__(self, n_cases: int) -> None:
        self.n_cases = n_cases
        self.n = 0

    def started(self, case: Case) -> None:
        """Say nothing."""

    def ended(self, record: Record) -> None:
        if _is_left_out(record):
            return
        self.n += 1
        say(f"{self.n}/{self.n_cases} {_line(record)}")

    def foreseen(self, case: Case) -> None:
        """Say nothing."""


class _Bar:
    """A bar, and above it a line for each case that did not pass."""

    def __init__(self, bar: Any, n_cases: int) -> None:
        self.bar = bar
        self.task = bar.add_task("", total=n_cases)
        self.names: list[str] = []

    def started(self, case: Case) -> None:
        self.names.append(case.name)
        self._show()

    def ended(self, record: Record) -> None:
        from fastcheck.nightly.records import FAILED
        from fastcheck.result.wording import visible

        if _is_left_out(record):
            return
        if record.case.name in self.names:
            self.names.remove(record.case.name)
        self._show(advance=1)
        if record.status in (*FAILED, "inconclusive"):
            self.bar.console.print(visible(_line(record)), markup=False, highlight=False)

    def foreseen(self, case: Case) -> None:
        self.names = [case.name]
        self._show(advance=1)

    def _show(self, advance: int = 0) -> None:
        """Show the names of the cases at work."""
        from fastcheck.nightly.report.text import clipped
        from fastcheck.result.wording import visible

        names = visible(", ".join(self.names))
        self.bar.update(self.task, advance=advance, description=clipped(names, MOST_NAMES))


def _is_left_out(record: Record) -> bool:
    """Return whether nobody asked for the case."""
    from fastcheck.nightly.runner import ONLY

    return record.message == ONLY


def _line(record: Record) -> str:
    """Return what became of a case, in a line."""
    from fastcheck.nightly.report.text import clipped
    from fastcheck.nightly.units import duration

    told = []
    if record.result is not None:
        passed = record.status == "pass"
        told.append(record.result.coverage.statement if passed else record.result.summary())
        if not passed and record.result.diagnosis:
            told.append(record.result.diagnosis[0].located)
    told += [record.message] * bool(record.message)
    time = f" ({duration(record.seconds)})" if record.started else ""
    what = clipped("; ".join(t.rstrip(".") for t in told), MOST)
    return f"{record.status:12} {record.case.name}{time}: {what}"
