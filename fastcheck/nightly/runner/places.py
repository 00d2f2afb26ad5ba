"""Where cases run, as the loop sees it, and the places on this machine."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from fastcheck.errors import FastcheckError
from fastcheck.nightly.runner.process import CaseProcess

if TYPE_CHECKING:
    from pathlib import Path

    from fastcheck.nightly.records import Case
    from fastcheck.nightly.work.outcome import Outcome

__all__ = ["LocalPlaces", "Place", "Places", "PlacesError"]


class PlacesError(FastcheckError):
    """No case can be run any more; the message says why."""


class Place(Protocol):
    """Where one case runs, in a process of its own."""

    @property
    def has_begun(self) -> bool:
        """Whether the case is at work, and does not wait until it can be."""

    @property
    def is_over(self) -> bool:
        """Whether there is an outcome."""

    @property
    def seconds(self) -> float:
        """Time since the case began, until now or until it was over; 0 before."""

    @property
    def machine(self) -> str:
        """The machine on which it ran, as the provenance says it; empty for this one."""

    def give(self, case: Case, folder: Path, *, share: float | None = None) -> None:
        """Hand over the case, whose paths start in a folder, with the seconds it should take."""

    def interrupt(self) -> None:
        """Ask the check to end with what it has."""

    def outcome(self) -> Outcome:
        """Return what the case reported, or how its process ended."""

    def where(self) -> str:
        """Return where the code of a case at work is, as a traceback; empty if nobody answers."""

    def close(self) -> None:
        """End what is at work there with all that it started, and leave nothing behind."""


class Places(Protocol):
    """All places of a run.

    Attributes
    ----------
    problem : str
        Why no case can be run any more; empty as long as one can.
    """

    problem: str

    @property
    def n_given(self) -> int:
        """How many cases may be given at the moment, those that wait for their turn included."""

    @property
    def n_at_once(self) -> int:
        """How many of them run at the same time."""

    def place(self) -> Place:
        """Return a place for the next case.

        Raises
        ------
        OSError
            If there is none now, for want of something of the system.
        """

    def refresh(self, *, has_more: bool) -> None:
        """Look after the places; `has_more` says whether more cases will be given."""

    def close(self) -> None:
        """End everything."""


class LocalPlaces:
    """Processes on this machine.

    Parameters
    ----------
    jobs : int
        How many at the same time.
    """

    def __init__(self, jobs: int) -> None:
        self.n_given = self.n_at_once = jobs
        self.problem = ""
        self._spare: CaseProcess | None = None

    def place(self) -> CaseProcess:
        """Return a process that waits for a case."""
        process, self._spare = self._spare or CaseProcess(), None
        if process.is_over:  # while it waited
            process.close()
            process = CaseProcess()
        return process

    def refresh(self, *, has_more: bool) -> None:
        """Start the next process while others work."""
        if has_more and self._spare is None:
            with suppress(OSError):  # then it is started when it is needed, or that is told
                self._spare = CaseProcess()

    def close(self) -> None:
        """End the process that waits."""
        if self._spare is not None:
            self._spare.close()
