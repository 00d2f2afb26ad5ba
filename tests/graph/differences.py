"""Random differences in every form in which they can arrive, and what they mean entry by entry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastcheck.graph.difference import Difference, Rows

Array = np.ndarray


def random_rows(
    rng: np.random.Generator, n_groups: int, samples: Array | None
) -> tuple[Rows, Array]:
    """Return rows of `n_groups` groups and where these begin and end."""
    sizes = rng.integers(1, 4, n_groups)
    offsets = np.append(0, np.cumsum(sizes))
    n_rows = int(offsets[-1])
    probe = np.arange(n_rows, dtype=np.int32)
    if samples is None:
        return Rows(probe, n_rows, None, np.array([0, n_rows])), offsets
    present, first = np.unique(samples, return_index=True)
    return Rows(probe, n_rows, present, np.append(offsets[first], n_rows)), offsets


def random_difference(
    rng: np.random.Generator,
    shape: Sequence[int],
    rows: Rows,
    offsets: Array,
    *,
    axis: int | None = None,
    samples: Array | None = None,
    pinned: Sequence[int] = (),
    scale: Array | None = None,
) -> Difference:
    """Return a difference of a value of `shape`, pinned along `pinned`.

    `axis` is the sample axis of the value if samples are streamed; `scale` makes columns.
    """
    n_groups = offsets.size - 1
    skip = {axis} if samples is not None else set()
    pins = {a: rng.integers(0, shape[a], n_groups) for a in pinned if a not in skip}
    local = [1 if a in pins or a in skip else n for a, n in enumerate(shape)]
    n_columns = rows.size if scale is None else n_groups
    return Difference(rng.standard_normal((*local, n_columns)), rows, offsets, pins, samples, scale)


def written_out(d: Difference, shape: Sequence[int], axis: int | None) -> Array:
    """Return, for each row, the change of the whole value, shape (R, *shape), by a loop."""
    out = np.zeros((d.rows.size, *shape))
    for g in range(d.n_groups):
        place = [slice(None)] * len(shape)
        for a, index in d.pins.items():
            place[a] = slice(index[g], index[g] + 1)
        if d.samples is not None and axis is not None:
            place[axis] = slice(d.samples[g], d.samples[g] + 1)
        for r in range(d.offsets[g], d.offsets[g + 1]):
            column = d.data[..., r] if d.scale is None else d.data[..., g] * d.scale[r]
            out[(r, *place)] = column
    return out
