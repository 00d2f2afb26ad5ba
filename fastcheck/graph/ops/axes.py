"""What operations that join the entries along some axes have in common."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.ops.base import Op

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Ints, Shape


class OverAxes(Op):
    """An operation that joins the entries along some axes and leaves the others apart.

    Parameters
    ----------
    axes : tuple of int, or None
        The joined axes, None for all.
    """

    def __init__(self, axes: tuple[int, ...] | None) -> None:
        self.axes = axes

    def over(self, shape: Shape) -> tuple[int, ...]:
        """Return the joined axes of an input of `shape`, not negative, ascending."""
        if self.axes is None:
            return tuple(range(len(shape)))
        if any(not -len(shape) <= a < len(shape) for a in self.axes):
            got = self.axes if len(self.axes) != 1 else self.axes[0]
            raise InputError(
                f"`axis` must name axes of the operand, got {got} for shape {shape}; "
                "count them from 0"
            )
        return tuple(sorted({a % len(shape) for a in self.axes}))

    def count(self, shape: Shape) -> int:
        """Return how many entries are joined."""
        return math.prod(shape[a] for a in self.over(shape))

    def shape(self, *shapes: Shape) -> Shape:
        self.over(shapes[0])
        return shapes[0]

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        axis = inputs[0].batch_axis
        return axis, axis in self.over(inputs[0].shape)

    def opened(self, node: Node, diffs: Diffs) -> Difference:
        """Return the change of the input, one column per row and all of the joined axes in it."""
        (d,) = diffs
        assert d is not None
        shape = node.inputs[0].shape
        return d.unpinned(shape, [a for a in self.over(shape) if a in d.pins])

    def members(self, d: Difference) -> Ints:
        """Return which entries of ``d.flat`` are joined, a row for each set of them."""
        local = d.data.shape[:-1]
        return _members(local, self.over(local))


class Reduction(OverAxes):
    """An operation whose result has no joined axes.

    Parameters
    ----------
    axes : tuple of int, or None
        The joined axes, None for all.
    keepdims : bool
        Whether these stay, with length 1.
    """

    def __init__(self, axes: tuple[int, ...] | None, keepdims: bool) -> None:
        super().__init__(axes)
        self.keepdims = keepdims

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        over = self.over(shape)
        if self.keepdims:
            return tuple(1 if a in over else n for a, n in enumerate(shape))
        return tuple(n for a, n in enumerate(shape) if a not in over)

    def spread(self, result: Floats, shape: Shape) -> Floats:
        """Return an array of the shape of the result so that it broadcasts against the input."""
        over = self.over(shape)
        return result.reshape([1 if a in over else n for a, n in enumerate(shape)])

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        axis, mixes = super().batch(inputs, shape)
        if axis is None or mixes:
            return None, mixes
        return axis - (
            0 if self.keepdims else sum(a < axis for a in self.over(inputs[0].shape))
        ), False

    def stays_single(self, node: Node, i: int) -> bool:
        return True

    def closed(self, d: Difference, data: Floats, shape: Shape) -> Difference:
        """Return `data`, a column of which belongs to each of `d`, as change of the result.

        `shape` is that of the input.
        """
        over = self.over(shape)
        kept = [a for a in range(len(shape)) if self.keepdims or a not in over]
        pins = {kept.index(a): p for a, p in d.pins.items() if a not in over}
        local = [1 if a in over else d.data.shape[a] for a in kept]
        return d.replaced(data.reshape(*local, data.shape[-1]), pins)


@lru_cache(maxsize=256)
def _members(local: Shape, over: tuple[int, ...]) -> Ints:
    kept = [a for a in range(len(local)) if a not in over]
    places = np.arange(math.prod(local)).reshape(local).transpose(*kept, *over)
    return np.ascontiguousarray(places).reshape(-1, math.prod(local[a] for a in over))


def base_of(node: Node, d: Difference, block: Block) -> tuple[tuple[Floats, ...], Ints, Ints]:
    """Return the prepared tables, and rows of them with the ends of the runs that they belong to.

    A run is one group or several that see the same base point: kernels have longer loops.
    """
    tables, which = block.tables(node, d, node.inputs[0])
    first = np.flatnonzero(np.diff(which, prepend=-1))
    if first.size == which.size:
        return tables, which, d.offsets
    return tables, which[first], np.append(d.offsets[first], d.offsets[-1])


def place_of_largest(x: Floats, over: tuple[int, ...]) -> Floats:
    """Return which of the entries joined along `over` is the largest; these have length 1."""
    moved = np.moveaxis(x, over, range(-len(over), 0))
    place = moved.reshape(*moved.shape[: x.ndim - len(over)], -1).argmax(axis=-1)
    return np.expand_dims(place, over).astype(np.float64)
