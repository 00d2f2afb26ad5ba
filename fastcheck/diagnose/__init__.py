"""Why a gradient is wrong: explanations that are exact in every entry, or none."""

from __future__ import annotations

import math
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnose.choose import choose, clusters, find_causes
from fastcheck.diagnose.compound import find_compounds
from fastcheck.diagnose.evidence import ROUNDING, Case, Evidence
from fastcheck.diagnose.exchange import find_arrays, find_exchanges
from fastcheck.diagnose.messages import diagnosis_of, of_part, signs_told
from fastcheck.diagnose.order import find_orders
from fastcheck.diagnose.parts import find_part
from fastcheck.diagnose.products import find_products
from fastcheck.diagnose.regions import find_region
from fastcheck.diagnose.scales import find_scaled_beside_decay, find_scales
from fastcheck.diagnose.sums import find_sums
from fastcheck.diagnose.ties import find_lost_ties
from fastcheck.diagnose.unexplained import unexplained
from fastcheck.diagnose.values import find_values

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.diagnose.fit import Fit
    from fastcheck.result import Diagnosis, TensorResult

    Array = NDArray[Any]

__all__ = [
    "MOST_ENTRIES", "Case", "Evidence", "explain", "explained", "gathered", "with_exact_ones",
]  # fmt: skip

MOST_ENTRIES = 10_000_000
"""Entries of all tensors up to which explanations are looked for."""


def gathered(
    tensors: Mapping[str, TensorResult],
    analytic: Mapping[str, Array],
    numerical: Mapping[str, Array],
    bounds: Mapping[str, Array],
    params: Mapping[str, Array],
    *,
    kinks: Mapping[str, Array] | None = None,
    data: Mapping[str, Array] | None = None,
    n_samples: int | None = None,
    extra: Mapping[str, Any] = MappingProxyType({}),
    reads: Callable[[str], bool] = bool,
) -> Case:
    """Return what explanations can rest on.

    Parameters
    ----------
    tensors : mapping of str to TensorResult
        The verdicts; what failed, or has entries that are only close, is to be explained.
    analytic, numerical, bounds : mapping of str to ndarray
        The two gradients and by how much they may differ, NaN where nothing was measured.
    params : mapping of str to ndarray
        The parameters at the point of the check, as far as they are known.
    kinks : mapping of str to ndarray of bool, optional
        Entries of which nothing follows.
    data : mapping of str to ndarray, optional
        What else the loss reaches.
    n_samples : int, optional
        The size of the batch.
    extra : mapping of str to object, optional
        Gradients under names that belong to no parameter.
    reads : callable, optional
        Says of one of `data` whether the loss changes with it; by default with each that has a
        name.
    """
    found = []
    for name, tensor in tensors.items():
        given = np.asarray(analytic.get(name, ()), np.float64)
        if name not in numerical or given.shape != tensor.shape or not np.isfinite(given).all():
            continue
        right = np.asarray(numerical[name], np.float64)
        size = np.maximum(np.abs(given), np.nan_to_num(np.abs(right), posinf=0.0))
        allowance = np.asarray(bounds[name], np.float64) + ROUNDING * size
        known = np.isfinite(right) & np.isfinite(allowance)
        if kinks is not None and name in kinks:
            known &= ~kinks[name]
        values = np.asarray(params[name]) if name in params else None
        if values is not None and (values.shape != given.shape or not np.isfinite(values).all()):
            values = None
        values = None if values is None else values.astype(np.float64)
        passes = tensor.verdict == "pass" and tensor.n_close > 0
        is_wrong = passes or tensor.verdict == "fail"
        is_coarse = np.asarray(analytic[name]).dtype.itemsize < given.itemsize
        evidence = Evidence(
            name, given, right, allowance, known, values, is_wrong, passes, tensor.regions,
            is_coarse,
        )  # fmt: skip
        found.append(_cleared(evidence, tensor))
    others = {name: array for name, array in (data or {}).items() if name not in params}
    more = {str(name): _numbers(array) for name, array in extra.items()}
    return Case(found, others, n_samples, {n: a for n, a in more.items() if a is not None}, reads)


def _cleared(evidence: Evidence, tensor: TensorResult) -> Evidence:
    """Return a tensor as if all entries had been measured, if directions say that they are right.

    Random directions that are silent, but for the entries that were found, show that the others are
    as given, within what would have been seen.
    """
    is_it = tensor.n_agree + tensor.n_disagree == tensor.n_entries and not tensor.regions
    if not is_it or not math.isfinite(tensor.visible) or evidence.is_complete:
        return evidence
    known = evidence.known
    return replace(
        evidence,
        numerical=np.where(known, evidence.numerical, evidence.analytic),
        allowance=np.where(known, evidence.allowance, tensor.visible),
        known=np.ones_like(known),
        is_cleared=True,
    )


def _numbers(value: Any) -> NDArray[np.float64] | None:
    """Return an array of finite numbers, None for anything else."""
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        return None
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        return None
    return array.astype(np.float64)


def explain(case: Case) -> tuple[Diagnosis, ...]:
    """Return why tensors are wrong, what explains most of them first.

    Parameters
    ----------
    case : Case
        See :func:`gathered`.

    Returns
    -------
    tuple of Diagnosis
        Each tensor that failed is explained once, or described as unexplained. One that passes,
        with entries that are close, is explained exactly or not at all.

    Notes
    -----
    Cost: some dozens of passes over the tensors that are wrong.
    """
    found = explained(case)
    names = {name for diagnosis in found for name in diagnosis.tensors}
    left = [t for t in case.failed if t.name not in names and not t.passes]
    return (*found, *unexplained(left))


def explained(case: Case, but: Collection[str] = ()) -> tuple[Diagnosis, ...]:
    """Return explanations of tensors, without those that nothing explains.

    Parameters
    ----------
    case : Case
        See :func:`gathered`.
    but : collection of str
        Tensors that are explained already.

    Notes
    -----
    An explanation must be within the bounds in every entry that was measured, and what is clearly
    wrong must say more for it, in decimal digits, than it took to find it. What explains more
    tensors comes first, then what is simpler. Parts of a tensor are named where nothing else
    explains it.
    """
    if sum(tensor.analytic.size for tensor in case.tensors) > MOST_ENTRIES:
        return ()
    left = [tensor for tensor in case.failed if tensor.name not in but and tensor.wrong.any()]
    if not left:
        return ()
    found = [
        *find_causes(case, _fits(left, case)),
        *find_exchanges(case),
        *find_arrays(case),
        *find_lost_ties(case),
        *find_products(case),
    ]
    causes = choose([c for cause in found if (c := cause.without(set(but))) is not None])
    diagnoses = signs_told(causes, case)
    names = {name for cause in causes for name in cause.tensors}
    for tensor in left:
        if tensor.name not in names:
            diagnoses += _parts(tensor, case)
    exact = {name for d in diagnoses if d.is_exact for name in d.tensors}
    compounds = find_compounds(
        [t for t in left if t.name not in exact], causes, lambda tensor: _alone(tensor, case)
    )
    for compound in compounds:  # which says more than where something is wrong
        diagnoses = [d for d in diagnoses if d.tensors != compound.tensors]
        diagnoses.append(compound)
    passing = {tensor.name for tensor in left if tensor.passes}
    return tuple(d for d in diagnoses if d.is_exact or not passing.issuperset(d.tensors))


def with_exact_ones(found: Sequence[Diagnosis], case: Case) -> list[Diagnosis]:
    """Return diagnoses, those that leave tensors unexplained replaced where gradients explain them.

    Parameters
    ----------
    found : sequence of Diagnosis
        What a walk through the layers says.
    case : Case
        See :func:`gathered`.
    """
    left = [diagnosis for diagnosis in found if diagnosis.kind == "unexplained"]
    if not left:
        return list(found)
    told = {name for d in found if d not in left for name in d.tensors}
    exact = [diagnosis for diagnosis in explained(case, told) if diagnosis.is_exact]
    names = {name for diagnosis in exact for name in diagnosis.tensors}
    gone = [diagnosis for diagnosis in left if names.issuperset(diagnosis.tensors)]
    names = {name for diagnosis in gone for name in diagnosis.tensors}
    instead = [diagnosis for diagnosis in exact if names.issuperset(diagnosis.tensors)]
    return [*(d for d in found if d not in gone), *instead]


def _alone(tensor: Evidence, case: Case) -> Diagnosis | None:
    """Return what explains one tensor without the others, or which part of it is wrong."""
    if not tensor.wrong.any():
        return None
    case = replace(case, tensors=[tensor])
    causes = choose(find_causes(case, _fits([tensor], case)))
    found = [diagnosis_of(cause, case) for cause in causes] or _parts(tensor, case)
    return found[0] if found else None


def _parts(tensor: Evidence, case: Case) -> list[Diagnosis]:
    """Return which part of a tensor is wrong, if it is one."""
    region = find_region(tensor, case.lengths)
    if region is not None:
        return [region]
    part = find_part(tensor, case.lengths)
    return [] if part is None else [of_part(tensor, part)]


def _fits(tensors: list[Evidence], case: Case) -> list[Fit]:
    """Return all that explains each tensor alone."""
    found: list[Fit] = []
    for tensor in tensors:
        if tensor.is_local:  # what was measured stands for a part
            continue
        for find in (find_values, find_scales, find_orders, find_sums):
            found += find(tensor)
    factors = [fit for fit in found if fit.kind == "factor"]
    intervals = [interval for _, interval in clusters(factors) if interval is not None]
    for tensor in tensors:
        if not tensor.is_local:
            found += find_scaled_beside_decay(tensor, case, intervals)
    return found
