"""Writing to traced arrays: the memory changes in place, the tape gets new values."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.tracing.apply import apply, arguments, is_live, plain, stacked
from fastcheck.tracing.functions import assigned, filled, picked, written_through
from fastcheck.tracing.handle import Handle, Move
from fastcheck.tracing.recording import Ref, refs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["assign", "operate", "replace", "write"]


def write(
    target: Handle,
    function: Callable[..., Any],
    operands: tuple[Any, ...],
    physical: Callable[..., Any],
    keywords: dict[str, Any] | None = None,
) -> None:
    """Make the contents of a traced array ``function(target, *operands)``.

    Parameters
    ----------
    target : Handle
        A root or a view, through which the root is written to.
    function : callable
        Pure; its result has the shape, type and strides of the target.
    operands : tuple
        May hold traced values.
    physical : callable
        ``physical(array, *operands)`` writes the same into an ordinary array.
    keywords : dict or None
        For both functions.
    """
    tape, keywords = target._tape, keywords or {}
    live = is_live((target, operands, keywords))
    index = None
    if live:
        chain = _chain(target)
        args = (target._argument(), *arguments(tape, operands))
        own = arguments(tape, keywords)
        depends = any(tape.depends[i] for i in refs(args) + refs(own))
        index = tape.append(function, args, own, target._concrete(), depends=depends)
    values = plain(operands)
    physical(target._writable(), *values, **plain(keywords))
    if index is not None:
        _commit(target, index, chain)


def assign(target: Handle, key: Any, value: Any) -> None:
    """Make ``target[key] = value`` of a traced array."""
    if not _is_same_view(target, key, value):
        write(target, assigned, (key, stacked(value)), operator.setitem)


def _is_same_view(target: Handle, key: Any, value: Any) -> bool:
    """Return whether a view is written to its own place, as the end of ``target[key] += x`` is."""
    if not isinstance(value, Handle) or value._parent is not target or value._move is None:
        return False
    return value._move.function is picked and _same_key(value._move.plain_args[1], key)


def _same_key(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(_same_key(x, y) for x, y in zip(a, b, strict=True))
    return a is b or (isinstance(a, (int, slice)) and a == b)


def replace(target: Handle, value: Any) -> None:
    """Give a traced array other contents, broadcast and cast to its shape and type."""
    if not isinstance(value, Handle) or value._node() is None or not _alike(target, value):
        assign(target, Ellipsis, value)
        return
    index = value._node()
    chain = _chain(target)
    target._writable()[...] = value._concrete()
    if index is not None:
        _commit(target, index, chain)


def operate(
    target: Handle, function: Callable[..., Any], inputs: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    """Make ``function(*inputs, out=target)``, as ``target += x`` does."""
    value = target._concrete()
    result = apply(target._tape, function, inputs, keywords)
    kind = getattr(plain(result), "dtype", value.dtype)
    if not np.can_cast(kind, value.dtype, "same_kind"):
        function(*plain(inputs), out=np.array(value), **plain(keywords))  # raises as NumPy does
    replace(target, result)


def _alike(target: Handle, value: Handle) -> bool:
    """Return whether a value can be the contents of an array as it is.

    The contents of a part of an array are put into the whole, where its own strides do not
    matter.
    """
    x, y = target._concrete(), value._concrete()
    is_part = target._move is not None and target._move.function is picked
    return (
        isinstance(y, np.ndarray)
        and x.shape == y.shape
        and x.dtype == y.dtype
        and (is_part or x.strides == y.strides)
    )


def _chain(target: Handle) -> list[tuple[Handle, Move, Any]]:
    """Return the parents of a view, from the innermost, with the calls that have them now."""
    chain = []
    child = target
    while child._parent is not None and child._move is not None:
        chain.append((child._parent, child._move, child._parent._argument()))
        child = child._parent
    return chain


def _commit(target: Handle, index: int, chain: list[tuple[Handle, Move, Any]]) -> None:
    """Let the root of a view stand for what it is after the view became call `index`."""
    for parent, move, before in chain:
        index = _put_back(parent, move, before, index)
    root = target._owner()
    root._index = index
    root._version += 1


def _put_back(parent: Handle, move: Move, before: Any, index: int) -> int:
    """Append the call that gives an array in which a view is replaced by another value."""
    tape, value, new = parent._tape, parent._concrete(), Ref(index)
    depends = any(tape.depends[i] for i in (index, *refs(before), *refs(move.args)))
    if move.hole == 0 and not move.parts and not move.kwargs:
        if move.function is picked:
            return tape.append(assigned, (before, move.args[1], new), {}, value, depends=depends)
        if move.function is np.transpose:
            axes = move.args[1] if len(move.args) > 1 else range(value.ndim)[::-1]
            inverse = tuple(int(a) for a in np.argsort([a % value.ndim for a in axes]))
            return tape.append(np.transpose, (new, inverse), {}, value, depends=depends)
        if move.function is np.reshape and len(move.args) == 2 and value.flags.c_contiguous:
            return tape.append(np.reshape, (new, value.shape), {}, value, depends=depends)
    args, kwargs = filled(move.args, move.kwargs, move.hole, None)
    own = (before, new, move.function, move.hole, move.parts, args, kwargs)
    return tape.append(written_through, own, {}, value, depends=depends)
