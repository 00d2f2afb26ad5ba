"""Whether a diagnosis names the mistake that was planted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.faults import Fault, Sites
    from fastcheck.result import Diagnosis

CLOSE = 1e-4
"""How well a constant must be found, relative."""


def is_named(
    fault: Fault, diagnoses: Sequence[Diagnosis], wrong: Sequence[str], sites: Sites | None
) -> bool:
    """Return whether kind, constant and tensors are those of the fault.

    Parameters
    ----------
    fault : Fault
        What was planted.
    diagnoses : sequence of Diagnosis
        What was said. The first counts; of a mistake in all of the gradient, those that say the
        same of other tensors count with it.
    wrong : sequence of str
        The tensors that fail.
    sites : Sites or None
        The layers, where they are known.
    """
    if not diagnoses or not _fits(fault, diagnoses[0]):
        return False
    first = diagnoses[0]
    if fault.tensor:
        return _told(first) == {fault.tensor}
    if fault.is_delta:
        nearest = set(wrong) if sites is None else sites.nearest(wrong)
        return first.tensor in nearest if first.tensor else bool(_told(first) & nearest)
    return set().union(*(_told(d) for d in diagnoses if _fits(fault, d))) == set(wrong)


def _fits(fault: Fault, diagnosis: Diagnosis) -> bool:
    found = diagnosis.constant
    if diagnosis.kind not in fault.kinds:
        return False
    if not fault.constants or found is None:  # kinds such as a sign need none
        return True
    return any(abs(found - c) <= CLOSE * max(abs(c), abs(found)) for c in fault.constants)


def _told(diagnosis: Diagnosis) -> set[str]:
    """Return the tensors that a diagnosis explains."""
    return {*diagnosis.tensors} or {*filter(None, [diagnosis.tensor])}
