"""Copying entries to other places.

Shapes: ``n`` local entries of the result, ``C`` columns, ``G`` runs of columns that are treated
alike. Columns ``edges[g]:edges[g + 1]`` of the result are read from the columns of the source that
begin at ``starts[g]``. Index arrays are read through unsigned views, see
:mod:`fastcheck.kernels.rows`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.kernels._jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@jit
def gather(
    data: Array,
    table: Array,
    which: Array,
    starts: Array,
    edges: Array,
    places: Array,
    out: Array,
    fill: bool,
) -> None:
    """Write ``out[places[j], c] = data[table[j, which[g]], c']``, zero where the table has -1.

    With ``fill=False`` nothing is written where the table has -1.
    """
    column = which.view(np.uint64)
    edge = edges.view(np.uint64)
    start = starts.view(np.uint64)
    for j in range(places.size):
        line = out[places[j]]
        for g in range(which.size):
            source = table[j, column[g]]
            lo = edge[g]
            n = edge[g + 1] - lo
            if source >= 0:
                old = data[source, start[g] : start[g] + n]
                new = line[lo : lo + n]
                for c in range(n):
                    new[c] = old[c]
            elif fill:
                line[lo : lo + n] = 0.0


@jit
def gather_matching(
    data: Array,
    table: Array,
    keys: Array,
    key: Array,
    which: Array,
    starts: Array,
    edges: Array,
    places: Array,
    out: Array,
    fill: bool,
) -> None:
    """Do the same where also ``keys[j, which[g]] == key[g]``, as if the table had -1 elsewhere."""
    column = which.view(np.uint64)
    edge = edges.view(np.uint64)
    start = starts.view(np.uint64)
    for j in range(places.size):
        line = out[places[j]]
        for g in range(which.size):
            lo = edge[g]
            n = edge[g + 1] - lo
            if keys[j, column[g]] == key[g]:
                old = data[table[j, column[g]], start[g] : start[g] + n]
                new = line[lo : lo + n]
                for c in range(n):
                    new[c] = old[c]
            elif fill:
                line[lo : lo + n] = 0.0


@jit
def scatter(data: Array, table: Array, which: Array, edges: Array, out: Array) -> None:
    """Add ``data[l, c]`` to ``out[table[l, which[g]], c]``, nothing where the table has -1.

    Columns are those of the source and of the result.
    """
    column = which.view(np.uint64)
    edge = edges.view(np.uint64)
    for i in range(data.shape[0]):
        for g in range(which.size):
            place = table[i, column[g]]
            if place < 0:
                continue
            new = out[place, edge[g] : edge[g + 1]]
            old = data[i, edge[g] : edge[g + 1]]
            for c in range(new.size):
                new[c] += old[c]
