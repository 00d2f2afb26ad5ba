"""Calling a function with traced values: the result, and the entry in the tape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import TraceError
from fastcheck.tracing.functions import part
from fastcheck.tracing.handle import Handle, Move
from fastcheck.tracing.messages import REMEDY
from fastcheck.tracing.places import place_of, user_frame
from fastcheck.tracing.recording import Ref, refs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastcheck.tracing.tape import Tape

__all__ = ["apply", "arguments", "has_traced", "is_live", "plain", "stacked", "traced_in"]


def traced_in(x: Any) -> Iterator[Handle]:
    """Yield the traced values in nested tuples, lists, dictionaries and slices."""
    if isinstance(x, Handle):
        yield x
    elif type(x) in (list, tuple):
        for y in x:
            yield from traced_in(y)
    elif type(x) is dict:
        for y in x.values():
            yield from traced_in(y)
    elif type(x) is slice:
        yield from traced_in((x.start, x.stop, x.step))


def has_traced(x: Any) -> bool:
    """Return whether there is a traced value in nested tuples, lists and so on."""
    return next(traced_in(x), None) is not None


def is_live(x: Any) -> bool:
    """Return whether one of the traced values in it depends on a parameter or on declared data."""
    return any(handle._node() is not None for handle in traced_in(x))


def plain(x: Any) -> Any:
    """Return arguments with ordinary arrays in place of traced ones."""
    if isinstance(x, Handle):
        return x._concrete()
    kind = type(x)
    if kind is list or kind is tuple:
        return kind([plain(y) for y in x])
    if kind is dict:
        return {k: plain(y) for k, y in x.items()}
    if kind is slice:
        return slice(plain(x.start), plain(x.stop), plain(x.step))
    return x


def arguments(tape: Tape, x: Any) -> Any:
    """Return arguments as they are recorded: references, and read-only copies of arrays."""
    if isinstance(x, Handle):
        return x._argument()
    kind = type(x)
    if kind is list or kind is tuple:
        return kind([arguments(tape, y) for y in x])
    if kind is dict:
        return {k: arguments(tape, y) for k, y in x.items()}
    if kind is slice:
        return slice(*(arguments(tape, y) for y in (x.start, x.stop, x.step)))
    if isinstance(x, np.ndarray):
        if x.dtype.hasobject and any(isinstance(y, Handle) for y in x.flat):
            _refuse_objects()
        return tape.snapshot(x)
    return x


def apply(
    tape: Tape,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None = None,
    *,
    fresh: bool = False,
) -> Any:
    """Call a pure function with traced values among its arguments.

    Parameters
    ----------
    tape : Tape
        Gets the call if one of the arguments depends on a parameter or on declared data.
    function : callable
        Called with ordinary arrays.
    args : tuple
        May hold traced values, nested.
    kwargs : dict or None
        Likewise.
    fresh : bool
        Whether the result is a copy in the user's code even if `function` returns a view.

    Returns
    -------
    object
        A traced array; a traced number if it depends on something; several of them; or what else
        the function returns.
    """
    kwargs = kwargs or {}
    plain_args, plain_kwargs = plain(args), plain(kwargs)
    result = function(*plain_args, **plain_kwargs)
    if not is_live((args, kwargs)):
        call = Move(function, plain_args, plain_kwargs, plain_args, plain_kwargs, 0)
        return _wrapped(tape, result, None, call, _holders(args, kwargs), fresh)
    own_args, own_kwargs = arguments(tape, args), arguments(tape, kwargs)
    depends = any(tape.depends[i] for i in refs(own_args) + refs(own_kwargs))
    if isinstance(result, np.ndarray) and result.dtype.hasobject:
        _refuse_objects()
    index = tape.append(function, own_args, own_kwargs, result, depends=depends)
    call = Move(function, own_args, own_kwargs, plain_args, plain_kwargs, 0)
    return _wrapped(tape, result, index, call, _holders(args, kwargs), fresh)


Holders = list[tuple[int | str, Handle]]


def _holders(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Holders:
    """Return the arguments of which a result can be a view, with their places."""
    named = [(k, a) for k, a in kwargs.items() if isinstance(a, Handle)]
    return [*((k, a) for k, a in enumerate(args) if isinstance(a, Handle)), *named]


def _wrapped(
    tape: Tape, result: Any, index: int | None, call: Move, holders: Holders, fresh: bool
) -> Any:
    """Return what the user's code gets for a result."""
    if isinstance(result, np.ndarray):
        return _wrapped_array(tape, result, index, call, holders, fresh)
    if isinstance(result, (tuple, list)):
        return _wrapped_parts(tape, result, index, call, holders, fresh)
    if index is None:
        return result
    if isinstance(result, (np.generic, float, complex)):
        return tape.kind._new_root(tape, index, result)
    if isinstance(result, (bool, int)):
        tape.guard("value", index, result)
    return result


def _wrapped_array(
    tape: Tape, result: np.ndarray, index: int | None, call: Move, holders: Holders, fresh: bool
) -> Any:
    if result.dtype.kind not in "fiubc":
        return result
    for hole, handle in holders:
        value = handle._concrete()
        if not isinstance(value, np.ndarray) or not np.may_share_memory(value, result):
            continue
        if fresh:
            return tape.kind._new_root(tape, index, np.array(result, order="K"))
        if result is value:
            return handle
        move = Move(
            call.function,
            call.args,
            call.kwargs,
            call.plain_args,
            call.plain_kwargs,
            hole,
            call.parts,
        )
        return tape.kind._new_view(handle, move, index, result)
    ordinary = (a for a in call.plain_args if isinstance(a, np.ndarray))
    if any(np.may_share_memory(a, result) for a in ordinary):
        result = np.array(result, order="K")
    return tape.kind._new_root(tape, index, result)


def _wrapped_parts(
    tape: Tape, results: Any, index: int | None, call: Move, holders: Holders, fresh: bool
) -> Any:
    wrapped = []
    for k, result in enumerate(results):
        inner = index
        if index is not None:
            depends = tape.depends[index]
            inner = tape.append(part, (Ref(index), k), {}, result, depends=depends)
        own = Move(
            call.function,
            call.args,
            call.kwargs,
            call.plain_args,
            call.plain_kwargs,
            call.hole,
            (*call.parts, k),
        )
        wrapped.append(_wrapped(tape, result, inner, own, holders, fresh))
    if hasattr(results, "_fields"):
        return type(results)(*wrapped)
    return tuple(wrapped) if isinstance(results, tuple) else wrapped


def stacked(x: Any) -> Any:
    """Return nested lists that hold traced values as one traced array, as ``np.array`` would."""
    if isinstance(x, Handle) or not isinstance(x, (list, tuple)) or not has_traced(x):
        return x
    parts = tuple(stacked(y) for y in x)
    tape = next(traced_in(x))._tape
    return apply(tape, np.stack, (parts,))


def _refuse_objects() -> None:
    raise TraceError(
        f"{place_of(user_frame())}: an array of objects holds values that depend on the "
        f"parameters and cannot be followed; use a list or an array of numbers, or {REMEDY}"
    )
