"""Running a loss once with traced arrays in the places of its parameters."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import FastcheckError, TraceError
from fastcheck.holding import is_meant
from fastcheck.tracing.array import Traced
from fastcheck.tracing.dispatch import reshape
from fastcheck.tracing.exchange import Exchange
from fastcheck.tracing.finish import finished
from fastcheck.tracing.handle import Handle
from fastcheck.tracing.mark import mark
from fastcheck.tracing.messages import REMEDY, causes
from fastcheck.tracing.outcome import loss_of, marks_of
from fastcheck.tracing.places import place_of_error
from fastcheck.tracing.proxy import Proxies
from fastcheck.tracing.structure import leaves_of, with_leaves
from fastcheck.tracing.tape import Tape
from fastcheck.tracing.walk import Walk, put_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fastcheck.tracing.recording import Recording

__all__ = ["record_closure", "record_function"]

Array = np.ndarray[Any, Any]


def record_closure(loss: Callable[[], Any], params: Mapping[str, Array]) -> Recording:
    """Record a loss without arguments, which finds its parameters wherever it keeps them.

    Parameters
    ----------
    loss : callable
        Called once. Returns the loss, or a tuple or dictionary that holds it.
    params : mapping
        The very arrays that the loss reads, by name. Everything that holds one of them or a view
        of one, and can be reached from the loss, holds a traced array for the time of the call;
        afterwards all is as before.

    Returns
    -------
    Recording
        Not yet verified.

    Raises
    ------
    TraceError
        With the line and a remedy, if the loss cannot be followed.
    """
    tape = Tape(Traced)
    leaves = [(a, tape.leaf(a, name, is_param=True)) for name, a in params.items()]
    return _record(tape, leaves, [loss, params], lambda _: loss())


def record_function(
    loss: Callable[..., Any],
    params: Any,
    data: Mapping[str, Any] | tuple[Any, ...] = (),
    batch_axis: int | Mapping[str, int | None] | None = None,
) -> Recording:
    """Record ``loss(params, *data)``.

    Parameters
    ----------
    loss : callable
        Called once.
    params : dict, list, tuple or array
        Arrays, nested in any way; their names are the keys and numbers, joined by dots.
    data : tuple or mapping
        The other arguments, by position or by name. Arrays among them are declared data, whose
        use is recorded.
    batch_axis : int, mapping or None
        The axis that counts samples: of all arrays in `data` that have as many samples as the
        first, or by name.

    Returns
    -------
    Recording
        Not yet verified.
    """
    tape = Tape(Traced)
    names = leaves_of(params)
    leaves = [(a, tape.leaf(a, name, is_param=True)) for name, a in names.items()]
    named = _named(loss, data)
    arrays = {k: x for k, x in named.items() if _is_numbers(x)}
    known = {id(a) for a, _ in leaves}
    for name, x in arrays.items():
        if id(x) not in known:
            leaves.append((x, tape.leaf(x, name, is_param=False)))
    axes = _axes(arrays, batch_axis)
    tape.batch = {i: axes[name] for i, name in tape.data.items() if name in axes}

    def call(new: Callable[[Any], Any]) -> Any:
        traced = with_leaves(params, {name: new(a) for name, a in names.items()})
        if isinstance(data, tuple):
            return loss(traced, *(new(x) for x in data))
        return loss(traced, **{k: new(x) for k, x in data.items()})

    return _record(tape, leaves, [loss, params, data], call)


def _record(
    tape: Tape,
    leaves: list[tuple[Array, Handle]],
    roots: list[Any],
    call: Callable[[Callable[[Any], Any]], Any],
) -> Recording:
    """Walk, exchange, call, and put back."""
    proxies = Proxies(tape)
    new = Exchange(tape, leaves, proxies)
    with _exchanged(Walk(roots), new, proxies.float), _explained(tape):
        result = call(new)
        output = _output(tape, loss_of(result))
        for name, value in marks_of(result).items():
            if not is_meant(name, tape.params):  # a gradient that comes with the loss
                mark(name, value)
        return finished(tape, output)


@contextmanager
def _exchanged(walk: Walk, new: Exchange, own_float: Any) -> Iterator[None]:
    """Let traced values stand in for everything that was found, and put all back."""
    try:
        for scope, names in walk.scopes:
            if "float" in names and "float" not in scope:
                put_key(scope, "float", own_float)
        walk.exchange(new)
        yield
    finally:
        try:
            walk.restore()
        except KeyboardInterrupt:  # once more: putting back twice is harmless
            walk.restore()
            raise


@contextmanager
def _explained(tape: Tape) -> Iterator[None]:
    """Turn an error of the traced code into one that says where it was, and why."""
    try:
        yield
    except TraceError:
        raise
    except FastcheckError:
        raise
    except Exception as error:
        said = next(iter(str(error).strip().splitlines()), "no message")  # numba's fill a page
        message = f"{place_of_error(error)}: {type(error).__name__} while tracing: {said}"
        remedy = f"use whole-array NumPy functions there, or {REMEDY}"
        raise TraceError(f"{message}; {remedy}{causes(tape.notes)}") from error
    finally:
        tape.is_open = False


def _output(tape: Tape, loss: Any) -> int:
    """Return the call that is the loss: the traced number, or the one that became this float."""
    if isinstance(loss, Handle) and np.size(loss._concrete()) == 1:
        number = reshape(loss, ()) if np.ndim(loss._concrete()) else loss
        node: int | None = number._node()
        if node is not None:
            return node
    by_identity = [leak for leak in tape.leaks if leak[0] is loss]
    by_value = [leak for leak in tape.leaks if isinstance(loss, float) and leak[0] == loss]
    found = by_identity or by_value
    if found:
        _, index, note = found[-1]
        tape.notes = [n for n in tape.notes if n is not note]
        return index
    raise TraceError(
        "the loss does not depend on the parameters as far as it can be followed; let it read "
        f"the arrays that are given as `params`, or {REMEDY}{causes(tape.notes)}"
    )


def _named(loss: Callable[..., Any], data: Mapping[str, Any] | tuple[Any, ...]) -> dict[str, Any]:
    """Return the other arguments by the names that the function gives them."""
    if not isinstance(data, tuple):
        return dict(data)
    try:
        names = list(inspect.signature(loss).parameters)[1:]
    except (TypeError, ValueError):
        names = []
    names += [f"argument {k + 2}" for k in range(len(names), len(data))]
    return dict(zip(names, data, strict=False))


def _is_numbers(x: Any) -> bool:
    return type(x) is np.ndarray and x.dtype.kind in "fiub"


def _axes(
    arrays: dict[str, Array], batch_axis: int | Mapping[str, int | None] | None
) -> dict[str, int]:
    if batch_axis is None or not arrays:
        return {}
    if not isinstance(batch_axis, int):
        return {name: axis for name, axis in batch_axis.items() if axis is not None}
    first = next((x for x in arrays.values() if x.ndim > batch_axis), None)
    n_batch = None if first is None else first.shape[batch_axis]
    return {
        name: batch_axis
        for name, x in arrays.items()
        if x.ndim > batch_axis and x.shape[batch_axis] == n_batch
    }
