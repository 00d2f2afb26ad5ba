"""The right entries in the wrong places of a tensor."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.fit import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.evidence import Evidence

    Floats = NDArray[np.float64]

MOST_AXES = 4
FEWEST_ROWS = 3
"""Rows from which on their order is looked for."""


def find_orders(tensor: Evidence) -> Iterator[Fit]:
    """Yield the order of entries that makes a tensor right."""
    for kind, detail, complexity, other in _orders(tensor.analytic):
        if tensor.explained_by(other) and (n := tensor.informs(other)):
            yield Fit(kind, tensor.name, n, complexity, detail=detail)
            return
    if tensor.is_complete:
        for axis in range(min(tensor.analytic.ndim, 2)):
            n = _n_reordered(tensor, axis)
            if n:
                detail = f"the {axis_words(axis, tensor.analytic.ndim)[1]}"
                yield Fit("reordered", tensor.name, n, 2.6, detail=detail)
                return


def _orders(given: Floats) -> Iterator[tuple[str, str, float, Floats]]:
    """Yield kind, detail, complexity and the entries in another order."""
    axes = range(given.ndim)
    if given.ndim > MOST_AXES or given.size < 2:
        return
    if given.ndim > 1:
        for order in permutations(axes):
            if order != tuple(axes) and all(
                given.shape[i] == given.shape[k] for k, i in enumerate(order)
            ):
                detail = "" if given.ndim == 2 else f"its axes in the order {order}"
                yield "transposed", detail, 1.2, given.transpose(order)
        turned = given.reshape(given.shape[::-1]).transpose()
        yield "memory-order", "", 1.5, turned
        yield "memory-order", "", 1.5, given.transpose().reshape(given.shape)
    for axis in axes:
        words = axis_words(axis, given.ndim)[1]
        for shift in (-1, 1):
            towards = "beginning" if shift > 0 else "end"
            detail = f"the {words} are moved by one place towards the {towards}"
            yield "rolled", detail, 1.4, np.roll(given, shift, axis)
    for n in range(1, given.ndim + 1):
        for some in combinations(axes, n):
            names = " and ".join(axis_words(axis, given.ndim)[1] for axis in some)
            yield "reversed", f"the order of its {names}", 1.3, np.flip(given, some)


def _n_reordered(tensor: Evidence, axis: int) -> int:
    """Return how many clearly wrong entries another order of rows explains; 0 for none."""
    n = tensor.shape[axis]
    if n < FEWEST_ROWS:
        return 0
    given = np.moveaxis(tensor.analytic, axis, 0).reshape(n, -1)
    right = np.moveaxis(tensor.numerical, axis, 0).reshape(n, -1)
    spread = int(np.argmax(np.ptp(right, axis=0)))
    source, target = (np.argsort(rows[:, spread], kind="stable") for rows in (given, right))
    place = np.empty(n, np.int64)
    place[target] = source
    other = np.take(tensor.analytic, place, axis)
    return tensor.informs(other) if tensor.explained_by(other) else 0


def axis_words(axis: int, ndim: int) -> tuple[str, str]:
    """Return what an index along an axis is called, one and several."""
    if ndim == 1:
        return "entry", "entries"
    if ndim == 2:
        return ("row", "rows") if axis == 0 else ("column", "columns")
    return f"index of axis {axis}", f"indices of axis {axis}"
