"""The largest or smallest entry over axes, and where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph import memory
from fastcheck.graph.ops.axes import Reduction, base_of, place_of_largest
from fastcheck.kernels import extremes as kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats
    from fastcheck.graph.state import State


class ExtremeOver(Reduction):
    """Largest or smallest entry over `axes`; a probe after which another entry wins is at a kink.

    So is one that moves tied winners differently.

    Parameters
    ----------
    axes : tuple of int, or None
        The axes to reduce, None for all.
    keepdims : bool
        Whether reduced axes stay with length 1.
    sign : float
        1 for the largest, -1 for the smallest.
    """

    is_exact = True

    def __init__(self, axes: tuple[int, ...] | None, keepdims: bool, sign: float) -> None:
        super().__init__(axes, keepdims)
        self.sign = float(sign)

    def value(self, *values: Floats) -> Floats:
        (x,) = values
        reduce = np.max if self.sign > 0.0 else np.min
        return np.asarray(reduce(x, axis=self.over(x.shape), keepdims=self.keepdims))

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        (x,) = values
        over = self.over(x.shape)
        kept = [a for a in range(x.ndim) if a not in over]
        places = np.arange(x.size).reshape(x.shape).transpose(*kept, *over)
        places = places.reshape(*(x.shape[a] for a in kept), -1)
        first = place_of_largest(self.sign * x, over).astype(np.int64)
        first = first.reshape(*places.shape[:-1], 1)
        found = np.zeros(x.size)
        found[np.take_along_axis(places, first, axis=-1).reshape(-1)] = cotangent.reshape(-1)
        return [found.reshape(x.shape)]

    def flat(self, i: int, values: tuple[Floats, ...], margin: float) -> NDArray[np.bool_] | None:
        (x,) = values
        top = (self.sign * x).max(axis=self.over(x.shape), keepdims=True)
        return np.asarray(top - self.sign * x > 2.0 * margin)

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        (x,) = state.inputs(node)
        place = place_of_largest(self.sign * x, self.over(x.shape))
        return x, np.broadcast_to(place, x.shape)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        shape = node.inputs[0].shape
        (d,) = diffs
        assert d is not None
        if d.scale is not None and not any(a in d.pins for a in self.over(shape)):
            columns = self._columns(node, d, block)
            if columns is not None:
                return self.closed(d, columns, shape)
        d = self.opened(node, diffs)
        (x, winner), which, ends = base_of(node, d, block)
        members = self.members(d)
        out = memory.empty((members.shape[0], d.rows.size))
        flags = np.zeros(d.rows.size, np.uint8)
        if kernels.extreme_rows(
            x, winner, which, d.flat, ends, members, self.sign, out, flags
        ):  # fmt: skip
            d.rows.mark(flags, block.kink)
        return self.closed(d, out, shape)

    def _columns(self, node: Node, d: Difference, block: Block) -> Floats | None:
        """Return the columns of the winners; None where a row may have another."""
        (x, winner), which = block.tables(node, d, node.inputs[0])
        members = self.members(d)
        out = memory.empty((members.shape[0], d.n_groups))
        near = kernels.extreme_columns(
            x, winner, which, d.flat, d.reach(), members, self.sign, out
        )  # fmt: skip
        return None if near else out


class PlaceOf(ExtremeOver):
    """Where the first of the largest (smallest) entries over one axis is, as a number.

    A constant as far as differences go: a probe that moves it is at a kink.
    """

    is_exact = False
    is_frozen = True

    def value(self, *values: Floats) -> Floats:
        (x,) = values
        place = place_of_largest(self.sign * x, self.over(x.shape))
        return np.asarray(place.reshape(self.shape(x.shape)))

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        return [np.zeros(values[0].shape)]

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        super().difference(node, diffs, block)
        return None
