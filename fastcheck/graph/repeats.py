"""Samples whose inputs repeat, such as pixels: found once per base point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.difference import Rows
from fastcheck.kernels import repeats as kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.graph.node import Node
    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

TRIAL = 8
"""Samples that are looked at first."""
WORTH = 4.0
"""How many inputs must share a number on average to make it worth while."""


@dataclass(frozen=True, eq=False)
class Codes:
    """The different inputs of each sample.

    Attributes
    ----------
    codes : ndarray of uint16, shape (n_batch, n)
        For each input, 0 if it is zero, else one more than its place in `values`.
    values : ndarray of float64, shape (n_batch, most)
        The different nonzero inputs of each sample.
    counts : ndarray of int64, shape (n_batch,)
        How many they are.
    """

    codes: NDArray[np.uint16]
    values: Floats
    counts: Ints


def find_codes(state: State, base: Node) -> Codes | None:
    """Return the codes of the data `base`, None where its numbers hardly repeat."""
    key = ("codes", base.index)
    if key not in state.memo:
        state.memo[key] = _codes(state, base)
    found: Codes | None = state.memo[key]
    return found


def _codes(state: State, base: Node) -> Codes | None:
    if base.batch_axis is None or base.depends:
        return None
    x = state.table((base.index, "samples"), state.value(base), (base.batch_axis,))
    n_batch, n = x.shape
    codes, counts = np.empty((n_batch, n), np.uint16), np.empty(n_batch, np.int64)
    values = np.empty((n_batch, min(n, kernels.MOST)))
    trial = min(TRIAL, n_batch)
    if not kernels.encode(x, codes, values, counts, 0, trial):
        return None
    if np.count_nonzero(x[:trial]) < WORTH * max(int(counts[:trial].sum()), 1):
        return None
    if not kernels.encode(x, codes, values, counts, trial, n_batch):
        return None
    return Codes(codes, values, counts)


@dataclass(frozen=True, eq=False)
class SharedRows(Rows):
    """Rows that serve all probes of a unit with the same input.

    Attributes
    ----------
    codes : ndarray of uint16
        See :class:`Codes`.
    key, edges : ndarray of int64
        The input of each probe pair, and where runs of pairs begin and end.
    groups : tuple of ndarray of int64
        Sample and run of each group, and where groups begin and end.
    """

    codes: NDArray[np.uint16]
    key: Ints
    edges: Ints
    groups: tuple[Ints, Ints, Ints]

    def collapse(self, data: Floats, acc: Floats) -> None:
        """Add to each probe what the row of its input changed."""
        kernels.collapse_repeats(data, self.codes, self.key, self.edges, *self.groups, acc)
