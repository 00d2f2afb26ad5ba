"""Which traced value stands in for which of the user's objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.tracing.functions import picked, strided
from fastcheck.tracing.handle import Handle, Move
from fastcheck.tracing.layout import extent
from fastcheck.tracing.write import assign

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.tracing.tape import Tape

__all__ = ["Exchange", "part_of"]

Array = np.ndarray[Any, Any]
MAX_SHARED = 1 << 22  # bytes of a constant array whose views stay views of one traced array


class Exchange:
    """Return, for each object of the user's, what takes its place during the trace.

    A parameter becomes its leaf; an array in the memory of a parameter a view of the leaf; an
    array that holds parameters one into which the leaves are written; any other array of numbers
    a constant. Tuples are made anew if something in them changes.

    Parameters
    ----------
    tape : Tape
        Where all of them belong.
    leaves : list of tuple
        Live arrays with their traced ones.
    other : callable
        Says what stands in for everything else.
    """

    def __init__(
        self, tape: Tape, leaves: list[tuple[Array, Handle]], other: Callable[[Any], Any]
    ) -> None:
        self.tape = tape
        self.other = other
        self.leaves = [(a, h, *extent(a)) for a, h in leaves]
        self.known: dict[int, tuple[Any, Any]] = {id(a): (a, h) for a, h in leaves}

    def __call__(self, x: Any) -> Any:
        """Return the stand-in, or the object itself."""
        known = self.known.get(id(x))
        if known is not None and known[0] is x:
            return known[1]
        if isinstance(x, np.ndarray):
            new = self._array(x)
        elif isinstance(x, tuple):
            new = self._tuple(x)
        else:
            return self.other(x)
        self.known[id(x)] = (x, new)
        return new

    def _tuple(self, x: tuple[Any, ...]) -> Any:
        parts = [self(y) for y in x]
        if all(a is b for a, b in zip(parts, x, strict=True)):
            return x
        return type(x)(*parts) if hasattr(x, "_fields") else tuple.__new__(type(x), parts)

    def _array(self, x: Array) -> Any:
        if type(x) not in (np.ndarray, np.memmap) or x.dtype.kind not in "fiubc":
            return x
        low, high = extent(x)
        near = [leaf for leaf in self.leaves if leaf[2] < high and low < leaf[3]]
        near = [leaf for leaf in near if x.size and np.shares_memory(x, leaf[0])]
        if not near:
            return self._constant(x)
        array, handle, first, last = near[0]
        if first <= low and high <= last and array.dtype == x.dtype:
            return part_of(handle, array, x)
        whole = self.tape.kind._new_lifted(self.tape, x)
        for array, handle, first, last in near:
            if low <= first and last <= high and array.dtype == x.dtype:
                assign(part_of(whole, x, array), Ellipsis, handle)
        return whole

    def _constant(self, x: Array) -> Handle:
        base: Any = x
        while isinstance(base.base, np.ndarray):
            base = base.base
        is_small = base.nbytes <= MAX_SHARED and type(base) is np.ndarray
        if base is x or base.dtype != x.dtype or not is_small or x.size == 0:
            return self.tape.kind._new_lifted(self.tape, x)
        part: Handle = part_of(self(base), base, x)
        return part


def part_of(handle: Any, whole: Array, piece: Array) -> Any:
    """Return a view of a traced array, as one array is a view of another.

    Nothing is recorded before the view is used.

    Parameters
    ----------
    handle : Handle
        Stands for `whole`.
    whole, piece : numpy.ndarray
        The second lies in the memory of the first and has its type.
    """
    offset = _address(piece) - _address(whole)
    axes = sorted(range(piece.ndim), key=lambda a: -piece.strides[a])
    packed = piece.transpose(axes)
    start, rest = divmod(offset, whole.itemsize)
    if not whole.flags.c_contiguous or not packed.flags.c_contiguous or rest:
        return _lazy(handle, strided, (piece.shape, piece.strides, offset))
    if whole.ndim != 1:
        handle = _lazy(handle, np.reshape, ((whole.size,),))
    if piece.size != whole.size:
        handle = _lazy(handle, picked, (slice(start, start + piece.size),))
    if packed.ndim != 1:
        handle = _lazy(handle, np.reshape, (packed.shape,))
    if axes != sorted(axes):
        handle = _lazy(handle, np.transpose, (tuple(int(a) for a in np.argsort(axes)),))
    return handle


def _lazy(parent: Handle, function: Callable[..., Any], args: tuple[Any, ...]) -> Handle:
    own = (None, *args)
    move = Move(function, own, {}, own, {}, 0)
    view = parent._tape.kind._new_view(parent, move, None, None)
    view._seen = view._made = -1
    return view


def _address(x: Array) -> int:
    return int(x.__array_interface__["data"][0])
