"""Which entries stand for a tensor, and what may be wrong in it if all of them are right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Shape = tuple[int, ...]

CONFIDENCE = 0.95
FEWEST = 32
"""Entries of each tensor, whatever the budget; and so many at random where there is structure."""
SMALL = 1000
"""Vectors up to this length are taken in full before larger tensors get more than their least."""
LARGEST = 8
"""One part in so many goes to the largest analytic values."""
MOST_CORNERS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Entries of one tensor.

    Attributes
    ----------
    places : ndarray of int64
        The entries, in C order, ascending.
    size : int
        Entries of the tensor.
    n_uniform : int
        How many of them were drawn uniformly from what the others leave.
    strength : int
        With 1, every index along every axis occurs; with 2, every pair of indices along any two
        axes; with 0 neither need be so.
    """

    places: Ints
    size: int
    n_uniform: int
    strength: int

    @property
    def n_left(self) -> int:
        """Of how many entries the uniform part was drawn."""
        return self.size - self.places.size + self.n_uniform

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the tensor."""
        return bool(self.places.size == self.size)

    @property
    def missable(self) -> float:
        """Share of the tensor of which, if more is wrong, it is found with 95 % probability."""
        return most_missed([(self.n_left, self.n_uniform)]) / self.size if self.size else 0.0


# ------------------------------------------------------------ how many of each tensor


def shares(shapes: Mapping[str, Shape], total: int) -> dict[str, int]:
    """Return how many entries of each tensor are taken.

    At least 32 of each; then, the smallest first, what full vectors and every index along every
    axis need; the rest in proportion.

    Examples
    --------
    >>> shares({"W1": (784, 50), "b1": (50,), "b2": (10,)}, 2000)
    {'W1': 1940, 'b1': 50, 'b2': 10}
    """
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    counts = {name: min(size, FEWEST) for name, size in sizes.items()}
    rest = max(0, total - sum(counts.values()))
    for name in sorted(sizes, key=lambda name: needed(shapes[name])):
        more = needed(shapes[name]) - counts[name]
        if more <= rest:
            counts[name] += more
            rest -= more
    left = sum(sizes.values()) - sum(counts.values())
    part = min(1.0, rest / left) if left else 0.0
    return {name: n + int(part * (sizes[name] - n)) for name, n in counts.items()}


def so_many(shapes: Mapping[str, Shape], entries: int) -> dict[str, int]:
    """Return how many entries of each tensor are taken if that was asked for."""
    return {name: min(entries, math.prod(shape)) for name, shape in shapes.items()}


def needed(shape: Shape) -> int:
    """Return how many entries of a tensor hold every index, the corners and 32 at random."""
    size, axes = math.prod(shape), [n for n in shape if n > 1]
    if len(axes) <= 1:
        return size if size <= SMALL else min(size, FEWEST)
    structured = max(axes) + _n_corners(shape) + FEWEST
    return min(size, math.ceil(structured * LARGEST / (LARGEST - 1.0)) + 1)


def _n_corners(shape: Shape) -> int:
    n = 2 ** sum(length > 1 for length in shape)
    return n if n <= MOST_CORNERS else 0


# ------------------------------------------------------------ which ones


def draw(shape: Shape, n: int, analytic: Floats | None, seed: int) -> Sample:
    """Return `n` entries of a tensor.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    n : int
        How many; all if there are not more.
    analytic : ndarray of float64 or None
        The gradient. An eighth of the sample has its largest values; what is not finite counts as
        largest.
    seed : int
        Seed of what is drawn.

    Notes
    -----
    Beside the largest: entries that hold every index along every axis, with the corners, and for
    three axes and more every pair of indices, as far as that leaves 32 or a quarter of the sample
    to chance. The rest is drawn uniformly from what is left.
    """
    size = math.prod(shape)
    if n >= size:
        return Sample(np.arange(size), size, 0, 2)
    if n <= 0:
        return Sample(np.empty(0, np.int64), size, 0, 0)
    rng = np.random.default_rng([seed, 13, size])
    chosen = np.zeros(size, bool)
    if analytic is not None:
        magnitude = np.nan_to_num(np.abs(analytic.reshape(-1)), nan=np.inf)
        chosen[np.argsort(-magnitude, kind="stable")[: max(1, n // LARGEST)]] = True
    n_random = max(min(FEWEST, n // 4), 1)
    structured, strength = _structured(shape, n - int(chosen.sum()) - n_random, rng)
    chosen[structured] = True
    left = np.flatnonzero(~chosen)
    uniform = rng.choice(left, n - (size - left.size), replace=False)
    chosen[uniform] = True
    return Sample(np.flatnonzero(chosen), size, uniform.size, strength)


def _structured(shape: Shape, most: int, rng: np.random.Generator) -> tuple[Ints, int]:
    """Return entries that hold all indices or pairs of them, and which; none if `most` is less."""
    corners = _corners(shape)
    axes = sorted((length for length in shape if length > 1), reverse=True)
    room = most - corners.size
    if len(axes) > 2 and axes[0] * axes[1] <= room:
        pairs = _every_pair(shape, rng)
        if pairs.size <= room:
            return np.union1d(pairs, corners), 2
    if axes and axes[0] <= room:
        return np.union1d(_every_index(shape, rng), corners), 1
    return corners[: max(0, most)] if corners.size <= most else corners[:0], 0


def _corners(shape: Shape) -> Ints:
    if not _n_corners(shape):
        return np.empty(0, np.int64)
    ends = product(*(sorted({0, length - 1}) for length in shape))
    return np.unique([np.ravel_multi_index(end, shape) for end in ends] if shape else [0])


def _every_index(shape: Shape, rng: np.random.Generator) -> Ints:
    """Return as many entries as the longest axis has indices; every index of each axis occurs."""
    n = max(shape)
    columns = [np.resize(rng.permutation(length), n) for length in shape]
    return np.unique(np.ravel_multi_index(tuple(columns), shape))


def _every_pair(shape: Shape, rng: np.random.Generator) -> Ints:
    """Return entries in which every pair of indices along any two axes occurs.

    All pairs ``(i, j)`` of the two longest axes, with index ``i + k j`` along the k-th of the
    others, all relabelled at random; each pair that this leaves out is added with its other
    indices such that it covers most of what is left.
    """
    order = sorted(range(len(shape)), key=lambda axis: -shape[axis])
    i, j = (a.reshape(-1) for a in np.indices((shape[order[0]], shape[order[1]])))
    columns = np.empty((i.size, len(shape)), np.int64)
    for k, axis in enumerate(order):
        plain = (i, j)[k] if k < 2 else (i + (k - 1) * j) % shape[axis]
        columns[:, axis] = rng.permutation(shape[axis])[plain]
    rows = [columns]
    missing = _missing_pairs(shape, columns)
    while missing:
        row = _best_row(shape, missing, rng)
        missing -= _pairs_of(row)
        rows.append(np.array([row]))
    return np.unique(np.ravel_multi_index(tuple(np.concatenate(rows).T), shape))


Pair = tuple[int, int, int, int]


def _missing_pairs(shape: Shape, rows: Ints) -> set[Pair]:
    """Return ``(axis, other axis, index, index)`` of pairs that no row has."""
    missing: set[Pair] = set()
    for a, b in combinations(range(len(shape)), 2):
        seen = np.zeros((shape[a], shape[b]), bool)
        seen[rows[:, a], rows[:, b]] = True
        missing |= {(a, b, int(x), int(y)) for x, y in np.argwhere(~seen)}
    return missing


def _pairs_of(row: list[int]) -> set[Pair]:
    return {(a, b, row[a], row[b]) for a, b in combinations(range(len(row)), 2)}


def _best_row(shape: Shape, missing: set[Pair], rng: np.random.Generator) -> list[int]:
    """Return the best of some random rows that have the first missing pair."""
    a, b, x, y = min(missing)
    rows = []
    for _ in range(16):
        row = [int(rng.integers(length)) for length in shape]
        row[a], row[b] = x, y
        rows.append(row)
    return max(rows, key=lambda row: len(_pairs_of(row) & missing))


# ------------------------------------------------------------ what a sample may miss


def most_missed(strata: Iterable[tuple[int, int]], confidence: float = CONFIDENCE) -> int:
    """Return the largest number of wrong entries that may escape.

    Parameters
    ----------
    strata : iterable of (int, int)
        For each tensor of how many entries how many were drawn uniformly, without replacement;
        all of them were right.
    confidence : float
        Probability with which any larger number would have been found, wherever they are.

    Notes
    -----
    K wrong ones among N escape m draws with probability ``C(N-K, m)/C(N, m)``, the product of
    ``1 - m/(N - j)`` over j < K. Factors fall with j; so K wrong ones among several strata escape
    most easily if the largest factors are taken, in whatever stratum they stand. Entries that were
    chosen otherwise only add to what is found.

    Examples
    --------
    >>> most_missed([(100_000, 300)]), most_missed([(50, 50)])
    (992, 0)
    """
    limit = math.log1p(-confidence)
    logs = [_log_factors(n, m, limit) for n, m in strata]
    total = np.cumsum(np.sort(np.concatenate(logs))[::-1]) if logs else np.empty(0)
    return int(np.searchsorted(-total, -limit, side="right"))


def _log_factors(n: int, m: int, limit: float) -> Floats:
    """Return the logarithms of the first factors, as many as may be needed."""
    if m == 0:
        return np.zeros(n)
    most = min(n - m, int(limit / math.log1p(-m / n)) + 1 if m < n else 0)
    with np.errstate(divide="ignore"):
        return np.log1p(-m / (n - np.arange(most, dtype=np.float64)))
