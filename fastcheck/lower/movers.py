"""NumPy functions that only move entries, and which of their arguments are moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from fastcheck.tracing.functions import (
    assembled,
    assigned,
    cast,
    copied,
    number,
    picked,
    strided,
    written_through,
)
from fastcheck.tracing.layout import laid_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastcheck.tracing.recording import Call

    Ints = NDArray[np.int64]
    Entries = Callable[[Any], Ints]
    """Gives ids for an argument."""
    Constant = Callable[[Any], Any]
    """Gives an argument that is not moved, with base values in it."""
    Mover = Callable[[Call, Entries, Constant], Ints | None]

MOVERS: dict[Any, Mover] = {}
"""By function; each runs it on ids and returns them in their new places."""


def _first(call: Call, entries: Entries, constant: Constant) -> Ints:
    """Move the first argument."""
    assert call.function is not None
    args, kwargs = list(call.args), dict(call.kwargs)
    moved = entries(args.pop(0) if args else kwargs.pop(next(iter(kwargs))))
    rest = [constant(a) for a in args]
    return np.asarray(call.function(moved, *rest, **{k: constant(a) for k, a in kwargs.items()}))


def _several(call: Call, entries: Entries, constant: Constant) -> Ints:
    """Move the arrays of a list."""
    assert call.function is not None
    arrays, *rest = call.args
    moved = [entries(array) for array in arrays]
    kwargs = {k: constant(a) for k, a in call.kwargs.items() if k not in ("dtype", "casting")}
    return np.asarray(call.function(moved, *(constant(a) for a in rest), **kwargs))


def _assigned(call: Call, entries: Entries, constant: Constant) -> Ints:
    """Put entries in the place of others."""
    x, key, value = call.args
    return np.asarray(assigned(entries(x), constant(key), entries(value)))


def _assembled(call: Call, entries: Entries, constant: Constant) -> Ints:
    """Put entries in the place of others, many times."""
    x, keys, values = call.args
    moved = entries(x).copy()
    for key, value in zip(keys, values, strict=True):
        moved[constant(key)] = entries(value)
    return moved


def _written(call: Call, entries: Entries, constant: Constant) -> Ints:
    """Put entries in the place of others through a view."""
    x, value, *rest = call.args
    kwargs = {k: constant(a) for k, a in call.kwargs.items()}
    return written_through(entries(x), entries(value), *(constant(a) for a in rest), **kwargs)


def _copied(call: Call, entries: Entries, _: Constant) -> Ints:
    return entries(call.args[0])


def _number(call: Call, entries: Entries, _: Constant) -> Ints:
    """Take the only entry."""
    return entries(call.args[0]).reshape(())


def _strided(call: Call, entries: Entries, constant: Constant) -> Ints:
    """Take a view with strides of its own, which are those of the array as it lies in memory."""
    x, *rest = call.args
    moved = laid_out(entries(x), constant(x).view(np.int64))
    function: Any = call.function
    return np.asarray(function(moved, *rest, **call.kwargs))


def _chosen(call: Call, entries: Entries, constant: Constant) -> Ints | None:
    """Choose by a condition, which is constant."""
    condition, one, other = call.args
    return np.where(constant(condition), entries(one), entries(other))


def _padded(call: Call, entries: Entries, constant: Constant) -> Ints | None:
    """Pad with zeros, or with entries of the array itself."""
    names = ("array", "pad_width", "mode")
    given = dict(zip(names, call.args, strict=False)) | call.kwargs
    moved, width = entries(given.pop("array")), constant(given.pop("pad_width"))
    mode = constant(given.pop("mode", "constant"))
    value = constant(given.pop("constant_values", 0))
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap") or given:
        return None
    if mode != "constant":
        return np.pad(moved, width, mode=mode)
    if not np.any(value):
        return np.pad(moved, width)
    filled = np.pad(np.zeros(moved.shape), width, constant_values=value)
    inside = np.pad(np.ones(moved.shape, bool), width)
    return np.where(inside, np.pad(moved, width), entries(filled))


_ONE = (
    np.reshape, np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.ravel, np.squeeze,
    np.expand_dims, np.broadcast_to, np.flip, np.flipud, np.fliplr, np.roll, np.rot90, np.repeat,
    np.tile, np.diag, np.diagonal, np.diagflat, np.tril, np.triu, np.take, np.take_along_axis,
    np.atleast_1d, np.atleast_2d, np.atleast_3d, np.delete, np.resize, np.permute_dims,
    np.matrix_transpose, sliding_window_view, picked,
)  # fmt: skip
_LISTS = (np.concatenate, np.stack, np.hstack, np.vstack, np.dstack, np.column_stack)

MOVERS.update(dict.fromkeys(_ONE, _first))
MOVERS.update(dict.fromkeys(_LISTS, _several))
MOVERS.update(
    {
        assigned: _assigned, assembled: _assembled, written_through: _written, copied: _copied,
        cast: _copied, np.pad: _padded, np.where: _chosen, strided: _strided, as_strided: _strided,
        number: _number,
    }
)  # fmt: skip

FILLERS = (assigned, assembled, written_through)
"""Functions that put entries into an array, which may go on."""
SPLITTERS = (np.split, np.array_split, np.hsplit, np.vsplit, np.dsplit)
"""Functions with several results, of which one is then picked."""
