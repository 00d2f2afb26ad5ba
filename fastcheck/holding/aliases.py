"""Parameters that share memory: tied, whether that was meant or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.result.wording import count, listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Ints = NDArray[np.int64]

MOST_NAMES = 8
SAME = 1e-3
"""How far gradients may be apart, relative to the largest, to be the same in all places."""
SPARSE = 8
"""How many places of memory there may be for each entry, for a table of them."""


@dataclass(frozen=True, eq=False)
class Aliases:
    """Which entries of which tensors are the same memory.

    Attributes
    ----------
    groups : tuple of tuple of str
        The names of tensors that share, directly or through others; a tensor alone shares memory
        within itself.
    cells : dict of str to ndarray of int64
        For each of these tensors the number of the memory cell of each entry, counted from 0.
    n_cells : int
        How many cells there are.
    """

    groups: tuple[tuple[str, ...], ...]
    cells: dict[str, Ints]
    n_cells: int

    def summed(self, parts: Mapping[str, Any]) -> dict[str, Any]:
        """Return gradients in which the parts of all entries that are one cell are added up.

        Parameters
        ----------
        parts : mapping of str to ndarray or None
            The gradient of each tensor as if it had memory of its own. A tensor without one adds
            nothing.

        Returns
        -------
        dict of str to ndarray or None
            The derivative with respect to the cell of each entry; other tensors as they are. None
            stays None.

        Notes
        -----
        Moving an entry moves all that share its cell, so that the derivative which differences
        measure is the sum over all of them (the chain rule for ``u = v = w``).
        """
        total = self.totals({name: parts.get(name) for name in self.cells})
        return {
            name: part if part is None or name not in self.cells else self._from(total, name, part)
            for name, part in parts.items()
        }

    def rounding(self, parts: Mapping[str, Any], roundings: float) -> dict[str, Any]:
        """Return the rounding errors of the parts that are added up in each entry, absolute.

        Parameters
        ----------
        parts : mapping of str to ndarray or None
            As for :meth:`summed`.
        roundings : float
            How many of each part.

        Notes
        -----
        ``roundings * sum(u |part|)``: where parts cancel this is more than roundings of the sum.
        """
        sizes = {
            name: np.abs(np.asarray(part, np.float64)) * roundings * _unit(part)
            for name, part in parts.items()
            if part is not None and name in self.cells
        }
        total = self.totals(sizes)
        return {name: total[self.cells[name]] for name in sizes}

    def totals(self, parts: Mapping[str, Any]) -> NDArray[np.float64]:
        """Return the sum in each cell; of tensors without one nothing is added."""
        total = np.zeros(self.n_cells)
        for name, part in parts.items():
            if part is not None:
                weights = np.asarray(part, np.float64).reshape(-1)
                total += np.bincount(self.cells[name].reshape(-1), weights, self.n_cells)
        return total

    def _from(self, total: NDArray[np.float64], name: str, part: Any) -> Array:
        dtype = part.dtype if part.dtype.kind == "f" else np.dtype(np.float64)
        return total[self.cells[name]].astype(dtype)

    def group_of(self, name: str) -> tuple[str, ...]:
        """Return the names of the tensors that share memory with one, and its own; else none."""
        return next((group for group in self.groups if name in group), ())

    def partners(self, name: str) -> tuple[str, ...]:
        """Return the names of the other tensors that share memory with one."""
        return tuple(other for other in self.group_of(name) if other != name)

    def places(self, group: Sequence[str]) -> int:
        """Return the largest number of entries of some tensors that are one cell."""
        total = self.totals({name: np.ones(self.cells[name].shape) for name in group})
        return int(total.max())

    def are_equal(self, group: Sequence[str], parts: Mapping[str, Any]) -> bool:
        """Return whether gradients are the same in all places of a cell, as totals would be.

        False if fewer than two places have one.
        """
        given = [name for name in group if parts.get(name) is not None]
        places = [
            (self.cells[n].reshape(-1), np.asarray(parts[n], float).reshape(-1)) for n in given
        ]
        if not places:
            return False
        cells, values = (np.concatenate(each) for each in zip(*places, strict=True))
        count_of = np.bincount(cells, minlength=self.n_cells)
        mean = np.bincount(cells, values, self.n_cells) / np.maximum(count_of, 1)
        spread = np.abs(values - mean[cells])
        return bool(count_of.max() > 1 and (spread <= SAME * np.abs(values).max()).all())

    def message(self, group: Sequence[str], are_totals: bool) -> str:
        """Return a sentence on the tensors of one group: who shares, and what was done."""
        n = self.places(group)
        cells = np.concatenate([self.cells[name].reshape(-1) for name in group])
        shared = int((np.bincount(cells, minlength=self.n_cells) > 1).sum())
        who = f"{listing(group, MOST_NAMES)} share memory"
        if len(group) == 1:
            who = f"{group[0]} shares memory with itself"
        done = (
            "your gradient holds the total in each place and is compared as it is; an update that "
            f"is applied to each place would apply it {n} times"
            if are_totals
            else "the analytic parts of these entries were added up before they were compared; an "
            "update is right that is applied to each place with the part of its own"
        )
        return (
            f"{who} ({count(shared)} numbers, each in up to {n} places): they are tied; moving an "
            "entry moves it in all its places, so that its numerical derivative is the sum over "
            f"them, while backpropagation has a part for each; {done}; if sharing was not meant, "
            "give each an array of its own, with copy()"
        )


def _unit(part: Array) -> float:
    return float(np.finfo(part.dtype).eps) / 2.0 if part.dtype.kind == "f" else 2.0**-53


def find_aliases(arrays: Mapping[str, Array]) -> Aliases | None:
    """Return which entries of arrays are the same memory, None if none are.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Any strides; only looked at.

    Raises
    ------
    InputError
        If entries overlap by a part of a number, as views of another dtype do.

    Notes
    -----
    Only arrays whose bounds overlap are looked at entry by entry, and arrays whose strides may
    lead to the same address twice.
    """
    groups: list[tuple[str, ...]] = []
    cells: dict[str, Ints] = {}
    n_cells = 0
    for names in _clusters(arrays):
        flat = np.concatenate([_addresses(arrays[name]).reshape(-1) for name in names])
        unique, inverse = _ranked(flat, min(arrays[name].itemsize for name in names))
        ends = np.cumsum([arrays[name].size for name in names])
        parts = np.split(inverse, ends[:-1])
        _check_whole(arrays, dict(zip(names, parts, strict=True)), unique)
        if unique.size == flat.size:
            continue
        uses = np.bincount(inverse)
        found = {n: p for n, p in zip(names, parts, strict=True) if (uses[p] > 1).any()}
        groups += _connected(found)
        cells |= {n: (p + n_cells).reshape(arrays[n].shape) for n, p in found.items()}
        n_cells += unique.size
    return Aliases(tuple(groups), cells, n_cells) if groups else None


def _clusters(arrays: Mapping[str, Array]) -> list[list[str]]:
    """Return the names of arrays that may share, those with overlapping bounds together."""
    spans = sorted(
        (*np.lib.array_utils.byte_bounds(array), place, name)
        for place, (name, array) in enumerate(arrays.items())
        if array.size
    )
    clusters: list[list[tuple[int, str]]] = []
    end = -1
    for low, high, place, name in spans:
        if low >= end:
            clusters.append([])
        clusters[-1].append((place, name))
        end = max(end, high)
    named = [[name for _, name in cluster] for cluster in sorted(map(sorted, clusters))]
    return [names for names in named if len(names) > 1 or _may_repeat(arrays[names[0]])]


def _may_repeat(array: Array) -> bool:
    """Return whether strides may lead to one address twice."""
    extent = array.itemsize
    steps = sorted((abs(s), n) for s, n in zip(array.strides, array.shape, strict=True) if n > 1)
    for stride, n in steps:
        if stride < extent:
            return True
        extent += stride * (n - 1)
    return False


def _addresses(array: Array) -> Ints:
    """Return the address of each entry."""
    start = array.__array_interface__["data"][0]
    found = np.full(array.shape, start, np.int64)
    for axis, (stride, n) in enumerate(zip(array.strides, array.shape, strict=True)):
        shape = [-1 if a == axis else 1 for a in range(array.ndim)]
        found += (stride * np.arange(n)).reshape(shape)
    return found


def _ranked(addresses: Ints, itemsize: int) -> tuple[Ints, Ints]:
    """Return the different addresses in order, and which of them each one is.

    Through a table of all places between the first and the last where that is not much longer than
    `addresses`, else by sorting.
    """
    low = int(addresses.min())
    offsets, rest = np.divmod(addresses - low, itemsize)
    span = int(offsets.max()) + 1
    if rest.any() or span > SPARSE * addresses.size:
        unique, inverse = np.unique(addresses, return_inverse=True)
        return unique, inverse.reshape(-1)
    is_used = np.zeros(span, np.bool_)
    is_used[offsets] = True
    ranks = np.cumsum(is_used) - 1
    return low + itemsize * np.flatnonzero(is_used), ranks[offsets]


def _check_whole(arrays: Mapping[str, Array], cells: Mapping[str, Ints], unique: Ints) -> None:
    """Refuse entries that overlap by a part of a number, or are read in two ways."""
    for name, others in _meetings(cells):
        for other in others:
            if arrays[other].dtype != arrays[name].dtype:
                raise _partly(other, name, arrays)
    names = list(cells)
    owner = np.zeros(unique.size, np.int64)
    for place, name in enumerate(names):
        owner[cells[name]] = place
    sizes = np.array([arrays[name].itemsize for name in names])
    close = np.flatnonzero(np.diff(unique) < sizes[owner[:-1]])
    if close.size:
        raise _partly(names[owner[close[0]]], names[owner[close[0] + 1]], arrays)


def _partly(one: str, other: str, arrays: Mapping[str, Array]) -> InputError:
    who = f"{one} of {arrays[one].dtype} and {other} of {arrays[other].dtype}"
    return InputError(
        f"`params` must share whole numbers or nothing, got {who}, which overlap by a part of a "
        "number or are read in two ways; give each an array of its own"
    )


def _connected(found: Mapping[str, Ints]) -> list[tuple[str, ...]]:
    """Return the names that share, directly or through others, in groups."""
    group: dict[str, frozenset[str]] = {}
    for name, others in _meetings(found):
        members = frozenset({name}).union(*(group[other] for other in others))
        group |= dict.fromkeys(members, members)
    order = {name: place for place, name in enumerate(found)}
    groups = {tuple(sorted(members, key=order.__getitem__)) for members in group.values()}
    return sorted(groups, key=lambda names: order[names[0]])


def _meetings(found: Mapping[str, Ints]) -> Iterator[tuple[str, list[str]]]:
    """Yield each name with those before it that were the last to use one of its cells."""
    names = list(found)
    n_cells = 1 + max((int(cells.max()) for cells in found.values()), default=0)
    last = np.zeros(n_cells, np.int64)
    for place, (name, cells) in enumerate(found.items(), 1):
        met = np.flatnonzero(np.bincount(last[cells.reshape(-1)], minlength=1))
        yield name, [names[m - 1] for m in met if m > 0]
        last[cells.reshape(-1)] = place
