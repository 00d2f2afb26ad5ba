"""Whether a diagnosis is right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

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


def score_of(
    diagnosis: Diagnosis | None, expected: Sequence[Expected], wrong: Collection[str] = ()
) -> Score:
    """Return how well a diagnosis agrees with the right answer that it is closest to.

    Parameters
    ----------
    diagnosis : Diagnosis or None
        What was said.
    expected : sequence of Expected
        The right answers.
    wrong : collection of str
        The tensors that are wrong, each of which a diagnosis of several must explain; empty where
        there are other mistakes.
    """
    if diagnosis is None:
        return Score()
    scores = [_score(diagnosis, answer, wrong) for answer in expected]
    return max(scores, key=lambda s: (s.kind + s.address + s.constant, s.kind))


def _score(diagnosis: Diagnosis, answer: Expected, wrong: Collection[str]) -> Score:
    kind = diagnosis.kind in answer.kinds
    address = diagnosis.tensor in answer.tensors
    if diagnosis.tensor is None and wrong and not answer.is_part:
        address &= {*diagnosis.tensors} == {*wrong}
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
    """Return whether each of two mistakes is named by a diagnosis of its own.

    One will do where the same is wrong with two tensors, and it says so of both.
    """
    first = {k for k, d in enumerate(diagnoses) if score_of(d, one).is_right}
    second = {k for k, d in enumerate(diagnoses) if score_of(d, other).is_right}
    if first and second and len(first | second) > 1:
        return True
    return any(
        score_of(replace(d, tensor=a), one).is_right
        and score_of(replace(d, tensor=b), other).is_right
        for d in diagnoses
        for a in d.tensors
        for b in d.tensors
        if a != b
    )
