"""The list of calls while it grows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import TraceError
from fastcheck.tracing.layout import copied_layout
from fastcheck.tracing.places import place_of, user_frame
from fastcheck.tracing.recording import Call, Guard, Note, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.tracing.handle import Handle

__all__ = ["MAX_CALLS", "Tape"]

MAX_CALLS = 50_000
Array = np.ndarray[Any, Any]


class Tape:
    """Calls, guards and notes of one trace.

    Parameters
    ----------
    kind : type
        The class of traced values; given from outside, since that class uses this one.
    max_calls : int
        More calls are an error.

    Attributes
    ----------
    calls : list of Call
        In order.
    depends : list of bool
        For each call whether its value depends on a parameter, rather than on declared data only.
    leaks : list of tuple
        ``(value, index, note)`` for each traced number that became a Python one.
    is_open : bool
        False when the trace is over.
    """

    def __init__(self, kind: type[Handle], max_calls: int = MAX_CALLS) -> None:
        self.kind = kind
        self.max_calls = max_calls
        self.calls: list[Call] = []
        self.depends: list[bool] = []
        self.guards: list[Guard] = []
        self.notes: list[Note] = []
        self.leaks: list[tuple[float, int, Note | None]] = []
        self.params: dict[str, int] = {}
        self.data: dict[int, str] = {}
        self.batch: dict[int, int] = {}
        self.marks: dict[str, int] = {}
        self.is_open = True
        self._snapshots: dict[int, tuple[Array, Array]] = {}

    def leaf(self, value: Array, name: str = "", *, is_param: bool) -> Handle:
        """Append a parameter or declared data, and return its traced array.

        Parameters
        ----------
        value : numpy.ndarray
            Copied.
        name : str
            Of the parameter or of the argument.
        is_param : bool
            Which of the two it is.
        """
        constant = copied_layout(value)
        constant.flags.writeable = False
        index = len(self.calls)
        own = name if is_param else ""
        self.calls.append(
            Call(index, None, (), {}, value.shape, value.dtype, name=own, constant=constant)
        )
        self.depends.append(is_param)
        if is_param:
            self.params[name] = index
        else:
            self.data[index] = name
        return self.kind._new_root(self, index, constant, frozen=True)

    def append(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
        *,
        depends: bool,
    ) -> int:
        """Append a call, whose arguments hold references already, and return its index."""
        index = len(self.calls)
        if index >= self.max_calls:
            self._too_long()
        if isinstance(result, (tuple, list)):
            shape, dtype = (), np.dtype(object)
        else:
            shape = np.shape(result)
            dtype = result.dtype if hasattr(result, "dtype") else np.dtype(type(result))
        place = place_of(user_frame())
        self.calls.append(Call(index, function, args, kwargs, shape, dtype, place))
        self.depends.append(depends)
        return index

    def guard(self, kind: str, index: int, seen: Any) -> None:
        """Note that the code used a value that depends on a parameter as an ordinary one."""
        if self.depends[index]:
            self.guards.append(Guard(kind, index, seen, place_of(user_frame())))

    def note(self, kind: str, text: str) -> Note:
        """Note something, with the current line."""
        note = Note(kind, text, place_of(user_frame()))
        self.notes.append(note)
        return note

    def snapshot(self, array: Array) -> Array:
        """Return a read-only copy of an ordinary array, the same one while it does not change."""
        key = id(array)
        known = self._snapshots.get(key)
        if known is not None and known[0] is array and _same_bits(array, known[1]):
            return known[1]
        copy = copied_layout(array)
        copy.flags.writeable = False
        self._snapshots[key] = (array, copy)
        return copy

    def _too_long(self) -> None:
        lines: Counter[Place | None] = Counter(call.place for call in self.calls)
        place = lines.most_common(1)[0][0]
        raise TraceError(
            f"the graph has more than {self.max_calls} nodes (loop at {place}); write the loop "
            'with whole arrays, make the problem smaller, or use engine="black box"'
        )


def _same_bits(x: Array, y: Array) -> bool:
    """Return whether two arrays of numbers have the same contents, a NaN being itself."""
    if x.shape != y.shape or x.dtype != y.dtype or x.dtype.hasobject:
        return False
    if x.dtype.kind in "fc":
        return bool(np.array_equal(x, y, equal_nan=True)) and bool(
            np.array_equal(np.signbit(x.real), np.signbit(y.real))
        )
    return bool(np.array_equal(x, y))
