"""Operations over axes whose kernels see sets of entries, *cells*, that are reduced together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.ops.base import Ints, Shape
    from fastcheck.graph.state import State


def cells(local: Shape, over: tuple[int, ...], state: State) -> Ints:
    """Return the local entries that are reduced together, shape (cells, entries of one).

    Parameters
    ----------
    local : tuple of int
        The local shape of a difference.
    over : tuple of int
        The reduced axes.
    state : State
        Remembers the result.
    """
    key = ("cells", local, over)
    if key not in state.memo:
        index = np.arange(math.prod(local)).reshape(local)
        rows = np.moveaxis(index, over, range(-len(over), 0))
        n = math.prod(local[a] for a in over)
        state.memo[key] = np.ascontiguousarray(rows.reshape(-1, n))
    found: Ints = state.memo[key]
    return found


def spread_over(d: Difference, shape: Shape, over: tuple[int, ...]) -> Difference:
    """Return `d` with one column per row and no pin on the axes `over`."""
    pinned = [a for a in over if a in d.pins]
    return d.unpinned(shape, pinned) if pinned else d.expanded()
