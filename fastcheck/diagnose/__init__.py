"""Why a gradient is wrong: explanations that are exact in every entry, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnose.choose import choose, find_causes
from fastcheck.diagnose.evidence import ROUNDING, Case, Evidence
from fastcheck.diagnose.messages import diagnosis_of, of_part
from fastcheck.diagnose.order import find_orders
from fastcheck.diagnose.others import find_relations
from fastcheck.diagnose.parts import find_part
from fastcheck.diagnose.scales import find_scales
from fastcheck.diagnose.values import find_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.diagnose.fit import Fit
    from fastcheck.result import Diagnosis, TensorResult

    Array = NDArray[Any]

__all__ = ["MOST_ENTRIES", "Case", "Evidence", "explain", "gathered"]

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
) -> Case:
    """Return what explanations can rest on.

    Parameters
    ----------
    tensors : mapping of str to TensorResult
        The verdicts; what failed is to be explained.
    analytic, numerical, bounds : mapping of str to ndarray
        The two gradients and by how much they may differ, NaN where nothing was measured.
    params : mapping of str to ndarray
        The parameters at the point of the check, as far as they are known.
    kinks : mapping of str to ndarray of bool, optional
        Entries of which nothing follows.
    data : mapping of str to ndarray, optional
        What else the loss reads.
    n_samples : int, optional
        The size of the batch.
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
        failed = tensor.verdict == "fail"
        found.append(Evidence(name, given, right, allowance, known, values, failed))
    others = {name: array for name, array in (data or {}).items() if name not in params}
    return Case(found, others, n_samples)


def explain(case: Case) -> tuple[Diagnosis, ...]:
    """Return why tensors are wrong, what explains most of them first.

    Parameters
    ----------
    case : Case
        See :func:`gathered`.

    Returns
    -------
    tuple of Diagnosis
        Each tensor that failed is explained once or not at all.

    Notes
    -----
    An explanation must be within the bounds in every entry that was measured, and be supported
    by two entries that were clearly wrong, one more for each constant that is not a simple number.
    What explains more tensors comes first, then what is simpler. Parts of a tensor are named where
    nothing else explains it. Cost: some dozens of passes over the tensors that failed.
    """
    failed = case.failed
    if not failed or sum(tensor.analytic.size for tensor in case.tensors) > MOST_ENTRIES:
        return ()
    fits: list[Fit] = []
    for tensor in failed:
        if tensor.n_clear:
            for find in (find_scales, find_orders, find_values):
                fits += find(tensor)
    chosen = choose([*find_causes(case, fits), *find_relations(case)])
    explained = {name for cause in chosen for name in cause.tensors}
    diagnoses = [diagnosis_of(cause, case) for cause in chosen]
    for tensor in failed:
        if tensor.name not in explained:
            part = find_part(tensor, case.lengths)
            if part is not None:
                diagnoses.append(of_part(tensor.name, part))
    return tuple(diagnoses)
