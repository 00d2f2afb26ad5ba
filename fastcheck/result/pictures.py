"""What a report draws of a tensor and of its worst entry, small enough to be kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from fastcheck.result.places import edges, split_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Levels = NDArray[np.int64]

__all__ = ["MOST_CELLS", "Picture", "StepErrors", "decades", "make_picture"]

MOST_CELLS: Final = 64
"""Rows, and columns, of a picture. Results that were saved rest on this."""
MOST_POINTS: Final = 240
"""Entries of which both gradients are kept, half of them wrong ones where there are so many."""
SIGNS: Final = " 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!"
"""The character of a cell: nothing known, equal, 61 steps of a third of a decade, not finite."""
LEAST: Final = -17.0
"""Decimal logarithm of the deviation of the first step; the last is +3."""
STEPS: Final = 3
"""For each decade."""


@dataclass(frozen=True, slots=True)
class Picture:
    """How far the entries of a tensor are off, pooled, and some of them as pairs.

    Attributes
    ----------
    tensor : str
        The name of the tensor.
    deviations : tuple of str
        For each row of a grid of 64 × 64 cells at most a character for each cell, which
        :func:`decades` reads: the largest ``|a - n| / max(|a|, |n|, 0.01 rms(n))`` in it, so that
        a single wrong entry shows. The tensor is cut as in :func:`fastcheck.result.find_places`.
    wrong : tuple of str
        For each row of the same grid ``x`` for a cell with a wrong entry, else a space; empty if no
        entry is wrong.
    analytic, numerical : tuple of float
        Both gradients of at most 240 entries: wrong ones, then others, each spread evenly.
    n_wrong : int
        How many of these are wrong.
    """

    tensor: str
    deviations: tuple[str, ...]
    wrong: tuple[str, ...] = ()
    analytic: tuple[float, ...] = ()
    numerical: tuple[float, ...] = ()
    n_wrong: int = 0


@dataclass(frozen=True, slots=True)
class StepErrors:
    """The numerical derivative of one entry at many steps, in two arithmetics.

    Attributes
    ----------
    tensor : str
        The name of the tensor.
    index : tuple of int
        The place of the entry.
    steps : tuple of float
        Absolute, in units of the tensor, the largest first.
    difference, plain : tuple of float
        The derivative at each step: from differences that are carried through the loss, and from
        two losses that are subtracted; NaN where the loss is not finite.
    """

    tensor: str
    index: tuple[int, ...]
    steps: tuple[float, ...]
    difference: tuple[float, ...]
    plain: tuple[float, ...]


def make_picture(
    tensor: str, analytic: Floats, numerical: Floats, wrong: Flags, checked: Flags
) -> Picture:
    """Return the picture of a tensor that has entries.

    Parameters
    ----------
    tensor : str
        Its name.
    analytic, numerical : ndarray of float64, in the shape of the tensor
        The two gradients.
    wrong, checked : ndarray of bool, same shape
        Which entries are wrong, and which were compared.

    Notes
    -----
    Cost: some passes over the entries; logarithms are taken of the cells.

    Examples
    --------
    >>> a = np.array([1.0, 2.0, 4.0])
    >>> flags = np.array([False, True, False])
    >>> picture = make_picture("b1", a, np.array([1.0, 2.2, 4.0]), flags, np.ones(3, bool))
    >>> picture.deviations, picture.wrong
    (('0n0',), (' x ',))
    """
    with np.errstate(all="ignore"):
        known = numerical[checked & np.isfinite(numerical)]
        floor = 0.01 * math.sqrt(float(np.mean(known * known))) if known.size else 0.0
        scale = np.maximum(np.maximum(np.abs(analytic), np.abs(numerical)), floor)
        deviation = np.abs(analytic - numerical) / np.where(scale > 0.0, scale, 1.0)
    deviation[~np.isfinite(deviation)] = np.inf  # a NaN is as far off as can be
    cells = _pooled(np.where(checked, deviation, -1.0))
    grid = tuple("".join(SIGNS[k] for k in row) for row in _levels(cells).tolist())
    marks = _pooled(wrong & checked)
    rows = ("".join(" x"[int(k)] for k in row) for row in marks.tolist())
    chosen, n_wrong = _chosen(wrong & checked, checked)
    return Picture(
        tensor=tensor,
        deviations=grid,
        wrong=tuple(rows) if marks.any() else (),
        analytic=_rounded(analytic.reshape(-1)[chosen]),
        numerical=_rounded(numerical.reshape(-1)[chosen]),
        n_wrong=n_wrong,
    )


def decades(picture: Picture) -> Floats:
    """Return the decimal logarithms of the deviations of a picture, cell by cell.

    Negative infinity stands for equal, infinity for a value that is not finite, and NaN for a cell
    of which no entry was compared.
    """
    values = np.array([math.nan, -math.inf, *(LEAST + np.arange(61) / STEPS), math.inf])
    places = {sign: k for k, sign in enumerate(SIGNS)}
    found: Floats = values[[[places[sign] for sign in row] for row in picture.deviations]]
    return found


def _levels(cells: Floats) -> Levels:
    """Return the place in `SIGNS` of each cell; negative cells are unknown."""
    with np.errstate(all="ignore"):
        steps = np.rint(STEPS * (np.log10(cells) - LEAST))
    levels: Levels = 2 + np.clip(np.nan_to_num(steps, nan=0.0), 0, 60).astype(np.int64)
    levels[cells == 0.0] = 1
    levels[cells < 0.0] = 0
    levels[np.isinf(cells)] = len(SIGNS) - 1
    return levels


def _pooled(values: NDArray[np.float64] | Flags) -> NDArray[np.float64]:
    """Return the largest value in each cell."""
    k = split_axes(values.shape)
    rows, columns = edges(values.shape[:k], MOST_CELLS), edges(values.shape[k:], MOST_CELLS)
    matrix = values.reshape(rows[-1], columns[-1])
    largest = np.maximum.reduceat(matrix, columns[:-1], axis=1)
    return np.maximum.reduceat(largest, rows[:-1], axis=0)


def _chosen(wrong: Flags, checked: Flags) -> tuple[NDArray[np.int64], int]:
    """Return flat places: wrong entries, then others, and how many are wrong."""
    bad = np.flatnonzero(wrong)
    good = np.flatnonzero(checked & ~wrong)
    n_bad = min(bad.size, max(MOST_POINTS // 2, MOST_POINTS - good.size))
    n_good = min(good.size, MOST_POINTS - n_bad)
    return np.concatenate([_spread(bad, n_bad), _spread(good, n_good)]), n_bad


def _spread(places: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return `n` of some places, evenly spread."""
    return places[np.linspace(0, places.size - 1, n).astype(np.int64)] if n else places[:0]


def _rounded(values: Floats) -> tuple[float, ...]:
    """Return values with as many digits as a drawing shows."""
    return tuple(float(f"{value:.6g}") for value in values.tolist())
