"""Parts of a tensor that random directions found to be wrong, with a few entries measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.choose import NEEDED
from fastcheck.diagnose.constants import named_factor
from fastcheck.diagnose.factors import times
from fastcheck.diagnose.fit import interval_of, inverse, is_narrow, middle
from fastcheck.result import Diagnosis
from fastcheck.result.wording import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastcheck.diagnose.evidence import Evidence, Length


def find_region(tensor: Evidence, lengths: Iterable[Length]) -> Diagnosis | None:
    """Return what happened to the one region of a tensor in which directions found it wrong.

    Notes
    -----
    Of the analytic gradient every entry of the region is known, of the numerical one a few: the
    message says of how many it speaks.
    """
    if len(tensor.regions) != 1 or not tensor.is_local:
        return None
    region = tensor.regions[0]
    box = tuple(slice(lo, hi) for lo, hi in region.bounds)
    given, known = tensor.analytic[box], tensor.known[box]
    if not np.array_equal(tensor.wrong[box], known):
        return None
    n = int(np.count_nonzero(known))
    name, what = tensor.name, f"{tensor.name}: {region.text} of the gradient"
    if n and not given.any():
        text = f"{what} is zero, and the numerical one is not in {_shown(n)}"
        return Diagnosis("zero-part", name, None, text, (name,))
    found = interval_of(tensor.numerical[box][known], given[known], tensor.allowance[box][known])
    named = None if found is None else named_factor(inverse(found), lengths)
    said = sum(tensor.digits[named is None :]) - (0.0 if named is None else named.cost)
    if found is None or said < NEEDED or (named is None and not is_narrow(found)):
        text = f"{what} is wrong, in {_shown(n)}, and nothing simple explains it"
        return Diagnosis("wrong-part", name, None, text, (name,), is_exact=False)
    factor = middle(inverse(found)) if named is None else named.value
    text = f"{what} is {times(factor)} the numerical one, in {_shown(n)}"
    return Diagnosis("factor-part", name, factor, text, (name,))


def _shown(n: int) -> str:
    return f"each of the {quantity(n, 'entry', 'entries')} of it that were measured"
