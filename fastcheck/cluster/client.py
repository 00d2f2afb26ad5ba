"""The client of a cluster: a connection in a thread of its own, and an inbox."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING, Any

from fastcheck.cluster.futures import deaths
from fastcheck.cluster.messages import Done, Lost, Told, Workers
from fastcheck.cluster.names import by_name, by_name_at_once
from fastcheck.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

__all__ = ["Cluster"]

CONNECT = 10.0
"""Seconds in which a scheduler must answer."""
SILENCE = 30.0
"""Seconds after which a scheduler that does not answer any more is given up."""
POLL = 1.0
"""Seconds between two looks at the workers."""
TICK = 0.1
"""Seconds between two looks at the connection."""
FAREWELL = 5.0
"""Seconds for saying what is no longer wanted, and for closing a connection."""


class Cluster:
    """A connection to a scheduler, in a thread of its own.

    Functions are sent by their names and imported where they run. The scheduler needs nothing of
    this package.

    Parameters
    ----------
    address : str
        Of the scheduler: ``"tcp://host:8786"``.
    topic : str
        Under which its tasks tell what they tell.

    Attributes
    ----------
    inbox : queue.SimpleQueue
        What arrives: `Told`, `Done`, `Workers`, and `Lost` at most once.

    Raises
    ------
    InputError
        If Dask is not installed, or no scheduler answers.
    """

    def __init__(self, address: str, topic: str) -> None:
        _check_installed()
        self.address = address
        self.topic = topic
        self.inbox: SimpleQueue[Told | Done | Workers | Lost] = SimpleQueue()
        self._client: Any = None
        self._futures: dict[str, Any] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._main = self._loop.create_task(self._connected())
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        try:
            self._ready.result()
        except BaseException:
            self.close()
            raise

    def submit(
        self, key: str, function: Callable[..., Any], *args: Any, workers: Sequence[str] = ()
    ) -> None:
        """Let a worker call ``function(*args)`` in one of its threads.

        Parameters
        ----------
        key : str
            Name of the task, which no other has.
        function : callable
            Of a module that the workers can import.
        *args
            Of the types of JSON.
        workers : sequence of str
            Addresses of those that may do it; by default all.
        """
        given = (key, by_name(function), args, list(workers) or None)
        self._loop.call_soon_threadsafe(self._submit, *given)

    def cancel(self, key: str) -> None:
        """Let a task that has not ended be wanted no longer; nothing more is heard of it."""
        self._loop.call_soon_threadsafe(self._cancel, key)

    def call(
        self, worker: str, function: Callable[..., Any], *args: Any, seconds: float
    ) -> Future[Any]:
        """Call ``function(*args)`` in a worker at once, beside its tasks.

        Parameters
        ----------
        worker : str
            Its address.
        function : callable
            As for :meth:`submit`; a coroutine function, if it takes longer than a moment.
        *args
            Of the types of JSON.
        seconds : float
            In which it must have answered.

        Returns
        -------
        concurrent.futures.Future
            What it returns, or what it or the connection raises.
        """
        coroutine = self._call(worker, by_name_at_once(function), args, seconds)
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close(self) -> None:
        """Cancel all tasks and end the connection; more than once does nothing."""
        with suppress(RuntimeError):  # the thread has ended already
            self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join(timeout=3.0 * FAREWELL)

    # ------------------------------------------------------------ in the thread

    def _run(self) -> None:
        with _quiet():
            try:
                self._loop.run_until_complete(self._main)
                self._loop.run_until_complete(_end_others())
            finally:
                self._loop.close()

    async def _connected(self) -> None:
        """Connect, watch, and end the connection when this is cancelled."""
        from distributed import Client

        client: Any = None
        try:
            client = Client(  # type: ignore[no-untyped-call]
                self.address, asynchronous=True, set_as_default=False, timeout=CONNECT
            )
            self._client = await asyncio.wait_for(client, 1.5 * CONNECT)
            client.subscribe_topic(self.topic, lambda event: self.inbox.put(Told(event[1])))
        except asyncio.CancelledError:
            pass
        except Exception as problem:
            self._ready.set_exception(_unreachable(self.address, problem))
        else:
            self._ready.set_result(None)
            with suppress(asyncio.CancelledError):
                self.inbox.put(Lost(await self._ended()))
                await asyncio.Event().wait()
        if client is not None:
            await _at_most(FAREWELL, self._cancelled([*self._futures.values()]))
            await _at_most(FAREWELL, client.close(timeout=FAREWELL))

    async def _ended(self) -> str:
        """Look at the workers until the connection is lost; return how it was."""
        asked = -POLL
        while self._client.status == "running":
            if perf_counter() - asked >= POLL:
                asked = perf_counter()
                try:
                    threads = await asyncio.wait_for(self._client.nthreads(), SILENCE)
                except TimeoutError:
                    return f"has not answered for {SILENCE:.0f} s"
                except Exception:
                    threads = None  # the status will tell
                if threads is not None:
                    self.inbox.put(Workers(asked, dict(threads)))
            await asyncio.sleep(TICK)
        return "was lost"

    def _submit(
        self, key: str, function: Callable[..., Any], args: tuple[Any, ...], workers: Any
    ) -> None:
        try:
            future = self._client.submit(function, *args, key=key, pure=False, workers=workers)
        except Exception as problem:  # the connection is closed
            self.inbox.put(Done(key, None, problem))
        else:
            self._futures[key] = future
            self._later(self._awaited(key, future))

    async def _awaited(self, key: str, future: Any) -> None:
        try:
            done = Done(key, await future)
        except (Exception, asyncio.CancelledError) as problem:
            done = Done(key, None, problem, isinstance(problem, deaths()))
        is_lost = done.is_death and self._client.status != "running"  # which is told for all
        if self._futures.pop(key, None) is not None and not is_lost:
            self.inbox.put(done)

    def _cancel(self, key: str) -> None:
        future = self._futures.pop(key, None)
        if future is not None:
            self._later(self._cancelled([future]))

    async def _cancelled(self, futures: list[Any]) -> None:
        if futures and self._client.status == "running":
            with suppress(OSError):
                await self._client.cancel(futures)

    async def _call(
        self, worker: str, function: Callable[..., Any], args: tuple[Any, ...], seconds: float
    ) -> Any:
        running = self._client.run(function, *args, workers=[worker])
        found = await asyncio.wait_for(running, seconds)
        if worker not in found:
            raise OSError(f"{worker} has not answered")
        return found[worker]

    def _later(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)  # the loop itself would forget it
        task.add_done_callback(self._tasks.discard)


async def _at_most(seconds: float, action: Coroutine[Any, Any, Any]) -> None:
    """Do something for as long as it may take; what it raises does not matter any more."""
    with suppress(Exception, asyncio.CancelledError):
        await asyncio.wait_for(action, seconds)


async def _end_others() -> None:
    """Let no task be left when a loop is closed."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _check_installed() -> None:
    """Import Dask, which then sets up how it prints, before :func:`_quiet`."""
    try:
        import distributed  # noqa: F401
    except ImportError as problem:
        raise InputError("a cluster needs Dask: pip install 'fastcheck[dask]'") from problem


def _unreachable(address: str, problem: Exception) -> InputError:
    reason = " ".join(str(problem).split()) or type(problem).__name__
    if isinstance(problem, OSError | TimeoutError):
        reason = f"none answers there within {CONNECT:.0f} s"
    return InputError(
        f"`--dask` must be the address of a Dask scheduler, such as tcp://host:8786, got "
        f"{address!r}: {reason}; give the address that it prints at its start"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask from printing what is said in our words."""
    loggers = [logging.getLogger(f"distributed{name}") for name in ("", ".client")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
