"""Sums over too many entries, spread over all of them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.evidence import ROUNDING
from fastcheck.diagnose.fit import Fit
from fastcheck.diagnose.order import axis_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcheck.diagnose.evidence import Evidence

MOST_AXES = 3


def find_sums(tensor: Evidence) -> Iterator[Fit]:
    """Yield over which axes the right entries were summed, or averaged, before they were stored.

    Notes
    -----
    ``analytic[i, j] = sum_k numerical[k, j]``, by NumPy's broadcasting. Every entry must have been
    measured; the bound of a sum is the sum of bounds.
    """
    given, right = tensor.analytic, tensor.numerical
    if not tensor.is_complete or not 0 < given.ndim <= MOST_AXES or given.size < 2:
        return
    axes = range(given.ndim)
    for n in range(given.ndim, 0, -1):
        for some in combinations(axes, n):
            length = int(np.prod([given.shape[axis] for axis in some]))
            first = given.take(0, axis=some[0])
            other = given.take(-1, axis=some[0])
            if np.any(np.abs(first - other) > ROUNDING * np.abs(first).max()):
                continue  # before all of it is looked at
            spread = given.max(axis=some) - given.min(axis=some)
            if length < 2 or np.any(spread > ROUNDING * np.abs(given).max()):
                continue
            size = np.abs(right).sum(axis=some, keepdims=True)
            allowed = tensor.allowance.sum(axis=some, keepdims=True) + length * ROUNDING * size
            off = np.abs(given - right.sum(axis=some, keepdims=True))
            mean = np.abs(given - right.mean(axis=some, keepdims=True))
            for kind, is_it in (("sum", off <= allowed), ("mean", mean <= allowed / length)):
                if is_it.all():
                    detail = f"{kind} {_over(some, given.ndim)}"
                    yield Fit("summed-over-all", tensor.name, tensor.digits, 1.6, None, detail, 1.0)
                    return


def _over(axes: tuple[int, ...], ndim: int) -> str:
    """Return over what a sum goes."""
    if len(axes) == ndim:
        return "all entries"
    return "all " + " and ".join(axis_words(axis, ndim)[1] for axis in axes)
