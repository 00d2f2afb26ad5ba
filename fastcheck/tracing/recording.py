"""What a traced loss did: the list of its NumPy calls, which can be made again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.tracing.layout import laid_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Call", "Guard", "Note", "Place", "Recording", "Ref", "refs", "resolved"]

COARSE = (np.dtype(np.float32), np.dtype(np.float16))
"""Types that are less precise than float64."""


@dataclass(frozen=True)
class Place:
    """A line of the user's code.

    Parameters
    ----------
    file : str
        Path of the file, as Python knows it.
    line : int
        Counted from 1.
    source : str
        The line without its indentation, or "" where it cannot be had.
    """

    file: str
    line: int
    source: str

    def __str__(self) -> str:
        """Return the last part of the path, the line and the source."""
        name = self.file.replace("\\", "/").rsplit("/", 1)[-1]
        return f"{name}:{self.line}" + (f" ({self.source})" if self.source else "")


@dataclass(frozen=True)
class Ref:
    """Stands in the arguments of a call for the value of an earlier one."""

    index: int


@dataclass(frozen=True)
class Note:
    """Something that was noticed and need not be an error.

    Parameters
    ----------
    kind : str
        ``"float"``, ``"array"``, ``"store"``, ``"out"``, ``"at"``: a value left the trace by
        ``float()``, by conversion to an ordinary array, by an item assignment to one, by
        ``out=`` or by ``ufunc.at``. ``"text"``: it was printed or formatted. ``"attribute"``: the
        code asked for an attribute that traced arrays do not have. ``"rebound"``:
        ``plain += traced`` made a new array.
        ``"opaque"``: a function that NumPy's protocols do not know was recorded as a whole.
    text : str
        A sentence without the place.
    place : Place or None
        Where.
    """

    kind: str
    text: str
    place: Place | None = None

    def __str__(self) -> str:
        """Return the sentence with its place in front."""
        return self.text if self.place is None else f"{self.place}: {self.text}"


@dataclass(eq=False)
class Call:
    """One call of a function, or a leaf.

    Parameters
    ----------
    index : int
        Its place in ``Recording.calls``.
    function : callable or None
        Pure: it writes to none of its arguments. None for a leaf.
    args, kwargs : tuple, dict
        With `Ref` for values of earlier calls, nested anywhere in tuples, lists, dictionaries and
        slices. All else is constant; arrays are read-only and belong to the recording.
    shape : tuple of int
        Shape of the result; () for numbers and for results that are not arrays.
    dtype : numpy.dtype
        Of the result; object for results that are tuples or lists of arrays.
    place : Place or None
        Line of the user's code.
    name : str
        For a leaf the name of the parameter, or "".
    constant : numpy.ndarray or None
        For a leaf its value while tracing, read-only.
    """

    index: int
    function: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    place: Place | None = None
    name: str = ""
    constant: np.ndarray | None = None


@dataclass(eq=False)
class Guard:
    """A value of the trace that the code used as an ordinary one, so that the trace hangs on it.

    Parameters
    ----------
    kind : str
        ``"branch"`` (``bool()``), ``"int"``, ``"index"`` (``__index__``), ``"array"`` (integers or
        booleans that were converted to an ordinary array) or ``"value"`` (the result of a function
        that returns an ordinary ``bool`` or ``int``).
    index : int
        The call.
    seen : Any
        What the code saw.
    place : Place or None
        Where.
    """

    kind: str
    index: int
    seen: Any
    place: Place | None

    def holds(self, value: Any) -> bool:
        """Return whether the code would see the same in another value of the call."""
        if self.kind == "branch":
            return bool(value) is self.seen
        if self.kind in ("int", "index"):
            return bool(int(value) == self.seen)
        return bool(np.array_equal(np.asarray(value), np.asarray(self.seen)))


@dataclass(eq=False)
class Recording:
    """The calls that a loss made, reduced to those that matter.

    Parameters
    ----------
    calls : list of Call
        In order. All parameters are there, even those that nothing depends on; of the other calls
        those that the output, a mark or a guard needs.
    params : dict
        Name of a parameter to the index of its leaf.
    output : int
        The loss, a number.
    guards : list of Guard
        See there.
    marks : dict
        Names given by ``fc.mark`` or by a returned dictionary, to calls.
    data : dict
        Leaves that are declared data: index to name of the argument.
    batch : dict
        Leaves with a declared batch axis: index to axis.
    notes : list of Note
        What was noticed.
    """

    calls: list[Call]
    params: dict[str, int]
    output: int
    guards: list[Guard] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    data: dict[int, str] = field(default_factory=dict)
    batch: dict[int, int] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def replay(self, params: Mapping[str, np.ndarray]) -> list[Any]:
        """Make all calls again, at other parameters.

        The arrays get the memory layout that they had while tracing, so that the same loops run
        and the result has the same bits as the loss itself.

        Parameters
        ----------
        params : mapping
            A value for each parameter; those left out keep the value that they had. Not written
            to.

        Returns
        -------
        list
            The value of every call.
        """
        values: list[Any] = []
        with np.errstate(all="ignore"):
            for call in self.calls:
                values.append(self._value(call, params, values))
        return values

    def loss(self, params: Mapping[str, np.ndarray]) -> float:
        """Return the loss at other parameters."""
        return float(np.asarray(self.replay(params)[self.output]).reshape(()))

    def coarse(self) -> list[Call]:
        """Return the calls on the way to the loss whose results are less precise than float64."""
        needed = {self.output}
        for call in reversed(self.calls):
            if call.index in needed:
                needed |= set(refs((call.args, call.kwargs)))
        return [
            call
            for call in self.calls
            if call.index in needed and call.function is not None and call.dtype in COARSE
        ]

    def widened(self) -> Recording:
        """Return the same calls on arrays of float64, in place of less precise ones."""
        return replace(self, calls=[_widened(call) for call in self.calls])

    @staticmethod
    def _value(call: Call, params: Mapping[str, np.ndarray], values: list[Any]) -> Any:
        if call.function is not None:
            args = [resolved(a, values) for a in call.args]
            return call.function(*args, **{k: resolved(a, values) for k, a in call.kwargs.items()})
        if call.name in params and call.constant is not None:
            return laid_out(params[call.name], call.constant)
        return call.constant


def _widened(call: Call) -> Call:
    if call.constant is None or call.dtype not in COARSE:
        return call
    wide = np.dtype(np.float64)
    return replace(call, constant=call.constant.astype(wide, order="K"), dtype=wide)


def resolved(argument: Any, values: list[Any]) -> Any:
    """Return an argument with every `Ref` replaced by its value."""
    kind = type(argument)
    if kind is Ref:
        return values[argument.index]
    if kind is tuple or kind is list:
        return kind([resolved(a, values) for a in argument])
    if kind is dict:
        return {k: resolved(a, values) for k, a in argument.items()}
    if kind is slice:
        parts = (argument.start, argument.stop, argument.step)
        return slice(*(resolved(a, values) for a in parts))
    return argument


def refs(argument: Any) -> list[int]:
    """Return the calls that an argument, or a tuple, list or dictionary of them, refers to."""
    kind = type(argument)
    if kind is Ref:
        return [argument.index]
    if kind is tuple or kind is list:
        return [i for a in argument for i in refs(a)]
    if kind is dict:
        return [i for a in argument.values() for i in refs(a)]
    if kind is slice:
        return refs((argument.start, argument.stop, argument.step))
    return []
