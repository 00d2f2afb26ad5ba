"""How wide differences get on a route, hence how many probes to send at once and what it costs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.block import Pace
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.graph.ops.frozen import Compare
from fastcheck.graph.ops.pointwise import Bend
from fastcheck.graph.ops.select import Extreme
from fastcheck.graph.repeats import find_codes
from fastcheck.graph.route import find_single

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.graph.block import Trail
    from fastcheck.graph.node import Node
    from fastcheck.graph.route import Route
    from fastcheck.graph.state import State

ELEMENTS = 1 << 18
"""Numbers of one difference array that a block should hold; the best of 2**16 to 2**20."""
WIDE_ELEMENTS, WIDE_ROWS = 1 << 19, 1 << 11
"""Where differences are wide, a block holds up to so many numbers in order to have so many rows:
a step in Python then still has enough compiled work."""
LEAST_ROWS, MOST_ROWS = 16, 1 << 16

ROW_SECONDS, SPREAD_SECONDS, STEP_SECONDS = 4e-9, 20e-9, 12e-6
"""Costs of a row, of a row that is spread over the samples in general form, and of one operation
on one block."""
COMPILED, INTERPRETED, COLUMN = 0.4e-9, 6e-9, 1.0e-9
"""Costs of an element: in a compiled rule, in a rule in NumPy, and of one held per column."""
PRODUCT, SMALL_PRODUCT = 0.04e-9, 0.3e-9
"""Costs of a multiplication and addition: in BLAS, and where both factors change. All costs are
fitted on one machine; they steer choices and predictions, no result depends on them."""


@dataclass(frozen=True)
class Extent:
    """What a probe of one node costs.

    Attributes
    ----------
    rows_per_entry : float
        Rows that one entry gives rise to, over all samples and both signs.
    group : float
        Rows per group.
    width : int
        Local size of the widest difference held per row.
    column_width : int
        Local size of the widest difference held per column.
    row_seconds, column_seconds : float
        Predicted time of a row, and of a column.
    n_steps : int
        How many operations a block takes.
    samples : int
        How many samples are streamed; 1 where they are not.
    density : float
        The share of rows that is not left out.
    """

    rows_per_entry: float
    group: float
    width: int
    column_width: int
    row_seconds: float
    column_seconds: float
    n_steps: int
    samples: int
    density: float

    @property
    def n_rows(self) -> int:
        """How many rows a block should have."""
        width = max(self.width, 1)
        by_row = max(ELEMENTS // width, min(WIDE_ROWS, WIDE_ELEMENTS // width))
        by_column = int(ELEMENTS / max(self.column_width, 1) * max(self.group, 1.0))
        n = min(max(min(by_row, by_column), LEAST_ROWS), MOST_ROWS)
        return n - n % LEAST_ROWS

    @property
    def nominal_rows(self) -> int:
        """`n_rows`, counting the rows that will be left out."""
        return int(self.n_rows / max(self.density, 0.005))

    def seconds(self, n_entries: int) -> float:
        """Return the predicted time of probing `n_entries` entries."""
        rows = n_entries * self.rows_per_entry
        per_row = self.row_seconds + self.column_seconds / max(self.group, 1.0)
        n_blocks = max(1.0, rows / max(self.n_rows, 1))
        return rows * per_row + n_blocks * self.n_steps * STEP_SECONDS


def find_extent(
    route: Route,
    state: State,
    alive: dict[int, NDArray[np.uint8]],
    trail: Trail | None = None,
) -> Extent:
    """Return the extent of `route`, from the sizes of differences on a `trail` if there is one."""
    streams = not route.coupled and bool(route.streamed)
    n_batch = state.graph.n_batch or 1
    own_samples = route.origin.batch_axis is not None and streams
    paces = _expected(route, streams, n_batch)
    if trail is not None:  # with large steps, hence more is held per row than will be
        paces = {
            index: replace(pace, by_row=pace.by_row and paces[index].by_row)
            for index, pace in trail.items()
        }
    width, column_width = 1, 1
    row_seconds = ROW_SECONDS if route.drops_rows or not streams else SPREAD_SECONDS
    column_seconds = 0.0
    for index, pace in paces.items():
        seconds = _seconds(state.graph.nodes[index], pace)
        if pace.by_row:
            width, row_seconds = max(width, pace.size), row_seconds + seconds
        else:
            column_width = max(column_width, pace.size)
            column_seconds += seconds + (COLUMN - COMPILED) * pace.size
    run, density = _entrance(route, state, alive) if route.drops_rows else (1.0, 1.0)
    samples = n_batch if streams and not own_samples else 1
    return Extent(
        rows_per_entry=2.0 * samples * density,
        group=2.0 * max(run * density, 1.0),
        width=width, column_width=column_width, row_seconds=row_seconds,
        column_seconds=column_seconds, n_steps=len(paces), samples=samples, density=density,
    )  # fmt: skip


def _expected(route: Route, streams: bool, n_batch: int) -> Trail:
    """Return how large differences are if an axis stays pinned only as long as all others do."""
    single = find_single(route)
    held: dict[int, bool] = {route.origin.index: False}
    found: Trail = {}
    for node in route.nodes:
        inputs = [i for i in node.inputs if i.index in held]
        if not inputs:  # what it reads is frozen
            continue
        own = _local(node, single, streams, n_batch)
        size = max(own, *(_local(i, single, streams, n_batch) for i in inputs))
        by_row = held[node.index] = _held_per_row(node, inputs, held, single)
        found[node.index] = Pace(size, own, by_row, len(inputs))
        if node.op is not None and node.op.is_frozen:
            del held[node.index]
    return found


def _local(node: Node, single: dict[int, bool], streams: bool, n_batch: int) -> int:
    if single.get(node.index, False):
        return 1 if streams or node.batch_axis is None else n_batch
    return max(node.size // n_batch, 1) if streams and node.batch_axis is not None else node.size


def _held_per_row(
    node: Node, inputs: list[Node], held: dict[int, bool], single: dict[int, bool]
) -> bool:
    """Return whether the difference of `node` has a column per row rather than per group."""
    op = node.op
    assert op is not None
    if isinstance(op, Contraction) and len(inputs) == 1 and single[inputs[0].index]:
        return False
    straight = op.is_linear or isinstance(op, Bend | Compare | Contraction | Extreme)
    return not straight or len(inputs) > 1 or any(held[i.index] for i in inputs)


def _seconds(node: Node, pace: Pace) -> float:
    """Return the predicted time of one row, or column, in the operation of `node`."""
    op = node.op
    if isinstance(op, Contraction):
        summed = [
            n for k, n in zip(op.letters[0], node.inputs[0].shape, strict=True) if k not in op.out
        ]
        each = SMALL_PRODUCT if pace.moved > 1 else PRODUCT
        n_summed = math.prod(summed) if pace.size > pace.result or pace.moved > 1 else 1
        return COMPILED * pace.size + each * pace.result * n_summed
    slow = op is not None and not op.is_linear and getattr(op, "kernel", True) is None
    return pace.size * (INTERPRETED if slow else COMPILED)


def _entrance(
    route: Route, state: State, alive: dict[int, NDArray[np.uint8]]
) -> tuple[float, float]:
    """Return how many weights one unit has, and the share of their rows that is not left out."""
    reached = {route.origin.index, *(node.index for node in route.before)}
    for node in route.streamed:
        if not isinstance(node.op, Contraction) or route.origin.batch_axis is not None:
            continue
        moved = [i for i, n in enumerate(node.inputs) if n.index in reached]
        if len(moved) != 1:
            continue
        base = node.inputs[1 - moved[0]]
        own, other = node.op.letters[moved[0]], node.op.letters[1 - moved[0]]
        if base.batch_axis is None or set(other) - set(own) != {other[base.batch_axis]}:
            continue  # a weight of a convolution moves several places of a sample
        codes = find_codes(state, base)
        if codes is None:
            share = state.share_nonzero(base)
        else:
            share = float(codes.counts.mean()) / codes.codes.shape[1]
        if node.index in alive:
            share *= np.count_nonzero(alive[node.index]) / max(alive[node.index].size, 1)
        sizes = dict(zip(own, node.inputs[moved[0]].shape, strict=True))
        return float(np.prod([sizes[k] for k in own if k in other])), float(share)
    return 1.0, 1.0
