"""One operation as the generated tests see it, and functions of 50-digit numbers for its truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from fastcheck.graph import Node

mp = mpmath.mp.clone()
mp.dps = 90

Array = np.ndarray
Sampler = Callable[[np.random.Generator], list[Array]]


@dataclass(frozen=True)
class Entry:
    """An operation, from whose entry in the catalogue all its tests follow.

    Attributes
    ----------
    name : str
        Unique in the catalogue.
    build : callable
        Takes one node per input and returns the node of the operation.
    sample : callable
        Takes a generator of random numbers and returns one array per input, inside the domain of
        the operation and at least 1e-4 away from kinks, so that the audit of a run does not
        cross them. The first axis of an input counts
        samples where it is as long as that of the first input.
    exact : callable, optional
        The literal formula, on arrays of `mpmath` numbers.
    torch : callable, optional
        The same with torch, on float64 tensors.
    n_params : int, optional
        How many of the inputs, from the first, are parameters; the others are data. All by default.
    units : float
        Errors allowed to a difference, in units of ``2**-53`` of its scale.
    slack : float
        The scale is the largest of: the change; `slack` times the sum of the absolute first-order
        terms; `floor` times the sum, over inputs, of their largest changes. Pointwise functions
        that are monotonic have 0 for both.
    floor : float
        See `slack`. For functions with turning points.
    relative : bool
        Whether changes are relative to the size of each entry (functions of positive numbers).
    largest : float
        The largest change that stays in the domain.
    """

    name: str
    build: Callable[..., Node]
    sample: Sampler
    exact: Callable[..., Any] | None = None
    torch: Callable[..., Any] | None = None
    n_params: int | None = None
    units: float = 60.0
    slack: float = 1.0
    floor: float = 0.0
    relative: bool = False
    largest: float = 0.5

    def inputs(self, seed: int = 0) -> tuple[list[Array], int]:
        """Return the sampled inputs and how many of them are parameters."""
        arrays = [np.asarray(a, dtype=np.float64) for a in self.sample(np.random.default_rng(seed))]
        return arrays, len(arrays) if self.n_params is None else self.n_params


exact_array = np.frompyfunc(mp.mpf, 1, 1)


def each(f: Callable[..., Any], n: int = 1) -> Callable[..., Any]:
    """Return a function of `n` mpmath numbers as one of arrays of them."""
    return np.frompyfunc(f, n, 1)


def around(*centres: float, by: tuple[float, ...] = (0.05, 1e-3, 1e-4)) -> list[float]:
    """Return points on both sides of `centres`, so that changes cross them."""
    return [c + s * b for c in centres for b in by for s in (1.0, -1.0)]


def over(*points: float, low: float = -3.0, high: float = 3.0, rows: int = 4) -> Sampler:
    """Return a sampler of one matrix: the `points` and at least as many random numbers between."""

    def sample(rng: np.random.Generator) -> list[Array]:
        width = -(-2 * max(len(points), 4) // rows)
        drawn = rng.uniform(low, high, width * rows)
        drawn[: len(points)] = points
        return [rng.permutation(drawn).reshape(rows, width)]

    return sample
