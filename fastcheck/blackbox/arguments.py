"""How parameters reach a function that takes each of them as an argument of its own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.holding.leaves import ALONE
from fastcheck.kernels.probing import accepts
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Arrays = Mapping[str, Any]

ORDERED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class One:
    """An argument that is one parameter, as a number if the user holds it so."""

    name: str
    is_number: bool = False

    def taken(self, arrays: Arrays) -> Any:
        """Return what is passed."""
        value = arrays[self.name]
        return value[()] if self.is_number and isinstance(value, np.ndarray) else value


@dataclass(frozen=True, slots=True)
class All:
    """An argument that is a tuple of all parameters; `kind` is a tuple, perhaps with names."""

    kind: type
    parts: tuple[One, ...]

    def taken(self, arrays: Arrays) -> Any:
        """Return what is passed."""
        values = tuple(part.taken(arrays) for part in self.parts)
        return self.kind(*values) if hasattr(self.kind, "_fields") else values


@dataclass(frozen=True, eq=False, slots=True)
class Bound:
    """An argument that the user bound, such as the data."""

    value: Any

    def taken(self, arrays: Arrays) -> Any:
        """Return what is passed."""
        return self.value


@dataclass(frozen=True, eq=False)
class Spread:
    """A function of arguments of its own, as one of all parameters.

    Attributes
    ----------
    function : callable
        The function, without what was bound to it.
    slots : tuple
        What each of its arguments is, in order.
    """

    function: Callable[..., Any]
    slots: tuple[One | All | Bound, ...]

    def __call__(self, params: Any) -> Any:
        """Return the value at `params`, which are held as those that the user gave."""
        return self.function(*self.arguments(named(params)))

    def arguments(self, arrays: Arrays) -> tuple[Any, ...]:
        """Return the arguments for parameters by name."""
        return tuple(slot.taken(arrays) for slot in self.slots)


def named(params: Any) -> dict[str, Any]:
    """Return what is passed for each parameter: the parts of a dict, list or tuple, or all of it.

    Raises
    ------
    InputError
        If there is none.
    """
    if isinstance(params, Mapping):
        found = {str(name): value for name, value in params.items()}
    elif isinstance(params, list | tuple):
        keys = getattr(params, "_fields", range(len(params)))
        found = {str(key): value for key, value in zip(keys, params, strict=True)}
    else:
        found = {ALONE: params}
    if not found:
        raise InputError("`params` must hold an array, got none; pass what the loss depends on")
    return found


def unwrapped(loss: Any) -> Any:
    """Return the function below any ``functools.partial``."""
    while isinstance(loss, functools.partial):
        loss = loss.func
    return loss


def spread(loss: Callable[..., Any], params: Any) -> Spread:
    """Return how a compiled loss, perhaps with bound data, takes `params`.

    Parameters
    ----------
    loss : callable
        A compiled function, or a ``functools.partial`` of one.
    params : mapping, list or tuple of ndarray
        Matched by name if the arguments that are free have the names of the parameters, else by
        position. A single argument is given several parameters as a tuple; whether it is given a
        tuple of one array, or the array, is tried out. Bound arrays that are parameters themselves
        are followed.

    Raises
    ------
    InputError
        If there are too few or too many arguments, or a mapping would have to become a tuple.
    """
    function = unwrapped(loss)
    values = named(params)
    arguments = list(inspect.signature(function).parameters.values())
    bound = _bound(loss, function, values)
    free = [a for a in arguments if a.name not in bound]
    if not free and not any(isinstance(slot, One) for slot in bound.values()):
        raise InputError(_nothing_left(arguments, values))
    slots = {**bound, **_matched(free, values, params, set(_names(bound)))}
    found = Spread(function, _ordered(arguments, slots))
    is_tuple = any(isinstance(slot, All) for slot in slots.values())
    if is_tuple and len(values) == 1 and not accepts(function, found.arguments(values)):
        slots = {name: s.parts[0] if isinstance(s, All) else s for name, s in slots.items()}
        return Spread(function, _ordered(arguments, slots))
    return found


def as_one_argument(loss: Callable[..., Any], params: Any) -> Callable[..., Any]:
    """Return a function of all parameters where `loss` takes each as an argument, else `loss`.

    For plain Python functions, which are given all parameters in one argument otherwise. Those of a
    mapping are matched by name; those of a list or tuple by position, if there are as many.
    """
    try:
        arguments = list(inspect.signature(loss).parameters.values())
    except (TypeError, ValueError):
        return loss
    needed = [a for a in arguments if a.default is a.empty]
    if not needed or any(a.kind not in ORDERED for a in needed):
        return loss
    if isinstance(params, Mapping):
        known = {str(name) for name in params}
        taken = tuple(a.name for a in arguments if a.name in known and a.kind in ORDERED)
        is_match = {a.name for a in needed} <= known == set(taken)
        return _by_name(loss, taken) if is_match else loss
    is_match = isinstance(params, list | tuple) and len(needed) == len(params) > 1
    return _in_order(loss) if is_match else loss


def _by_name(function: Callable[..., Any], names: tuple[str, ...]) -> Callable[[Arrays], Any]:
    def called(params: Arrays) -> Any:
        return function(**{name: params[name] for name in names})

    return called


def _in_order(function: Callable[..., Any]) -> Callable[[Sequence[Any]], Any]:
    def called(params: Sequence[Any]) -> Any:
        return function(*params)

    return called


# ------------------------------------------------------------ matching


def _bound(loss: Any, function: Any, values: Arrays) -> dict[str, One | All | Bound]:
    """Return the arguments that are bound, by name."""
    leading: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    while isinstance(loss, functools.partial):
        leading, keywords = loss.args + leading, {**loss.keywords, **keywords}
        loss = loss.func
    signature = inspect.signature(function)
    try:
        given = signature.bind_partial(*leading, **keywords).arguments
    except TypeError as problem:
        raise InputError(
            f"`loss` must bind arguments of {_title(signature.parameters.values())}, got "
            f"{str(problem).removeprefix('got ')}; look at functools.partial"
        ) from None
    owners = {id(value): name for name, value in values.items()}
    return {
        name: One(owners[id(value)]) if id(value) in owners else Bound(value)
        for name, value in given.items()
    }


def _names(slots: Mapping[str, One | All | Bound]) -> list[str]:
    return [slot.name for slot in slots.values() if isinstance(slot, One)]


def _matched(
    free: Sequence[inspect.Parameter], values: Arrays, params: Any, done: set[str]
) -> Mapping[str, One | All | Bound]:
    """Return what the free arguments are, by name."""
    left = [name for name in values if name not in done]
    needed = [a for a in free if a.default is a.empty and a.kind in ORDERED]
    has_rest = any(a.kind is a.VAR_POSITIONAL for a in free)
    ordered = [a for a in free if a.kind in ORDERED]
    names = [a.name for a in ordered]
    if set(left) <= set(names) and {a.name for a in needed} <= values.keys():
        return {name: _one(name, values) for name in names if name in values}
    if len(needed) == 1 and not has_rest and not done and _is_tuple(params, len(values)):
        kind = type(params) if isinstance(params, tuple) else tuple
        return {needed[0].name: All(kind, tuple(_one(name, values) for name in left))}
    fits = len(needed) <= len(left) and (has_rest or len(left) <= len(ordered))
    if not fits or any(n in names and names.index(n) != k for k, n in enumerate(left)):
        raise InputError(_mismatch(free, ordered, values, left))
    found = {a.name: _one(name, values) for a, name in zip(ordered, left, strict=False)}
    rest = [_one(name, values) for name in left[len(ordered) :]]
    return found | {f"*{k}": one for k, one in enumerate(rest)}


def _is_tuple(params: Any, n: int) -> bool:
    """Return whether all parameters are meant to be one argument."""
    return isinstance(params, list | tuple) and (n > 1 or isinstance(params, tuple))


def _one(name: str, values: Arrays) -> One:
    return One(name, isinstance(values[name], float | np.floating))


def _ordered(
    arguments: Sequence[inspect.Parameter], slots: Mapping[str, One | All | Bound]
) -> tuple[One | All | Bound, ...]:
    """Return what is passed in the order of the arguments, defaults where one is left out."""
    rest = [slot for name, slot in slots.items() if name.startswith("*")]
    ordered = [a for a in arguments if a.kind in ORDERED]
    last = max((k for k, a in enumerate(ordered) if a.name in slots), default=-1)
    found = [slots.get(a.name, Bound(a.default)) for a in ordered[: last + 1]]
    for a in arguments:
        if a.kind is a.VAR_POSITIONAL and isinstance(slot := slots.get(a.name), Bound):
            found += [Bound(value) for value in slot.value]
    return (*found, *rest)


# ------------------------------------------------------------ messages


def _title(arguments: Any) -> str:
    return "(" + ", ".join(map(str, arguments)) + ")"


def _mismatch(
    free: Sequence[inspect.Parameter],
    ordered: Sequence[inspect.Parameter],
    values: Arrays,
    left: list[str],
) -> str:
    said = (
        f"`loss` must have an argument for each of {listing(list(values), MOST_NAMES)}, got a "
        f"compiled function of {_title(free)}"
    )
    needed = [a.name for a in ordered if a.default is a.empty]
    if len(needed) > len(left):
        data = [name for name in needed if name not in values]
        data = needed[len(left) :] if len(data) > len(needed) - len(left) else data
        bindings = ", ".join(f"{name}={name}" for name in data)
        return f"{said}; bind the rest, as in functools.partial(loss, {bindings})"
    if len(ordered) == 1:
        return f"{said}; no dict is passed to compiled code: pass `params` as a tuple of arrays"
    if len(left) > len(ordered):
        return (
            f"{said}; make each an argument, since what compiled code reads from outside is a "
            "constant, or leave it out of `params`"
        )
    return f"{said}; name the arguments as the parameters"


def _nothing_left(arguments: Sequence[inspect.Parameter], values: Arrays) -> str:
    if arguments:
        return (
            "`loss` must have arguments for the parameters that are not bound, got all of "
            f"{_title(arguments)} bound; bind the data only"
        )
    names = ", ".join(values) if all(name.isidentifier() for name in values) else "params"
    return (
        "`loss` must take the parameters as arguments, got a compiled function of none; numba made "
        "constants of the arrays that it reads from outside, so that it would not see them move: "
        f"write it as loss({names}), and bind data with functools.partial"
    )
