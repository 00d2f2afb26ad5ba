"""The right entries in the wrong places of a tensor."""

from __future__ import annotations

import math
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnose.evidence import MOST_COUNTED, ROUNDING
from fastcheck.diagnose.fit import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.evidence import Evidence

    Floats = NDArray[np.float64]

MOST_AXES = 4
MOST_COMPARED = 256
MOST_COLUMNS = 16
"""Entries of a row by which another is recognised, before all are compared."""
FEWEST_ROWS = 3
"""Rows from which on their order is looked for."""


def find_orders(tensor: Evidence) -> Iterator[Fit]:
    """Yield the orders of entries that make a tensor right.

    Notes
    -----
    Shifts come from comparing the first row with all, other orders from sorting: a few passes.
    """
    given = tensor.analytic
    if not 0 < given.ndim <= MOST_AXES or given.size < 2:
        return
    n_found = 0
    for kind, detail, complexity, other in _turned(tensor):
        if tensor.explained_by(other):
            n_found += 1
            yield Fit(kind, tensor.name, tensor.digits, complexity, None, detail, 1.0)
    for axis in range(given.ndim):
        words = axis_words(axis, given.ndim)[1]
        for shift in _shifts(tensor, axis):
            if tensor.explained_by(np.roll(given, -shift, axis)):
                n_found += 1
                moved = (float(shift), float(shift))
                yield Fit("rolled", tensor.name, tensor.digits, 1.3, moved, words, 1.0)
    for axis in range(min(given.ndim, 2) if tensor.is_complete and not n_found else 0):
        place = _reordered(tensor, axis)
        if place is not None and tensor.explained_by(np.take(given, place, axis)):
            detail = f"the {axis_words(axis, given.ndim)[1]}"
            share = min(1.0, MOST_COUNTED / max(tensor.n_clear, 1))  # all of them speak for it
            cost = share * math.lgamma(place.size + 1) / math.log(10.0)
            yield Fit("reordered", tensor.name, tensor.digits, 2.6, None, detail, cost)
            return


def _turned(tensor: Evidence) -> Iterator[tuple[str, str, float, Floats]]:
    """Yield kind, detail, complexity and the entries in another order."""
    given = tensor.analytic
    axes = range(given.ndim)
    if given.ndim > 1:
        for order in permutations(axes):
            if order != tuple(axes) and all(
                given.shape[i] == given.shape[k] for k, i in enumerate(order)
            ):
                detail = "" if given.ndim == 2 else f"its axes in the order {order}"
                yield "transposed", detail, 1.2, given.transpose(order)
    if given.shape != given.shape[::-1]:  # else it is the transpose
        yield "memory-order", "", 1.5, given.reshape(given.shape[::-1]).transpose()
        if _may_be_columns(tensor):
            yield "memory-order", "", 1.5, given.transpose().reshape(given.shape)
    for n in range(1, given.ndim + 1):
        for some in combinations(axes, n):
            names = " and ".join(axis_words(axis, given.ndim)[1] for axis in some)
            yield "reversed", f"the order of its {names}", 1.4, np.flip(given, some)


def _may_be_columns(tensor: Evidence) -> bool:
    """Return whether some entries are right if those given are read column by column.

    Looked at before all are, because that is a copy.
    """
    places = np.arange(0, tensor.analytic.size, max(1, tensor.analytic.size // MOST_COMPARED))
    given = tensor.analytic[np.unravel_index(places, tensor.shape[::-1])[::-1]]
    right, allowed = tensor.numerical.reshape(-1)[places], tensor.allowance.reshape(-1)[places]
    off = np.abs(given - right) - allowed - ROUNDING * np.maximum(np.abs(given), np.abs(right))
    return not np.any(off[tensor.known.reshape(-1)[places]] > 0.0)


def _shifts(tensor: Evidence, axis: int) -> list[int]:
    """Return by how many places the first row that was measured may have been moved."""
    n = tensor.shape[axis]
    if n < 2:
        return []
    given, right, allowed, known = (
        _rows(array, axis)
        for array in (tensor.analytic, tensor.numerical, tensor.allowance, tensor.known)
    )
    if tensor.is_complete:
        first = int(np.argmax(right.any(axis=1)))
    else:
        first = int(np.argmax(known.sum(axis=1) * np.nan_to_num(right).any(axis=1)))
    size = np.where(known[first], np.abs(np.nan_to_num(right[first])), -1.0)
    some = np.argsort(-size, kind="stable")[: min(MOST_COLUMNS, int(known[first].sum()))]
    size = np.maximum(np.abs(given[:, some]), np.abs(right[first, some]))
    off = np.abs(given[:, some] - right[first, some])
    places = np.flatnonzero(np.all(off <= allowed[first, some] + ROUNDING * size, axis=1))
    shifts = {int(place - first) % n for place in places} - {0}
    return sorted((s if 2 * s <= n else s - n for s in shifts), key=abs)[:FEWEST_ROWS]


def _reordered(tensor: Evidence, axis: int) -> NDArray[np.int64] | None:
    """Return an order of rows in which the largest column is right; None if there are too few."""
    n = tensor.shape[axis]
    if n < FEWEST_ROWS:
        return None
    given = _rows(tensor.analytic, axis)
    right = _rows(tensor.numerical, axis)
    spread = int(np.argmax(np.ptp(right, axis=0)))
    source, target = (np.argsort(rows[:, spread], kind="stable") for rows in (given, right))
    place = np.empty(n, np.int64)
    place[target] = source
    return place


def _rows(array: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return an array as a matrix whose rows lie along `axis`; of a matrix it is a view."""
    if array.ndim == 2:
        return array if axis == 0 else array.T
    return np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)


def axis_words(axis: int, ndim: int) -> tuple[str, str]:
    """Return what an index along an axis is called, one and several."""
    if ndim == 1:
        return "entry", "entries"
    if ndim == 2:
        return ("row", "rows") if axis == 0 else ("column", "columns")
    return f"index of axis {axis}", f"indices of axis {axis}"
