"""One cause for the whole gradient: a factor, a norm, a limit, a coarser format, a lost sign."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fastcheck.diagnose.choose import find_causes
from fastcheck.diagnose.messages import diagnosis_of
from fastcheck.diagnose.scales import find_factor
from fastcheck.diagnose.values import find_values

if TYPE_CHECKING:
    from fastcheck.diagnose.evidence import Case
    from fastcheck.diagnose.fit import Fit
    from fastcheck.result import Diagnosis

OF_VALUES = ("clipped", "without-sign", "precision")


def find_whole(case: Case) -> Diagnosis | None:
    """Return the one cause that explains every tensor that is wrong, None if there is none.

    A factor counts only if no tensor is right but for those whose gradient is zero: otherwise it
    came into the delta on the way.
    """
    if len(case.failed) < 2:
        return None
    kinds = [*OF_VALUES]
    if all(tensor.failed or not tensor.numerical[tensor.known].any() for tensor in case.tensors):
        kinds.append("factor")
    fits = [fit for fit in _fits(case) if fit.kind in kinds]
    causes = [cause for cause in find_causes(case, fits) if len(cause.fits) == len(case.failed)]
    best = min(causes, key=lambda cause: cause.complexity, default=None)
    return None if best is None else diagnosis_of(best, case)


def _fits(case: Case) -> list[Fit]:
    """Return what explains each tensor alone, up to the first that nothing of it explains."""
    found: list[Fit] = []
    for tensor in sorted(case.failed, key=lambda t: t.analytic.size):
        fits = [*find_values(tensor), *find_factor(tensor)]
        if not fits:
            return []
        found += fits
    formats = {fit.detail.split()[1] for fit in found if fit.kind == "precision"}
    if len(formats) == 1:  # one computation, of which some results are as good as stored ones
        name = f"computed {formats.pop()}"
        found = [replace(f, detail=name) if f.kind == "precision" else f for f in found]
    order = {tensor.name: k for k, tensor in enumerate(case.tensors)}
    return sorted(found, key=lambda fit: order[fit.tensor])
