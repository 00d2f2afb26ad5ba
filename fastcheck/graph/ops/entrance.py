"""Where single weights meet the samples: one number per weight and sample, zeros left out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.difference import Difference, Rows, flat_index
from fastcheck.graph.repeats import WORTH, SharedRows, find_codes
from fastcheck.kernels import repeats as kernels_of_repeats
from fastcheck.kernels import rows as kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.graph.block import Block
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Floats, Ints
    from fastcheck.graph.ops.contraction import Contraction
    from fastcheck.graph.repeats import Codes

    Bytes = NDArray[np.uint8]


def can_enter(op: Contraction, node: Node, i: int, d: Difference, block: Block) -> bool:
    """Return whether :func:`enter` applies to a difference of operand `i` that meets samples here.

    It does where each pair of rows is one entry of the operand, moved up and down as far, and the
    other operand has one number for it in each sample.
    """
    name = ("paired", node.index, i)
    if name not in block.memo:
        block.memo[name] = d.is_paired and d.flat.shape[0] == 1
    own, other = op.letters[i], op.letters[1 - i]
    axis = node.inputs[1 - i].batch_axis
    return (
        block.drops_rows
        and block.memo[name]
        and axis is not None
        and set(other) - set(own) == {other[axis]}
        and not set(own) & set(other) & set(op.out)
    )


def enter(op: Contraction, node: Node, i: int, d: Difference, block: Block) -> Difference | None:
    """Return the change of the product for the samples of the block, None if there is none."""
    name = (node.index, i)
    if name not in block.memo:
        block.memo[name] = Entrance.of(op, node, i, d)
    way: Entrance = block.memo[name]
    base = node.inputs[1 - i]
    assert base.batch_axis is not None
    x = block.state.table((base.index, "samples"), block.state.value(base), (base.batch_axis,))
    alive = block.alive.get(node.index)
    n = block.hi - block.lo
    if alive is None:
        alive = np.ones((block.hi, way.n_units), np.uint8)
    codes = find_codes(block.state, base) if way.is_uniform else None
    if codes is not None and way.key.size > way.unit.size * WORTH * codes.counts.mean():
        return _enter_once(op, way, codes, d, block, alive)
    most, groups = 2 * way.key.size * n, way.unit.size * n
    probe, scale = np.empty(most, np.int32), np.empty(most)
    offsets, samples, units = (np.empty(groups + 1, np.int64) for _ in range(3))
    segments = np.empty(n + 1, np.int64)
    m, g = kernels.enter(
        x, way.key, way.size, way.runs, way.unit, alive, block.lo, block.hi,
        probe, scale, offsets, samples, units, segments,
    )  # fmt: skip
    if not m:
        return None
    rows = Rows(probe[:m], d.rows.n_probes, np.arange(block.lo, block.hi), segments)
    ones = np.ones((*(1 for _ in op.out), g))
    return Difference(ones, rows, offsets[: g + 1], way.pins(units[:g]), samples[:g], scale[:m])


def _enter_once(
    op: Contraction, way: Entrance, codes: Codes, d: Difference, block: Block, alive: Bytes
) -> Difference | None:
    """Do the same with one row for all weights of a unit that have the same input."""
    lo, hi = block.lo, block.hi
    n, n_runs = hi - lo, way.unit.size
    scale = np.empty(2 * n_runs * int(codes.counts[lo:hi].sum()))
    offsets, samples, units, runs = (np.empty(n_runs * n + 1, np.int64) for _ in range(4))
    segments = np.empty(n + 1, np.int64)
    m, g = kernels_of_repeats.enter_once(
        codes.values, codes.counts, way.size[way.runs[:-1]], way.unit, alive, lo, hi,
        scale, offsets, samples, units, runs, segments,
    )  # fmt: skip
    if not m:
        return None
    offsets, samples = offsets[: g + 1], samples[:g]
    rows = SharedRows(
        np.arange(m, dtype=np.int32), d.rows.n_probes, np.arange(lo, hi), segments,
        codes.codes, way.key, way.runs, (samples, runs[:g], offsets),
    )  # fmt: skip
    ones = np.ones((*(1 for _ in op.out), g))
    return Difference(ones, rows, offsets, way.pins(units[:g]), samples, scale[:m])


@dataclass(frozen=True, eq=False)
class Entrance:
    """What is the same for all samples.

    Attributes
    ----------
    key : ndarray of int64, shape (P,)
        The input that each weight is multiplied with.
    size : ndarray of float64, shape (P,)
        By how much the upward probe moves each weight; the downward probe moves it as far.
    runs : ndarray of int64, shape (U + 1,)
        Where runs of weights of one unit begin and end.
    unit : ndarray of int64, shape (U,)
        The unit of each run.
    n_units : int
        How many units there are.
    axes : list of (int, int)
        Axis of the result and size, for each axis of the units.
    is_uniform : bool
        Whether the weights of each run are moved equally far.
    """

    key: Ints
    size: Floats
    runs: Ints
    unit: Ints
    n_units: int
    axes: list[tuple[int, int]]
    is_uniform: bool

    @classmethod
    def of(cls, op: Contraction, node: Node, i: int, d: Difference) -> Entrance:
        """Return the entrance of `d`, a difference pinned on all axes."""
        assert d.scale is not None
        own, other = op.letters[i], op.letters[1 - i]
        shape = node.inputs[i].shape
        kept = [k for k in op.out if k in own]  # the order of `alive`
        axes = [(op.out.index(k), shape[own.index(k)]) for k in kept]
        unit = _position(d, shape, [own.index(k) for k in kept])
        runs = np.flatnonzero(np.diff(unit, prepend=-1, append=-1))
        size = d.scale[0::2] * d.flat[0]
        return cls(
            key=_position(d, shape, [own.index(k) for k in other if k in own]),
            size=size,
            runs=runs,
            unit=unit[runs[:-1]],
            n_units=math.prod(n for _, n in axes),
            axes=axes,
            is_uniform=np.array_equal(size, np.repeat(size[runs[:-1]], np.diff(runs))),
        )

    def pins(self, units: Ints) -> dict[int, Ints]:
        """Return the pins of groups that belong to `units`."""
        index = np.unravel_index(units, [n for _, n in self.axes]) if self.axes else ()
        return {
            a: np.ascontiguousarray(i) for (a, n), i in zip(self.axes, index, strict=True) if n != 1
        }


def _position(d: Difference, shape: tuple[int, ...], axes: list[int]) -> Ints:
    """Return the position of each group along `axes`, all of which are pinned."""
    zero = np.zeros(d.n_groups, dtype=np.int64)
    if not axes:
        return zero
    return flat_index([d.pins.get(a, zero) for a in axes], [shape[a] for a in axes])
