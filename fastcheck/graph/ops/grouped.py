"""What rules in NumPy need for rows that share a base point, and for rows that cross a kink."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.kernels import pointwise
from fastcheck.kernels import rows as kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.ops.base import Floats, Ints

LONG = 32
"""Rows of a group from which on NumPy's loops over single groups are fast."""


def by_group(
    rule: Callable[..., Floats], d: Difference, tables: tuple[Floats, ...], which: Ints
) -> Floats:
    """Return ``rule(change, *base)`` of a difference with one column per row.

    Where groups are long and equal, what belongs to a group is not written out for its rows.
    """
    flat, n_groups = d.flat, d.n_groups
    size = flat.shape[1] // max(n_groups, 1)
    if size >= LONG and np.all(np.diff(d.offsets) == size):
        bases = [np.ascontiguousarray(table[which].T)[:, :, None] for table in tables]
        flat = flat.reshape(-1, n_groups, size)
    else:
        bases = row_bases(d, tables, which)
    with np.errstate(all="ignore"):  # branches that are not taken; what is not finite is reported
        return rule(flat, *bases).reshape(d.data.shape)


def row_bases(d: Difference, tables: tuple[Floats, ...], which: Ints) -> list[Floats]:
    """Return what belongs to the groups of `d` written out for their rows, as ``d.flat`` is."""
    bases = [np.empty_like(d.flat) for _ in tables]
    for table, base in zip(tables, bases, strict=True):
        kernels.spread(table, which, d.offsets, base)
    return bases


def mark_rows(crossed: NDArray[np.bool_], d: Difference, block: Block) -> None:
    """Mark the probes of rows in which any entry crosses a kink; `crossed` is as ``d.flat``."""
    flags = crossed.any(axis=0)
    if flags.any():
        d.rows.mark(np.asarray(flags, np.uint8), block.kink)


def mark_crossings(d: Difference, table: Floats, which: Ints, block: Block) -> None:
    """Mark the probes that carry an entry of `table` across zero; `d` has one column per row."""
    flags = np.zeros(d.rows.size, np.uint8)
    pointwise.mark_crossings(table, which, d.flat, d.offsets, flags)
    d.rows.mark(flags, block.kink)
