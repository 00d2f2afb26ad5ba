"""Differences of several sources, put together at the places to which their entries are moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fastcheck.graph.difference import Difference, Rows, flat_index
from fastcheck.kernels import moves as kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.graph.block import Block
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Ints
    from fastcheck.graph.ops.passage import Extract, Passage, Table

    Bools = NDArray[np.bool_]


class Mover(Protocol):
    """An operation with an index map."""

    def passage(
        self, i: int, pins: tuple[int, ...], own: int | None, target: int | None
    ) -> Passage:
        """Return where source `i` lies in the result."""
        ...


@dataclass(frozen=True, eq=False)
class Arrival:
    """One moved source: what is read, and the rows that it becomes.

    Attributes
    ----------
    passage : Passage
        Where its entries go.
    data : ndarray of float64, shape (n, C)
        The difference of the source.
    frame : Difference
        Rows, groups, samples and scale of the result; pins of the source; no data.
    starts : ndarray of int64, shape (G,)
        The column of `data` at which each group begins.
    fixed : dict of int to ndarray
        The pins of the result that the source fixes.
    known : ndarray of bool, or None
        Whether each group is found in the result; None where all are.
    """

    passage: Passage
    data: Floats
    frame: Difference
    starts: Ints
    fixed: dict[int, Ints]
    known: Bools | None

    @classmethod
    def of(cls, passage: Passage, d: Difference, frame: Difference, starts: Ints) -> Arrival:
        """Return the arrival of `d`."""
        fixed, known = passage.fixed(frame.pins, frame.samples)
        return cls(passage, d.flat, frame, starts, fixed, known)

    @property
    def is_spread(self) -> bool:
        """Whether columns of the result are not those of the source in order."""
        return (
            self.starts.size != self.frame.n_groups
            or self.data.shape[1] != self.frame.data.shape[-1]
        )

    @property
    def edges(self) -> Ints:
        """Where the columns of the groups begin and end in the result."""
        frame = self.frame
        return frame.offsets if frame.scale is None else np.arange(frame.n_groups + 1)


def combined(op: Mover, node: Node, diffs: Diffs, block: Block) -> Difference | None:
    """Return the change of `node`, whose entries are those of its inputs, moved."""
    if not node.size:
        return None
    moved = [(i, d) for i, d in enumerate(diffs) if d is not None]
    arrivals = []
    for i, d in _of_one_kind(moved):
        enters = block.enters(node, d)
        streamed = enters or d.samples is not None
        own = node.inputs[i].batch_axis if streamed else None
        pins = tuple(sorted(d.pins))
        passage = op.passage(i, pins, own, node.batch_axis if streamed else None)
        if enters and block.drops_rows and pins and len(moved) == 1:
            found = _entered(passage, d, block)
            if found is None:
                return None
            arrivals.append(Arrival.of(passage, d, *found))
        else:
            arrivals.append(Arrival.of(passage, d, *_whole(d, block, enters=enters)))
    arrivals = [a for a in arrivals if a.known is None or a.known.any()]
    return _placed(node, arrivals) if arrivals else None


def _of_one_kind(moved: list[tuple[int, Difference]]) -> list[tuple[int, Difference]]:
    """Return the differences with one scale and one set of groups, else without scales."""
    first = moved[0][1]
    if all(
        d.scale is first.scale
        and (d.offsets is first.offsets or np.array_equal(d.offsets, first.offsets))
        for _, d in moved[1:]
    ):
        return moved
    return [(i, d.expanded()) for i, d in moved]


def _bare(d: Difference) -> Difference:
    """Return `d` without its data."""
    return d.replaced(np.empty((0, d.data.shape[-1])))


def _first_columns(d: Difference) -> Ints:
    return d.offsets[:-1] if d.scale is None else np.arange(d.n_groups)


def _whole(d: Difference, block: Block, *, enters: bool) -> tuple[Difference, Ints]:
    """Return the frame of all groups, in every sample of the block if `d` enters the samples."""
    if not enters:
        return _bare(d), _first_columns(d)
    return block.spread(_bare(d)), np.tile(_first_columns(d), block.hi - block.lo)


def _entered(passage: Passage, d: Difference, block: Block) -> tuple[Difference, Ints] | None:
    """Return the frame of the groups that are found, by sample; None if there are none."""
    n_keys, n = passage.n_keys, block.hi - block.lo
    key = passage.key(d.pins)
    found = passage.found
    if passage.n_samples > 1:
        lo, hi = np.searchsorted(found, [block.lo * n_keys, block.hi * n_keys])
        found = found[lo:hi] - block.lo * n_keys
    else:
        found = (found + n_keys * np.arange(n)[:, None]).reshape(-1)
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    first = np.searchsorted(ordered, found % n_keys, side="left")
    count = np.searchsorted(ordered, found % n_keys, side="right") - first
    if not count.any():
        return None
    sample = np.repeat(found // n_keys, count)
    group = order[_ranges(first, count)]
    by_sample = np.lexsort((group, sample))
    return _selected(d, sample[by_sample], group[by_sample], block)


def _selected(d: Difference, sample: Ints, group: Ints, block: Block) -> tuple[Difference, Ints]:
    """Return the frame of the groups `group`, in sample `sample` of the block each."""
    n = block.hi - block.lo
    size = np.diff(d.offsets)[group]
    row = _ranges(d.offsets[group], size)
    offsets = np.append(0, np.cumsum(size))
    segments = offsets[np.searchsorted(sample, np.arange(n + 1))]
    rows = Rows(d.rows.probe[row], d.rows.n_probes, np.arange(block.lo, block.hi), segments)
    scale = None if d.scale is None else d.scale[row]
    n_columns = row.size if scale is None else group.size
    frame = Difference(
        np.empty((0, n_columns)), rows, offsets, {a: p[group] for a, p in d.pins.items()},
        sample + block.lo, scale,
    )  # fmt: skip
    return frame, _first_columns(d)[group]


def _ranges(first: Ints, count: Ints) -> Ints:
    """Return ``first[k], first[k] + 1, ...``, ``count[k]`` numbers each, one after the other."""
    ends = np.cumsum(count)
    return np.arange(ends[-1] if ends.size else 0) + np.repeat(first - ends + count, count)


def _placed(node: Node, arrivals: list[Arrival]) -> Difference:
    """Return the difference of `node`."""
    frame = arrivals[0].frame
    pins = _common(arrivals)
    skip = node.batch_axis if frame.samples is not None else None
    local = tuple(1 if a == skip or a in pins else n for a, n in enumerate(node.shape))
    data = _written(arrivals, pins)
    n_columns = frame.data.shape[-1]
    new = Difference(
        data.reshape(*local, n_columns), frame.rows, frame.offsets, pins, frame.samples, frame.scale
    )
    return new if new.pins or new.scale is not None else new.regrouped()


def _common(arrivals: list[Arrival]) -> dict[int, Ints]:
    """Return the pins of the result on which all sources agree."""
    first = arrivals[0]
    if len(arrivals) == 1:
        return first.fixed
    if any(not np.array_equal(a.frame.offsets, first.frame.offsets) for a in arrivals[1:]):
        return {}
    pins = {}
    for axis in set.intersection(*(set(a.fixed) for a in arrivals)):
        merged, known = first.fixed[axis], first.known
        for other in arrivals[1:]:
            if not _agree(merged, known, other.fixed[axis], other.known):
                break
            if known is not None:
                merged = np.where(known, merged, other.fixed[axis])
                known = None if other.known is None else known | other.known
        else:
            pins[axis] = merged
    return pins


def _agree(one: Ints, known: Bools | None, other: Ints, other_known: Bools | None) -> bool:
    different = one != other
    for mask in (known, other_known):
        if mask is not None:
            different &= mask
    return not different.any()


@dataclass(frozen=True, eq=False)
class Runs:
    """Columns that are treated alike, see :mod:`fastcheck.kernels.moves`.

    Attributes
    ----------
    which : ndarray of int64, shape (G,)
        The column of the table.
    key : ndarray of int64, shape (G,), or None
        The pinned indices of the source, where the table is read entry by entry.
    starts, edges : ndarray of int64, shapes (G,) and (G + 1,)
        Where columns are read, and where they are written.
    """

    which: Ints
    key: Ints | None
    starts: Ints
    edges: Ints

    @classmethod
    def of(cls, arrival: Arrival, table: Table, pins: list[Ints]) -> Runs:
        """Return the runs of `arrival`, which has the `pins` in the result."""
        frame, passage = arrival.frame, arrival.passage
        n_columns = table.local.shape[1] - 1
        if n_columns == 1 and not passage.pins and not arrival.is_spread:
            zero = np.zeros(1, dtype=np.int64)
            return cls(zero, None, zero, np.array([0, arrival.data.shape[1]]))
        row = np.zeros(frame.n_groups, dtype=np.int64)
        index = list(pins)
        if table.dims[0] > 1:
            assert frame.samples is not None
            index.insert(0, frame.samples)
        if index:
            row = flat_index(index, list(table.dims[len(table.dims) - len(index) :]))
        key = None
        which = row if n_columns > 1 else np.zeros_like(row)
        if passage.pins:
            key = passage.key(frame.pins)
        if table.key is not None:
            which = np.where(table.key[row] == key, which, n_columns)
            key = None
        return cls(which, key, arrival.starts, arrival.edges).merged()

    def merged(self) -> Runs:
        """Return the same with neighbours that continue each other as one."""
        size = np.diff(self.edges)
        new = (self.which[1:] != self.which[:-1]) | (
            self.starts[1:] != self.starts[:-1] + size[:-1]
        )
        if self.key is not None:
            new |= self.key[1:] != self.key[:-1]
        at = np.append(0, np.flatnonzero(new) + 1)
        key = None if self.key is None else self.key[at]
        edges = np.append(self.edges[at], self.edges[-1])
        return Runs(self.which[at], key, self.starts[at], edges)

    def write(self, data: Floats, table: Extract, out: Floats, *, fill: bool) -> None:
        """Write what is found at the places of `table`; with `fill`, zero where nothing is."""
        places, local, keys = table
        if self.key is None:
            kernels.gather(data, local, self.which, self.starts, self.edges, places, out, fill)
        else:
            assert keys is not None
            kernels.gather_matching(
                data, local, keys, self.key, self.which, self.starts, self.edges, places, out, fill
            )  # fmt: skip


def _written(arrivals: list[Arrival], pins: dict[int, Ints]) -> Floats:
    """Return the data of the result, shape (local entries, columns)."""
    kept = tuple(sorted(pins))
    index = [pins[a] for a in kept]
    tables = [a.passage.table(kept) for a in arrivals]
    runs = [Runs.of(a, t, index) for a, t in zip(arrivals, tables, strict=True)]
    n_places, n_columns = tables[0].local.shape[0], arrivals[0].frame.data.shape[-1]
    if len(arrivals) == 1:
        return _alone(arrivals[0], tables[0], runs[0], n_columns)
    cover = np.zeros(n_places, dtype=np.int64)
    for table in tables:
        cover[table.somewhere[0]] += 1
    fill = bool(np.all(cover < 2))  # else places are shared: write what is found into zeros
    if fill:
        data = np.empty((n_places, n_columns))
        data[cover == 0] = 0.0
    else:
        data = np.zeros((n_places, n_columns))
    for arrival, table, run in zip(arrivals, tables, runs, strict=True):
        run.write(arrival.data, table.somewhere, data, fill=fill)
    return data


def _alone(arrival: Arrival, table: Table, runs: Runs, n_columns: int) -> Floats:
    """Return the data of a result with one moved source: a view where the entries stay in order."""
    n_places, first = table.local.shape[0], table.run
    is_whole = runs.which.size == 1 and runs.starts[0] == 0 and runs.which[0] == 0
    if first is not None and is_whole and arrival.data.shape[1] == n_columns:
        return arrival.data[first : first + n_places]
    data = np.empty((n_places, n_columns))
    runs.write(arrival.data, table.everywhere, data, fill=True)
    return data
