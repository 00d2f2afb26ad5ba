"""Whether a loss of float64 parameters is as precise as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.result import Finding
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.preflight.reach import Reach
    from fastcheck.tracing.recording import Recording

SINGLE = (2.0**-29, 2.0**-17)
"""Relative noise of a loss that is computed in float32, smallest and largest."""
MOST_NAMES = 5


def about_precision(
    noise: float,
    loss: float,
    unit: float,
    params: Mapping[str, NDArray[Any]],
    reach: Reach,
) -> list[Finding]:
    """Return a warning about a noisy loss.

    Parameters
    ----------
    noise : float
        Standard deviation of its rounding errors, absolute, much larger than float64's.
    loss : float
        Its value.
    unit : float
        Unit roundoff of the type that was returned.
    params : mapping of str to ndarray
        The parameters.
    reach : Reach
        What the loss reaches.
    """
    start = f"the loss is {loss:.6g} give or take {noise:.0e}, as if computed in float32"
    cost = "probes have to be wide and few entries are resolved"
    is_double = all(array.dtype.itemsize >= 8 for array in params.values())
    low = sorted({reach.name_of(a) for a, _ in reach.kept if a.dtype in (np.float32, np.float16)})
    is_single = unit > 2.0**-53 or low or SINGLE[0] <= noise / max(abs(loss), 1e-300) <= SINGLE[1]
    if not (is_double and is_single):
        message = f"{start}: {cost}; convert parameters and data to float64"
        return [Finding("low-precision", "warning", None, message)]
    which = (
        f"{listing(low, MOST_NAMES)} {'is' if len(low) == 1 else 'are'} float32"
        if low
        else "look for astype(np.float32) and for dtype= in the forward pass"
    )
    message = (
        f"{start}, although all parameters are float64: {which}; {cost}; convert everything on the "
        "way to float64"
    )
    return [Finding("hidden-float32", "warning", None, message)]


def about_casts(recording: Recording, params: Mapping[str, NDArray[Any]]) -> list[Finding]:
    """Return a warning if float64 parameters act through something less precise in a traced loss.

    Its graph is evaluated in float64, so that probes are precise all the same; the loss is not.
    """
    if any(array.dtype.itemsize < 8 for array in params.values()):
        return []
    for call in recording.coarse():
        where = f" in {call.place}" if call.place is not None else ""
        message = (
            f"the loss goes through {call.dtype}{where}, although all parameters are float64, "
            "so that its own digits end there; convert everything on the way to float64"
        )
        return [Finding("hidden-float32", "warning", None, message)]
    return []
