"""How large the entries of a tensor are, whatever their magnitude."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def rms(values: Floats) -> float:
    """Return the root mean square of finite values; 0 if there are none.

    Notes
    -----
    Of the values over their largest, because squares overflow above 1e154 and vanish below 1e-162.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if not largest:
        return 0.0
    return largest * float(np.sqrt(np.mean(np.square(values / largest))))
