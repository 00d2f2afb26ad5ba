"""A case on a cluster, as the client sees it."""

from __future__ import annotations

import io
import json
import secrets
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any

from fastcheck.nightly.runner.remote.errand import carry_out, obey
from fastcheck.nightly.saying import text_of
from fastcheck.nightly.work.outcome import Outcome, read_outcome
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from fastcheck.cluster.messages import Done
    from fastcheck.nightly.records import Case
    from fastcheck.nightly.runner.remote.places import DaskPlaces

__all__ = ["DaskCase"]

MOST_DEATHS = 3
"""With how many workers a case may end, until it is given up."""
MOST_FAILURES = 5
"""How often else Dask may fail with it."""
ANSWER = 3.0
"""Seconds in which a worker says where the code of a case is."""
BEGIN = 10.0
"""Seconds in which a worker lets a case begin, else it is told again."""


class DaskCase:
    """A place on a cluster: wherever the scheduler finds one, and another if its worker dies.

    A task waits until the scheduler has found a worker, says that it has arrived there, and waits
    for the word to begin, which :class:`~fastcheck.nightly.runner.remote.places.DaskPlaces` gives.

    Attributes
    ----------
    key : str
        Name of its task; empty while there is none.
    worker : str
        Address of the worker at which it has arrived; empty before.
    machine : str
        The machine of the worker at which it arrived last.
    deaths : list of str
        The workers that ended while it was at work.
    """

    def __init__(self, places: DaskPlaces) -> None:
        self.key = self.worker = self.machine = ""
        self.deaths: list[str] = []
        self._places = places
        self._cluster = places.cluster
        self._name = ""
        self._order = ""
        self._errand = ""
        self._limited_to: list[str] = []
        self._arrived = 0.0
        self._beginning: Future[Any] | None = None
        self._began: float | None = None
        self._seconds = 0.0
        self._n_failures = 0
        self._outcome: Outcome | None = None

    # ------------------------------------------------------------ as the loop sees it

    @property
    def has_begun(self) -> bool:
        """Whether it is at work, or was to the end."""
        return self._began is not None or self.is_over

    @property
    def is_over(self) -> bool:
        """Whether there is an outcome."""
        return self._outcome is not None

    @property
    def seconds(self) -> float:
        """Time since it began, as the worker measured it once it is over."""
        return self._seconds if self._began is None else perf_counter() - self._began

    def give(self, case: Case, folder: Path, *, share: float | None = None) -> None:
        """Hand over the case."""
        self._name = case.name
        self._order = json.dumps(self._places.order(case, folder, share))
        self.send()

    def interrupt(self) -> None:
        """Ask the check to end with what it has."""
        self._cluster.call(self.worker, obey, self._errand, "interrupt", seconds=ANSWER)

    def outcome(self) -> Outcome:
        """Return what the worker reported, or what became of it."""
        assert self._outcome is not None
        return self._outcome

    def where(self) -> str:
        """Return where its code is."""
        if not self.worker:
            return ""
        asked = self._cluster.call(self.worker, obey, self._errand, "where", seconds=ANSWER)
        with suppress(Exception):  # nobody answers
            return str(asked.result(2.0 * ANSWER))
        return ""

    def close(self) -> None:
        """Let nobody wait for it any more; its worker ends its process."""
        self._withdraw()
        self._places.forget(self)

    # ------------------------------------------------------------ until it begins

    @property
    def may_work(self) -> bool:
        """Whether it was let begin, and is not over."""
        return self._beginning is not None or self._began is not None

    @property
    def is_waiting(self) -> bool:
        """Whether it has arrived at a worker and waits for the word."""
        return bool(self.worker) and not self.may_work and not self.is_over

    def send(self) -> None:
        """Let the scheduler find a worker, as soon as there is one that may be used."""
        self._withdraw()
        fit = self._places.crew.fit
        self._limited_to = fit or []
        if fit is None or fit:
            self.key = f"fastcheck-{secrets.token_hex(8)}"
            given = self.key, carry_out, self._cluster.topic, self.key, self._order
            self._cluster.submit(*given, workers=self._limited_to)

    def _withdraw(self) -> None:
        if self.key:
            self._cluster.cancel(self.key)
        self.key = ""
        self._leave()

    def _leave(self) -> None:
        if self._began is not None:
            self._seconds = perf_counter() - self._began
        self.worker = self._errand = ""
        self._beginning = self._began = None

    def arrive(self, message: dict[str, Any]) -> None:
        """Take note that its task is at a worker; it may have been at another one that died."""
        if self.may_work:
            self._bury()
        if not self.is_over:
            self.worker, self._errand = message["address"], message["errand"]
            self.machine = message["machine"]
            self._arrived = perf_counter()

    def let_begin(self) -> None:
        """Give the word."""
        self._beginning = self._cluster.call(
            self.worker, obey, self._errand, "begin", seconds=BEGIN
        )

    def refresh(self) -> None:
        """Look whether it has begun, or whether it must be sent anew."""
        if self._beginning is not None and self._began is None and self._beginning.done():
            with suppress(Exception):  # nobody answered
                self._began = perf_counter() if self._beginning.result() else None
            if self._began is None:
                self._beginning = None
        crew = self._places.crew
        is_lost = bool(self._limited_to) and not crew.workers.keys() & set(self._limited_to)
        if not self.is_over and not self.worker and (not self.key or is_lost):
            self.send()

    # ------------------------------------------------------------ what becomes of it

    def look_for_worker(self, asked: float) -> None:
        """Take note if its worker was not among those who were there at a time."""
        is_gone = self.worker and self.worker not in self._places.crew.workers
        if is_gone and self._arrived < asked and not self.is_over:
            self._lose_worker()

    def end(self, done: Done) -> None:
        """Take note of the end of its task."""
        self.key = ""
        if done.problem is None and done.value is not None:
            self._take(*done.value)
        elif done.problem is None or (done.is_death and self.may_work):
            self._lose_worker()
        else:
            self._fail(done.problem)

    def _take(self, seconds: float, content: bytes) -> None:
        """Take what a worker reported."""
        outcome = read_outcome(io.BytesIO(content))
        assert outcome is not None
        if outcome.refusal:
            self._places.crew.refuse(self.worker, outcome.refusal)
            self.send()
        else:
            self._finish(outcome, seconds)

    def cut(self, reason: str) -> None:
        """Take note that nothing more will be heard of it."""
        if self._began is not None:
            self._finish(Outcome("interrupted", reason), perf_counter() - self._began)

    def _finish(self, outcome: Outcome, seconds: float) -> None:
        self._withdraw()
        self._outcome, self._seconds = outcome, seconds

    def _lose_worker(self) -> None:
        if self.may_work:
            self._bury()
        if not self.is_over:
            self.send()

    def _bury(self) -> None:
        """Take note that its worker ended while it was at work."""
        self.deaths.append(self._places.crew.title(self.worker))
        self._leave()
        n = len(self.deaths)
        if n < MOST_DEATHS:
            self._places.notice(
                f"the worker {self.deaths[-1]} ended while {self._name} was at work there; it is "
                "run again, alone on its worker"
            )
            return
        message = (
            f"the worker on which it ran ended {n} times, the last {n - 1} with nothing else at "
            f"work there: {listing(list(dict.fromkeys(self.deaths)))}"
        )
        self._finish(Outcome("crashed", message), self._seconds)

    def _fail(self, problem: BaseException) -> None:
        """Try again what Dask could not do, some times."""
        self._n_failures += 1
        if self._n_failures < MOST_FAILURES:
            self.send()
            return
        reason = " ".join(text_of(problem).split()) or type(problem).__name__
        message = f"it could not be run on the cluster, {self._n_failures} times: {reason}"
        self._finish(Outcome("error", message), self._seconds)
