"""Probes in bulk, spread over processes that may die."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.blackbox import sent
from fastcheck.blackbox.loss import CHUNK, BlackBox
from fastcheck.blackbox.losses import Losses
from fastcheck.blackbox.sent import Refusal
from fastcheck.processes import pool_for
from fastcheck.result import Entry, Finding
from fastcheck.result.wording import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from fastcheck.processes import Pool

    Ints = NDArray[np.int64]

PAYS = 2.0
"""Predicted seconds of all probes from which processes are started, which takes about half a
second."""
TASK = 0.25
"""Seconds of work that are sent at once: long against the way there, short enough for two to be in
balance and for Ctrl-C on a cluster, where what has begun is finished."""
MOST_PARTS = 16
AHEAD = 2
"""Tasks per worker that are handed out before their results are waited for."""
MOST_DEATHS = 24
"""Deaths of workers after which what is not known yet is given up."""


@contextmanager
def spread(box: BlackBox, n_jobs: int, seconds: float, findings: list[Finding]) -> Iterator[None]:
    """Let processes make the probes in bulk of a box, if that pays and can be done.

    Parameters
    ----------
    box : BlackBox
        The loss. It is packed once, and opened once by each worker.
    n_jobs : int
        As for :func:`fastcheck.processes.pool_for`.
    seconds : float
        Predicted time of all probes in one process.
    findings : list of Finding
        Gets what went wrong: ``not-spread``, ``probe-killed-worker``, ``worker-died``.
    """
    start = pool_for(n_jobs) if type(box) is BlackBox and seconds >= PAYS else None
    if start is None:
        yield
        return
    try:
        parcel = sent.packed(box)
    except Exception as error:
        findings.append(_not_spread(sent.unpackable(error)))
        yield
        return
    try:
        workers = Workers(box, start(parcel))
    except TimeoutError as error:  # a cluster without workers
        findings.append(_not_spread(Refusal(f"no worker answers ({error}); start some")))
        yield
        return
    box.workers = workers
    try:
        yield
    finally:
        box.workers = None
        workers.pool.close()
        findings.extend(workers.findings())


@dataclass(frozen=True, slots=True)
class Task:
    """Some neighbouring entries of a list; `stage` 0, 1 as a single entry, 2 alone in the pool."""

    lo: int
    hi: int
    stage: int = 0

    def pieces(self) -> list[Task]:
        """Return what to try after a worker died of it, or of another task beside it."""
        if self.stage == 2:
            return []
        stage = 2 if self.hi - self.lo == 1 and self.stage == 1 else 1
        return [Task(k, k + 1, stage) for k in range(self.lo, self.hi)]


class Workers:
    """Processes that make the probes of a box.

    Parameters
    ----------
    box : BlackBox
        The loss; nothing of it is changed here but the count of what is outside its domain.
    pool : Pool
        Workers that hold it.

    Attributes
    ----------
    killers : dict of (str, int) to float
        Entries whose probes ended a worker, with the step.

    Notes
    -----
    Entries are probed independently of each other, so that who probes them, and beside which, does
    not change a bit; parts come back in the order of `places`.

    When a worker dies, all that was at work is tried again entry by entry; what is then at work
    when one dies is tried alone. So three deaths find an entry that kills, however many entries
    there are. It is not evaluated again. Single entries are moved in workers too, where a step is
    found or a doubtful entry looked at, never in the process of the user: there the loss is only
    called at the point and near it along random directions.
    """

    def __init__(self, box: BlackBox, pool: Pool) -> None:
        self.box = box
        self.pool = pool
        self.killers: dict[tuple[str, int], float] = {}
        self.refusal: Refusal | None = None
        self.has_given_up = False
        self._greetings = [pool.submit(sent.greeted) for _ in range(pool.n_workers)]

    @cached_property
    def is_ready(self) -> bool:
        """Whether workers have the same loss; waits for them at the first access."""
        waiting = set(self._greetings)
        while waiting:
            for future in self.pool.finished(waiting):
                waiting.discard(future)
                answer = self.pool.outcome(future)
                if answer is None:
                    self.refusal = Refusal(
                        "it ends any other process in which it is called; look for what it needs "
                        "of this one"
                    )
                elif isinstance(answer, Refusal):
                    self.refusal = answer
            if self.refusal is not None:
                return False
        return True

    def losses(self, name: str, places: Ints, step: float) -> Losses:
        """Return the losses of a few entries, one after the other; NaN of those that kill."""
        found = Losses.unknown(len(places))
        tasks = [Task(k, k + 1, 2) for k in range(len(places))]
        for task, (piece,) in self._done(name, places, step, tasks, 1):
            _put(found, task.lo, piece)
        self.box.note(found)
        return found

    def probed(self, name: str, places: Ints, step: float) -> Iterator[tuple[Ints, Losses]]:
        """Yield parts of `places` with the losses there, in their order."""
        size, n_parts = self._sizes()
        edges = range(0, len(places), size)
        parts = [Losses.unknown(len(places[lo : lo + size])) for lo in edges]
        missing = [len(part.up) for part in parts]
        tasks = [
            Task(lo, min(lo + size * n_parts, len(places)))
            for lo in range(0, len(places), size * n_parts)
        ]
        n_yielded = 0
        for task, losses in self._done(name, places, step, tasks, size):
            for lo, piece in _spaced(task, losses, size):
                k = lo // size
                _put(parts[k], lo - k * size, piece)
                missing[k] -= len(piece.up)
            while n_yielded < len(parts) and not missing[n_yielded]:
                self.box.note(parts[n_yielded])
                yield places[edges[n_yielded] :][:size], parts[n_yielded]
                n_yielded += 1
        for k in range(n_yielded, len(parts)):  # given up
            yield places[edges[k] :][:size], parts[k]

    def _sizes(self) -> tuple[int, int]:
        """Return how many entries make a part, and how many parts a task.

        Parts are those that one process would make, or shorter by a power of two where probes take
        long.
        """
        n = max(1, int(TASK / (2.0 * self.box.seconds)))
        if n < CHUNK:
            return 2 ** (n.bit_length() - 1), 1
        return CHUNK, min(n // CHUNK, MOST_PARTS)

    def _done(
        self, name: str, places: Ints, step: float, tasks: Iterable[Task], size: int
    ) -> Iterator[tuple[Task, list[Losses]]]:
        """Yield tasks with the losses of their parts, or pieces of them, as they are finished.

        Where a worker dies of an entry its losses are unknown; what is given up does not come.
        """
        queue, working = deque(tasks), dict[Any, Task]()
        while queue or working:
            while queue and not self.has_given_up and self._has_room(queue[0], working.values()):
                task = queue.popleft()
                if self._is_killer(name, places, task):
                    yield task, [Losses.unknown(1)]
                    continue
                parts = parts_of(places, task, size)
                working[self.pool.submit(sent.probed, name, parts, step)] = task
            if not working:
                return
            for future in self.pool.finished(working):
                task = working.pop(future)
                found = self.pool.outcome(future)
                if isinstance(found, Refusal):  # of a machine that came later
                    self.refusal = found
                    found = self._here(name, parts_of(places, task, size), step)
                if found is not None:
                    yield task, found
                    continue
                self.has_given_up |= self.pool.n_deaths >= MOST_DEATHS
                pieces = task.pieces()
                queue.extendleft(reversed(pieces))
                if not pieces:
                    self.killers[name, int(places[task.lo])] = step
                    yield task, [Losses.unknown(1)]

    def _here(self, name: str, parts: list[Ints], step: float) -> list[Losses]:
        """Return what a worker would have; unknown if the loss may end this process."""
        if self.pool.n_deaths:
            return [Losses.unknown(len(part)) for part in parts]
        counted = self.box.n_outside, self.box.problem
        found = [self.box.losses_here(name, part, step) for part in parts]
        self.box.n_outside, self.box.problem = counted  # it is counted where parts are complete
        return found

    def _is_killer(self, name: str, places: Ints, task: Task) -> bool:
        return task.hi - task.lo == 1 and (name, int(places[task.lo])) in self.killers

    def _has_room(self, task: Task, working: Iterable[Task]) -> bool:
        """Return whether a task may be begun beside those at work."""
        stages = [other.stage for other in working]
        if task.stage == 2 or 2 in stages:
            return not stages
        return len(stages) < AHEAD * self.pool.n_workers

    # ------------------------------------------------------------ what is said

    def findings(self) -> list[Finding]:
        """Return what went wrong."""
        found = []
        if self.refusal is not None:
            found.append(_not_spread(self.refusal))
        if self.killers:
            found.append(self._killed())
        if self.has_given_up:
            message = (
                f"{self.pool.n_deaths} worker processes died, after which no more were started; "
                "what was not probed until then is unresolved; look for a lack of memory and for "
                "crashes in compiled code"
            )
            found.append(Finding("workers-died", "warning", None, message))
        elif self.pool.n_deaths and not self.killers:
            message = (
                f"{quantity(self.pool.n_deaths, 'worker process', 'worker processes')} died and "
                "had to be replaced; what was lost was probed again, and nothing is missing"
            )
            found.append(Finding("workers-died", "note", None, message))
        return found

    def _killed(self) -> Finding:
        order = list(self.box.shapes)
        name, place = min(self.killers, key=lambda entry: (order.index(entry[0]), entry[1]))
        step = self.killers[name, place]
        index = np.unravel_index(place, self.box.shapes[name])
        entry = Entry(name, tuple(int(i) for i in index), 0.0, 0.0, 0.0, "unresolved")
        n = len(self.killers)
        others = f", and with {quantity(n - 1, 'other entry', 'other entries')}" if n > 1 else ""
        message = (
            f"the loss ended its process with {entry.address} moved by ±{step:.1e}{others}; "
            f"{quantity(n, 'entry has', 'entries have')} no derivative for that; look for "
            "os._exit, a crash in compiled code or a lack of memory"
        )
        return Finding("probe-killed-worker", "warning", name, message)


def parts_of(places: Ints, task: Task, size: int) -> list[Ints]:
    """Return the entries of a task in parts of at most `size`."""
    return [places[lo : min(lo + size, task.hi)] for lo in range(task.lo, task.hi, size)]


def _put(found: Losses, at: int, piece: Losses) -> None:
    """Write the losses of some neighbouring entries."""
    here = slice(at, at + len(piece.up))
    for name in ("up", "down", "above", "below"):
        getattr(found, name)[here] = getattr(piece, name)
    found.n_outside += piece.n_outside
    found.n_raised += piece.n_raised
    found.problem = found.problem or piece.problem


def _spaced(task: Task, losses: list[Losses], size: int) -> Iterator[tuple[int, Losses]]:
    """Yield the losses of a task with where they begin."""
    yield from zip(range(task.lo, task.hi, size), losses, strict=True)


def _not_spread(refusal: Refusal) -> Finding:
    return Finding(
        "not-spread", "note", None, f"the loss is called in one process only: {refusal.text}"
    )
