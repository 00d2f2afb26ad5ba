"""Where in a tensor entries are wrong: counts on a grid small enough to be kept and drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Counts = tuple[tuple[int, ...], ...]

__all__ = ["MOST_COLUMNS", "MOST_ROWS", "Places", "edges", "split_axes"]

MOST_ROWS: Final = 12
MOST_COLUMNS: Final = 40


@dataclass(frozen=True, slots=True)
class Places:
    """Counts of entries in the cells of a grid that is laid over a tensor.

    The tensor is read as a matrix (:func:`split_axes`), and the matrix is cut into cells at
    :func:`edges` along both axes, at most 12 by 40 of them.

    Attributes
    ----------
    wrong : tuple of tuple of int
        By row and column of the grid, how many entries of the cell are wrong.
    decided : tuple of tuple of int
        How many of its entries are known to be right or wrong.
    """

    wrong: Counts
    decided: Counts

    def __post_init__(self) -> None:
        for name in ("wrong", "decided"):
            rows = tuple(tuple(int(n) for n in row) for row in getattr(self, name))
            object.__setattr__(self, name, rows)

    @classmethod
    def of(cls, wrong: Flags, decided: Flags) -> Places | None:
        """Count entries; None for a tensor of which a picture would say nothing.

        Parameters
        ----------
        wrong, decided : ndarray of bool, in the shape of the tensor
            Which entries are wrong, and of which that is known.

        Notes
        -----
        A picture says nothing where fewer than two entries are wrong, or all that are decided.
        Cost: two passes over the flags.
        """
        n_wrong = int(np.count_nonzero(wrong))
        if n_wrong < 2 or n_wrong == int(np.count_nonzero(decided)):
            return None
        return cls(_pooled(wrong), _pooled(decided))


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


def _pooled(flags: NDArray[Any]) -> Counts:
    """Return how many flags are set in each cell."""
    k = split_axes(flags.shape)
    down, across = flags.shape[:k], flags.shape[k:]
    rows, columns = edges(down, MOST_ROWS), edges(across, MOST_COLUMNS)
    matrix = flags.reshape(rows[-1], columns[-1])
    sums = np.add.reduceat(matrix, columns[:-1], axis=1, dtype=np.int64)
    return tuple(map(tuple, np.add.reduceat(sums, rows[:-1], axis=0).tolist()))
