"""Futures of a client that somebody else made, as joblib does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["deaths", "finished"]


def finished(futures: Collection[Any]) -> Collection[Any]:
    """Wait until at least one of some futures of Dask has finished; return those."""
    from distributed import CancelledError, wait

    done = {future for future in futures if future.done()}
    if done:
        return done
    try:
        found = wait(list(futures), return_when="FIRST_COMPLETED").done  # type: ignore[no-untyped-call]
    except CancelledError:
        found = {future for future in futures if future.done()}
    return set(found)


def deaths() -> tuple[type[BaseException], ...]:
    """Return the exceptions with which Dask says that a worker died."""
    from distributed import CancelledError
    from distributed.scheduler import KilledWorker

    return KilledWorker, CancelledError
