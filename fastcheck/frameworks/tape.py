"""The operations of another library in one run, each with what does the same in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Ref:
    """An earlier value.

    Attributes
    ----------
    index : int
        Which one, counted from 0: first the parameters, then what each operation returned.
    part : int or None
        Which of several results; None for the only one.
    """

    index: int
    part: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A NumPy function and its arguments, with :class:`Ref` in the places of earlier values."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


class Tape:
    """Operations in the order in which they were made, as NumPy calls.

    Parameters
    ----------
    names : iterable of str
        The parameters.

    Attributes
    ----------
    calls : list of Call
        The operations.
    outputs : sequence of Ref or object
        What the function returned; something else than a `Ref` does not depend on parameters.
    narrow : str
        A type of less than 32 bits in which something is computed on the way; "" for none.

    Examples
    --------
    >>> import numpy as np
    >>> tape = Tape(["w"])
    >>> tape.outputs = [tape.add(np.square, tape.leaf("w"))]
    >>> tape.replay({"w": np.array([2.0, 3.0])})
    [array([4., 9.])]
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = list(names)
        self.calls: list[Call] = []
        self.outputs: Sequence[Any] = ()
        self.narrow = ""

    def leaf(self, name: str) -> Ref:
        """Return the reference to a parameter."""
        return Ref(self.names.index(name))

    def add(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Ref:
        """Append a call and return the reference to what it returns."""
        self.calls.append(Call(function, args, kwargs))
        return Ref(len(self.names) + len(self.calls) - 1)

    def replay(self, arrays: Mapping[str, Any]) -> list[Any]:
        """Return the outputs for other values of the parameters."""
        values = [arrays[name] for name in self.names]
        for call in self.calls:
            kwargs = {key: _resolved(value, values) for key, value in call.kwargs.items()}
            values.append(call.function(*_resolved(call.args, values), **kwargs))
        return [_resolved(output, values) for output in self.outputs]


def _resolved(value: Any, values: Sequence[Any]) -> Any:
    """Return a value in which references, also in lists and tuples, are what they refer to."""
    if isinstance(value, Ref):
        found = values[value.index]
        return found if value.part is None else found[value.part]
    if type(value) in (list, tuple):
        return type(value)(_resolved(part, values) for part in value)
    return value
