"""Entries with their address: the worst, and those that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from fastcheck.judge.entries import VERDICTS
from fastcheck.kernels.judging import AGREE, CLOSE, DISAGREE, KINK, UNRESOLVED, locate
from fastcheck.result import Entry

if TYPE_CHECKING:
    from fastcheck.judge.entries import Judgement

__all__ = ["entry_at", "find_mismatches", "find_worst"]

SEVERITY: Final = (DISAGREE, CLOSE, AGREE, UNRESOLVED, KINK)
"""Of which verdict the worst entry of a tensor is: the first that occurs."""


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
    """Return the worst entries that disagree, then the worst that are close."""
    found: list[Entry] = []
    for code in (DISAGREE, CLOSE):
        n = min(judged.counts[code], most - len(found))
        if n > 0:
            found += [entry_at(name, judged, place) for place in _find_worst_of(code, judged, n)]
    return tuple(found)


def _find_worst_of(code: int, judged: Judgement, n: int) -> list[int]:
    """Return the flat places of the `n` worst entries with a verdict, the worst first."""
    places, ratios, errors = np.empty(n, np.int64), np.empty(n), np.empty(n)
    with np.errstate(all="ignore"):  # of an interpreted kernel; a compiled one never warns
        locate(
            judged.analytic,
            judged.numerical,
            judged.bound,
            judged.codes.reshape(-1),
            code,
            judged.floor,
            places,
            ratios,
            errors,
        )
    return [int(place) for place in places]
