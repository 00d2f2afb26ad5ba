"""Pools of worker processes that may die, here or on a Dask cluster."""

from __future__ import annotations

import signal
import sys
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from fastcheck import parallel
from fastcheck.cluster.futures import deaths, finished

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "BLIS")}
"""Environment of local workers: no threads are even started that would never be used."""


class Parcel:
    """What is sent to each worker once, and kept there in one piece.

    Attributes
    ----------
    content : bytes
        What :func:`fastcheck.parallel.dumped` returned.
    extra : Any
        Small values beside it.
    """

    def __init__(self, content: bytes, extra: Any = None) -> None:
        self.content = content
        self.extra = extra


class Pool(Protocol):
    """Worker processes that hold a parcel.

    Attributes
    ----------
    n_deaths : int
        How often one has died.
    """

    n_deaths: int

    @property
    def n_workers(self) -> int:
        """How many there are."""

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        """Let a worker call ``function(parcel, *args)``; return a future."""

    def finished(self, futures: Collection[Any]) -> Collection[Any]:
        """Wait until at least one of `futures` has finished, well or not; return those."""

    def outcome(self, future: Any) -> Any:
        """Return what the function returned; None if its worker died, and was replaced."""

    def close(self) -> None:
        """Stop all work, finished or not."""


def pool_for(n_jobs: int) -> Callable[[Parcel], Pool] | None:
    """Return what starts a pool of processes, None if there would be one process only.

    Parameters
    ----------
    n_jobs : int
        Processes on this machine; -1 for one per core. With 1 there are as many as
        ``joblib.parallel_config`` says, if that is active. Its back end "dask" has as many as the
        cluster; instead of any other there are processes of our own, because most cannot survive
        the death of one.
    """
    if "joblib" in sys.modules:  # else nothing can have been configured
        backend, asked = parallel.configured()
        if hasattr(backend, "client"):
            return partial(DaskPool, backend.client, backend.submit_kwargs)
        n_jobs = asked if n_jobs == 1 and asked is not None else n_jobs
    n_workers = 1 if n_jobs == 1 else parallel.n_processes(n_jobs)
    return None if n_workers == 1 else partial(LocalPool, n_workers)


class LocalPool:
    """Processes on this machine; those of joblib, which are started anew and do not fork.

    A death takes down all processes and whatever is at work in them; others are started for the
    next submission.
    """

    def __init__(self, n_workers: int, parcel: Parcel) -> None:
        self.n_workers = n_workers
        self.n_deaths = 0
        self._parcel = parcel
        self._executor = self._started()

    def _started(self) -> Any:
        return parallel.process_executor(
            self.n_workers, initializer=_receive, initargs=(self._parcel,), env=ONE_THREAD
        )

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        """Let a worker call ``function(parcel, *args)``; return a future."""
        try:
            return self._executor.submit(_call, function, args)
        except BrokenExecutor:
            self.n_deaths += 1
            self.close()
            self._executor = self._started()
            return self._executor.submit(_call, function, args)

    def finished(self, futures: Collection[Any]) -> Collection[Any]:
        """Wait until at least one of `futures` has finished; return those."""
        return wait(futures, return_when=FIRST_COMPLETED).done

    def outcome(self, future: Any) -> Any:
        """Return what the function returned, None if its worker died."""
        try:
            return future.result()
        except BrokenExecutor:
            return None

    def close(self) -> None:
        """End all processes at once."""
        self._executor.shutdown(wait=True, kill_workers=True)


class DaskPool:
    """The workers of a Dask cluster.

    Dask itself starts dead workers anew, tries a task again on others, and gives it up after
    ``distributed.scheduler.allowed-failures`` of them.
    """

    def __init__(self, client: Any, options: dict[str, Any], parcel: Parcel) -> None:
        self.n_deaths = 0
        self.client = client
        self._options = {"pure": False, **options}
        self._parcel = parcel
        self._sent = self._scattered()
        self._futures: set[Any] = set()

    @property
    def n_workers(self) -> int:
        """How many threads the workers have in all; those of one process take turns."""
        return max(1, sum(map(int, self.client.ncores().values())))

    def _scattered(self) -> Any:
        return self.client.scatter(self._parcel, broadcast=True, hash=False)

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        """Let a worker call ``function(parcel, *args)``; return a future."""
        if self._sent.status != "finished":  # all workers that had it died
            self._sent = self._scattered()
        future = self.client.submit(function, self._sent, *args, **self._options)
        self._futures.add(future)
        return future

    def finished(self, futures: Collection[Any]) -> Collection[Any]:
        """Wait until at least one of `futures` has finished; return those."""
        return finished(futures)

    def outcome(self, future: Any) -> Any:
        """Return what the function returned, None if its worker died."""
        self._futures.discard(future)
        if future.status == "cancelled":  # with its worker, or with what it was to work on
            self.n_deaths += 1
            return None
        try:
            return future.result()
        except deaths():
            self.n_deaths += 1
            return None

    def close(self) -> None:
        """Cancel what is not finished, and let go of what was sent."""
        self.client.cancel(list(self._futures))
        self._futures.clear()
        self._sent.release()


_RECEIVED: list[Parcel] = []
"""In a worker process: what it was sent at its start."""


def _receive(parcel: Parcel) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the main process, which ends us
    _RECEIVED[:] = [parcel]


def _call(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    return function(_RECEIVED[0], *args)
