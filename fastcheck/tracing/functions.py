"""The functions that recorded calls name where NumPy has no function without side effects.

All are pure: they write to none of their arguments. A result that is a view of its argument is
one in the user's code too; nothing ever writes to it in a replay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.tracing.layout import copied_layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "added_at",
    "assembled",
    "assigned",
    "cast",
    "computed_where",
    "copied",
    "filled",
    "mutated",
    "number",
    "part",
    "picked",
    "powered",
    "strided",
    "updated_at",
    "written_through",
]

Array = np.ndarray[Any, Any]


def picked(x: Any, key: Any) -> Any:
    """Return ``x[key]``: a view for a basic key, a copy for one with arrays or masks."""
    return x[key]


def part(xs: Sequence[Any], index: int) -> Any:
    """Return one of the results of a function that has several."""
    return xs[index]


def assigned(x: Array, key: Any, value: Any) -> Array:
    """Return what ``x`` is after ``x[key] = value``, with the shape, type and strides of ``x``."""
    new = copied_layout(x)
    new[key] = value
    return new


def assembled(x: Array, keys: tuple[Any, ...], values: tuple[Any, ...]) -> Array:
    """Return what ``x`` is after ``x[key] = value`` for all keys in turn: a chain of `assigned`.

    A later key may overwrite an earlier one.
    """
    new = copied_layout(x)
    for key, value in zip(keys, values, strict=True):
        new[key] = value
    return new


def added_at(x: Array, key: Any, value: Any) -> Array:
    """Return what ``x`` is after ``np.add.at(x, key, value)``."""
    return updated_at(x, np.add, key, value)


def updated_at(x: Array, ufunc: np.ufunc, *operands: Any) -> Array:
    """Return what ``x`` is after ``ufunc.at(x, key, value)``, or without the value."""
    new = copied_layout(x)
    ufunc.at(new, *operands)
    return new


def copied(x: Any, order: Any = "C") -> Array:
    """Return ``x.copy(order)``."""
    return np.array(x, order=order, copy=True)


def cast(x: Any, dtype: Any) -> Any:
    """Return ``x.astype(dtype)``."""
    return np.asarray(x).astype(dtype) if isinstance(x, float) else x.astype(dtype)


def powered(x: Any, y: Any) -> Any:
    """Return ``x ** y``, which for some exponents has other last bits than ``np.power``."""
    return x**y


def computed_where(x: Array, where: Any, function: Callable[..., Any], *inputs: Any) -> Array:
    """Return ``x`` with ``function(*inputs)`` wherever a mask is true: ``where=`` with ``out=``."""
    new = copied_layout(x)
    function(*inputs, out=new, where=where)
    return new


def mutated(x: Array, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Array:
    """Return what ``x`` is after ``function(x, *args, **kwargs)``, which writes to it."""
    new = copied_layout(x)
    function(new, *args, **kwargs)
    return new


def strided(x: Array, shape: Sequence[int], strides: Sequence[int], offset: int = 0) -> Array:
    """Return the view of the memory of ``x`` with a shape, strides and an offset in bytes.

    Which entries these are depends on the strides of ``x``, which are those of the recording.
    """
    key, remaining = [0] * x.ndim, offset
    for axis in sorted(range(x.ndim), key=lambda a: -x.strides[a]):
        if x.strides[axis] > 0:
            key[axis], remaining = divmod(remaining, x.strides[axis])
    first = x[tuple(slice(k, k + 1) for k in key)] if offset else x
    return np.lib.stride_tricks.as_strided(first, tuple(shape), tuple(strides))


def filled(
    args: tuple[Any, ...], kwargs: dict[str, Any], hole: int | str, value: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arguments with another value in one place, which is a number or a keyword."""
    if isinstance(hole, str):
        return args, {**kwargs, hole: value}
    return (*args[:hole], value, *args[hole + 1 :]), kwargs


def written_through(
    x: Array,
    value: Any,
    move: Callable[..., Any],
    hole: int | str,
    parts: tuple[int, ...],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Array:
    """Return what ``x`` is after a view of it was set to a value.

    Parameters
    ----------
    x : numpy.ndarray
        Not written to.
    value : numpy.ndarray
        The new contents of the view.
    move : callable
        Returns a view of an array, or several.
    hole : int or str
        Where among `args` or `kwargs` the array goes.
    parts : tuple of int
        Which of several views, and of its parts; () for one view.
    args, kwargs : tuple, dict
        The other arguments of `move`, with something in the place of the array.
    """
    new = copied_layout(x)
    own_args, own_kwargs = filled(args, kwargs, hole, new)
    view = move(*own_args, **own_kwargs)
    for index in parts:
        view = view[index]
    view[...] = value
    return new


def number(x: Any) -> float:
    """Return ``float(x)``."""
    return float(x)
