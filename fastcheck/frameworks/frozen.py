"""Whether a recording holds as constants what depends on the parameters.

A value that leaves the library on the way, as to NumPy, and comes back is a constant to whoever
sees the library's operations only. However small its part in the outputs is, it is another constant
where the parameters are others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.frameworks.tape import Call, Ref, Tape

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_frozen(tape: Tape, elsewhere: Tape, arrays: Mapping[str, Any]) -> bool:
    """Return whether what was recorded is only right where it was recorded.

    Parameters
    ----------
    tape, elsewhere : Tape
        The same function, recorded at two points.
    arrays : mapping of str to ndarray
        Where it is found out whether constants that differ, as averages over batches do that are
        kept beside the outputs, matter at all: NaN in their places reaches the outputs then.
    """
    try:
        common = _common_tape(tape, elsewhere)
    except _DifferError:
        return True
    if common is None:
        return False
    try:
        with np.errstate(all="ignore"):
            pairs = zip(tape.replay(arrays), common.replay(arrays), strict=True)
            return any(np.asarray(a).tobytes() != np.asarray(b).tobytes() for a, b in pairs)
    except Exception:  # an operation that NaN is refused by reads it
        return True


class _DifferError(Exception):
    """Two recordings have different operations, or integers."""


def _common_tape(one: Tape, other: Tape) -> Tape | None:
    """Return a tape with NaN in the places of numbers that differ; None if none does."""
    if [call.function for call in one.calls] != [call.function for call in other.calls]:
        raise _DifferError
    differing: list[Any] = []
    found = Tape(one.names)
    found.calls = [
        Call(
            a.function,
            _common(a.args, b.args, differing),
            _common(dict(a.kwargs), dict(b.kwargs), differing),
        )
        for a, b in zip(one.calls, other.calls, strict=True)
    ]
    found.outputs = _common([*one.outputs], [*other.outputs], differing)
    return found if differing else None


def _common(one: Any, other: Any, differing: list[Any]) -> Any:
    """Return an argument, with NaN in the places of numbers that differ, which are appended."""
    if type(one) is not type(other):
        raise _DifferError
    if isinstance(one, dict):
        if one.keys() != other.keys():
            raise _DifferError
        return {key: _common(one[key], other[key], differing) for key in one}
    if type(one) in (list, tuple):
        if len(one) != len(other):
            raise _DifferError
        return type(one)(_common(a, b, differing) for a, b in zip(one, other, strict=True))
    if isinstance(one, float | np.ndarray | np.generic):
        return _common_numbers(one, other, differing)
    if isinstance(one, int | str | Ref | None) and one != other:
        raise _DifferError
    return one


def _common_numbers(one: Any, other: Any, differing: list[Any]) -> Any:
    a, b = np.asarray(one), np.asarray(other)
    if a.shape != b.shape or a.dtype != b.dtype:
        raise _DifferError
    if a.tobytes() == b.tobytes():
        return one
    if a.dtype.kind != "f":
        raise _DifferError
    differing.append(one)
    return np.full_like(a, np.nan) if isinstance(one, np.ndarray) else type(one)(np.nan)
