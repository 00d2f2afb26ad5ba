"""Whether a diagnosis is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.faulty.catalogue import Expected
    from fastcheck.result import Diagnosis

CLOSE = 1e-6
"""How far a constant may be off, relative."""


@dataclass(frozen=True)
class Score:
    """What of an answer is right: the word for it, the address, the number."""

    kind: bool = False
    address: bool = False
    constant: bool = False

    @property
    def is_right(self) -> bool:
        """Whether all of it is."""
        return self.kind and self.address and self.constant


def score_of(diagnosis: Diagnosis | None, expected: Sequence[Expected]) -> Score:
    """Return how well a diagnosis agrees with the right answer that it is closest to."""
    if diagnosis is None:
        return Score()
    scores = [_score(diagnosis, answer) for answer in expected]
    return max(scores, key=lambda s: (s.kind + s.address + s.constant, s.kind))


def _score(diagnosis: Diagnosis, answer: Expected) -> Score:
    kind = diagnosis.kind in answer.kinds
    address = diagnosis.tensor in answer.tensors
    if diagnosis.tensor is None and diagnosis.tensors:  # exactly what is expected one by one
        address |= set(diagnosis.tensors) <= answer.tensors
    if answer.constants is None:
        return Score(kind, address, True)
    c = diagnosis.constant
    near = c is not None and any(abs(c - e) <= CLOSE * max(abs(e), CLOSE) for e in answer.constants)
    return Score(kind, address, near)


def both_named(
    diagnoses: Sequence[Diagnosis], one: Sequence[Expected], other: Sequence[Expected]
) -> bool:
    """Return whether each of two mistakes is named by a diagnosis of its own."""
    first = {k for k, d in enumerate(diagnoses) if score_of(d, one).is_right}
    second = {k for k, d in enumerate(diagnoses) if score_of(d, other).is_right}
    return bool(first and second) and len(first | second) > 1
