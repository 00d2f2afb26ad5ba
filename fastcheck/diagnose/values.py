"""Entries that were changed one by one: forgotten, limited, without their sign, rounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.evidence import FIRST, MOST_COUNTED, MOST_DIGITS, ROUNDING
from fastcheck.diagnose.fit import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.evidence import Evidence

    Floats = NDArray[np.float64]

FORMATS = (("float16", 2.0**-11, 2.0**-25, 12.0), ("float32", 2.0**-24, 2.0**-150, 8.0))
"""Name, unit roundoff, half the smallest number, and what it says that a number is one of it."""
ROUNDINGS = 64.0
"""Roundings of a computation."""


def find_values(tensor: Evidence) -> Iterator[Fit]:
    """Yield what was done to the entries of a tensor one by one."""
    given = tensor.analytic
    if not given.any():
        if tensor.n_clear:
            yield Fit("zero", tensor.name, (MOST_DIGITS,), 0.5)
        return
    if tensor.n_clear and tensor.explained_by(np.zeros(tensor.shape)):
        yield Fit("no-effect", tensor.name, tensor.digits, 2.6)
    if not (given < 0.0).any():  # where all should be negative, other tensors tell it from a sign
        right = np.where(tensor.known, np.copysign(given, tensor.numerical), given)
        if tensor.explained_by(right):
            yield Fit("without-sign", tensor.name, tensor.digits, 2.3, cost=1.0)
    yield from _clipped(tensor)
    yield from _precision(tensor)


def _clipped(tensor: Evidence) -> Iterator[Fit]:
    """Yield the limit beyond which entries were set to it.

    The limit is fitted, so that there must be two such entries, unless it is a round number.
    """
    given, right = tensor.analytic, tensor.numerical
    size = np.abs(given)
    limit = float(size.max())
    least = limit * (1.0 - ROUNDING)
    if np.any(tensor.wrong & (size < least)):
        return
    is_limited = (size >= least) & (np.sign(right) == np.sign(given)) & (np.abs(right) > size)
    if tensor.explained_by(np.where(tensor.known & is_limited, right, given)):
        digits = (MOST_DIGITS,) * min(tensor.n_clear, MOST_COUNTED)
        yield Fit("clipped", tensor.name, digits, 2.2, (least, limit), cost=1.0)


def _precision(tensor: Evidence) -> Iterator[Fit]:
    """Yield the coarser format in which entries were stored, or computed.

    Every one must be a number of that format, which few are by chance, and be off by no more than
    its rounding, or that of a computation.
    """
    given, right = tensor.analytic[tensor.known], tensor.numerical[tensor.known]
    found = format_of(given)
    if found is None:
        return
    name, unit, least, digits = found
    rms = float(np.sqrt(np.mean(right**2)))
    off = np.abs(given - right) - tensor.allowance[tensor.known] - least
    is_stored = bool(np.all(off <= 1.01 * unit * np.abs(right)))
    if is_stored or np.all(off <= ROUNDINGS * unit * np.maximum(np.abs(right), rms)):
        n = int(np.count_nonzero(tensor.wrong & (tensor.analytic != 0.0)))
        detail = f"stored {name}" if is_stored else f"computed {name}"
        yield Fit("precision", tensor.name, (digits,) * min(n, MOST_COUNTED), 2.1, detail=detail)


def format_of(values: Floats) -> tuple[str, float, float, float] | None:
    """Return the coarsest format that holds all of some values exactly, None for float64."""
    some = values.reshape(-1)[:: max(1, values.size // FIRST)]
    for row in FORMATS:
        if _are_of(row[0], some) and _are_of(row[0], values):
            return row
    return None


def _are_of(name: str, values: Floats) -> bool:
    with np.errstate(over="ignore"):
        return np.array_equal(values.astype(name).astype(np.float64), values)
