"""Operations that only move entries: transposition and reshaping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph import memory
from fastcheck.graph.difference import flat_index
from fastcheck.graph.ops.arrival import combined
from fastcheck.graph.ops.base import Op
from fastcheck.graph.ops.move import Move

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Shape


class Transpose(Op):
    """Permute axes: axis `k` of the result is axis ``axes[k]`` of the operand."""

    is_linear = True
    is_exact = True

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if sorted(self.axes) != list(range(len(shape))):
            raise InputError(
                f"`axes` must be a permutation of the {len(shape)} axes of the operand, got "
                f"{self.axes}; name each axis once"
            )
        return tuple(shape[a] for a in self.axes)

    def value(self, *values: Floats) -> Floats:
        return values[0].transpose(self.axes)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        return [cotangent.transpose(np.argsort(self.axes))]

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        axis = inputs[0].batch_axis
        return (None if axis is None else self.axes.index(axis)), False

    def stays_single(self, node: Node, i: int) -> bool:
        return True

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        (d,) = diffs
        assert d is not None
        data = memory.contiguous(d.data.transpose(*self.axes, d.data.ndim - 1))
        return d.replaced(data, {self.axes.index(a): p for a, p in d.pins.items()})


class Reshape(Op):
    """Give the entries, in C order, another shape; one size may be -1."""

    is_linear = True
    is_exact = True

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.target = shape
        self._moves: dict[tuple[Shape, Shape], Move] = {}

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        size = int(np.prod(shape, dtype=np.int64))
        known = int(np.prod([n for n in self.target if n != -1], dtype=np.int64))
        target = tuple(size // known if n == -1 and known else n for n in self.target)
        if self.target.count(-1) > 1 or int(np.prod(target, dtype=np.int64)) != size:
            raise InputError(
                f"`shape` must hold the {size} entries of the operand, got {self.target} for "
                f"shape {shape}"
            )
        return target

    def value(self, *values: Floats) -> Floats:
        return values[0].reshape(self.shape(values[0].shape))

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        return [cotangent.reshape(values[0].shape)]

    def batch(self, inputs: tuple[Node, ...], shape: Shape) -> tuple[int | None, bool]:
        axis = inputs[0].batch_axis
        if axis is None:
            return None, False
        place = _same_axis(inputs[0].shape, axis, shape)
        return place, place is None

    def stays_single(self, node: Node, i: int) -> bool:
        return True

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        (d,) = diffs
        assert d is not None
        source = node.inputs[0]
        sampled = None if d.samples is None else source.batch_axis
        if d.pins and any(d.data.shape[a] != 1 for a in range(source.ndim) if a != sampled):
            return combined(self._as_move(source, node), node, diffs, block)
        skip = None if sampled is None else node.batch_axis
        pins = _moved_pins(d, source, node, sampled, skip) if d.pins else {}
        local = tuple(1 if a == skip or a in pins else n for a, n in enumerate(node.shape))
        return d.replaced(d.data.reshape(*local, d.data.shape[-1]), pins)

    def _as_move(self, source: Node, node: Node) -> Move:
        """Return the same as an index map, which knows what becomes of each pin."""
        key = (source.shape, node.shape)
        if key not in self._moves:
            self._moves[key] = Move(np.arange(node.size).reshape(node.shape), [source.shape])
        return self._moves[key]


def _same_axis(shape: Shape, axis: int, target: Shape) -> int | None:
    """Return the axis of `target` that counts what `axis` of `shape` counts, None without one."""
    before = int(np.prod(shape[:axis], dtype=np.int64))
    for place, n in enumerate(target):
        if n == shape[axis] and int(np.prod(target[:place], dtype=np.int64)) == before:
            return place
    return None


def _moved_pins(
    d: Difference, source: Node, node: Node, sampled: int | None, skip: int | None
) -> dict[int, np.ndarray]:
    """Return the pins of `d`, of which every axis is pinned, in the shape of `node`."""
    zero = np.zeros(d.n_groups, dtype=np.int64)
    axes = [a for a in range(source.ndim) if a != sampled]
    flat = flat_index([d.pins.get(a, zero) for a in axes], [source.shape[a] for a in axes])
    kept = [a for a in range(node.ndim) if a != skip]
    index = np.unravel_index(flat, [node.shape[a] for a in kept])
    return {
        a: np.ascontiguousarray(i) for a, i in zip(kept, index, strict=True) if node.shape[a] != 1
    }
