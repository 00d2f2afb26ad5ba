"""How many decimal digits of a gradient were verified."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from fastcheck.kernels.judging import KINK, UNCHECKED

if TYPE_CHECKING:
    from fastcheck.judge.entries import Judgement

__all__ = ["median_digits"]

N_DIGITS: Final = 1024
"""How many entries the median is taken over, at most."""
FINEST: Final = 2.0**-53
GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0


def median_digits(judged: Judgement) -> float:
    """Return the median of ``-log10((|a - n| + bound) / scale)``, from 0 to 16.

    Over the checked entries off kinks; NaN if there are none, or all are zero on both sides. What
    is not finite has no verified digit. Of more than 1024 entries, 1024 are taken.
    """
    if judged.n_zero == judged.n_checked:
        return math.nan
    places = np.arange(judged.codes.size)
    if places.size > N_DIGITS:  # a Weyl sequence: no period that columns could fall in step with
        places = (np.arange(1, N_DIGITS + 1) * GOLDEN % 1.0 * places.size).astype(np.intp)
    codes = judged.codes.reshape(-1)[places]
    places = places[(codes != KINK) & (codes != UNCHECKED)]
    if places.size == 0:
        return math.nan
    a, n, bound = judged.analytic[places], judged.numerical[places], judged.bound[places]
    with np.errstate(all="ignore"):
        scale = np.maximum(np.maximum(np.abs(a), np.abs(n)), judged.floor)
        doubt = (np.abs(a - n) + bound) / scale
    doubt[~(doubt <= 1.0)] = 1.0
    doubt.sort()
    median = 0.5 * float(doubt[(doubt.size - 1) // 2] + doubt[doubt.size // 2])
    return -math.log10(max(median, FINEST))
