"""One cause for the whole gradient: a factor, a norm, a coarser format, a lost sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.choose import Cause, find_causes
from fastcheck.diagnose.fit import Fit
from fastcheck.diagnose.messages import diagnosis_of
from fastcheck.diagnose.scales import find_scales
from fastcheck.diagnose.values import FORMATS, MANY, find_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcheck.diagnose.evidence import Case, Evidence
    from fastcheck.result import Diagnosis

WHOLE = ("factor",)
"""What is one cause if it explains every tensor that is wrong."""


def find_whole(case: Case) -> Diagnosis | None:
    """Return the one cause that explains every tensor that is wrong, None if there is none."""
    if len(case.failed) < 2:
        return None
    causes = [*_precision(case), *_clipped(case)]
    if all(tensor.failed or not tensor.numerical[tensor.known].any() for tensor in case.tensors):
        causes += _alike(case)
    if not causes:
        causes += _without_sign(case)
    return diagnosis_of(causes[0], case) if causes else None


def _alike(case: Case) -> Iterator[Cause]:
    first, *rest = sorted(case.failed, key=lambda tensor: tensor.analytic.size)
    kinds = {fit.kind for fit in _fits(first)} & {*WHOLE}
    if not kinds:
        return
    fits = [fit for tensor in (first, *rest) for fit in _fits(tensor) if fit.kind in kinds]
    order = {tensor.name: k for k, tensor in enumerate(case.tensors)}
    for cause in find_causes(case, sorted(fits, key=lambda fit: order[fit.tensor])):
        if len(cause.fits) == len(case.failed):
            yield cause


def _fits(tensor: Evidence) -> list[Fit]:
    return [*find_scales(tensor), *find_values(tensor)]


def _without_sign(case: Case) -> Iterator[Cause]:
    """Yield that no tensor has a negative entry, and all have the right sizes."""
    for tensor in case.tensors:
        if (tensor.analytic < 0.0).any():
            return
        sign = np.where(tensor.known, np.sign(tensor.numerical), 1.0)
        if not tensor.explained_by(sign * tensor.analytic):
            return
    fits = [Fit("without-sign", t.name, t.n_clear, 2.3) for t in case.failed]
    yield Cause("without-sign", "", tuple(fits))


def _clipped(case: Case) -> Iterator[Cause]:
    """Yield the limit that no tensor exceeds, and at which whatever is wrong stands."""
    limit = max(float(np.abs(t.analytic).max(initial=0.0)) for t in case.tensors)
    fits = []
    for tensor in case.tensors:
        size, right = np.abs(tensor.analytic), tensor.numerical
        at = (size == limit) & (np.sign(right) == np.sign(tensor.analytic))
        at &= np.abs(right) > limit
        if not tensor.explained_by(np.where(tensor.known & at, right, tensor.analytic)):
            return
        fits.append(Fit("clipped", tensor.name, int(np.count_nonzero(at)), 2.2, (limit, limit)))
    fits = [fit for fit in fits if fit.n]
    if limit and sum(fit.n for fit in fits) > 1:
        yield Cause("clipped", "", tuple(fits), limit)


def _precision(case: Case) -> Iterator[Cause]:
    """Yield the format of which all numbers are, and than whose rounding none is further off.

    Unlike in one tensor, few entries are enough if there are many in all.
    """
    for name, unit, roundings, least in FORMATS:
        fits = [Fit("precision", t.name, t.n_clear, 2.1, detail=name) for t in case.failed]
        total = sum(np.count_nonzero(t.analytic) for t in case.tensors)
        if total >= MANY and all(_is_of(t, name, unit, roundings, least) for t in case.tensors):
            yield Cause("precision", name, tuple(fits))
            return


def _is_of(tensor: Evidence, name: str, unit: float, roundings: float, least: float) -> bool:
    given, right = tensor.analytic[tensor.known], tensor.numerical[tensor.known]
    with np.errstate(over="ignore"):
        coarse = given.astype(name).astype(np.float64)
    if not np.array_equal(coarse, given):
        return False
    rms = float(np.sqrt(np.mean(right**2))) if right.size else 0.0
    size = np.abs(right) if roundings == 1.0 else np.maximum(np.abs(right), rms)
    allowed = 1.01 * roundings * unit * size + least + tensor.allowance[tensor.known]
    return bool(np.all(np.abs(given - right) <= allowed))
