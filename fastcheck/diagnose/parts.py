"""Single entries, rows, columns and blocks that are wrong, while the rest of a tensor is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnose.choose import NEEDED
from fastcheck.diagnose.constants import named_factor
from fastcheck.diagnose.fit import interval_of, inverse, is_narrow, middle
from fastcheck.diagnose.order import axis_words
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fastcheck.diagnose.evidence import Evidence, Length

    Flags = NDArray[np.bool_]
    Ints = NDArray[np.int64]

MOST_RUNS = 6
"""Most runs of rows that are called by their numbers."""
MOST_ADDRESSES = 5
"""Most entries that are named one by one."""
FEWEST_RIGHT = 2
"""Entries that are right and not zero, without which nothing is called a part."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a tensor.

    Attributes
    ----------
    kind : {"zero-part", "factor-part", "wrong-part", "one-entry"}
        What is wrong with it.
    text : str
        Which part it is, as in ``"rows 3 to 5"``.
    is_one : bool
        Whether `text` is singular.
    factor : float or None
        What its entries were multiplied by, if that is a simple number; of one entry the ratio.
    """

    kind: str
    text: str
    is_one: bool
    factor: float | None = None


def find_part(tensor: Evidence, lengths: Iterable[Length]) -> Part | None:
    """Return the part of a tensor that is wrong as a whole, None if there is none.

    Notes
    -----
    The smallest product of index sets that holds all wrong entries. Entries that are zero on both
    sides belong to it or not; one entry in it that is right and not zero, and it is no part.
    Nothing is said from a sample, which cannot know the rest.
    """
    wrong = tensor.wrong
    if not tensor.is_complete or not tensor.n_clear or tensor.analytic.ndim == 0:
        return None
    right = tensor.told & ~wrong
    if np.count_nonzero(right) < FEWEST_RIGHT:
        return None
    n_wrong = int(np.count_nonzero(wrong))
    if n_wrong == 1:
        return _entry(tensor)
    places = _box(wrong, right)
    if places is None:
        return _few(tensor, lengths) if n_wrong <= MOST_ADDRESSES else None
    narrow = [a for a in range(wrong.ndim) if places[a].size < wrong.shape[a]]
    wide = [a for a in range(wrong.ndim) if a not in narrow and wrong.shape[a] > 1]
    is_block = all(places[a].size > 1 and np.ptp(places[a]) == places[a].size - 1 for a in narrow)
    if not narrow or not (wide or is_block):
        return _few(tensor, lengths) if n_wrong <= MOST_ADDRESSES else None
    text = ", ".join(indices_text(places[a], a, tensor.shape) for a in narrow)
    is_one = len(narrow) == 1 and places[narrow[0]].size == 1
    box = np.zeros(wrong.shape, np.bool_)
    box[np.ix_(*places)] = True
    return _explained(tensor, box, text, is_one, lengths) or Part("wrong-part", text, is_one)


def _box(wrong: Flags, right: Flags) -> list[Ints] | None:
    """Return the indices along each axis that hold all wrong entries, and no right one."""
    axes = range(wrong.ndim)
    places = [np.flatnonzero(wrong.any(axis=tuple(a for a in axes if a != k))) for k in axes]
    if right[np.ix_(*places)].any():
        return None
    for axis in axes:
        wider = [*places[:axis], np.arange(wrong.shape[axis]), *places[axis + 1 :]]
        if not right[np.ix_(*wider)].any():
            places = wider
    return places


def _entry(tensor: Evidence) -> Part:
    """Return the one entry that is wrong."""
    place = tuple(int(i) for i in np.argwhere(tensor.wrong)[0])
    given, right = float(tensor.analytic[place]), float(tensor.numerical[place])
    return Part("one-entry", str(list(place)), True, given / right if right else None)


def _few(tensor: Evidence, lengths: Iterable[Length]) -> Part | None:
    """Return a few entries that are wrong in one way, None if they are not."""
    return _explained(tensor, tensor.wrong, addresses(tensor.name, tensor.wrong), False, lengths)


def _explained(
    tensor: Evidence, box: Flags, text: str, is_one: bool, lengths: Iterable[Length]
) -> Part | None:
    """Return what happened to some entries: they are zero, or all multiplied by one factor."""
    given = tensor.analytic[box]
    if not given.any():
        return Part("zero-part", text, is_one)
    found = interval_of(tensor.numerical[box], given, tensor.allowance[box])
    if found is None:
        return None
    named = named_factor(inverse(found), lengths)
    if named is None and not is_narrow(found):
        return None
    said = sum(tensor.digits[named is None :]) - (0.0 if named is None else named.cost)
    factor = middle(inverse(found)) if named is None else named.value
    return Part("factor-part", text, is_one, factor) if said >= NEEDED else None


def addresses(name: str, some: Flags) -> str:
    """Return the addresses of entries.

    Examples
    --------
    >>> addresses("b", np.array([False, True, True]))
    'b[1] and b[2]'
    """
    places = np.argwhere(some)[: MOST_ADDRESSES + 1]
    return listing([f"{name}{[int(i) for i in place]}" for place in places], MOST_ADDRESSES)


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
