"""One core for all that is compared, whatever threads its libraries would start."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from benchmarks.peers.roster import versions
from benchmarks.timing import machine, one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLOCKS: dict[str, Callable[[], float]] = {"wall": perf_counter, "cpu": process_time}
"""The time that passes, or the time of the processor, all threads of the process together."""


@contextmanager
def one_core() -> Iterator[None]:
    """Run on one core, where the system can pin a process, and BLAS on one thread.

    XLA has no other limit that holds for all of its versions; it counts the cores when JAX is
    imported, which must therefore happen inside. Nothing is imported here: what a peer needs would
    count as memory of ours.
    """
    pins = hasattr(os, "sched_setaffinity")
    cores = os.sched_getaffinity(0) if pins else set()
    if pins:
        os.sched_setaffinity(0, {max(cores)})
    try:
        with one_blas_thread():
            yield
    finally:
        if pins:
            os.sched_setaffinity(0, cores)


def _without_files(argv: list[str]) -> list[str]:
    """Return the words of a command, but for where figures and pictures were to go."""
    files = {k for k, word in enumerate(argv) if word in ("--json", "--pictures")}
    return [w for k, w in enumerate(argv) if k not in files and k - 1 not in files]


def about(argv: list[str], clock: str = "", rounds: int = 0) -> dict[str, Any]:
    """Return what figures rest on: date, machine, versions, command; clock and rounds if timed."""
    return {
        "date": datetime.now(tz=UTC).date().isoformat(),
        "machine": machine() | versions(),
        "clock": clock,
        "rounds": rounds,
        "command": " ".join(["python -m benchmarks.peers", *_without_files(argv)]),
    }
