"""Probes of a loss that the user compiled: the loop around it, compiled too.

The other kernels are ours, few, and cached on disk. These loops hold a function of somebody else
and are made while the program runs. They are compiled once per process: nobody knows all that a
user's function calls, so that a cache on disk could answer with the code of yesterday.
"""

from __future__ import annotations

import functools
import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Loop = Callable[..., int]

__all__ = ["accepts", "failure", "is_compiled", "is_parallel", "probe_loop"]

COLORS = re.compile(r"\x1b\[[0-9;]*m")
KEPT = 16
"""Functions whose loops are kept. A loop holds its function, so that a table with weak keys would
never forget one."""


def is_compiled(function: object) -> bool:
    """Return whether numba compiled `function` for the processor; numba is not imported for it."""
    registry = sys.modules.get("numba.core.registry")
    return registry is not None and isinstance(function, registry.CPUDispatcher)


def accepts(function: Any, args: tuple[Any, ...]) -> bool:
    """Return whether numba can compile `function` for arguments like these."""
    import numba

    try:
        function.get_call_template(tuple(map(numba.typeof, args)), {})
    except Exception as error:
        if failure(error) is None:
            raise
        return False
    return True


@functools.lru_cache(maxsize=KEPT)
def probe_loop(loss: Callable[..., Any], is_number: tuple[bool, ...] = ()) -> Loop:
    """Return the probe loop around a compiled loss, the same one for the same loss.

    Parameters
    ----------
    loss : numba dispatcher
        The loss.
    is_number : tuple of bool
        For each argument whether the loss takes a number where the loop has an array without axes,
        in which it can be moved. Empty if there is none.

    Returns
    -------
    callable
        ``loop(args, flat, places, step, table)`` evaluates ``loss(*args)`` twice for each place
        and returns how many evaluations raised. `flat`, of shape (n,), is the memory of one of the
        arrays in `args`, of float64 or float32, and is restored bit for bit; `places`, of shape
        (n_places,), are positions in it. Into `table`, of shape (4, n_places), are written the
        loss with the entry moved up, and down, NaN where it raised, and by how much the entry
        moved up, and down, after rounding to its dtype.

    Notes
    -----
    Compiled at its first call. It releases the interpreter lock. Its arithmetic is strict, else
    the distance ``(x + h) - x`` could be simplified to h; options of the loss remain its own.
    """
    import numba

    called = numba.njit(_unpacking(loss, is_number)) if any(is_number) else loss

    def loop(args: Any, flat: Array, places: Array, step: float, table: Array) -> int:
        n_raised = 0
        for k in range(places.size):
            place = places[k]
            kept = flat[place]
            exact = np.float64(kept)
            for side in range(2):
                flat[place] = exact + (step if side == 0 else -step)
                table[2 + side, k] = np.float64(flat[place]) - exact
                try:
                    table[side, k] = called(*args)
                except Exception:
                    table[side, k] = np.nan
                    n_raised += 1
            flat[place] = kept
        return n_raised

    return numba.njit(nogil=True)(loop)  # type: ignore[no-any-return]


def _unpacking(loss: Callable[..., Any], is_number: tuple[bool, ...]) -> Callable[..., Any]:
    """Return `loss` as a function that takes arrays without axes in the place of numbers.

    Its text is put together, because compiled code can index some of its arguments only if each
    stands there by name.
    """
    names = [f"a{i}" for i in range(len(is_number))]
    passed = [f"{a}[()]" if number else a for a, number in zip(names, is_number, strict=True)]
    text = f"lambda {', '.join(names)}: loss({', '.join(passed)})"
    return eval(text, {"loss": loss})  # type: ignore[no-any-return]


def is_parallel(loop: Any) -> bool:
    """Return whether a compiled loop starts threads of its own, which may not be nested."""
    return any("numba_parallel_for" in loop.inspect_llvm(s) for s in loop.signatures)


def failure(error: Exception) -> str | None:
    """Return in a line why numba could not compile something, None if `error` is no such error."""
    from numba.core.errors import NumbaError

    if not isinstance(error, NumbaError):
        return None
    plain = COLORS.sub("", str(error))  # which numba writes where colorama is installed
    lines = [line.strip() for line in plain.splitlines()]
    said = [line for line in lines if line and not line.startswith("Failed in ")]
    return said[0].rstrip(".:") if said else type(error).__name__
