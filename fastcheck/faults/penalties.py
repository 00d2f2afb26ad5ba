"""Mistakes with a penalty that is part of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.faults.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fastcheck.faults.fault import Point
    from fastcheck.faults.sites import Sites
    from fastcheck.faults.sweep import Parts, Step

    Floats = NDArray[np.float64]
    Arrays = dict[str, Floats]
    Places = dict[int, list[int]]

SAME = 1e-9
"""How well penalty and parameter must be proportional, relative."""


@dataclass(frozen=True, eq=False)
class Penalty:
    """What a loss adds for its parameters alone.

    Attributes
    ----------
    places : dict of int to list of int
        Where it is added: by the index of a sum, which of its inputs.
    names : list of str
        The parameters that it concerns.
    rate : float or None
        c, if the gradient of the penalty is ``c W`` for all of them.
    """

    places: Places
    names: list[str]
    rate: float | None


def find_penalty(point: Point, sites: Sites) -> Penalty | None:
    """Return the penalty of a loss, None if it has none."""
    places: Places = {}
    for node, i in sites.penalties:
        places.setdefault(node.index, []).append(i)
    if not places:
        return None
    without = point.swept(_scaled(places, 0.0))
    names = point.changed(without)
    return Penalty(places, names, _rate(point, sites, places, {n: without[n] for n in names}))


def _rate(point: Point, sites: Sites, places: Places, without: Arrays) -> float | None:
    twice = point.swept(_scaled(places, 2.0))
    rates = []
    for name, others in without.items():
        part = 0.5 * (twice[name] - others)
        value = sites.values[sites.graph.tensor(name).index].reshape(part.shape)
        square = float(np.sum(value * value))
        rate = float(np.sum(part * value)) / square if square else 0.0
        if np.abs(part - rate * value).max(initial=0.0) > SAME * np.abs(part).max(initial=0.0):
            return None
        rates.append(rate)
    if not rates or max(rates) - min(rates) > SAME * abs(rates[0]):
        return None
    return float(f"{rates[0]:.9g}")


def _scaled(places: Places, scale: float) -> dict[int, Callable[[Step], Parts]]:
    """Return edits that multiply what is sent to the penalty."""

    def edit(step: Step) -> Parts:
        parts = step.parts()
        for i in places[step.node.index]:
            part = parts[i]
            parts[i] = None if part is None else scale * part
        return parts

    return dict.fromkeys(places, edit)


def penalty_faults(point: Point, sites: Sites, penalty: Penalty) -> Iterator[Fault]:
    """Yield the faults of a penalty."""
    m, rate = point.n_samples, penalty.rate
    scales = [("missing", 0.0), ("doubled", 2.0), ("negated", -1.0)]
    if m is not None and m > 2:
        scales.append(("divided by the batch", 1.0 / m))
    for name, scale in scales:
        constants = (scale,) if rate is None else (scale, (scale - 1.0) * rate)
        text = f"the penalty times {scale:.3g} on the way back"
        yield Fault(
            f"penalty {name}", "", text, ("regulariser", "weight-decay"),
            point.planted(_scaled(penalty.places, scale)), constants,
        )  # fmt: skip
    if rate is not None:
        yield from _of_other_form(point, sites, penalty.names, rate)


def _of_other_form(point: Point, sites: Sites, names: list[str], rate: float) -> Iterator[Fault]:
    """Yield penalties on other tensors, or with another norm."""
    values = {n: sites.values[node.index] for n, node in sites.graph.params.items()}
    right = point.right
    vectors = [n for n in values if n in right and n not in names and right[n].ndim == 1]

    def on_biases() -> Arrays:
        return right | {n: right[n] + rate * values[n].reshape(right[n].shape) for n in vectors}

    def absolute() -> Arrays:
        extra = {n: rate * (np.sign(values[n]) - values[n]) for n in names}
        return right | {n: right[n] + part.reshape(right[n].shape) for n, part in extra.items()}

    if vectors:
        yield Fault(
            "penalty on biases", "", f"{rate:.3g} b is added to each b",
            ("regulariser-on-biases", "weight-decay"), on_biases, (rate, 1.0),
        )  # fmt: skip
    yield Fault(
        "penalty absolute", "", "sign(W) in place of W", ("regulariser-l1",), absolute,
        (rate, 1.0),
    )  # fmt: skip
