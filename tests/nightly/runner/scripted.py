"""A cluster without processes: tests say what happens."""

from __future__ import annotations

import io
import json
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from fastcheck.cluster.messages import Done, Told, Workers
from fastcheck.nightly.records import Case, Record, Run
from fastcheck.nightly.runner.remote import DaskPlaces
from fastcheck.nightly.runner.remote.case import DaskCase
from fastcheck.nightly.work.outcome import Outcome, write_outcome


class Scripted:
    """As :class:`fastcheck.cluster.client.Cluster`."""

    def __init__(self, address: str, topic: str) -> None:
        self.address, self.topic = address, topic
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        self.now = 0.0
        self.limits: dict[str, list[str]] = {}
        self.cancelled: list[str] = []
        self.said: list[tuple[str, str, str]] = []
        self.threads: dict[str, int] = {}
        self.examined: dict[str, Any] = {}
        self.n_errands = 0
        self.is_closed = False

    def submit(self, key: str, function: Any, *args: Any, workers: Any) -> None:
        """Note which workers may do a task."""
        self.limits[key] = list(workers)
        assert json.loads(args[-1])["case"]["name"]

    def cancel(self, key: str) -> None:
        """Note what is no longer wanted."""
        self.cancelled.append(key)

    def call(self, worker: str, function: Any, *args: Any, seconds: float) -> Future[Any]:
        """Answer at once, to an examination as was said."""
        future: Future[Any] = Future()
        if function.__name__ == "examine":
            found = self.examined.get(worker, (f"m-{worker}, x86_64", ""))
            if isinstance(found, Exception):
                future.set_exception(found)
            else:
                future.set_result(found)
        else:
            self.said.append((worker, *args))
            future.set_result(True)
        return future

    def close(self) -> None:
        """Note that it is closed."""
        self.is_closed = True

    # -------------------------------------------------------- what happens

    def has(self, threads: dict[str, int]) -> None:
        """Let these workers be there."""
        self.inbox.put(Workers(1e9, threads))

    def arrives(self, case: DaskCase, worker: str) -> None:
        """Let the task of a case tell that it is at a worker."""
        self.n_errands += 1
        told = {"key": case.key, "errand": f"e{self.n_errands}", "address": worker}
        self.inbox.put(Told({**told, "machine": f"m-{worker}, x86_64"}))

    def reports(self, case: DaskCase, outcome: Outcome) -> None:
        """Let the task of a case end."""
        file = io.BytesIO()
        write_outcome(file, outcome, arrays=False)
        self.inbox.put(Done(case.key, (2.5, file.getvalue())))


class Night:
    """Places on a scripted cluster, with what they said."""

    def __init__(self, threads: dict[str, int], **options: Any) -> None:
        self.notices: list[str] = []
        cases = [Case(name, "net.py:f") for name in "abcdef"]
        run = Run("r", "night", "ab" * 32, "", records=tuple(map(Record, cases)))
        self._cases = {case.name: case for case in cases}
        self._threads = threads
        self.places = DaskPlaces("tcp://s:1", run, Path(), notice=self.notices.append, **options)
        self.cluster: Any = self.places.cluster

    def given(self, name: str) -> DaskCase:
        """Return the place of a case that was handed over."""
        case = self.places.place()
        case.give(self._cases[name], Path())
        return case

    def at_work(self, name: str, worker: str) -> DaskCase:
        """Return the place of a case that is at work on a worker."""
        case = self.given(name)
        self.arrive(case, worker)
        assert case.has_begun
        return case

    def arrive(self, case: DaskCase, worker: str) -> None:
        """Let a case arrive at a worker, and look."""
        self.cluster.arrives(case, worker)
        self.look()

    def has(self, **threads: int) -> None:
        """Let these workers be there, and look."""
        self.cluster.has(threads)
        self.look()

    def look(self) -> None:
        """Take note of all that has happened."""
        self.places.refresh(has_more=False)
        self.places.refresh(has_more=False)
