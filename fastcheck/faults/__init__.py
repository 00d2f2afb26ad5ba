"""A catalogue of the mistakes that people make in gradients, to be planted into right ones.

Some are made from the gradient and the parameters alone, whatever the loss is (`whole`, `single`);
others by a backward pass through the graph of the loss that goes wrong at some node (`losses`,
`slopes`, `products`, `structure`, `penalties`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcheck.faults.fault import Fault, Point
from fastcheck.faults.losses import loss_faults
from fastcheck.faults.penalties import find_penalty, penalty_faults
from fastcheck.faults.products import product_faults
from fastcheck.faults.single import single_faults
from fastcheck.faults.sites import Sites
from fastcheck.faults.slopes import slope_faults
from fastcheck.faults.structure import structure_faults
from fastcheck.faults.whole import whole_faults

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MOST_PLACES", "Fault", "Point", "Sites", "catalogue"]

MOST_PLACES = 4
"""In so many places a mistake of one kind is planted, evenly spread, the first and last with it."""


def catalogue(point: Point) -> list[Fault]:
    """Return the faults that can be planted at a point.

    Parameters
    ----------
    point : Point
        The right gradient, and what it was made from.

    Returns
    -------
    list of Fault
        Those of one name in the whole gradient, and in at most four places each. They were not made
        yet: some may
        turn out to change nothing.
    """
    by_name: dict[tuple[str, bool], list[Fault]] = {}
    for fault in _all(point):
        by_name.setdefault((fault.name, bool(fault.place)), []).append(fault)
    return [fault for found in by_name.values() for fault in _spread(found)]


def _all(point: Point) -> Iterator[Fault]:
    sites = None if point.graph is None else Sites(point.graph, point.values)
    penalty = None if sites is None else find_penalty(point, sites)
    yield from whole_faults(point, None if penalty is None else penalty.rate)
    for name in point.right:
        yield from single_faults(point, name)
    if sites is not None:
        for find in (loss_faults, slope_faults, product_faults, structure_faults):
            yield from find(point, sites)
        if penalty is not None:
            yield from penalty_faults(point, sites, penalty)


def _spread(faults: list[Fault]) -> list[Fault]:
    """Return at most so many, evenly spread."""
    if len(faults) <= MOST_PLACES:
        return faults
    last = len(faults) - 1
    return [faults[round(k * last / (MOST_PLACES - 1))] for k in range(MOST_PLACES)]
