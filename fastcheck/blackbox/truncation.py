"""What a given step costs: measured against a step that was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.blackbox.stencil import Stencil
from fastcheck.blackbox.step import find_step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastcheck.blackbox.loss import BlackBox


@dataclass(frozen=True, slots=True)
class Truncation:
    """The largest error that a step makes in some entries of a tensor.

    Attributes
    ----------
    error : float
        Absolute, beyond what rounding explains; infinite if the step leaves the domain.
    relative : float
        The same relative to the derivative, or to a hundredth of the rms of those seen.
    place : int
        Where, in C order.
    value, wide : float
        The derivative there with the step that was chosen, and with the given one.
    chosen : float
        The step that was chosen, absolute.
    """

    error: float
    relative: float
    place: int
    value: float
    wide: float
    chosen: float


def find_truncation(
    box: BlackBox,
    name: str,
    places: Iterable[int],
    step: float,
    *,
    loss: float,
    noise: float,
    rtol: float,
) -> Truncation:
    """Return what a step costs in some entries of a tensor.

    Parameters
    ----------
    box : BlackBox
        The loss; its arrays are moved and restored.
    name, places : str, iterable of int
        The tensor, and entries of it in C order, at least one.
    step : float
        Absolute.
    loss, noise, rtol : float
        As for :func:`find_step`.

    Notes
    -----
    ``|D(step) - D(h)|`` less the bound of ``D(h)``, for a step h that balances rounding against
    truncation: six evaluations per entry, beside those that find h.
    """
    places = [int(place) for place in places]
    chosen = find_step(box, name, places, loss=loss, noise=noise, rtol=rtol).size
    values, wide, errors = (np.empty(len(places)) for _ in range(3))
    for k, place in enumerate(places):
        near = Stencil(box, name, place, loss=loss, step=chosen, noise=noise).estimate(0)
        far = Stencil(box, name, place, loss=loss, step=step, noise=noise).pair(0)
        values[k], wide[k] = near.value, far.value
        errors[k] = max(0.0, abs(far.value - near.value) - near.bound)
    errors[~np.isfinite(wide)] = np.inf
    finite = values[np.isfinite(values)]
    rms = float(np.sqrt(np.mean(np.square(finite)))) if finite.size else 0.0
    with np.errstate(all="ignore"):
        relative = errors / np.maximum(np.maximum(np.abs(values), 0.01 * rms), 1e-300)
    worst = int(np.argmax(np.nan_to_num(relative, nan=0.0)))
    return Truncation(
        error=float(np.max(np.nan_to_num(errors, nan=0.0, posinf=np.inf))),
        relative=float(relative[worst]),
        place=places[worst],
        value=float(values[worst]),
        wide=float(wide[worst]),
        chosen=chosen,
    )
