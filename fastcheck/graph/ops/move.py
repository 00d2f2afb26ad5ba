"""The one operation that only moves entries: whatever slicing, stacking or padding does."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.ops.arrival import combined
from fastcheck.graph.ops.base import Op
from fastcheck.graph.ops.passage import Passage, sample_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape


class Move(Op):
    """``out.flat[o] = concatenated.flat[index.flat[o]]``, or ``fill.flat[o]`` where index is -1.

    The sources are taken flat, one after the other. Nothing is rounded, and a difference is moved
    as a value is, with zero for constants.

    Parameters
    ----------
    index : array_like of int
        For each entry of the result the id of the source entry, -1 for a constant.
    shapes : sequence of tuple of int
        The shapes of the sources.
    fill : array_like of float, optional
        The constants, in the shape of the result or broadcast to it; zeros by default.
    batch_axis : int, optional
        The sample axis of the result where no source has one, and of those that would do the one
        that is preferred where some have.
    """

    is_linear = True
    is_exact = True

    def __init__(
        self,
        index: ArrayLike,
        shapes: Sequence[Shape],
        fill: ArrayLike | None = None,
        batch_axis: int | None = None,
    ) -> None:
        ids = np.asarray(index)
        self.shapes = [tuple(shape) for shape in shapes]
        sizes = [math.prod(shape) for shape in self.shapes]
        self.edges = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        total = int(self.edges[-1])
        if ids.size and (ids.dtype.kind not in "iu" or ids.min() < -1 or ids.max() >= total):
            raise InputError(
                f"`index` must hold ids from -1 to {total - 1} of the {total} entries of the "
                f"sources, got {ids.dtype} from {ids.min()} to {ids.max()}; count the entries of "
                "all sources in order"
            )
        narrow = np.int32 if total < 2**31 else np.int64
        self.index: NDArray[Any] = np.array(ids, dtype=narrow, order="C")
        if batch_axis is not None and not -ids.ndim <= batch_axis < ids.ndim:
            raise InputError(
                f"`batch_axis` must be an axis of the result, got {batch_axis} for shape "
                f"{ids.shape}; give the axis that counts samples"
            )
        self.batch_axis = None if batch_axis is None else batch_axis % ids.ndim
        constant = self.index < 0
        self.constant = constant if constant.any() else None
        self.fill = np.zeros(0)
        if self.constant is not None and fill is not None:
            full = np.broadcast_to(np.asarray(fill, dtype=np.float64), ids.shape)
            self.fill = full[constant]
        self._passages: dict[tuple[Any, ...], Passage] = {}
        self._single: dict[tuple[Any, ...], bool] = {}

    @cached_property
    def is_injective(self) -> bool:
        """Whether no source entry is found twice in the result."""
        return _is_injective(self.index.reshape(-1), int(self.edges[-1]))

    def constants(self) -> Floats:
        """Return the constants at their places, zero elsewhere."""
        out = np.zeros(self.index.shape)
        if self.constant is not None and self.fill.size:
            out[self.constant] = self.fill
        return out

    def shape(self, *shapes: Shape) -> Shape:
        if list(shapes) != self.shapes:
            raise InputError(
                f"the operands must have the shapes {self.shapes} of the index map, got "
                f"{list(shapes)}; make another map"
            )
        return self.index.shape

    def value(self, *values: Floats) -> Floats:
        flat = values[0].reshape(-1)
        if len(values) > 1:
            flat = np.concatenate([value.reshape(-1) for value in values])
        if self.constant is None:
            return np.asarray(flat[self.index])
        out = self.constants()
        out[~self.constant] = flat[self.index[~self.constant]]
        return out

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        index, arrived = self.index.reshape(-1), cotangent.reshape(-1)
        if self.constant is not None:
            moved = ~self.constant.reshape(-1)
            index, arrived = index[moved], arrived[moved]
        total = int(self.edges[-1])
        flat: Floats = np.zeros(total)
        if self.is_injective:
            flat[index] = arrived
        else:
            flat += np.bincount(index, weights=arrived, minlength=total)
        return [
            flat[lo:hi].reshape(shape)
            for lo, hi, shape in zip(self.edges[:-1], self.edges[1:], self.shapes, strict=True)
        ]

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        own = [node.batch_axis for node in inputs]
        if all(axis is None for axis in own):
            self._check_samples(inputs[0].graph.n_batch)
            return self.batch_axis, False
        starts = [int(start) for start in self.edges[:-1]]
        axis = sample_axis(self.index, starts, self.shapes, own, self.batch_axis)
        return axis, axis is None

    def _check_samples(self, n_batch: int | None) -> None:
        axis = self.batch_axis
        if axis is not None and n_batch not in (None, self.index.shape[axis]):
            raise InputError(
                f"`batch_axis` must count the {n_batch} samples of the graph, got axis {axis} of "
                f"shape {self.index.shape}; give the axis that counts samples"
            )

    def stays_single(self, node: Node, i: int) -> bool:
        own, target = node.inputs[i].batch_axis, node.batch_axis
        key = (i, own, target)
        if key not in self._single:
            passage = self.passage(i, (), own, target)
            size = math.prod(self.shapes[i])
            self._single[key] = all(_is_injective(ids.reshape(-1), size) for ids in passage.ids)
        return self._single[key]

    def passage(
        self, i: int, pins: tuple[int, ...], own: int | None, target: int | None
    ) -> Passage:
        """Return where source `i` lies in the result, for the pinned axes `pins`."""
        key = (i, pins, own, target)
        if key not in self._passages:
            start = int(self.edges[i])
            self._passages[key] = Passage(self.index, start, self.shapes[i], pins, own, target)
        return self._passages[key]

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        return combined(self, node, diffs, block)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_passages": {}, "_single": {}}


def _is_injective(index: NDArray[Any], size: int) -> bool:
    """Return whether no id but -1 stands twice in a flat `index`."""
    index = index[index >= 0]
    seen = np.zeros(size, dtype=bool)
    seen[index] = True
    return bool(np.count_nonzero(seen) == index.size)
