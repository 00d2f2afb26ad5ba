"""Functions that only move entries, each by running NumPy's function on ids in place of values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.node import Node
from fastcheck.graph.ops.move import Move
from fastcheck.graph.ops.scatter import ScatterAdd
from fastcheck.graph.ops.shape import Reshape, Transpose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike

    from fastcheck.graph.ops.base import Ints


def moved(
    function: Callable[..., Any],
    *operands: Any,
    fill: ArrayLike | None = None,
    batch_axis: int | None = None,
    passed: Callable[[Node], bool] | None = None,
) -> Node:
    """Return what `function` makes of its operands, if all it does is to move entries.

    Parameters
    ----------
    function : callable
        Is called once, with an array of ids for each operand, in its shape, and returns an array
        of ids. It may write to its arguments. An id of -1 stands for a constant.
    *operands : Node or array_like
        At least one is a node; arrays become constants.
    fill : array_like, optional
        The constants, see :class:`~fastcheck.graph.ops.move.Move`.
    batch_axis : int, optional
        The sample axis of the result, where no operand has one.
    passed : callable, optional
        See :func:`rearranged`.

    Raises
    ------
    InputError
        If there is no node, or `function` does not accept the shapes.
    """
    nodes = _nodes(operands)
    edges = np.cumsum([0, *(node.size for node in nodes)])
    ids = [np.arange(lo, lo + n.size).reshape(n.shape) for lo, n in zip(edges, nodes, strict=False)]
    try:
        index = np.asarray(function(*ids))
    except (IndexError, TypeError, ValueError) as error:
        shapes = ", ".join(str(node.shape) for node in nodes)
        raise InputError(
            f"the arguments must fit the operands, got shapes {shapes}; NumPy says: {error}"
        ) from error
    return rearranged(index, nodes, fill, batch_axis, passed)


def rearranged(
    index: ArrayLike,
    nodes: Sequence[Node],
    fill: ArrayLike | None = None,
    batch_axis: int | None = None,
    passed: Callable[[Node], bool] | None = None,
) -> Node:
    """Return the entries of `nodes` at the places of an index map.

    A node that is given twice is read as one, and one that is not found in the result is left out.

    Parameters
    ----------
    index, fill, batch_axis
        As for :class:`~fastcheck.graph.ops.move.Move`.
    nodes : sequence of Node
        The sources.
    passed : callable, optional
        Whether what a source moves may be read in place of the source, so that moves of moves
        become one: a buffer that is filled step by step then costs no more than one stack of the
        steps. Such a source must not be probed itself, since it is no longer on the way.
    """
    first = Move(index, [node.shape for node in nodes], fill, batch_axis)
    inner = [(node, _moves(node, passed)) for node in nodes]
    sources = list(dict.fromkeys(s for node, op in inner for s in (node.inputs if op else (node,))))
    start = dict(zip(sources, np.cumsum([0, *(s.size for s in sources)]), strict=False))
    ids = [_ids(node, op, start) for node, op in inner]
    values = [op.constants().reshape(-1) if op else np.zeros(node.size) for node, op in inner]
    place = np.concatenate([*ids, [-1]])[first.index]
    constant = first.constants() + np.concatenate([*values, [0.0]])[first.index]
    shift = np.zeros(sum(s.size for s in sources) + 1, dtype=np.int64)
    shift[place] = 1
    used = [s for s in sources if shift[start[s] : start[s] + s.size].any()] or sources[:1]
    if len(used) < len(sources):
        ends = np.cumsum([0, *(s.size for s in used)])
        shift[:] = 0
        for source, new in zip(used, ends, strict=False):
            shift[start[source] : start[source] + source.size] = new - start[source]
        place = place + shift[place]
    op = Move(place, [s.shape for s in used], constant if np.any(constant) else None, batch_axis)
    return used[0].graph.apply(op, *used)


def _moves(node: Node, passed: Callable[[Node], bool] | None) -> Move | None:
    """Return the operation of a source that is passed, None for others."""
    op = node.op
    if passed is None or not isinstance(op, Move) or op.batch_axis is not None:
        return None
    return op if passed(node) else None


def _ids(node: Node, op: Move | None, start: dict[Node, int]) -> Ints:
    """Return the id of each entry of `node` among the sources that begin at `start`."""
    if op is None:
        return np.arange(start[node], start[node] + node.size)
    index = op.index.reshape(-1)
    shift = [start[source] - lo for source, lo in zip(node.inputs, op.edges, strict=False)]
    return np.where(index < 0, -1, index + np.append(np.repeat(shift, np.diff(op.edges)), 0)[index])


def _nodes(operands: Sequence[Any]) -> list[Node]:
    known = [a for a in operands if isinstance(a, Node)]
    if not known:
        raise InputError(
            f"one operand must be a graph node, got {[type(a).__name__ for a in operands]}; wrap "
            "one in graph.data"
        )
    return [a if isinstance(a, Node) else known[0].graph.data(a) for a in operands]


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _constant_index(index: Any) -> None:
    parts = index if isinstance(index, tuple | list) else (index,)
    for part in parts:
        if isinstance(part, Node):
            raise InputError(
                f"an index must be constant, got {part!r}; compute it with NumPy beforehand"
            )


def getitem(a: Node, index: Any) -> Node:
    """Return ``a[index]`` for any constant index that NumPy takes: slices, integers, masks."""
    _constant_index(index)
    return moved(lambda ids: ids[index], a)


def assign(a: Any, index: Any, value: Any) -> Node:
    """Return a copy of `a` of which the part ``[index]`` is `value`."""
    _constant_index(index)

    def assigned(ids: Ints, new: Ints) -> Ints:
        ids[index] = new
        return ids

    return moved(assigned, a, value)


def take(
    a: Node, indices: ArrayLike, axis: int | None = None, batch_axis: int | None = None
) -> Node:
    """Return the entries of `a` at `indices` along `axis`, such as rows of an embedding.

    `batch_axis` says along which axis of the result samples lie, where `indices` belong to samples
    and `a` does not. Leaving it out costs time, never correctness.
    """
    _constant_index(indices)
    return moved(lambda ids: np.take(ids, np.asarray(indices), axis), a, batch_axis=batch_axis)


def take_along_axis(a: Node, indices: ArrayLike, axis: int) -> Node:
    """Return ``numpy.take_along_axis(a, indices, axis)``."""
    return moved(lambda ids: np.take_along_axis(ids, np.asarray(indices), axis), a)


def expand_dims(a: Node, axis: int | Sequence[int]) -> Node:
    """Return `a` with axes of length 1 inserted at `axis` of the result."""
    return moved(lambda ids: np.expand_dims(ids, _axes(axis)), a)


def squeeze(a: Node, axis: int | Sequence[int] | None = None) -> Node:
    """Return `a` without axes of length 1: those named, or all."""
    return moved(lambda ids: np.squeeze(ids, _axes(axis)), a)


def ravel(a: Node) -> Node:
    """Return the entries of `a`, in C order, as a vector."""
    return a.graph.apply(Reshape((-1,)), a)


def swapaxes(a: Node, axis1: int, axis2: int) -> Node:
    """Return `a` with two axes exchanged."""
    return _permuted(a, lambda order: np.swapaxes(order, axis1, axis2))


def moveaxis(a: Node, source: int | Sequence[int], destination: int | Sequence[int]) -> Node:
    """Return `a` with axes moved to other places, the others in order."""
    return _permuted(a, lambda order: np.moveaxis(order, source, destination))


def _permuted(a: Node, function: Callable[[Ints], Ints]) -> Node:
    """Return `a` with the axes permuted as `function` permutes those of any array."""
    try:
        shape = function(np.empty(tuple(range(1, a.ndim + 1)), dtype=np.bool_)).shape
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the axes must be those of the operand, got shape {a.shape}; NumPy says: {error}"
        ) from error
    return a.graph.apply(Transpose(tuple(n - 1 for n in shape)), a)


def broadcast_to(a: Node, shape: Sequence[int]) -> Node:
    """Return `a`, repeated along new axes and along those of length 1."""
    return moved(lambda ids: np.broadcast_to(ids, tuple(shape)), a)


def concatenate(operands: Sequence[Any], axis: int | None = 0) -> Node:
    """Return the operands, nodes or arrays, one after the other along `axis`."""
    return moved(lambda *ids: np.concatenate(ids, axis), *operands)


def stack(operands: Sequence[Any], axis: int = 0) -> Node:
    """Return the operands, nodes or arrays of one shape, along a new axis."""
    return moved(lambda *ids: np.stack(ids, axis), *operands)


def split(a: Node, sections: int | Sequence[int], axis: int = 0) -> list[Node]:
    """Return the parts of `a` along `axis`: so many equal ones, or cut at the given places."""
    try:
        n_parts = len(np.split(np.empty(a.shape, dtype=np.bool_), sections, axis))
    except (IndexError, TypeError, ValueError) as error:
        raise InputError(
            f"`sections` must divide axis {axis} of shape {a.shape}, got {sections!r}; NumPy says: "
            f"{error}"
        ) from error
    return [moved(lambda ids, n=n: np.split(ids, sections, axis)[n], a) for n in range(n_parts)]


def pad(a: Node, pad_width: Any, mode: str = "constant", constant: float = 0.0) -> Node:
    """Return `a` with a border.

    Parameters
    ----------
    a : Node
        The operand.
    pad_width : int or array_like
        As in :func:`numpy.pad`.
    mode : {"constant", "edge", "reflect", "symmetric", "wrap"}
        What the border holds.
    constant : float
        Its entries in mode "constant".
    """
    modes = ("constant", "edge", "reflect", "symmetric", "wrap")
    if mode not in modes:
        raise InputError(f"`mode` must be one of {', '.join(modes)}, got {mode!r}; choose one")
    named: Any = {"constant_values": -1} if mode == "constant" else {}
    return moved(lambda ids: np.pad(ids, pad_width, mode=mode, **named), a, fill=constant)  # type: ignore[call-overload]


def flip(a: Node, axis: int | Sequence[int] | None = None) -> Node:
    """Return `a` with the order of entries reversed along `axis` (all axes by default)."""
    return moved(lambda ids: np.flip(ids, _axes(axis)), a)


def roll(a: Node, shift: Any, axis: Any = None) -> Node:
    """Return `a` with entries shifted along `axis`; what leaves at one end enters at the other."""
    return moved(lambda ids: np.roll(ids, shift, axis), a)


def repeat(a: Node, repeats: Any, axis: int | None = None) -> Node:
    """Return `a` with each entry repeated along `axis`."""
    return moved(lambda ids: np.repeat(ids, repeats, axis), a)


def tile(a: Node, reps: Any) -> Node:
    """Return `a` put side by side `reps` times along each axis."""
    return moved(lambda ids: np.tile(ids, reps), a)


def tril(a: Node, k: int = 0, fill: float = 0.0) -> Node:
    """Return `a` with `fill` above diagonal `k` of the last two axes."""
    return moved(lambda ids: np.tril(ids + 1, k) - 1, a, fill=fill)


def triu(a: Node, k: int = 0, fill: float = 0.0) -> Node:
    """Return `a` with `fill` below diagonal `k` of the last two axes."""
    return moved(lambda ids: np.triu(ids + 1, k) - 1, a, fill=fill)


def diagonal(a: Node, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """Return a diagonal over two axes, along a last axis."""
    return moved(lambda ids: np.diagonal(ids, offset, axis1, axis2), a)


def windows(
    a: Node,
    sizes: Sequence[int],
    axes: Sequence[int],
    strides: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
) -> Node:
    """Return the windows of `a`, as a convolution or a pooling sees them.

    Parameters
    ----------
    a : Node
        The operand.
    sizes, axes : sequence of int
        The window's length along each of `axes`.
    strides, dilation : int or sequence of int
        The distance of windows, and of the entries of a window, along each of `axes`.

    Returns
    -------
    Node
        The axes of `a`, of which `axes` count windows, and then an axis for each of `sizes`.
    """
    n = len(sizes)
    step, gap = (
        (value,) * n if isinstance(value, int) else tuple(value) for value in (strides, dilation)
    )
    wrong = not len(axes) == len(step) == len(gap) == n or min((*sizes, *step, *gap), default=1) < 1
    if wrong:
        raise InputError(
            f"`sizes`, `axes`, `strides` and `dilation` must be of one length and positive, got "
            f"{tuple(sizes)}, {tuple(axes)}, {strides} and {dilation}; give a number for each axis"
        )

    def cut(ids: Ints) -> Ints:
        spans = tuple((size - 1) * d + 1 for size, d in zip(sizes, gap, strict=True))
        full = np.lib.stride_tricks.sliding_window_view(ids, spans, tuple(axes))
        place = [slice(None)] * full.ndim
        for k, axis in enumerate(axes):
            place[axis % ids.ndim] = slice(None, None, step[k])
            place[ids.ndim + k] = slice(None, None, gap[k])
        return full[tuple(place)]

    return moved(cut, a)


def scatter_add(a: Node, index: Any, shape: Sequence[int]) -> Node:
    """Return zeros of `shape` to which `a` is added at ``[index]``, as ``numpy.add.at`` does."""
    _constant_index(index)
    size = math.prod(shape)
    try:
        places = np.arange(size).reshape(tuple(shape))[index]
        places = np.broadcast_to(places, a.shape)
    except (IndexError, TypeError, ValueError) as error:
        raise InputError(
            f"`index` must choose entries of shape {tuple(shape)} for an operand of shape "
            f"{a.shape}; NumPy says: {error}"
        ) from error
    return a.graph.apply(ScatterAdd(places, tuple(shape)), a)
