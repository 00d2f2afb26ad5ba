"""What a traced value is: an ordinary array that NumPy works on, and where it stands in the tape.

A *root* owns memory, a *view* has a parent and the move that makes it. The concrete arrays are
real views of real memory, so that aliasing is NumPy's own; only the place in the tape has to be
looked after. Each write through any of them makes the version of the root one higher, and a view
that is behind is recorded again when it is next read.

Memory that a recorded call refers to as a constant is *frozen*: the next write goes to a copy,
which makes the generation of the root one higher, and views find their concrete array again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fastcheck.errors import TraceError
from fastcheck.tracing.functions import filled, part
from fastcheck.tracing.layout import copied_layout
from fastcheck.tracing.recording import Ref, refs

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.tracing.tape import Tape

__all__ = ["Handle", "Move"]


@dataclass(eq=False)
class Move:
    """How a view is made from its parent.

    Parameters
    ----------
    function : callable
        Returns a view, or several.
    args, kwargs : tuple, dict
        As recorded, with references.
    plain_args, plain_kwargs : tuple, dict
        The same with ordinary values.
    hole : int or str
        Where in `args` or `kwargs` the parent stands.
    parts : tuple of int
        Which of several results, and of its parts.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    plain_args: tuple[Any, ...]
    plain_kwargs: dict[str, Any]
    hole: int | str
    parts: tuple[int, ...] = ()

    def concrete(self, parent: Any) -> Any:
        """Return the view of an ordinary array."""
        args, kwargs = filled(self.plain_args, self.plain_kwargs, self.hole, parent)
        result = self.function(*args, **kwargs)
        for index in self.parts:
            result = result[index]
        return result

    def recorded(self, tape: Tape, parent: int, value: Any) -> int:
        """Append the calls that make the view from a call, and return the last one's index."""
        args, kwargs = filled(self.args, self.kwargs, self.hole, Ref(parent))
        depends = any(tape.depends[i] for i in refs(args) + refs(kwargs))
        whole = () if self.parts else value
        index = tape.append(self.function, args, kwargs, whole, depends=depends)
        for place, k in enumerate(self.parts):
            inner = value if place == len(self.parts) - 1 else ()
            index = tape.append(part, (Ref(index), k), {}, inner, depends=depends)
        return index


class Handle:
    """State of a traced value; the protocols of arrays are in the class that derives from it."""

    __slots__ = (
        "_frozen",
        "_generation",
        "_index",
        "_made",
        "_move",
        "_parent",
        "_root",
        "_seen",
        "_source",
        "_tape",
        "_value",
        "_version",
    )

    _tape: Tape
    _index: int | None
    _value: Any
    _parent: Handle | None
    _root: Handle | None
    _move: Move | None
    _source: np.ndarray | None
    _seen: int
    _made: int
    _version: int
    _generation: int
    _frozen: bool

    @classmethod
    def _new_root(cls, tape: Tape, index: int | None, value: Any, *, frozen: bool = False) -> Self:
        """Return a value with memory of its own; a constant where `index` is None."""
        self = object.__new__(cls)
        self._tape, self._index, self._value = tape, index, value
        self._parent = self._root = self._move = self._source = None
        self._seen = self._made = self._version = self._generation = 0
        self._frozen = frozen
        return self

    @classmethod
    def _new_lifted(cls, tape: Tape, array: np.ndarray) -> Self:
        """Return a constant for an array of the user's, which is copied when it is first read."""
        self = cls._new_root(tape, None, None, frozen=True)
        self._source = array
        return self

    @classmethod
    def _new_view(cls, parent: Handle, move: Move, index: int | None, value: Any) -> Self:
        """Return a view of another traced array."""
        self = cls._new_root(parent._tape, index, value)
        root = parent._owner()
        self._parent, self._root, self._move = parent, root, move
        self._seen, self._made = root._version, root._generation
        return self

    def _owner(self) -> Handle:
        """Return the root: whose memory this is."""
        return self if self._root is None else self._root

    def _concrete(self) -> Any:
        """Return the ordinary array or number, which must not be written to."""
        if self._source is not None:
            self._value = copied_layout(self._source)
            self._source = None
        if self._parent is None or self._root is None or self._move is None:
            return self._value
        if self._made != self._root._generation:
            self._value = self._move.concrete(self._parent._concrete())
            self._made = self._root._generation
        return self._value

    def _node(self) -> int | None:
        """Return the call that has this value, or None for a constant."""
        tape = self._tape
        if not tape.is_open:
            raise TraceError(
                "a traced array was used after its trace; something that the loss stored could "
                'not be put back. Use engine="black box"'
            )
        if self._parent is None or self._root is None or self._move is None:
            return self._index
        if self._seen != self._root._version:
            parent = self._parent._node()
            value = self._concrete()
            self._index = None if parent is None else self._move.recorded(tape, parent, value)
            self._seen = self._root._version
        return self._index

    def _argument(self) -> Any:
        """Return what stands for this value in a recorded call."""
        index = self._node()
        if index is not None:
            return Ref(index)
        value = self._concrete()
        if not isinstance(value, np.ndarray):
            return value
        self._owner()._frozen = True
        constant = value.view()
        constant.flags.writeable = False
        return constant

    def _writable(self) -> np.ndarray:
        """Return the ordinary array, to be written to."""
        self._concrete()
        root = self._owner()
        if root._frozen:
            root._value = copied_layout(root._concrete())
            root._generation += 1
            root._frozen = False
        value: np.ndarray = self._concrete()
        return value
