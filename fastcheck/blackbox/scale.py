"""How large the entries of a tensor are, whatever their magnitude."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def rms(values: Floats) -> float:
    """Return the root mean square; 0 if there are no values, NaN or infinite if one of them is.

    Notes
    -----
    Of the values over their largest, because squares overflow above 1e154 and vanish below 1e-162.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if not largest or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.mean(np.square(values / largest))))
