"""Entries with their address: the worst, and those that are wrong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from fastcheck.judge.entries import VERDICTS
from fastcheck.kernels.judging import AGREE, CLOSE, DISAGREE, KINK, UNRESOLVED, locate
from fastcheck.result import Entry
from fastcheck.result.places import split_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.judge.entries import Judgement

__all__ = ["entry_at", "find_mismatches", "find_worst"]

SEVERITY: Final = (DISAGREE, CLOSE, AGREE, UNRESOLVED, KINK)
"""Of which verdict the worst entry of a tensor is: the first that occurs."""

TRIED: Final = 10
"""Rows or columns that are looked at for each entry that is listed."""


def entry_at(name: str, judged: Judgement, place: int) -> Entry:
    """Return the entry of tensor `name` at a flat place."""
    return Entry(
        tensor=name,
        index=tuple(int(i) for i in np.unravel_index(place, judged.codes.shape)),
        analytic=float(judged.analytic[place]),
        numerical=float(judged.numerical[place]),
        bound=float(judged.bound[place]),
        verdict=VERDICTS[judged.codes.reshape(-1)[place]],
    )


def find_worst(name: str, judged: Judgement) -> Entry | None:
    """Return the entry with the largest deviation, of the worst verdict that occurs."""
    code = next((code for code in SEVERITY if judged.counts[code]), None)
    return None if code is None else entry_at(name, judged, judged.places[code])


def find_mismatches(name: str, judged: Judgement, most: int) -> tuple[Entry, ...]:
    """Return entries that disagree, the largest error first, then the worst that are close."""
    found: list[Entry] = []
    for code, find in ((DISAGREE, _find_largest), (CLOSE, _find_closest)):
        n = min(judged.counts[code], most - len(found))
        if n > 0:
            found += [entry_at(name, judged, place) for place in find(judged, n)]
    return tuple(found)


def _find_largest(judged: Judgement, n: int) -> list[int]:
    """Return the flat places of `n` entries that disagree, the largest error first.

    If there are more, those come first of which no two share a row or a column, because neighbours
    are often wrong in one way.
    """
    with np.errstate(all="ignore"):
        error = np.abs(judged.analytic - judged.numerical)
    error[~np.isfinite(error)] = np.inf
    error[judged.codes.reshape(-1) != DISAGREE] = -1.0
    if judged.counts[DISAGREE] <= n:
        return _largest(error, n)
    places = _spread(error, judged.codes.shape, n)
    error[places] = -1.0
    return places + _largest(error, n - len(places))


def _spread(error: NDArray[np.float64], shape: tuple[int, ...], n: int) -> list[int]:
    """Return the places of the largest errors of which no two share a row or a column."""
    k = split_axes(shape)
    matrix = error.reshape(math.prod(shape[:k]), math.prod(shape[k:]))
    axis = int(matrix.shape[0] <= matrix.shape[1])  # along it, so that the fewer lines are left
    lines = matrix if axis else matrix.T
    peaks = matrix.max(axis=axis)
    chosen: dict[int, int] = {}
    for line in np.argsort(-peaks, kind="stable")[: TRIED * n]:
        left = lines[line].copy()
        left[list(chosen)] = -1.0
        across = int(left.argmax())
        if left[across] >= 0.0:
            chosen[across] = int(
                np.ravel_multi_index((line, across)[:: 1 if axis else -1], matrix.shape)
            )
        if len(chosen) == n or peaks[line] < 0.0:
            break
    return sorted(chosen.values(), key=lambda i: (-error[i], i))


def _largest(error: NDArray[np.float64], n: int) -> list[int]:
    """Return the places of the `n` largest errors."""
    if n < 1:
        return []
    least = np.partition(error, error.size - n)[error.size - n]
    places = np.flatnonzero(error >= least)
    return [int(i) for i in places[np.argsort(-error[places], kind="stable")][:n]]


def _find_closest(judged: Judgement, n: int) -> list[int]:
    """Return the flat places of the `n` worst entries that are close, in units of their bounds."""
    places, ratios, errors = np.empty(n, np.int64), np.empty(n), np.empty(n)
    with np.errstate(all="ignore"):  # of an interpreted kernel; a compiled one never warns
        locate(
            judged.analytic,
            judged.numerical,
            judged.bound,
            judged.codes.reshape(-1),
            CLOSE,
            judged.floor,
            places,
            ratios,
            errors,
        )
    return [int(place) for place in places]
