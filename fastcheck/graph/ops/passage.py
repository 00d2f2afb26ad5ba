"""Where the entries of one source lie in the result of an operation that moves entries.

An index map says for each result entry which source entry it is. From it everything is found
exactly that differences need: which axes of the result a pin of the source fixes, and what a group
of rows finds at each place of its part of the result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph.difference import flat_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.graph.ops.base import Ints, Shape

    Index = NDArray[np.signedinteger[Any]]
    Extract = tuple[Ints, NDArray[np.int32], Ints | None]

MOST_KEYS = 1 << 24
"""Up to so many combinations of pinned indices are tabulated."""


def part_of(index: Index, start: int, size: int, shift: int) -> Index:
    """Return the ids of one source, counted from its first and less `shift`; -1 for the others."""
    own = index - start
    return np.where((own < 0) | (own >= size), -1, own - shift)


def flat_over(ids: Index, shape: Shape, axes: Iterable[int]) -> Ints:
    """Return the position over `axes` of entries `ids` of an array of `shape`."""
    total = np.zeros(ids.shape, dtype=np.int64)
    for a in axes:
        if shape[a] == 1:
            continue
        total *= shape[a]
        total += (ids // math.prod(shape[a + 1 :])) % shape[a]
    return total


@dataclass(frozen=True, eq=False)
class Rule:
    """How pinned indices of the source fix the index along one axis of the result.

    Attributes
    ----------
    axes : tuple of int
        The pinned axes that it depends on.
    dims : tuple of int
        Their lengths.
    by_sample : bool
        Whether it also depends on the sample.
    table : ndarray of int64
        Index along the axis of the result, for each combination, the sample first.
    known : ndarray of bool, or None
        Whether the entry is found in the result at all; None where all are.
    """

    axes: tuple[int, ...]
    dims: tuple[int, ...]
    by_sample: bool
    table: Ints
    known: NDArray[np.bool_] | None

    def key(self, pins: Mapping[int, Ints], samples: Ints | None) -> Ints:
        """Return the place of each group in the table."""
        flat = flat_index([pins[a] for a in self.axes], list(self.dims))
        if self.by_sample:
            assert samples is not None
            flat = samples * math.prod(self.dims) + flat
        return flat


@dataclass(frozen=True, eq=False)
class Table:
    """What is found at each local place of the result.

    Attributes
    ----------
    local : ndarray of int32, shape (n, M + 1)
        Local entry of the source, -1 for none; M is 1, or the number of combinations of sample and
        pinned indices of the result. The last column has -1 only.
    keys : ndarray of int64, shape (n, M), or None
        The pinned indices of the source entry, where they differ between local places.
    key : ndarray of int64, or None
        The same, one for each combination, where they do not differ; -1 where there is no entry.
    dims : tuple of int
        Lengths of the axes of a combination: samples (1 if all are alike), pinned axes.
    """

    local: NDArray[np.int32]
    keys: Ints | None
    key: Ints | None
    dims: tuple[int, ...]

    @cached_property
    def run(self) -> int | None:
        """The first local entry of the source if all follow in order, else None."""
        column = self.local[:, 0]
        if self.local.shape[1] != 2 or self.keys is not None or not column.size or column[0] < 0:
            return None
        first = int(column[0])
        return first if np.array_equal(column, np.arange(first, first + column.size)) else None

    @cached_property
    def everywhere(self) -> Extract:
        """All local places of the result, and what is found there."""
        return np.arange(self.local.shape[0]), self.local, self.keys

    @cached_property
    def somewhere(self) -> Extract:
        """The local places of the result at which the source is ever found, and what is there."""
        places = np.flatnonzero((self.local >= 0).any(axis=1))
        return places, self.local[places], None if self.keys is None else self.keys[places]


class Passage:
    """Where the entries of one source lie in the result, for differences with given pins.

    Parameters
    ----------
    index : ndarray of int
        The map: ids of all sources, -1 for constants, in the shape of the result.
    start : int
        The first id of this source.
    shape : tuple of int
        The shape of this source.
    pins : tuple of int
        Its pinned axes.
    own, target : int or None
        The sample axes of source and result where samples are streamed.
    """

    def __init__(
        self,
        index: Index,
        start: int,
        shape: Shape,
        pins: tuple[int, ...],
        own: int | None,
        target: int | None,
    ) -> None:
        self.shape = shape
        self.pins = pins
        self.own = own
        self.result = index.shape
        self.axes = [a for a in range(index.ndim) if a != target]
        self.ids = _relative(index, start, shape, own, target)
        self.n_samples = self.ids.shape[0]
        self.n_keys = math.prod(shape[a] for a in pins)
        self.rules = self._find_rules() if pins else {}
        self._tables: dict[tuple[int, ...], Table] = {}

    @cached_property
    def found(self) -> Ints:
        """The combinations ``sample * n_keys + key`` found in the result, ascending."""
        flat = self.ids.reshape(self.n_samples, -1)
        samples, at = np.nonzero(flat >= 0)
        return np.unique(
            samples * self.n_keys + flat_over(flat[samples, at], self.shape, self.pins)
        )

    def _find_rules(self) -> dict[int, Rule]:
        """Return the rules of all axes of the result that the pins fix."""
        places = np.flatnonzero(self.ids.reshape(-1) >= 0)
        ids = self.ids.reshape(-1)[places]
        sets: list[tuple[tuple[int, ...], bool]] = [((a,), False) for a in self.pins]
        if len(self.pins) > 1:
            sets.append((self.pins, False))
        if self.n_samples > 1:
            sets.append((self.pins, True))
        keys: list[Ints | None] = [None] * len(sets)
        rules: dict[int, Rule] = {}
        for n, axis in enumerate(self.axes):
            if self.result[axis] == 1:
                continue
            inner = math.prod(self.result[a] for a in self.axes[n + 1 :])
            target = (places // inner) % self.result[axis]
            for at, (axes, by_sample) in enumerate(sets):
                dims = tuple(self.shape[a] for a in axes)
                size = math.prod(dims) * (self.n_samples if by_sample else 1)
                if size > MOST_KEYS:
                    continue
                key = keys[at]
                if key is None:
                    key = flat_over(ids, self.shape, axes)
                    if by_sample:
                        key += places // (self.ids[0].size) * math.prod(dims)
                    keys[at] = key
                table = np.full(size, -1, dtype=np.int64)
                table[key] = target
                if np.array_equal(table[key], target):
                    rules[axis] = Rule(axes, dims, by_sample, *_completed(table, self.result[axis]))
                    break
        return rules

    def key(self, pins: Mapping[int, Ints]) -> Ints:
        """Return the position of each group over the pinned axes of the source."""
        return flat_index([pins[a] for a in self.pins], [self.shape[a] for a in self.pins])

    def fixed(
        self, pins: Mapping[int, Ints], samples: Ints | None
    ) -> tuple[dict[int, Ints], NDArray[np.bool_] | None]:
        """Return the pins of the result, and whether each group is found there (None: all)."""
        out: dict[int, Ints] = {}
        known: NDArray[np.bool_] | None = None
        for axis, rule in self.rules.items():
            key = rule.key(pins, samples)
            out[axis] = rule.table[key]
            if rule.known is not None:
                known = rule.known[key] if known is None else known & rule.known[key]
        return out, known

    def table(self, kept: tuple[int, ...]) -> Table:
        """Return what is found at the places that have the pins `kept` in the result."""
        if kept not in self._tables:
            self._tables[kept] = self._made(kept)
        return self._tables[kept]

    def _made(self, kept: tuple[int, ...]) -> Table:
        free = [n + 1 for n, a in enumerate(self.axes) if a not in kept]
        pinned = [n + 1 for n, a in enumerate(self.axes) if a in kept]
        dims = (self.n_samples, *(self.ids.shape[n] for n in pinned))
        n_places = math.prod(self.ids.shape[n] for n in free)
        ids = self.ids.transpose(*free, 0, *pinned).reshape(n_places, math.prod(dims))
        inside = [a for a in range(len(self.shape)) if a not in self.pins and a != self.own]
        local = flat_over(ids, self.shape, inside).astype(np.int32)
        local[ids < 0] = -1
        keys = key = None
        if self.pins:
            keys = flat_over(ids, self.shape, self.pins)
            keys[ids < 0] = -1
            key = keys.max(axis=0, initial=-1)
            keys = None if np.all((keys == key) | (ids < 0)) else keys
            key = key if keys is None else None
        if keys is None:
            local = _joined(local, skip_empty=key is not None)
        return Table(np.pad(local, ((0, 0), (0, 1)), constant_values=-1), keys, key, dims)


def _joined(local: NDArray[np.int32], *, skip_empty: bool) -> NDArray[np.int32]:
    """Return one column if all columns are alike, but for those that are never asked for."""
    columns = local
    if skip_empty:
        columns = local[:, (local >= 0).any(axis=0)]
    if columns.shape[1] < 1:
        return local[:, :1]
    return columns[:, :1] if np.all(columns == columns[:, :1]) else local


def _relative(index: Index, start: int, shape: Shape, own: int | None, target: int | None) -> Index:
    """Return the ids of one source, the samples first: once if they are alike in all samples."""
    by_sample = index[None] if target is None else np.moveaxis(index, target, 0)
    size = math.prod(shape)
    step = 0 if own is None else math.prod(shape[own + 1 :])
    if not by_sample.size:
        return np.full((1, *by_sample.shape[1:]), -1, dtype=index.dtype)
    first = part_of(by_sample[0], start, size, 0)
    alike = all(
        np.array_equal(part_of(ids, start, size, s * step), first)
        for s, ids in enumerate(by_sample)
    )
    if alike:
        return first[None]
    return np.stack([part_of(ids, start, size, s * step) for s, ids in enumerate(by_sample)])


def _completed(table: Ints, n: int) -> tuple[Ints, NDArray[np.bool_] | None]:
    """Return a rule without gaps, and where it had none.

    The index of an entry that is not in the result is free. It goes on in steps of one, modulo the
    length: slices side by side, such as the gates of a recurrent network, then have equal pins.
    """
    known = table >= 0
    if known.all():
        return table, None
    first = int(np.argmax(known))
    rest = (np.arange(table.size) - first + table[first]) % n
    return np.where(known, table, rest), known


def sample_axis(
    index: Index, starts: Sequence[int], shapes: Sequence[Shape], own: Sequence[int | None],
    preferred: int | None,
) -> int | None:  # fmt: skip
    """Return an axis of the result along which samples lie as they do in the sources.

    Parameters
    ----------
    index : ndarray of int
        The map.
    starts, shapes : sequence
        First id and shape of each source.
    own : sequence of (int or None)
        The sample axis of each source.
    preferred : int or None
        The axis to be tried first.

    Returns
    -------
    int or None
        None if there is no such axis.
    """
    sampled = [
        (s, shape, b) for s, shape, b in zip(starts, shapes, own, strict=True) if b is not None
    ]
    n_samples = sampled[0][1][sampled[0][2]]
    axes = [a for a in range(index.ndim) if index.shape[a] == n_samples]
    axes.sort(key=lambda a: (a != preferred, a not in own))
    for axis in axes:
        by_sample = np.moveaxis(index, axis, 0)
        corner = by_sample[(slice(None), *[slice(2)] * (index.ndim - 1))]
        if all(  # most axes are out of the question at a glance
            _keeps(ids, s, sampled) for part in (corner, by_sample) for s, ids in enumerate(part)
        ):
            return axis
    return None


def _keeps(ids: Index, sample: int, sampled: Sequence[tuple[int, Shape, int]]) -> bool:
    """Return whether the entries `ids` of sources with samples all belong to `sample`."""
    for start, shape, axis in sampled:
        inside = ids[(ids >= start) & (ids < start + math.prod(shape))]
        if np.any((inside - start) // math.prod(shape[axis + 1 :]) % shape[axis] != sample):
            return False
    return True
