"""The catalogue of mistakes at the literal network."""

from __future__ import annotations

import numpy as np

from fastcheck.faults import Fault, Point, catalogue
from tests.literal import N_BATCH, Arrays, Case

CASE = Case.drawn(0)
SLIGHTLY = ("guard ignored", "in float32")
"""Mistakes that are within `rtol`, and still measurably wrong."""


def point_of(case: Case, seed: int = 0) -> Point:
    """Return a case as mistakes are planted into it."""
    state = case.objective.state(case.params)
    return Point(case.right, case.params, N_BATCH, state.graph, state.values, seed)


POINT = point_of(CASE)
CATALOGUE = catalogue(POINT)
MADE: dict[str, tuple[Fault, Arrays]] = {}
"""By title; one that is planted in several ways at one place is counted."""
for _fault in CATALOGUE:
    _title = _fault.title
    while _title in MADE:
        _title += " again"
    MADE[_title] = (_fault, _fault.make())


def is_change(wrong: Arrays) -> bool:
    """Return whether a gradient differs by more than rounding from the right one."""
    return any(
        not np.allclose(wrong[name], right, rtol=1e-12, atol=0.0)
        for name, right in CASE.right.items()
    )


def one_off(name: str, index: tuple[int, ...], factor: float) -> Arrays:
    """Return the right gradient with one entry multiplied."""
    gradient = CASE.right[name].copy()
    gradient[index] *= factor
    return CASE.right | {name: gradient}


ENTRIES = (("W1", (5, 4)), ("b1", (2,)), ("W2", (0, 3)), ("b2", (4,)), ("W3", (1, 0)))
FAULTS: dict[str, Arrays] = {
    title: wrong for title, (_, wrong) in MADE.items()
    if not title.startswith(SLIGHTLY) and is_change(wrong)
}  # fmt: skip
"""Gradients that are far outside any tolerance in some entry."""
FAULTS |= {f"{name}{list(place)} off": one_off(name, place, 1.001) for name, place in ENTRIES}
SLIGHT: dict[str, Arrays] = {
    title: wrong for title, (_, wrong) in MADE.items() if title.startswith(SLIGHTLY)
}  # fmt: skip
SLIGHT |= {f"{name}{list(place)} off": one_off(name, place, 1 + 1e-6) for name, place in ENTRIES}
