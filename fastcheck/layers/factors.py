"""Gradients that are right but for one factor, such as an average in place of a sum."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.result import Diagnosis
from fastcheck.result.wording import listing, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.result import CheckResult

CLOSE = 1e-6
"""How far from one factor entries may be, relative to the largest, and a factor from a length."""


def about_factors(
    result: CheckResult, gradients: Mapping[str, Any], lengths: Mapping[str, tuple[int, ...]]
) -> tuple[Diagnosis, ...]:
    """Return an explanation for tensors of which all entries are wrong by one factor.

    Parameters
    ----------
    result : CheckResult
        A check that failed.
    gradients : mapping of str to ndarray
        What was checked.
    lengths : mapping of str to tuple of int
        The shapes of the inputs, by name: their lengths are what is averaged over.
    """
    groups: dict[float, list[str]] = {}
    for name, tensor in result.tensors.items():
        if tensor.verdict == "fail" and tensor.n_checked > 1:
            factor = _factor(np.asarray(gradients[name], np.float64), result.numerical[name])
            if factor is not None:
                known = next((f for f in groups if abs(f - factor) <= CLOSE * abs(f)), factor)
                groups.setdefault(known, []).append(name)
    return tuple(_diagnosis(factor, names, lengths) for factor, names in groups.items())


def told_of_layer(
    factors: Sequence[Diagnosis], found: Sequence[Diagnosis]
) -> tuple[Diagnosis, ...]:
    """Return factors in the words of a layer, exact if what was `found` is, and all else."""
    exact = {name for d in found if d.is_exact for name in d.tensors}
    told = {name for d in factors for name in d.tensors}
    return (
        *(d if exact.issuperset(d.tensors) else _loose(d) for d in factors),
        *(d for d in found if d.accepted or told.isdisjoint(d.tensors)),
    )


def _loose(diagnosis: Diagnosis) -> Diagnosis:
    message = f"{diagnosis.message}; to six digits, and not within its bound"
    return replace(diagnosis, message=message, is_exact=False)


def _factor(given: NDArray[Any], right: NDArray[Any]) -> float | None:
    """Return by which factor `given` is `right`, None if by none."""
    known = np.isfinite(right) & np.isfinite(given)
    a, n = given[known], right[known]
    size = float(n @ n)
    if not size or not np.isfinite(size):
        return None
    factor = float(a @ n) / size
    off = np.abs(a - factor * n).max()
    return factor if factor and off <= CLOSE * np.abs(a).max() else None


def _diagnosis(
    factor: float, names: list[str], lengths: Mapping[str, tuple[int, ...]]
) -> Diagnosis:
    what = f"{listing(names, 10)}: every entry is {_said(factor)} the numerical gradient"
    if factor < 0.0:
        what += "; look for a sign" if abs(factor + 1.0) <= CLOSE else ""
    for name, shape in lengths.items():
        for axis, length in enumerate(shape):
            if length > 1 and abs(factor * length - 1.0) <= CLOSE:
                what += (
                    f", and {length} is the length of axis {axis} of {name}: the backward pass "
                    f"averages over it where forward does not; if the 1/{length} is that of a mean "
                    "loss, let the upstream gradient carry it"
                )
                return Diagnosis("mean-for-sum", None, factor, what, tuple(names))
    return Diagnosis("factor", None, factor, what, tuple(names))


def _said(factor: float) -> str:
    inverse = 1.0 / factor
    if abs(inverse) > 1.5 and abs(inverse - round(inverse)) <= CLOSE * abs(inverse):
        return f"1/{round(inverse)} of" if inverse > 0 else f"-1/{-round(inverse)} of"
    return f"{short(factor)} times"
