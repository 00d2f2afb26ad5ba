"""The places of a run on a Dask cluster."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from queue import Empty
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any, Final, Self

from fastcheck.cluster.client import Cluster
from fastcheck.cluster.messages import Done, Lost, Told, Workers
from fastcheck.datasets.folders import VARIABLE
from fastcheck.errors import InputError
from fastcheck.nightly.runner.order import chosen
from fastcheck.nightly.runner.remote.case import DaskCase
from fastcheck.nightly.runner.remote.crew import Crew
from fastcheck.nightly.units import duration
from fastcheck.nightly.work.basis import SOURCE, basis_of, source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fastcheck.nightly.records import Case, Run

__all__ = ["DaskPlaces"]

PATIENCE: Final = 300.0
"""Seconds for which a run waits for a worker."""
QUIET: Final = 5.0
"""Seconds of them after which it says so: a worker that is started anew takes less."""
MEETING: Final = 30.0
"""Seconds in which workers are known at the start; those that are not are used later."""
TICK: Final = 0.02
HASHING: Final = "PYTHONHASHSEED"
"""A variable that a worker of Dask sets for itself."""


class DaskPlaces:
    """The workers of a Dask cluster.

    As a context manager it closes itself.

    Parameters
    ----------
    address : str
        Of the scheduler: ``"tcp://host:8786"``.
    run : Run
        The run as it begins: the versions and files that it rests on must be those of the workers.
    folder : Path
        Where the paths of the suite start.
    only : iterable of str
        Patterns of the names of the cases that will be run; by default all.
    jobs : int, optional
        How many cases the cluster is given at the same time; by default as many as it has threads.
    patience : float, default 300
        Seconds for which the run waits while there is no worker.
    notice : callable, optional
        Called with a sentence when workers come, go, or are not used.

    Attributes
    ----------
    problem : str
        Why no case can be run any more.

    Raises
    ------
    InputError
        If Dask is not installed, no scheduler answers, there are workers and none can be used, or a
        pattern fits no case.
    """

    def __init__(
        self,
        address: str,
        run: Run,
        folder: Path,
        *,
        only: Iterable[str] = (),
        jobs: int | None = None,
        patience: float = PATIENCE,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.problem = ""
        self.notice = notice
        self._jobs = jobs
        self._patience = patience
        self._known = {**run.provenance, SOURCE: source_of()}
        self._cases: list[DaskCase] = []
        self._alone_since: float | None = None
        self._has_complained = False
        cases = chosen([record.case for record in run.records], only)
        everything = json.dumps(
            self._order(None, folder, None, basis_of(cases, folder, self._known))
        )
        self.cluster = Cluster(address, f"fastcheck-{run.id}-{secrets.token_hex(4)}")
        self.crew = Crew(self.cluster, everything, notice)
        try:
            self._meet()
        except BaseException:
            self.close()
            raise

    def _meet(self) -> None:
        """Wait until it is known of the workers whether they may be used."""
        start = perf_counter()
        while not self.crew.is_known and not self.problem and perf_counter() - start < MEETING:
            self._look()
            sleep(TICK)
        if self.problem:
            raise InputError(self.problem)
        if self.crew.workers and all(worker.refusal for worker in self.crew.workers.values()):
            raise InputError(
                f"no worker of {self.cluster.address} can be used: {self.crew.refusals()}"
            )

    def __str__(self) -> str:
        """Return what is kept of it with a run."""
        return f"{self.cluster.address}, {self.crew}"

    # ------------------------------------------------------------ as the loop sees it

    @property
    def n_given(self) -> int:
        """How many cases the cluster is given at the moment."""
        return max(1, self.crew.n_slots) if self._jobs is None else self._jobs

    @property
    def n_at_once(self) -> int:
        """How many of them it has threads for."""
        return max(1, min(self.n_given, self.crew.n_slots))

    def place(self) -> DaskCase:
        """Return a place for the next case."""
        case = DaskCase(self)
        self._cases.append(case)
        return case

    def refresh(self, *, has_more: bool) -> None:
        """Take note of what has happened, and let cases begin."""
        del has_more
        self._look()
        for case in self._cases:
            case.refresh()
        for case in self._next():
            case.let_begin()
        self._be_patient()

    def close(self) -> None:
        """End everything, on the workers too."""
        self.cluster.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ------------------------------------------------------------ as a case sees it

    def order(self, case: Case, folder: Path, share: float | None) -> dict[str, Any]:
        """Return all that a worker must know of a case."""
        return self._order(case, folder, share, basis_of([case], folder, self._known))

    def _order(
        self, case: Case | None, folder: Path, share: float | None, expected: dict[str, str]
    ) -> dict[str, Any]:
        return {
            "case": None if case is None else case.to_dict(),
            "folder": str(folder),
            "share": share,
            "expected": expected,
            "current": str(Path.cwd()),
            "environment": {
                VARIABLE: os.environ.get(VARIABLE),
                HASHING: os.environ.get(HASHING, "0"),
            },
        }

    def forget(self, case: DaskCase) -> None:
        """Let a case be no longer one of them."""
        if case in self._cases:
            self._cases.remove(case)

    # ------------------------------------------------------------ what happens

    def _look(self) -> None:
        for message in self._inbox():
            self._take(message)
        self.crew.refresh()

    def _inbox(self) -> Iterator[Told | Done | Workers | Lost]:
        with suppress(Empty):
            while True:
                yield self.cluster.inbox.get_nowait()

    def _take(self, message: Told | Done | Workers | Lost) -> None:
        if isinstance(message, Workers):
            self.crew.update(message.asked, message.threads)
            for case in self._cases:
                case.look_for_worker(message.asked)
        elif isinstance(message, Lost):
            self.problem = f"the scheduler at {self.cluster.address} {message.reason}"
            for case in self._cases:
                case.cut(self.problem)
        else:
            key = message.message["key"] if isinstance(message, Told) else message.key
            for case in [case for case in self._cases if case.key == key]:
                case.arrive(message.message) if isinstance(message, Told) else case.end(message)

    def _next(self) -> Iterator[DaskCase]:
        """Yield the cases that may begin, and send those on that are where they may not be.

        A case with which a worker has ended is a suspect. It works only where nothing else does,
        and one at a time in the whole cluster: so none is blamed for the deeds of another.
        """
        for case in sorted(self._cases, key=lambda case: not case.deaths):
            worker = self.crew.workers.get(case.worker)
            if not case.is_waiting or worker is None or not worker.is_known:
                continue
            if worker.refusal:
                case.send()
            elif self._has_its_turn(case):
                yield case

    def _has_its_turn(self, case: DaskCase) -> bool:
        others = [other for other in self._cases if other is not case]
        beside = [other for other in others if other.worker == case.worker]
        if case.deaths:
            at_work = [other for other in others if other.may_work]
            return not any(other.deaths or other in beside for other in at_work)
        return not any(other.deaths for other in beside)

    def _be_patient(self) -> None:
        """Wait for workers where there are none, and no longer than that."""
        if self.crew.n_slots or self.problem:
            if self._has_complained and not self.problem:
                self.notice("there are workers again")
            self._alone_since, self._has_complained = None, False
            return
        now = perf_counter()
        since = self._alone_since = now if self._alone_since is None else self._alone_since
        reasons = self.crew.refusals()
        told = f"; {reasons}" if reasons else ""
        if now - since > self._patience:
            waited = duration(self._patience)
            self.problem = (
                f"there was no worker to use at {self.cluster.address} for {waited}{told}"
            )
        elif now - since > min(QUIET, self._patience) and not self._has_complained:
            self._has_complained = True
            most = duration(self._patience)
            self.notice(
                f"there is no worker to use at {self.cluster.address}; one is waited for, "
                f"{most} at most{told}"
            )
