"""Adding entries at places: the transpose of moving them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.ops.base import Op
from fastcheck.graph.ops.passage import flat_over
from fastcheck.kernels import moves as kernels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Ints, Shape
    from fastcheck.graph.state import State


class Places(NamedTuple):
    """Where the local entries of a source are added, for given pins.

    Attributes
    ----------
    table : ndarray of int32, shape (n, M)
        Local place in the result, -1 for none; a column for each combination of sample and pinned
        indices of the source, or one if all are alike.
    axes, dims : list
        The axes of a combination, None for the samples, and their lengths.
    fixed : dict of int to ndarray of int64
        Index along the axes of the result that a combination fixes.
    """

    table: NDArray[np.int32]
    axes: list[int | None]
    dims: list[int]
    fixed: dict[int, Ints]


class ScatterAdd(Op):
    """Zeros to which the entries of the operand are added: ``out.flat[index[e]] += x[e]``.

    Parameters
    ----------
    index : array_like of int
        In the shape of the operand: a place in the flat result for each entry, -1 for none.
    shape : tuple of int
        The shape of the result.
    """

    is_linear = True

    def __init__(self, index: ArrayLike, shape: Shape) -> None:
        places = np.asarray(index)
        self.target = tuple(shape)
        size = math.prod(self.target)
        if places.size and (
            places.dtype.kind not in "iu" or places.min() < -1 or places.max() >= size
        ):
            raise InputError(
                f"`index` must hold places from -1 to {size - 1} of a result of shape "
                f"{self.target}, got {places.dtype} from {places.min()} to {places.max()}; count "
                "the entries of the result in C order"
            )
        narrow = np.int32 if size < 2**31 else np.int64
        self.index: NDArray[Any] = np.array(places, dtype=narrow, order="C")
        self._places: dict[tuple[Any, ...], Places] = {}

    def shape(self, *shapes: Shape) -> Shape:
        if shapes != (self.index.shape,):
            raise InputError(
                f"the operand must have the shape {self.index.shape} of the index map, got "
                f"{shapes[0]}; make another map"
            )
        return self.target

    def value(self, *values: Floats) -> Floats:
        used = self.index >= 0
        size = math.prod(self.target)
        added = np.bincount(self.index[used], weights=values[0][used], minlength=size)
        return np.asarray(added, dtype=np.float64).reshape(self.target)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        return [np.where(self.index < 0, 0.0, cotangent.reshape(-1)[self.index])]

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        (source,) = inputs
        own = source.batch_axis
        if own is None:
            return None, False
        by_sample = np.moveaxis(self.index, own, 0)
        for axis, n in enumerate(shape):
            if n == source.shape[own] and all(
                np.all(flat_over(places[places >= 0], shape, [axis]) == s)
                for s, places in enumerate(by_sample.reshape(n, -1))
            ):
                return axis, False
        return None, False  # samples meet in a sum

    def stays_single(self, node: Node, i: int) -> bool:
        return True

    def gain(self, node: Node, i: int, state: State, single: bool) -> float | None:
        used = self.index[self.index >= 0]
        most = int(np.bincount(used).max(initial=1))
        if single:  # one entry of each sample, which meet where the result has no samples
            meets = node.batch_axis is None and node.inputs[0].batch_axis is not None
            most = min(most, node.graph.n_batch or 1) if meets else 1
        return float(most)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        (d,) = diffs
        assert d is not None
        streamed = d.samples is not None
        own = node.inputs[0].batch_axis if streamed else None
        target = node.batch_axis if streamed else None
        table, axes, dims, fixed = self._found(tuple(sorted(d.pins)), own, target)
        which = d.place(axes, dims)
        pins = {axis: index[which] for axis, index in fixed.items()}
        local = tuple(1 if a in pins or a == target else n for a, n in enumerate(self.target))
        n_columns = d.data.shape[-1]
        edges = d.offsets if d.scale is None else np.arange(d.n_groups + 1)
        if table.shape[1] == 1:
            which, edges = np.zeros(1, dtype=np.int64), np.array([0, n_columns])
        out = np.zeros((math.prod(local), n_columns))
        kernels.scatter(d.flat, table, which, edges, out)
        new = d.replaced(out.reshape(*local, n_columns), pins)
        return new if new.pins or new.scale is not None else new.regrouped()

    def _found(self, pins: tuple[int, ...], own: int | None, target: int | None) -> Places:
        key = (pins, own, target)
        if key not in self._places:
            self._places[key] = self._find(pins, own, target)
        return self._places[key]

    def _find(self, pins: tuple[int, ...], own: int | None, target: int | None) -> Places:
        index = self.index
        outer = sorted((*pins, own) if own is not None else pins)
        free = [a for a in range(index.ndim) if a not in outer]
        dims = [index.shape[a] for a in outer]
        n_local = math.prod(index.shape[a] for a in free)
        places = index.transpose(*free, *outer).reshape(n_local, math.prod(dims))
        used = places >= 0
        fixed = {}
        for axis, n in enumerate(self.target):
            if not pins or axis == target or n == 1:
                continue
            at = np.where(used, flat_over(places, self.target, [axis]), -1)
            top = at.max(axis=0, initial=0)
            if np.all((at == top) | ~used):
                fixed[axis] = top
        rest = [a for a in range(len(self.target)) if a not in fixed and a != target]
        table = np.where(used, flat_over(places, self.target, rest), -1).astype(np.int32)
        if np.all(table == table[:, :1]):
            table = np.ascontiguousarray(table[:, :1])
        axes = [None if a == own else a for a in outer]
        return Places(table, axes, dims, fixed)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_places": {}}
