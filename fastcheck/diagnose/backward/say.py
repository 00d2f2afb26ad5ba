"""The reasons of a hypothesis as diagnoses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fastcheck.diagnose.backward.walk import is_same
from fastcheck.result import Diagnosis
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from fastcheck.diagnose.backward.local import Reason
    from fastcheck.diagnose.backward.walk import Hypothesis, Walk

MOST_NAMES = 10


def said(walk: Walk, hypothesis: Hypothesis) -> list[Diagnosis]:
    """Return the mistakes of a hypothesis, the one nearest to the loss first."""
    return [_diagnosis(walk, reason) for reason in _joined(hypothesis.reasons)]


def _joined(reasons: tuple[Reason, ...]) -> list[Reason]:
    """Return reasons, those that are one mistake in several tensors as one."""
    joined: list[Reason] = []
    for reason in reasons:
        for k, other in enumerate(joined):
            if reason.is_shared and is_same(reason, other):
                joined[k] = replace(other, tensors=(*other.tensors, *reason.tensors))
                break
        else:
            joined.append(reason)
    return joined


def _diagnosis(walk: Walk, reason: Reason) -> Diagnosis:
    names = listing(list(reason.tensors), MOST_NAMES)
    text = f"{names}: {reason.text}"
    tensors = reason.tensors
    if reason.passes_on:
        later = _before(walk, reason)
        if later:
            text = f"{text}; what lies before ({listing(later, MOST_NAMES)}) is wrong because of it"
        tensors = (*tensors, *later)
    single = reason.tensors[0] if len(reason.tensors) == 1 or reason.passes_on else None
    return Diagnosis(reason.kind, single, reason.constant, text, tensors, reason.is_exact)


def _before(walk: Walk, reason: Reason) -> list[str]:
    """Return the failed tensors of the layers before that of a reason."""
    layers = walk.anatomy.layers
    place = layers.index(walk.anatomy.home[reason.tensors[0]])
    return [
        name
        for layer in layers[place + 1 :]
        for name in layer.names
        if name in walk.subjects and walk.subjects[name].evidence.failed
    ]
