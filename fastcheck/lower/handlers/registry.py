"""Which operation a call of NumPy becomes: the table, and reading of arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.lower.builder import Builder, LoweringError, Operand, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[Builder, list[Any], dict[str, Any]], Value]
    """Takes the arguments of a call, with values and arrays in place of what was recorded."""

HANDLERS: dict[Any, Handler] = {}
"""By function of NumPy."""
SCIPY: dict[str, Handler] = {}
"""By name of a ufunc of ``scipy.special``, which need not be installed."""


def handles(*functions: Any) -> Callable[[Handler], Handler]:
    """Register a handler for `functions`."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(functions, handler))
        return handler

    return register


def handler_of(function: Any) -> Handler | None:
    """Return the handler of a function of NumPy, or of a ufunc of SciPy by its name."""
    if isinstance(function, np.ufunc) and function not in HANDLERS:
        return SCIPY.get(function.__name__)
    return HANDLERS.get(function)


def bound(args: list[Any], kwargs: dict[str, Any], *names: str) -> list[Any]:
    """Return the arguments in the order of `names`, None where one is not given.

    Raises
    ------
    LoweringError
        If another argument is given, unless it says what is the case anyway.
    """
    surplus = args[len(names) :]
    if any(a is not None for a in surplus):  # else `out`, which methods pass on
        raise LoweringError("more arguments than expected")
    given = dict(zip(names, args, strict=False)) | kwargs
    idle = {"out": None, "where": True, "dtype": None, "casting": "same_kind", "order": "K",
            "subok": True, "initial": np._NoValue, "optimize": False}  # fmt: skip
    for name in [k for k in given if k not in names]:
        value = given.pop(name)
        fine = name == "optimize" or (name == "dtype" and value in (float, np.float64))
        if not fine and value is not idle.get(name, ()):
            raise LoweringError(f"the argument {name}")
    return [None if given.get(n) is np._NoValue else given.get(n) for n in names]


def operand(argument: Any) -> Operand:
    """Return an argument that stands for numbers as a value or an array of float64."""
    if isinstance(argument, Value):
        return argument
    array = np.asarray(argument)
    if array.dtype.kind not in "fiub":
        raise LoweringError(f"an argument of {array.dtype}")
    return array if array.dtype == np.float64 else array.astype(np.float64)


def number(argument: Any) -> float | None:
    """Return an argument as a number if it is a constant one."""
    if isinstance(argument, Value):
        return None
    array = np.asarray(argument)
    return float(array.reshape(())) if array.size == 1 and array.dtype.kind in "fiub" else None
