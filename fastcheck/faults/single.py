"""Mistakes in one tensor, from its right gradient alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.faults.fault import Fault
from fastcheck.faults.whole import clip_limit, constants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fastcheck.faults.fault import Point

    Floats = NDArray[np.float64]
    Change = Callable[[Floats], Floats]
    Entry = tuple[str, str, tuple[str, ...], Change, tuple[float, ...]]

OFF = 1e-3
"""By what part of its value one entry is off."""


def single_faults(point: Point, name: str) -> Iterator[Fault]:
    """Yield what may be wrong with the tensor `name` alone."""
    right = point.right[name]
    if not right.size:
        return
    for title, text, kinds, change, values in _changes(point, name, right):

        def make(change: Change = change) -> dict[str, Floats]:
            return point.right | {name: np.array(change(right.copy()), order="C")}

        yield Fault(title, name, text, kinds, make, values, tensor=name)


def _changes(point: Point, name: str, right: Floats) -> Iterator[Entry]:
    """Yield name, description, diagnoses, what changes the tensor, and the constants."""
    for title, factor, text, kinds in constants(point):
        yield title, text, ("factor", "delta-factor", *kinds), _times(factor), (factor,)
    yield "zero", "never filled in", ("zero", "factor"), np.zeros_like, ()
    yield from _of_entries(point, name, right)
    yield from _of_order(right)
    if right.ndim >= 2:
        yield from _of_parts(point, name, right)
    elif right.size > 2:
        yield (
            "summed over all", "each entry is the sum of all of them",
            ("summed-over-all", "zero"), lambda g: np.full_like(g, g.sum()), (),
        )  # fmt: skip


def _times(factor: float) -> Change:
    return lambda g: factor * g


# ------------------------------------------------------------ entries


def _of_entries(point: Point, name: str, right: Floats) -> Iterator[Entry]:
    if right.size < 2:
        return
    place = _place(point, name, right)
    where = list(map(int, np.unravel_index(place, right.shape)))

    def one(factor: float) -> Change:
        def change(g: Floats) -> Floats:
            g.flat[place] *= factor
            return g

        return change

    one_kinds = ("one-entry",) if np.count_nonzero(right) > 1 else ("one-entry", "factor", "zero")
    yield "one entry off", f"entry {where} is {OFF:.1%} too large", one_kinds, one(1.0 + OFF), ()
    yield "one entry zero", f"entry {where} is zero", one_kinds, one(0.0), ()
    size = np.abs(right[right != 0.0])
    if size.size > 2:
        limit = clip_limit(size)
        text = f"entries limited to ±{limit:.3g}"
        yield "clipped", text, ("clipped",), lambda g: np.clip(g, -limit, limit), (limit,)
    yield "without sign", "absolute values", ("without-sign",), np.abs, ()


def _place(point: Point, name: str, right: Floats) -> int:
    """Return an entry of at least typical size, drawn at random."""
    size = np.abs(right.reshape(-1))
    typical = float(np.sqrt(np.mean(size * size)))
    large = np.flatnonzero((size >= typical) & (size > 0.0))
    return int(point.rng("entry", name).choice(large)) if large.size else 0


# ------------------------------------------------------------ order


def _of_order(right: Floats) -> Iterator[Entry]:
    shape = right.shape
    if right.ndim >= 2:
        if shape[-1] == shape[-2] > 1:
            yield (
                "transposed", "a transpose is missing", ("transposed",),
                lambda g: np.swapaxes(g, -1, -2), (),
            )  # fmt: skip
        if sum(n > 1 for n in shape) > 1 and shape != shape[::-1]:
            yield (
                "memory order", "reshaped in the other order", ("memory-order",),
                lambda g: g.T.reshape(g.shape), (),
            )  # fmt: skip
    names = {1: ("entries",), 2: ("rows", "columns")}.get(right.ndim, ())
    for axis, what in enumerate(names):
        if shape[axis] > 2:

            def rolled(g: Floats, axis: int = axis) -> Floats:
                return np.roll(g, 1, axis=axis)

            yield f"rolled {what}", f"{what} are off by one", ("rolled",), rolled, ()
    if right.ndim and shape[-1] > 2:
        yield (
            "reversed", f"axis {right.ndim - 1} is reversed", ("reversed",),
            lambda g: np.flip(g, axis=-1), (),
        )  # fmt: skip


# ------------------------------------------------------------ parts


def _of_parts(point: Point, name: str, right: Floats) -> Iterator[Entry]:
    rows, columns = _index(point, name, right, 0), _index(point, name, right, right.ndim - 1)
    half = tuple(slice(0, (n + 1) // 2) for n in right.shape)
    parts = (
        ("row zero", f"row {rows[0]} is not filled in", (rows[0],), 0.0),
        ("column zero", f"column {columns[0]} is not filled in", (..., columns[0]), 0.0),
        ("block zero", "the first quarter is not filled in", half, 0.0),
        ("row doubled", f"row {rows[0]} is added up twice", (rows[0],), 2.0),
    )
    for title, text, where, factor in parts:

        def change(g: Floats, where: tuple[object, ...] = where, factor: float = factor) -> Floats:
            g[where] *= factor  # type: ignore[index]
            return g

        yield title, text, _kinds(right, where, "factor" if factor else "zero"), change, ()
    if len(rows) > 1:

        def exchanged(g: Floats) -> Floats:
            g[[rows[0], rows[1]]] = g[[rows[1], rows[0]]]
            return g

        text = f"rows {rows[0]} and {rows[1]} are exchanged"
        yield "rows exchanged", text, ("reordered", "reversed", "rolled"), exchanged, ()


def _kinds(right: Floats, where: tuple[object, ...], kind: str) -> tuple[str, ...]:
    """Return what a part may be called, which may be a single entry or all there is."""
    n = np.count_nonzero(right[where])  # type: ignore[index]
    alone = ("one-entry",) if n == 1 else ()
    whole = (kind, "delta-factor") if n == np.count_nonzero(right) else ()
    return (f"{kind}-part", *alone, *whole)


def _index(point: Point, name: str, right: Floats, axis: int) -> list[int]:
    """Return up to two indices along an axis, drawn from those that hold much."""
    other = tuple(a for a in range(right.ndim) if a != axis)
    size = np.abs(right).max(axis=other, initial=0.0)
    large = np.flatnonzero(size >= 0.1 * size.max(initial=0.0))
    rng = point.rng("part", name, str(axis))
    return [int(i) for i in rng.choice(large, min(2, large.size), replace=False)] or [0]
