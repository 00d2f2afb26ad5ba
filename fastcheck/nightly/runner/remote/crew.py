"""The workers of a cluster: which there are, and which of them may be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastcheck.nightly.runner.remote.errand import examine
from fastcheck.result.wording import quantity

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from fastcheck.cluster.client import Cluster

__all__ = ["Crew", "Worker"]

EXAMINATION = 60.0
"""Seconds in which a worker must have answered, else it is asked again."""
FOREIGN = (ImportError, AttributeError, AssertionError, TypeError, ValueError, KeyError)
"""What a worker raises that has no fastcheck, or another one."""


@dataclass
class Worker:
    """A worker.

    Attributes
    ----------
    address : str
        Where it is reached.
    n_threads : int
        How many cases it takes at the same time.
    machine : str
        What machine it is; empty as long as that is not known.
    refusal : str
        Why it is not used.
    """

    address: str
    n_threads: int
    machine: str = ""
    refusal: str = ""
    examination: Future[Any] | None = None

    @property
    def is_fit(self) -> bool:
        """Whether cases may be run there."""
        return bool(self.machine) and not self.refusal

    @property
    def is_known(self) -> bool:
        """Whether it has been examined."""
        return bool(self.machine or self.refusal)

    @property
    def title(self) -> str:
        """Its address and its machine, for messages."""
        name = self.machine.partition(",")[0]
        return f"{self.address} ({name})" if name else self.address


class Crew:
    """All workers.

    Parameters
    ----------
    cluster : Cluster
        The connection.
    order : str
        What workers are examined with.
    notice : callable
        Called with a sentence about a worker that is not used.
    """

    def __init__(self, cluster: Cluster, order: str, notice: Callable[[str], None]) -> None:
        self.workers: dict[str, Worker] = {}
        self.asked = -1.0
        self._cluster = cluster
        self._order = order
        self._notice = notice
        self._titles: dict[str, str] = {}

    @property
    def n_slots(self) -> int:
        """How many cases they can run at the same time."""
        return sum(worker.n_threads for worker in self.workers.values() if worker.is_fit)

    @property
    def is_known(self) -> bool:
        """Whether it is known of every worker if it may be used, and whether there is any."""
        return all(w.is_known for w in self.workers.values()) and self.asked >= 0.0

    @property
    def fit(self) -> list[str] | None:
        """Addresses of those that may be used; None if no other is there."""
        if not any(worker.refusal for worker in self.workers.values()):
            return None
        return [worker.address for worker in self.workers.values() if worker.is_fit]

    def title(self, address: str) -> str:
        """Return address and machine of a worker, also of one that is no longer there."""
        return self._titles.get(address, address)

    def refusals(self) -> str:
        """Return why workers are not used, as the end of a sentence."""
        told = [f"{w.title}: {w.refusal}" for w in self.workers.values() if w.refusal]
        more = f"; and {len(told) - 1} more" if len(told) > 1 else ""
        return told[0] + more if told else ""

    def __str__(self) -> str:
        """Return what is kept of it with a run."""
        fit = [worker for worker in self.workers.values() if worker.is_fit]
        machines = sorted({worker.machine for worker in fit})
        return (
            f"{quantity(len(fit), 'worker')}, {quantity(self.n_slots, 'case')} at a time, on "
            + ("; ".join(machines) if machines else "no machine yet")
        )

    # ------------------------------------------------------------ what changes

    def update(self, asked: float, threads: dict[str, int]) -> None:
        """Take note of who is there, and examine those who are new."""
        self.asked = asked
        for address in self.workers.keys() - threads.keys():
            del self.workers[address]
        for address, n_threads in threads.items():
            worker = self.workers.setdefault(address, Worker(address, n_threads))
            worker.n_threads = n_threads
            if not worker.is_known and worker.examination is None:
                worker.examination = self._cluster.call(
                    address, examine, self._order, seconds=EXAMINATION
                )

    def refresh(self) -> None:
        """Take note of what was found out about workers."""
        for worker in self.workers.values():
            future = worker.examination
            if future is not None and future.done():
                worker.examination = None
                self._note(worker, future)

    def _note(self, worker: Worker, future: Future[Any]) -> None:
        try:
            worker.machine, refusal = future.result()
        except FOREIGN as problem:
            refusal = f"its fastcheck is not that from here ({problem}); install the same one"
        except Exception:
            return  # it did not answer, and is asked again if it is still there
        self._titles[worker.address] = worker.title
        if refusal:
            self.refuse(worker.address, refusal)

    def refuse(self, address: str, reason: str) -> None:
        """Use a worker no longer."""
        worker = self.workers.get(address)
        if worker is not None and not worker.refusal:
            worker.refusal = reason
            self._notice(f"{worker.title} is not used: {reason}")
