"""Spreading chunks over cores; the one door to joblib and threadpoolctl."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Item = TypeVar("Item")
    Result = TypeVar("Result")

SMALL = 1.0
"""Predicted seconds of work below which no workers are started: steps are then too short for two
threads to share the interpreter without loss."""


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Run BLAS on one thread: its results then do not depend on the machine's load or cores."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def mapped(
    function: Callable[[Item], Result], items: Sequence[Item], *, n_jobs: int, seconds: float
) -> Iterator[Result]:
    """Yield ``function(item)`` for each item, in order.

    Parameters
    ----------
    function : callable
        Work of one chunk, in compiled code that releases the interpreter lock.
    items : sequence
        The chunks. They must not depend on `n_jobs`, so that results do not either.
    n_jobs : int
        How many threads; -1 for one per core. A back end chosen by ``joblib.parallel_config``
        is used instead.
    seconds : float
        Predicted time of all items on one core; below `SMALL` no workers are started.
    """
    if n_jobs == 1 or len(items) < 2 or seconds < SMALL:
        yield from map(function, items)
        return
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    results = pool(delayed(function)(item) for item in items)
    try:
        yield from results
    finally:
        with warnings.catch_warnings():  # about results that an interrupted run does not want
            warnings.simplefilter("ignore", UserWarning)
            results.close()
