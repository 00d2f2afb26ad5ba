"""How the changes that probes cause are stored while they travel through a graph.

A *row* is one probe as one sample sees it. A :class:`Difference` holds, for every row, by how much
a node's value changes. Its ``data`` has the value's shape and one last axis for the rows, with
length 1 along every axis on which a row touches a single index:

* the sample axis, where samples are streamed (``samples`` has the index);
* *pinned* axes, because a single weight moves a single unit (``pins`` has the index).

Rows that share all these indices form a *group*; what an operation needs of the base point is then
the same for the whole group. As long as everything is linear, the rows of a group differ only in
size: the last axis of ``data`` then counts groups (*columns*), and ``scale`` has a factor per row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph import memory
from fastcheck.kernels import rows as kernels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one block.

    Attributes
    ----------
    probe : ndarray of int32, shape (R,)
        The probe of each row.
    n_probes : int
        How many probes the chunk has.
    samples : ndarray of int64, shape (S,), or None
        The samples of the block, None where rows belong to no sample.
    segments : ndarray of int64, shape (S + 1,)
        Rows ``segments[k]:segments[k + 1]`` belong to ``samples[k]``.
    """

    probe: NDArray[np.int32]
    n_probes: int
    samples: Ints | None
    segments: Ints

    @property
    def size(self) -> int:
        """Number of rows."""
        return self.probe.size

    def collapse(self, data: Floats, acc: Floats) -> None:
        """Add the rows of each probe: `data` has shape (n, R), `acc` (n, n_probes)."""
        kernels.collapse(data, self.probe, acc)

    def mark(self, flags: NDArray[np.uint8], kink: NDArray[np.uint8]) -> None:
        """Set `kink` for the probes of the rows that have a flag."""
        found = np.zeros((1, self.n_probes))
        self.collapse(flags[None].astype(np.float64), found)
        kink[found[0] > 0.0] = 1


class Difference:
    """What each row changes in one node's value; see the module's text.

    Parameters
    ----------
    data : ndarray of float64, shape (*local, C)
        C is the number of rows, or the number of groups where `scale` is given.
    rows : Rows
        The rows.
    offsets : ndarray of int64, shape (G + 1,)
        Where groups begin and end.
    pins : mapping of int to ndarray of int64, shape (G,)
        Index of each group along each pinned axis.
    samples : ndarray of int64, shape (G,), optional
        Sample of each group.
    scale : ndarray of float64, shape (R,), optional
        Factor of each row.
    """

    __slots__ = ("_reach", "data", "offsets", "pins", "rows", "samples", "scale")

    def __init__(
        self,
        data: Floats,
        rows: Rows,
        offsets: Ints,
        pins: Mapping[int, Ints],
        samples: Ints | None = None,
        scale: Floats | None = None,
    ) -> None:
        self.data = data
        self.rows = rows
        self.offsets = offsets
        self.pins = pins
        self.samples = samples
        self.scale = scale
        self._reach: Floats | None = None

    @property
    def is_paired(self) -> bool:
        """Whether each group is one entry moved up and, in the next row, down as far."""
        scale = self.scale
        return (
            scale is not None
            and scale.size == 2 * self.n_groups
            and bool(np.all(np.diff(self.offsets) == 2))
            and np.array_equal(scale[0::2], -scale[1::2])
        )

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return self.offsets.size - 1

    @property
    def flat(self) -> Floats:
        """`data` with all local axes joined, shape (n, C)."""
        data = self.data
        return data if data.ndim == 2 else data.reshape(-1, data.shape[-1])

    def replaced(self, data: Floats, pins: Mapping[int, Ints] | None = None) -> Difference:
        """Return the same rows and groups with other data (of the same columns) and pins."""
        new = Difference(
            data,
            self.rows,
            self.offsets,
            self.pins if pins is None else pins,
            self.samples,
            self.scale,
        )
        new._reach = self._reach
        return new

    def reach(self) -> Floats:
        """Return the largest ``|scale|`` of each group, shape (G,)."""
        if self._reach is None:
            assert self.scale is not None
            self._reach = np.empty(self.n_groups)
            kernels.reach(self.scale, self.offsets, self._reach)
        return self._reach

    def expanded(self) -> Difference:
        """Return the same difference with one column per row."""
        if self.scale is None:
            return self
        new = self.row_by_row()
        kernels.expand(self.flat, self.scale, self.offsets, new.flat)
        return new.coarse()

    def row_by_row(self) -> Difference:
        """Return a difference of the same rows and groups, its data to be written row by row."""
        data = memory.empty((*self.data.shape[:-1], self.rows.size))
        return Difference(data, self.rows, self.offsets, self.pins, self.samples)

    def coarse(self) -> Difference:
        """Return the same rows in the coarsest groups that their pins allow."""
        return self if self.pins else self.regrouped()

    def regrouped(self) -> Difference:
        """Return the difference with the coarsest groups; only for rows without pins."""
        rows = self.rows
        if self.samples is None:
            offsets = np.array([0, rows.size])
            return Difference(self.data, rows, offsets, {})
        return Difference(self.data, rows, rows.segments, {}, rows.samples)

    def per_column(self, per_group: Ints) -> Ints:
        """Return an index per column from one per group."""
        if self.scale is not None:
            return per_group
        return np.repeat(per_group, np.diff(self.offsets))

    def place(self, axes: Sequence[int | None], dims: Sequence[int]) -> Ints:
        """Return the position of each group in a table over `axes`, shape (G,).

        An axis is pinned, or None for that of the samples; `dims` has their lengths.
        """
        if not axes:
            return np.zeros(self.n_groups, dtype=np.int64)
        flat: Ints | None = None
        for axis, n in zip(axes, dims, strict=True):
            index = self.samples if axis is None else self.pins[axis]
            assert index is not None
            flat = index if flat is None else flat * n + index
        assert flat is not None
        return flat

    def unpinned(self, shape: tuple[int, ...], over: Sequence[int] | None = None) -> Difference:
        """Return the difference with one column per row and full length along pinned axes.

        `shape` is the shape of the node's value; `over` has the pinned axes that are meant, by
        default all.
        """
        axes = sorted(self.pins if over is None else over)
        full = self.expanded()
        if not axes:
            return full.coarse()
        dims = [shape[a] for a in axes]
        which = full.per_column(flat_index([full.pins[a] for a in axes], dims))
        n_columns = full.data.shape[-1]
        out = memory.zeros((math.prod(dims), full.flat.shape[0], n_columns))
        kernels.unpin(full.flat, which, out)
        rest = [n for a, n in enumerate(full.data.shape[:-1]) if a not in axes]
        data = np.moveaxis(out.reshape(*dims, *rest, n_columns), range(len(axes)), axes)
        data = memory.contiguous(data)
        pins = {a: p for a, p in full.pins.items() if a not in axes}
        return Difference(data, full.rows, full.offsets, pins, full.samples).coarse()


def flat_index(index: list[Ints], dims: list[int]) -> Ints:
    """Return the C-order position of multi-indices `index` in an array of shape `dims`."""
    flat = index[0]
    for i, n in zip(index[1:], dims[1:], strict=True):
        flat = flat * n + i
    return flat


def aligned(terms: list[Difference], shape: tuple[int, ...]) -> list[Difference]:
    """Return differences of one shape so that their `data` can be combined entry by entry.

    All must have the same rows. What they have in common (columns, pins) is kept, and axes along
    which data of length 1 are repeated.
    """
    first = terms[0]
    if all(_same_layout(first, other) for other in terms[1:]):
        return terms
    expanded = [term.expanded() for term in terms]
    first = expanded[0]
    if all(_same_layout(first, other) for other in expanded[1:]):
        return expanded
    return [term.unpinned(shape) for term in expanded]


def _same_layout(one: Difference, other: Difference) -> bool:
    return (
        one.rows is other.rows
        and one.scale is other.scale
        and one.data.shape[-1] == other.data.shape[-1]
        and _same_index(one.offsets, other.offsets)
        and one.pins.keys() == other.pins.keys()
        and all(_same_index(one.pins[a], other.pins[a]) for a in one.pins)
    )


def _same_index(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one is other or np.array_equal(one, other)
