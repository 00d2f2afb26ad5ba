"""Whether a recorded function computes what the library computes, also elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import NotRepeatableError, TraceError
from fastcheck.frameworks.frozen import is_frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from fastcheck.frameworks.function import Function
    from fastcheck.frameworks.tape import Tape

    Array = NDArray[Any]
    Floats = NDArray[np.float64]

RTOL = {8: 1e-9, 4: 3e-5, 2: 1e-2}
"""By how much outputs may differ, relative to the largest, for the bytes of their numbers."""
SPREAD = {8: 1e-3, 4: 0.1, 2: 0.3}
"""How far the arrays are moved, relative to their largest entries: so far that an array which was
not followed shows."""
MOST_MOVED = 32
"""So many arrays are moved on their own, the first ones; then all together."""


def follow(function: Function, seed: int = 0) -> Tape:
    """Return a function in NumPy's terms, compared with the library's own results.

    Parameters
    ----------
    function : Function
        Evaluated at the point, with each array moved on its own, and with all of them moved.
    seed : int
        Seed of the moves.

    Raises
    ------
    TraceError
        If an operation is not known, or the results or what was recorded elsewhere differ.
    NotRepeatableError
        If two evaluations at the point differ.
    """
    first, again = (function.outputs(function.arrays) for _ in range(2))
    if not all(map(is_near, first, again)):
        raise NotRepeatableError(f"two calls of {function.name} at the same point differ")
    tape = function.record()
    function.narrow = tape.narrow
    _compare(function, tape, function.arrays, first)
    for moved in points(function.arrays, seed):
        try:
            theirs = function.outputs(moved)
        except Exception as problem:
            raise TraceError(f"{function.name} raises at a point nearby: {problem}") from problem
        _compare(function, tape, moved, theirs)
    if function.shows_values:
        _refuse_frozen(function, tape, moved)
    return tape


def _refuse_frozen(function: Function, tape: Tape, moved: Mapping[str, Array]) -> None:
    """Refuse a tape with constants that are others where all arrays are moved."""
    if is_frozen(tape, function.record(moved), widened(function.arrays)):
        raise TraceError(
            f"{function.name} makes other operations, or has other constants, where the parameters "
            "are others, as where a part of it is computed by NumPy or Python"
        )


def _compare(
    function: Function, tape: Tape, arrays: Mapping[str, Array], theirs: list[Array]
) -> None:
    try:
        with np.errstate(all="ignore"):
            ours = tape.replay(widened(arrays))
    except Exception as problem:
        raise TraceError(
            f"an operation of {function.library} is not known with such arguments: {problem}"
        ) from problem
    if len(ours) != len(theirs) or not all(map(is_near, ours, theirs)):
        why = "something is computed outside of them, or written in place"
        if tape.narrow:
            why = f"something is computed in {tape.narrow}"
        raise TraceError(
            f"the operations that were recorded give another value than {function.name}, as they "
            f"do where {why}"
        )


def is_near(ours: Any, theirs: Array) -> bool:
    """Return whether results agree, as far as their numbers go; also where both are no number."""
    one, other = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if one.shape != other.shape:
        return False
    size = np.abs(other[np.isfinite(other)]).max(initial=0.0)
    rtol = RTOL.get(theirs.dtype.itemsize, RTOL[4])
    return bool(np.allclose(one, other, rtol=0.0, atol=rtol * size, equal_nan=True))


def points(arrays: Mapping[str, Array], seed: int) -> Iterator[dict[str, Array]]:
    """Yield points around that of some arrays."""
    rng = np.random.default_rng([seed, 23])
    moved = {name: _moved(array, rng) for name, array in arrays.items()}
    for name in [*arrays][:MOST_MOVED] if len(arrays) > 1 else ():
        yield {**arrays, name: moved[name]}
    yield moved


def _moved(array: Array, rng: np.random.Generator) -> Array:
    size = np.abs(array).max(initial=0.01) * SPREAD.get(array.dtype.itemsize, SPREAD[4])
    moved = array.astype(np.float64) + size * rng.standard_normal(array.shape)
    return np.asarray(moved, array.dtype)


def widened(arrays: Mapping[str, Array]) -> dict[str, Floats]:
    """Return copies of arrays in float64."""
    return {name: np.array(array, np.float64) for name, array in arrays.items()}
