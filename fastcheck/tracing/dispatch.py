"""What NumPy's functions do when a traced array is among their arguments (NEP 13 and NEP 18)."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastcheck.tracing.apply import apply, is_live, plain, stacked, traced_in
from fastcheck.tracing.functions import added_at, cast, computed_where, copied, mutated, updated_at
from fastcheck.tracing.handle import Handle
from fastcheck.tracing.places import is_operator, user_frame
from fastcheck.tracing.write import assign, operate, replace, write

__all__ = ["along_axis", "astype", "call_function", "call_ufunc", "reshape"]

INTO_ORDINARY = "`out=` writes a value that depends on the parameters to an ordinary array"
untyped: Any = np  # to a type checker, traced arrays are nothing that NumPy takes

# They look at shapes and types only.
STRUCTURE: set[Any] = {
    np.array2string,
    np.array_repr,
    np.array_str,
    np.can_cast,
    np.common_type,
    np.iscomplexobj,
    np.isrealobj,
    np.may_share_memory,
    np.min_scalar_type,
    np.ndim,
    np.result_type,
    np.shape,
    np.shares_memory,
    np.size,
}
LIKE: set[Any] = {np.empty_like, np.ones_like, np.zeros_like}
MUTATING: set[Any] = {np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask}


def call_ufunc(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    """Return ``ufunc(*inputs)`` or a method of it."""
    tape = next(traced_in((inputs, keywords)))._tape
    if method == "at":
        return _at(ufunc, inputs)
    function = ufunc if method == "__call__" else getattr(ufunc, method)
    out = keywords.pop("out", None)
    inputs = tuple(stacked(x) for x in inputs)
    if out is None:
        return apply(tape, function, inputs, keywords)
    if len(out) == 1:
        return _into(function, inputs, keywords, out[0])
    results = apply(tape, function, inputs, keywords)
    return tuple(r if o is None else _stored(r, o) for r, o in zip(results, out, strict=True))


def _into(function: Any, inputs: tuple[Any, ...], keywords: dict[str, Any], out: Any) -> Any:
    """Compute a function with ``out=``, which is also how ``+=`` arrives."""
    if not isinstance(out, Handle):
        return _into_ordinary(function, inputs, keywords, out)
    where = keywords.pop("where", True)
    if where is True:
        operate(out, function, inputs, keywords)
        return out

    def physical(x: np.ndarray, where: Any, _: Any, *inputs: Any) -> None:
        function(*inputs, out=x, where=where)

    write(out, computed_where, (where, function, *inputs), physical)
    return out


def _into_ordinary(
    function: Any, inputs: tuple[Any, ...], keywords: dict[str, Any], out: np.ndarray
) -> Any:
    """Compute a function into an array that is not traced.

    ``plain += traced`` may return a traced array instead, which then gets the name. That is right
    unless the ordinary array has another name too, which the replay finds out.
    """
    tape = next(traced_in((inputs, keywords)), None)
    rebinds = inputs and inputs[0] is out and is_operator(user_frame())
    if tape is None or not rebinds:
        if tape is not None and is_live(inputs):
            tape._tape.note("out", INTO_ORDINARY)
        return function(*plain(inputs), out=out, **plain(keywords))
    target = tape._tape.kind._new_root(tape._tape, None, out.copy(order="K"))
    operate(target, function, (target, *inputs[1:]), keywords)
    tape._tape.note("rebound", "an ordinary array became a traced one by an operator in place")
    return target


def _stored(result: Any, out: Any) -> Any:
    out[...] = result
    return out


def _at(ufunc: np.ufunc, inputs: tuple[Any, ...]) -> None:
    target, *operands = inputs
    if not isinstance(target, Handle):
        if is_live(inputs):
            tape = next(traced_in(inputs))._tape
            tape.note("at", f"`np.{ufunc.__name__}.at` writes to an ordinary array")
        ufunc.at(*plain(inputs))
    elif ufunc is np.add:
        write(target, added_at, tuple(operands), ufunc.at)
    else:

        def physical(x: np.ndarray, _: Any, *operands: Any) -> None:
            ufunc.at(x, *operands)

        write(target, updated_at, (ufunc, *operands), physical)


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the result of one of NumPy's functions."""
    first = next(traced_in((args, kwargs)), None)
    if first is None or function in STRUCTURE:
        return function(*plain(args), **plain(kwargs))
    tape = first._tape
    if function in LIKE:
        return tape.kind._new_root(tape, None, function(*plain(args), **plain(kwargs)))
    if function in MUTATING:
        return _mutate(function, args, kwargs)
    special = SPECIAL.get(function)
    if special is not None:
        return special(*args, **kwargs)
    out = kwargs.pop("out", None) if isinstance(kwargs.get("out"), (Handle, np.ndarray)) else None
    if out is None:
        return apply(tape, function, args, kwargs)
    result = apply(tape, function, args, kwargs)
    if isinstance(out, Handle):
        replace(out, result)
        return out
    if is_live((args, kwargs)):
        tape.note("out", INTO_ORDINARY)
    out[...] = plain(result)
    return out


def _mutate(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    target, *operands = args
    if not isinstance(target, Handle):
        if is_live((args, kwargs)):
            tape = next(traced_in((args, kwargs)))._tape
            tape.note("store", f"`np.{function.__name__}` writes to an ordinary array")
        function(*plain(args), **plain(kwargs))
    elif function is np.copyto and len(operands) == 1 and not kwargs:
        assign(target, Ellipsis, operands[0])
    else:

        def physical(x: np.ndarray, _: Any, *operands: Any, **kwargs: Any) -> None:
            function(x, *operands, **kwargs)

        write(target, mutated, (function, *operands), physical, kwargs)


def reshape(a: Any, shape: Any = None, order: str = "C", **kwargs: Any) -> Any:
    """Return ``np.reshape(a, shape)``, recorded with the shape that it has."""
    if not isinstance(a, Handle):
        a = stacked(a)
    if not isinstance(a, Handle):
        return untyped.reshape(plain(a), plain(shape), order)
    shape = plain(shape)
    result_shape = untyped.reshape(a._concrete(), shape, order).shape
    extra = (order,) if order != "C" else ()
    return apply(a._tape, np.reshape, (a, result_shape, *extra), fresh=bool(kwargs.get("copy")))


def full_like(a: Any, fill_value: Any, *args: Any, **kwargs: Any) -> Any:
    """Return ``np.full_like(a, fill_value)``."""
    tape = next(traced_in((a, fill_value)))._tape
    new = tape.kind._new_root(tape, None, np.empty_like(plain(a), *args, **kwargs))
    assign(new, Ellipsis, fill_value)
    return new


def along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """Return ``np.apply_along_axis(func1d, axis, arr)``, with calls that are traced."""
    rows = np.moveaxis(arr, axis, -1)
    shape = rows.shape[:-1]
    flat = [func1d(rows[key], *args, **kwargs) for key in np.ndindex(*shape)]
    joined = untyped.stack([x if isinstance(x, Handle) else np.asarray(x) for x in flat])
    inner = joined.shape[1:]
    result = np.reshape(joined, shape + inner)
    first = axis % arr.ndim
    ends = range(first, first + len(inner))
    return np.moveaxis(result, range(len(shape), result.ndim), ends)


def copy(a: Any, order: str = "K", **_: Any) -> Any:
    """Return ``np.copy(a)``."""
    return apply(a._tape, copied, (a, order), fresh=True)


def astype(x: Any, dtype: Any, /, *, copy: bool = True, **_: Any) -> Any:
    """Return ``np.astype(x, dtype)``."""
    if not copy and x.dtype == np.dtype(dtype):
        return x
    return apply(x._tape, cast, (x, np.dtype(dtype)), fresh=True)


SPECIAL: dict[Any, Any] = {
    np.apply_along_axis: along_axis,
    np.astype: astype,
    np.copy: copy,
    np.full_like: full_like,
    np.reshape: reshape,
}
