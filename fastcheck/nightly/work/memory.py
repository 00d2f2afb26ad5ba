"""A limit on the memory of this process, and what is said where user code meets it."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

__all__ = ["is_short_of_memory", "lift_limit", "limit_memory", "load_all"]

SIGNS: Final = ("failed to map segment", "cannot allocate memory", "can't start new thread")
"""What is said where a library or a thread finds no memory, in small letters."""


def load_all() -> None:
    """Load what a check loads when it is needed, by checking next to nothing.

    A library that is loaded when there is no memory left may fail in any way, or try for ever.
    """
    import numpy as np

    import fastcheck.datasets  # with HDF5
    import fastcheck.demo
    import fastcheck.planting  # noqa: F401 - for faults
    from fastcheck.check import check_gradients
    from fastcheck.parallel import dumped, n_processes

    n_processes(1)
    dumped(None)
    w = np.array([1.0, 2.0])
    for engine in ("auto", "black box"):
        check_gradients(lambda: (w @ w) / 2.0, {"w": w}, {"w": w.copy()}, engine=engine)


def limit_memory(n_bytes: int) -> None:
    """Let this process have so much more address space than it has now."""
    import resource

    status = Path("/proc/self/statm")
    used = int(status.read_text().split()[0]) * resource.getpagesize() if status.exists() else 0
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = used + n_bytes
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def lift_limit() -> None:
    """Take the limit away: what was found is to be told."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def is_short_of_memory(problem: BaseException | None) -> bool:
    """Return whether an exception says that there was no memory, by itself or by what it says."""
    if isinstance(problem, MemoryError):
        return True
    if isinstance(problem, OSError) and problem.errno == errno.ENOMEM:
        return True
    text = str(problem).lower()
    return isinstance(problem, (ImportError, OSError, RuntimeError)) and any(
        sign in text for sign in SIGNS
    )
