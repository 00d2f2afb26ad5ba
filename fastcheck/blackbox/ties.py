"""Whether the gradients of tied tensors are parts, to be added up, or totals already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.blackbox.loss import BlackBox

NEAR = {8: 1e-5, 4: 1e-2, 2: 0.1}
"""Step along the gradient, relative to the parameters, by the bytes of a number: only a factor of
two is to be seen."""


def holds_totals(box: BlackBox, group: Sequence[str], parts: Mapping[str, Any]) -> bool:
    """Return whether gradients of tied tensors hold in each place the sum over all places.

    Parameters
    ----------
    box : BlackBox
        The loss; its arrays are moved and restored.
    group : sequence of str
        Tensors that share memory.
    parts : mapping of str to ndarray or None
        Their gradients.

    Notes
    -----
    Parts that are the same in all places and totals look alike. They differ by a factor, the
    number of places, in the derivative along ``sign(g)``, which one central difference gives: two
    evaluations, and only where the gradients are the same in all places. Where that fails they are
    taken for parts.
    """
    aliases = box.aliases
    assert aliases is not None
    given = {name: parts[name] for name in group if parts.get(name) is not None}
    if not aliases.are_equal(group, given):
        return False
    every = {name: given.get(name, np.zeros(aliases.cells[name].shape)) for name in group}
    total, uses = (
        aliases.totals(every),
        aliases.totals({n: np.ones(g.shape) for n, g in given.items()}),
    )
    direction = np.sign(total)
    as_parts = float(np.abs(total).sum())
    as_totals = float((np.abs(total) / np.maximum(uses, 1.0)).sum())
    found = abs(_along(box, group, direction))
    return abs(found - as_totals) < abs(found - as_parts)


def _along(box: BlackBox, group: Sequence[str], direction: NDArray[np.float64]) -> float:
    """Return the derivative along a direction in the cells of a group; NaN if there is none."""
    assert box.aliases is not None
    cells = box.aliases.cells
    size = max(float(np.abs(box.arrays[name]).max(initial=0.0)) for name in group)
    step = NEAR.get(box.arrays[group[0]].dtype.itemsize, NEAR[8]) * (size or 1.0)
    losses = []
    try:
        with box.restoring() as kept:
            for sign in (1.0, -1.0):
                for name in group:
                    np.copyto(box.arrays[name], kept[name] + sign * step * direction[cells[name]])
                losses.append(box.loss())
    except (ArithmeticError, ValueError):  # outside the domain
        return float("nan")
    return (losses[0] - losses[1]) / (2.0 * step)
