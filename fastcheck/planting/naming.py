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
    fault: Fault, diagnosis: Diagnosis, changed: Sequence[str], sites: Sites | None
) -> bool:
    """Return whether kind, constant and tensor are those of the fault.

    Parameters
    ----------
    fault : Fault
        What was planted.
    diagnosis : Diagnosis
        What was said.
    changed : sequence of str
        The tensors that are wrong.
    sites : Sites or None
        The layers, where they are known.
    """
    return (
        diagnosis.kind in fault.kinds
        and _has_constant(fault, diagnosis)
        and _has_tensor(fault, diagnosis, changed, sites)
    )


def _has_constant(fault: Fault, diagnosis: Diagnosis) -> bool:
    found = diagnosis.constant
    if not fault.constants or found is None:  # kinds such as a sign need none
        return True
    return any(abs(found - c) <= CLOSE * max(abs(c), abs(found)) for c in fault.constants)


def _has_tensor(
    fault: Fault, diagnosis: Diagnosis, changed: Sequence[str], sites: Sites | None
) -> bool:
    told = {*diagnosis.tensors, *([diagnosis.tensor] if diagnosis.tensor else [])}
    if fault.tensor:
        return told == {fault.tensor}
    if fault.is_delta:
        first = _first(changed, sites)
        return diagnosis.tensor in first if diagnosis.tensor else bool(told & first)
    return told == set(changed)


def _first(changed: Sequence[str], sites: Sites | None) -> set[str]:
    """Return the wrong tensors of the layer that is nearest to the loss."""
    if sites is None:
        return set(changed)
    layers = {name: sites.layer_of(name) for name in changed if name in sites.graph.params}
    last = max(layers.values(), default=0)
    return {name for name, layer in layers.items() if layer == last}
