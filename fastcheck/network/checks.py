"""Checks of single arguments, one sentence each."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


def shown(value: object) -> str:
    """Return `value` as messages show it: arrays by shape and dtype, all else cut to one line."""
    if isinstance(value, np.ndarray):
        return f"shape {value.shape} of {value.dtype}"
    return f"{value!r:.60}".replace("\n", " ")


def count(name: str, value: Any, least: int = 1) -> int:
    """Return `value` as an int of at least `least`.

    Raises
    ------
    InputError
        If it is not an integer, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InputError(
            f"`{name}` must be an integer of at least {least}, got {shown(value)}; correct it"
        )
    return int(value)


def number(name: str, value: Any, low: float = -math.inf, below: float = math.inf) -> float:
    """Return `value` as a finite float with ``low <= value < below``.

    Raises
    ------
    InputError
        If it is not a real number, not finite, or out of range.
    """
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    if not is_real or not math.isfinite(value) or not low <= value < below:
        lower = "" if low == -math.inf else f" of at least {low:g}"
        upper = "" if below == math.inf else f" and below {below:g}"
        raise InputError(
            f"`{name}` must be a finite number{lower}{upper}, got {shown(value)}; correct it"
        )
    return float(value)


def flag(name: str, value: Any) -> bool:
    """Return `value` as a bool.

    Raises
    ------
    InputError
        If it is anything else.
    """
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"`{name}` must be True or False, got {shown(value)}; write one of them")
    return bool(value)


def choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """Return `value`, which is one of `choices`.

    Raises
    ------
    InputError
        If it is not; the message lists the choices.
    """
    known = list(choices)
    if not isinstance(value, str) or value not in known:
        listed = ", ".join(map(repr, known))
        raise InputError(f"`{name}` must be one of {listed}, got {shown(value)}; choose one")
    return value


def first(bad: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the index of the first True entry."""
    return tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))


def real_array(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as an array of real, finite numbers, not copied where it is one already.

    Raises
    ------
    InputError
        If it is of another kind, or has a NaN or an infinity; the message says where.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise InputError(f"`{name}` must be an array, got {shown(value)}; {error}") from error
    if array.dtype.kind not in "biuf":
        raise InputError(
            f"`{name}` must be real numbers, got {shown(array)}; convert it to float64"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        place = first(~np.isfinite(array))
        raise InputError(
            f"`{name}` must be finite, but {name}{list(place)} is {array[place]}; correct the data"
        )
    return array
