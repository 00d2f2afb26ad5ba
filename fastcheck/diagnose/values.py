"""Entries that were changed one by one: limited, without their sign, rounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.fit import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcheck.diagnose.evidence import Evidence

FORMATS = (("float16", 2.0**-11, 1.0, 2.0**-25), ("float32", 2.0**-24, 64.0, 2.0**-150))
"""Name, unit roundoff, roundings of a computation, and half the smallest number."""
MANY = 8
"""Entries that must be numbers of a coarser format to show that it was used."""


def find_values(tensor: Evidence) -> Iterator[Fit]:
    """Yield what was done to the entries of a tensor one by one."""
    given = tensor.analytic
    size = np.abs(given)
    if tensor.explained_by(-given) is False and not (given < 0.0).any():
        right = np.where(tensor.known, np.sign(tensor.numerical), 1.0) * given
        if tensor.explained_by(right):
            yield Fit("without-sign", tensor.name, tensor.n_clear, 2.3)
    limit = float(size.max())
    if limit:
        right = tensor.numerical
        is_limited = (size == limit) & (np.sign(right) == np.sign(given)) & (np.abs(right) > size)
        if tensor.explained_by(np.where(tensor.known & is_limited, right, given)):
            yield Fit("clipped", tensor.name, tensor.n_clear, 2.2, (limit, limit))
    yield from _precision(tensor)


def _precision(tensor: Evidence) -> Iterator[Fit]:
    given, right = tensor.analytic[tensor.known], tensor.numerical[tensor.known]
    if np.count_nonzero(given) < MANY:
        return
    rms = float(np.sqrt(np.mean(right**2)))
    for name, unit, roundings, least in FORMATS:
        with np.errstate(over="ignore"):
            coarse = given.astype(name).astype(np.float64)
        if not np.array_equal(coarse, given):
            continue
        size = np.abs(right) if roundings == 1.0 else np.maximum(np.abs(right), rms)
        allowed = 1.01 * roundings * unit * size + least + tensor.allowance[tensor.known]
        if np.all(np.abs(given - right) <= allowed):
            yield Fit("precision", tensor.name, tensor.n_clear, 2.1, detail=name)
            return
