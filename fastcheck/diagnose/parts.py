"""Rows, columns and blocks that are wrong as a whole, while the rest of a tensor is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnose.fit import interval_of, inverse, simple_factor
from fastcheck.diagnose.order import axis_words
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fastcheck.diagnose.evidence import Evidence

    Flags = NDArray[np.bool_]
    Ints = NDArray[np.int64]

MOST_RUNS = 6
"""Most runs of rows that are called by their numbers."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a tensor.

    Attributes
    ----------
    kind : {"zero-part", "factor-part", "wrong-part"}
        What is wrong with it.
    text : str
        Which part it is, as in ``"rows 3 to 5"``.
    is_one : bool
        Whether `text` is singular.
    n : int
        How many clearly wrong entries it has.
    factor : float or None
        What its entries were multiplied by, if that is a simple number.
    """

    kind: str
    text: str
    is_one: bool
    n: int
    factor: float | None


def find_part(tensor: Evidence, lengths: Iterable[int]) -> Part | None:
    """Return the part of a tensor that is wrong as a whole, None if there is none.

    Notes
    -----
    The smallest product of index sets that holds all wrong entries. Entries that are zero on both
    sides belong to it or not; one entry in it that is right and not zero, and it is no part.
    Nothing is said from a sample, which cannot know the rest.
    """
    wrong = tensor.wrong
    if not tensor.is_complete or tensor.n_clear < 2 or tensor.analytic.ndim == 0:
        return None
    told = np.maximum(np.abs(tensor.analytic), np.abs(tensor.numerical)) > tensor.allowance
    right = told & ~wrong
    axes = range(wrong.ndim)
    places = [np.flatnonzero(wrong.any(axis=tuple(a for a in axes if a != k))) for k in axes]
    if right[np.ix_(*places)].any():
        return None
    for axis in axes:
        wider = [*places[:axis], np.arange(wrong.shape[axis]), *places[axis + 1 :]]
        if not right[np.ix_(*wider)].any():
            places = wider
    narrow = [a for a in axes if places[a].size < wrong.shape[a]]
    wide = [a for a in axes if a not in narrow and wrong.shape[a] > 1]
    is_block = all(places[a].size > 1 and np.ptp(places[a]) == places[a].size - 1 for a in narrow)
    if not narrow or np.count_nonzero(right) < 2 or not (wide or is_block):
        return None
    return _described(tensor, places, narrow, is_block and not wide, lengths)


def _described(
    tensor: Evidence, places: list[Ints], narrow: list[int], is_block: bool, lengths: Iterable[int]
) -> Part | None:
    box = np.ix_(*places)
    text = ", ".join(indices_text(places[a], a, tensor.shape) for a in narrow)
    is_one = len(narrow) == 1 and places[narrow[0]].size == 1
    n = tensor.n_clear
    if not tensor.analytic[box].any():
        return Part("zero-part", text, is_one, n, None)
    arrays = (tensor.numerical[box], tensor.analytic[box], tensor.allowance[box])
    found = interval_of(*(array.reshape(-1) for array in arrays))
    factor = None if found is None else simple_factor(inverse(found), lengths)
    if factor is not None:
        return Part("factor-part", text, is_one, n, factor)
    return None if is_block else Part("wrong-part", text, is_one, n, None)


def indices_text(places: Ints, axis: int, shape: tuple[int, ...]) -> str:
    """Return some indices along an axis in words.

    Examples
    --------
    >>> indices_text(np.array([3, 4, 5]), 0, (9, 2))
    'rows 3 to 5'
    """
    one, many = axis_words(axis, len(shape))
    length = shape[axis]
    if places.size == 1:
        return f"{one} {places[0]}" if length > 1 else one
    rest = np.setdiff1d(np.arange(length), places)
    if 0 < rest.size < min(places.size, 3) and _runs(places)[1:]:
        left = listing([str(i) for i in rest])
        return f"the {many} other than {left}"
    runs = [f"{a} to {b}" if b > a + 1 else " and ".join(map(str, dict.fromkeys((a, b))))
            for a, b in _runs(places)]  # fmt: skip
    joint = listing(runs, MOST_RUNS) if len(runs) != 2 else ", ".join(runs)
    return f"{many} {joint}"


def _runs(places: Ints) -> list[tuple[Any, Any]]:
    """Return the first and last index of each run without gaps."""
    parts = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    return [(int(part[0]), int(part[-1])) for part in parts]
