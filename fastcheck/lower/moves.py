"""Calls that only move entries, as index maps.

Transposes, reshapes, slices, fancy indices, windows, padding, joining, assignment: whatever such a
function does, it does the same to an array of integers. It is called once on ids in place of
numbers, and what comes out says where every entry comes from. Thus im2col is understood however it
is written: with index arrays, with strides, or as a loop over a buffer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph import ops
from fastcheck.graph.ops.move import Move
from fastcheck.lower.builder import Operand, Value
from fastcheck.lower.factors import Factors, common, joined, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.graph.node import Node
    from fastcheck.lower.builder import Builder

    Ints = NDArray[np.int64]
    Shape = tuple[int, ...]


@dataclass(eq=False)
class Moved:
    """Entries of earlier values in a new order, not yet made into a node.

    Attributes
    ----------
    ids : ndarray of int64
        Where each entry comes from: an id of :class:`Ids`, 0 for the number zero.
    is_buffer : bool
        Whether it is being filled piece by piece, so that it is best made when it is complete.
    """

    ids: Ints
    is_buffer: bool = False


class Ids:
    """Numbers for all entries that have been moved: those of values, and those of constants."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self._starts: list[int] = [1]
        self._sources: list[Operand] = []
        self._known: dict[int, tuple[Any, int]] = {}
        self._made: dict[tuple[Any, ...], Node] = {}

    def of(self, operand: Operand) -> Ints:
        """Return the ids of the entries of `operand`, in its shape."""
        key = operand.node.index if isinstance(operand, Value) else -id(operand)
        if key not in self._known:
            self._known[key] = (operand, self._starts[-1])
            self._sources.append(operand)
            self._starts.append(self._starts[-1] + math.prod(operand.shape))
        start = self._known[key][1]
        return np.arange(start, start + math.prod(operand.shape)).reshape(operand.shape)

    def is_joined(self, ids: Ints) -> bool:
        """Return whether entries of several sources, or zeros, are among `ids`."""
        if not ids.size:
            return False
        lo, hi = int(ids.min()), int(ids.max())
        first, last = np.searchsorted(self._starts, [lo, hi], "right")
        return lo == 0 or bool(first != last)

    def made(self, moved: Moved) -> Operand:
        """Return the value, or constant, that has the entries of `moved`."""
        found = self._identity(moved.ids)
        if found is not None:
            return found
        which, sources = self._split(moved.ids)
        values = [s for s in sources if isinstance(self._sources[s], Value)]
        if not values:
            return self._filled(moved.ids, which, sources)
        if len(values) == 1 and len(sources) == 1 and not (moved.ids == 0).any():
            source = self._sources[values[0]]
            assert isinstance(source, Value)
            return self._from_one(source, moved.ids - self._starts[values[0]])
        return self._from_many(moved.ids, which, sources, values)

    def _identity(self, ids: Ints) -> Operand | None:
        """Return the only source if the ids are its own in their order."""
        if not ids.size or ids.flat[0] == 0:
            return None
        s = int(np.searchsorted(self._starts, ids.flat[0], "right")) - 1
        source = self._sources[s]
        if ids.flat[0] != self._starts[s] or math.prod(source.shape) != ids.size:
            return None
        if not np.array_equal(ids.reshape(-1), np.arange(ids.flat[0], ids.flat[0] + ids.size)):
            return None
        if isinstance(source, Value):
            return self.builder.value(source.node, ids.shape)
        return source.reshape(ids.shape)

    def _split(self, ids: Ints) -> tuple[Ints, list[int]]:
        """Return the source of every entry, -1 for zero, and the sources that occur."""
        if ids.size and not self.is_joined(ids):
            only = int(np.searchsorted(self._starts, ids.flat[0], "right")) - 1
            return np.full(ids.shape, only), [only]
        which = np.searchsorted(self._starts, ids, "right") - 1
        return which, [int(s) for s in np.unique(which) if s >= 0]

    def _filled(self, ids: Ints, which: Ints, sources: list[int]) -> np.ndarray:
        out = np.zeros(ids.shape)
        for s in sources:
            source = self._sources[s]
            assert isinstance(source, np.ndarray)
            mine = which == s
            out[mine] = source.reshape(-1)[ids[mine] - self._starts[s]]
        return out

    def _from_one(self, source: Value, index: Ints) -> Value:
        """Return the entries of one value, all of them moved by a regular rule if there is one."""
        factors = factored(index, source.node.shape)
        whole = index.size == math.prod(source.shape)
        found = _permutation(index.reshape(joined(factors))) if whole else None
        if found is not None:
            shape, axes = found
            return Value(self._transposed(self.builder.reshaped(source.node, shape), axes), factors)
        return self._move(index.reshape(joined(factors)), [source], None, factors)

    def _transposed(self, node: Node, axes: tuple[int, ...]) -> Node:
        if axes == tuple(range(node.ndim)):
            return node
        key = (node.index, axes)
        if key not in self._made:
            self._made[key] = ops.transpose(node, axes)
        return self._made[key]

    def _from_many(self, ids: Ints, which: Ints, sources: list[int], values: list[int]) -> Value:
        """Return the entries of several values and constants."""
        chosen = [self._sources[s] for s in values]
        nodes = [v for v in chosen if isinstance(v, Value)]
        index = np.full(ids.shape, -1)
        start = 0
        for s, value in zip(values, nodes, strict=True):
            mine = which == s
            index[mine] = ids[mine] - self._starts[s] + start
            start += math.prod(value.shape)
        constants = [s for s in sources if s not in values]
        fill = self._filled(ids, which, constants) if constants else None
        factors = _borrowed(ids.shape, nodes)
        return self._move(index.reshape(joined(factors)), nodes, fill, factors)

    def _move(
        self, index: Ints, sources: list[Value], fill: np.ndarray | None, factors: Factors
    ) -> Value:
        nodes = [source.node for source in sources]
        key = (tuple(n.index for n in nodes), index.shape, hash(index.tobytes()))
        if fill is None and key in self._made:
            return Value(self._made[key], factors)
        shapes = tuple(node.shape for node in nodes)
        op = Move(index, shapes, None if fill is None else fill.reshape(index.shape))
        node = self.builder.graph.apply(op, *nodes)
        if fill is None:
            self._made[key] = node
        return Value(node, factors)


def factored(index: Ints, shape: Shape) -> Factors:
    """Return factors of the result's axes along which `index` is a sum of multiples.

    Parameters
    ----------
    index : ndarray of int
        Positions in a source of `shape`, in the shape of the result.

    Notes
    -----
    Along each axis the positions are read as digits, each with a step of its own: a column of
    im2col is (channel, row of the filter, column of the filter). If the digits do not give back
    all positions, the axes are left as they are; nothing but speed depends on it.
    """
    if 0 in index.shape:
        return plain(index.shape)
    found = _regular(index, shape)
    if found is not None:
        return found
    return _partly(index, shape)


def _partly(index: Ints, shape: Shape) -> Factors:
    """Return factors along which the index of some axes of the source is regular.

    An index by labels is irregular along the classes, and yet goes through samples and positions
    one after the other.
    """
    choices: list[list[tuple[int, ...]]] = [[(n,)] for n in index.shape]
    for axis, n in enumerate(shape):
        stride = math.prod(shape[axis + 1 :])
        along = _regular(index // stride % n, (n,)) if n > 1 else None
        for known, factor in zip(choices, along or (), strict=False):
            known.append(factor)
    whole = plain(index.shape)
    return tuple(common(*c) or one for c, one in zip(choices, whole, strict=True))


def _regular(index: Ints, shape: Shape) -> Factors | None:
    """Return factors along which all of `index` is a sum of multiples, None if it is none."""
    axes = [_cut(_digits(_line(index, a)), shape) for a in range(index.ndim)]
    factors = tuple(tuple(n for n, _ in axis) or (1,) for axis in axes)
    steps = [step for axis in axes for _, step in (axis or [(1, 0)])]
    rebuilt = np.full(joined(factors), index.flat[0])
    for place, (n, step) in enumerate(zip(joined(factors), steps, strict=True)):
        line = np.arange(n) * step
        rebuilt += line.reshape([-1 if a == place else 1 for a in range(rebuilt.ndim)])
    return factors if np.array_equal(rebuilt.reshape(index.shape), index) else None


def _line(index: Ints, axis: int) -> Ints:
    """Return the positions along one axis, at the beginning of the others."""
    line: Ints = np.moveaxis(index, axis, -1).reshape(-1, index.shape[axis])[0]
    return line


def _digits(line: Ints) -> list[tuple[int, int]]:
    """Return (length, step) of each digit of the positions along one axis, outermost first."""
    line = line - line[0]
    found: list[tuple[int, int]] = []
    while line.size > 1:
        step = int(line[1])
        differs = np.flatnonzero(line != step * np.arange(line.size))
        run = int(differs[0]) if differs.size else line.size
        while line.size % run:
            run -= 1
        if run == 1:
            return [(line.size, 0), *found]  # not regular: the check will see it
        found.insert(0, (run, step))
        line = line[::run]
    return found


def _cut(digits: list[tuple[int, int]], shape: Shape) -> list[tuple[int, int]]:
    """Return the digits, cut where they run over several axes of the source."""
    found: list[tuple[int, int]] = []
    for length, step in digits:
        parts: list[tuple[int, int]] = []
        stride = 1
        for n in reversed(shape):
            stride *= n  # of the next axis outwards
            size = abs(step)
            if not 0 < size < stride or stride % size or size * length <= stride:
                continue
            inner = stride // size
            if length % inner:
                break
            parts.insert(0, (inner, step))
            length, step = length // inner, step * inner
            if length == 1:
                break
        found += [(length, step), *parts] if length > 1 or not parts else parts
    return found


def _permutation(index: Ints) -> tuple[Shape, tuple[int, ...]] | None:
    """Return a shape and axes so that `index` is the transpose of a source of that shape.

    None if entries are left out, repeated or turned around.
    """
    if not index.size or int(index.flat[0]) != 0:
        return None
    steps = [int(_line(index, k)[1]) if n > 1 else 0 for k, n in enumerate(index.shape)]
    order = sorted(range(index.ndim), key=lambda k: (-steps[k], k))
    shape = tuple(index.shape[k] for k in order)
    axes = tuple(order.index(k) for k in range(index.ndim))
    own = np.arange(index.size).reshape(shape).transpose(axes)
    return (shape, axes) if np.array_equal(own, index) else None


def _borrowed(shape: Shape, values: list[Value]) -> Factors:
    """Return factors of a joined array: an axis as long as that of a part is cut like it."""
    factors = []
    for axis, n in enumerate(shape):
        known = {v.factors[axis] for v in values if v.ndim == len(shape) and v.shape[axis] == n}
        factors.append(known.pop() if len(known) == 1 else (n,))
    return tuple(factors)
