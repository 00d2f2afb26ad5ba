"""Spreading chunks over cores; the one door to joblib and threadpoolctl."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import ModuleType

    from numpy.typing import NDArray

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
        for result in results:  # noqa: UP028 - it would close joblib first, which warns
            yield result
    finally:
        with warnings.catch_warnings():  # about results that an interrupted run does not want
            warnings.simplefilter("ignore", UserWarning)
            results.close()


# ---------------------------------------------------------------- processes


def configured() -> tuple[Any, int | None]:
    """Return the active back end of joblib, and the number of jobs set for it, if any."""
    from joblib.parallel import get_active_backend

    backend, n_jobs = get_active_backend()
    return backend, n_jobs


def n_processes(n_jobs: int) -> int:
    """Return how many processes on this machine `n_jobs` means.

    One inside a worker of joblib, which may not have workers of its own.
    """
    import joblib

    with joblib.parallel_config("loky"):
        return int(joblib.effective_n_jobs(n_jobs))


def process_executor(n_workers: int, **options: Any) -> Any:
    """Return an executor as those of ``concurrent.futures``, with processes started by joblib."""
    from joblib.externals.loky import ProcessPoolExecutor

    return ProcessPoolExecutor(n_workers, **options)


# ---------------------------------------------------------------- serialisation


def dumped(value: object, by_value: Iterable[str] = ()) -> bytes:
    """Return a value in bytes, with functions and the memory that arrays share.

    Parameters
    ----------
    value : object
        Anything that cloudpickle takes. Views of an array are views of its copy afterwards.
    by_value : iterable of str
        Modules whose functions are sent with the globals that they read, not by name.
    """
    import io

    cloudpickle = _cloudpickle()
    registry = cloudpickle.list_registry_pickle_by_value()
    modules = [sys.modules[name] for name in by_value if name not in registry]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        with io.BytesIO() as file:
            _pickler()(file).dump(value)
            return file.getvalue()
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def send_by_value(module: ModuleType) -> None:
    """Let functions and classes of a module be sent whole, because no process can import it."""
    _cloudpickle().register_pickle_by_value(module)


def loaded(content: bytes) -> Any:
    """Return what was dumped."""
    return _cloudpickle().loads(content)


def _cloudpickle() -> Any:
    """Return the cloudpickle of joblib, which is a package of its own or a part, as the version."""
    import importlib

    from joblib.externals.loky import cloudpickle_wrapper

    return importlib.import_module(cloudpickle_wrapper.dumps.__module__)


@cache
def _pickler() -> Any:
    class Pickler(_cloudpickle().CloudPickler):  # type: ignore[misc]
        def reducer_override(self, value: Any) -> Any:
            if type(value) is np.ndarray:
                return _reduced(value)
            return super().reducer_override(value)

    return Pickler


def _reduced(array: NDArray[Any]) -> Any:
    """Return how a view is made of the array that owns its memory; else leave it to NumPy."""
    root = _owner(array)
    if root is array or array.dtype.hasobject or root.dtype.hasobject:
        return NotImplemented
    if not (root.flags.c_contiguous or root.flags.f_contiguous):
        return NotImplemented
    low, high = np.lib.array_utils.byte_bounds(root)
    first, last = np.lib.array_utils.byte_bounds(array)
    if first < low or last > high or (array.flags.writeable and not root.flags.writeable):
        return NotImplemented
    offset = array.ctypes.data - low
    writeable = array.flags.writeable
    return _view, (root, array.shape, array.dtype, offset, array.strides, writeable)


def _owner(array: NDArray[Any]) -> NDArray[Any]:
    """Return the last array in the chain of those whose memory an array shares."""
    while True:
        base = array.base
        if type(base) is not np.ndarray:  # as_strided puts another object between
            base = getattr(base, "base", None)
        if type(base) is not np.ndarray:
            return array
        array = base


def _view(
    root: NDArray[Any],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    offset: int,
    strides: tuple[int, ...],
    writeable: bool,
) -> NDArray[Any]:
    """Return a view of the memory of an array; the array keeps the order of its memory."""
    buffer = root if root.flags.c_contiguous else root.T
    array: NDArray[Any] = np.ndarray(shape, dtype, buffer, offset, strides)
    array.flags.writeable = writeable
    return array
