"""Where in a tensor entries are wrong: a grid small enough to be kept and drawn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Counts = NDArray[np.int64]

__all__ = ["LEVELS", "MOST_COLUMNS", "MOST_ROWS", "edges", "find_places", "split_axes"]

MOST_ROWS: Final = 12
MOST_COLUMNS: Final = 40
"""Results that were saved rest on these: other numbers are another schema."""
FEW: Final = 10
"""Entries of a tensor that are as easily read in a list."""
LEVELS: Final = " 01234"
"""What is known of a cell: nothing; no entry is wrong; some, a third, two thirds, all of them."""


def find_places(wrong: Flags, decided: Flags, silent: Flags) -> tuple[str, ...]:
    """Return where entries are wrong, on a grid of cells that is laid over a tensor.

    Parameters
    ----------
    wrong : ndarray of bool, in the shape of the tensor
        Which entries are wrong.
    decided : ndarray of bool, same shape
        Which are known to be wrong or right.
    silent : ndarray of bool, same shape
        Which of those that are not wrong say nothing: where the derivative is exactly zero, most
        mistakes would not show, and some are off by too little to be wrong.

    Returns
    -------
    tuple of str
        For each row of the grid its cells, as characters of `LEVELS`; a share is one of the
        entries that are not silent. Empty where a picture would say nothing: fewer than two entries
        are wrong, or all that are not silent, or the tensor has ten entries at most.

    Notes
    -----
    The tensor is read as a matrix (:func:`split_axes`), which is cut into cells at :func:`edges`
    along both axes, at most 12 by 40 of them. Cost: a few passes over the flags.
    """
    telling = decided & ~silent
    n_wrong = int(np.count_nonzero(wrong))
    if n_wrong < 2 or n_wrong == int(np.count_nonzero(telling)) or wrong.size <= FEW:
        return ()
    counts = _pooled(wrong)
    share = counts / np.maximum(_pooled(telling), 1)
    level = (counts > 0).astype(int) + (share >= 1 / 3) + (share >= 2 / 3) + (share == 1.0)
    level = np.where(_pooled(decided) > 0, 1 + level, 0)
    return tuple("".join(LEVELS[k] for k in row) for row in level.tolist())


def split_axes(shape: tuple[int, ...]) -> int:
    """Return how many leading axes of a tensor are read as the rows of a matrix.

    Those that make the matrix closest to a square; a vector is one row.

    Examples
    --------
    >>> split_axes((50, 10)), split_axes((10,)), split_axes((16, 3, 5, 5))
    (1, 0, 2)
    """
    if len(shape) < 2:
        return 0
    if len(shape) == 2:
        return 1

    def skewness(k: int) -> float:
        return abs(math.log(math.prod(shape[:k])) - math.log(math.prod(shape[k:])))

    return min(range(1, len(shape)), key=lambda k: (skewness(k), -k))


def edges(lengths: tuple[int, ...], most: int) -> list[int]:
    """Return where cells begin along axes that are read as one, and at the end its length.

    Cells are parts of one axis: they hold whole indices of it, with all of the axes after it.

    Examples
    --------
    >>> edges((3,), 12), edges((10,), 4), edges((2, 5, 3), 4)
    ([0, 1, 2, 3], [0, 2, 5, 7, 10], [0, 6, 15, 21, 30])
    """
    n, axis = 1, 0  # cells so far, one for each index along the axes before this one
    while axis < len(lengths) and n * lengths[axis] <= most:
        n *= lengths[axis]
        axis += 1
    if axis == len(lengths):
        return list(range(n + 1))
    length, below = lengths[axis], math.prod(lengths[axis + 1 :])
    parts = max(1, most // n)
    starts = [k * length // parts for k in range(parts)]
    return [(k * length + start) * below for k in range(n) for start in starts] + [
        n * length * below
    ]


def _pooled(flags: Flags) -> Counts:
    """Return how many flags are set in each cell."""
    k = split_axes(flags.shape)
    rows, columns = edges(flags.shape[:k], MOST_ROWS), edges(flags.shape[k:], MOST_COLUMNS)
    matrix = flags.reshape(rows[-1], columns[-1])
    sums = np.add.reduceat(matrix, columns[:-1], axis=1, dtype=np.int64)
    return np.add.reduceat(sums, rows[:-1], axis=0)
