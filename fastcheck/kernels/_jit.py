"""The one compile policy: every kernel of the package is decorated with :func:`jit`.

Compilation is lazy, so importing kernels compiles nothing; machine code is cached on
disk; the global interpreter lock is released while a kernel runs. ``fastmath`` is
limited to two flags: ``contract`` (fused multiply-add) and ``nsz`` (the sign of a zero
does not matter). The full set would let the compiler assume that no NaN exists and
cancel ``(x + h) - x``, and a checker needs both.

With the environment variable ``NUMBA_DISABLE_JIT=1`` kernels are plain Python.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, TypeVar

import numba

__all__ = ["POLICY", "jit"]

POLICY: Final[dict[str, Any]] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "nsz"},
}
"""The options of ``numba.njit``; the cache is attached by :func:`jit` itself."""

_LOGGER = logging.getLogger("fastcheck")
_said: set[str] = set()

F = TypeVar("F", bound=Callable[..., Any])


def jit(function: F) -> F:
    """Return `function` as a kernel: compiled at its first call, cached on disk.

    Parameters
    ----------
    function : callable
        A scalar loop that numba can compile. It may call kernels of other files: the
        cache is keyed by the source of all of them.

    Returns
    -------
    callable
        A numba dispatcher, or `function` itself when compilation is disabled. It
        behaves like `function` and offers it as ``py_func``.

    Notes
    -----
    A cache that cannot be used is never an error: the kernel is then compiled in each
    process, and a message of the logger ``fastcheck`` says so once. A warning would turn
    this import into an exception wherever warnings are errors.
    """
    kernel = numba.njit(**POLICY)(function)
    if hasattr(kernel, "py_func"):
        _attach_cache(kernel)
    return kernel  # type: ignore[no-any-return]


def _attach_cache(kernel: Any) -> None:
    """Give a dispatcher its disk cache, or leave it without one and say so."""
    try:
        from fastcheck.kernels._cache import KernelCache

        # Numba's own attribute: what `cache=True` would set. Asked for first, so that a
        # numba which keeps its cache elsewhere gets none of ours.
        _ = kernel._cache
        kernel._cache = KernelCache(kernel.py_func, say_once)
    except Exception as problem:  # any failure of a private interface means: no cache
        say_once(f"{type(problem).__name__}: {problem}")


def say_once(problem: str) -> None:
    """Log that kernels are compiled without a cache, the first time only."""
    if not _said:
        _LOGGER.warning(
            "the compiled kernels cannot be cached and are compiled in each process, which "
            "takes some seconds; set NUMBA_CACHE_DIR to a folder that can be written (%s)",
            problem,
        )
    _said.add(problem)
