"""The step with which the entries of a tensor are perturbed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.blackbox.scale import rms
from fastcheck.blackbox.stencil import NOISE, Stencil

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastcheck.blackbox.loss import BlackBox

MOST_ROUNDS = 8
GROW, SHRINK = 8.0, 1.0 / 32.0
WIDEST = 2.0**-5
"""Largest step, relative to the size of the parameters or 1."""

STRETCH = 4.0
"""How far above that steps may go for single entries."""
NARROWEST = 2.0**-44
"""Smallest step, relative to the size of the parameters: some hundred spacings of numbers."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step, and the largest truncation error that was seen with it.

    Attributes
    ----------
    size : float
        Absolute, a power of two.
    truncation : float
        Absolute, in units of the derivative.
    widest : float
        The largest step that may be used instead, absolute.
    """

    size: float
    truncation: float
    widest: float


def first_step(noise: float, loss: float, size: float) -> float:
    """Return ``(9 noise/|loss|)**(1/3)`` of the size of the parameters, or of 1 if that is more.

    It balances rounding against truncation where derivatives of all orders are as large as the
    loss.
    """
    relative = noise / abs(loss) if loss else 0.0
    return float(np.cbrt(9.0 * min(max(relative, 2.0**-53), 1e-4))) * max(size, 1.0)


def find_step(
    box: BlackBox, name: str, places: Iterable[int], *, loss: float, noise: float, rtol: float
) -> Step:
    """Return the step for a tensor, from third derivatives in a few of its entries.

    Parameters
    ----------
    box : BlackBox
        The loss.
    name : str
        The tensor.
    places : iterable of int
        The entries; those with large derivatives say most.
    loss, noise : float
        At the point.
    rtol : float
        The accuracy that is asked for.

    Notes
    -----
    From steps h and 2h, ``|D2 - D1| = h**2 |f'''|/2``. The step shrinks until the largest is no
    longer above rounding, and grows while rounding is above a tenth of `rtol` of the typical
    derivative. Entries with a kink nearby are left out if others are not.
    """
    size = float(np.abs(box.arrays[name]).max(initial=0.0))
    h = _power(first_step(noise, loss, size))
    places = tuple(places)
    tiny = float(np.finfo(np.float64).tiny) / NARROWEST
    widest = WIDEST * max(size, 1.0)
    truncation = 0.0
    for _ in range(MOST_ROUNDS):
        third, typical = _seen(box, name, places, loss, h, noise)
        allowed = NOISE * noise / h
        truncation = third / 3.0
        if third > 2.0 * allowed:
            ratio = max(float(np.cbrt(allowed / third)), SHRINK)
            h = _power(max(h * ratio, NARROWEST * max(size, tiny)))
            truncation *= ratio * ratio
            if ratio > 0.25:
                break
        elif third < allowed and allowed > 0.1 * rtol * typical and GROW * h <= widest:
            h *= GROW
        else:
            break
    return Step(h, truncation, STRETCH * widest)


def _power(h: float) -> float:
    """Return the power of two below `h`."""
    return float(2.0 ** np.floor(np.log2(h)))


def _seen(
    box: BlackBox, name: str, places: Iterable[int], loss: float, h: float, noise: float
) -> tuple[float, float]:
    """Return the largest ``|D2 - D1|`` and the rms of D1 over some entries."""
    bends: list[float] = []
    bent: list[float] = []
    values: list[float] = []
    for place in places:
        stencil = Stencil(box, name, place, loss=loss, step=h, noise=noise)
        found, far = stencil.estimate(0), stencil.pair(1)
        bend = abs(far.value - found.value)
        if not np.isfinite(bend):
            bent.append(1e300)
            continue
        values.append(found.value)
        (bends if found.bend <= 3.0 * bend else bent).append(bend)
    return max(bends or bent, default=0.0), rms(np.array(values))
