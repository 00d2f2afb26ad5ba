"""Mistakes that the user accepts are tolerated, and only those."""

from __future__ import annotations

import fastcheck as fc
from tests.literal import Arrays, Case

CASE = Case.drawn(0)


def outcomes(**options: object) -> dict[str, str]:
    test = fc.selftest(
        CASE.objective, CASE.params, CASE.right, faults=["clipped norm", "negated"], **options
    )
    assert test
    return {planted.title: planted.outcome for planted in test.planted}


def test_an_accepted_cause_is_tolerated_and_the_reason_says_so() -> None:
    assert outcomes()["clipped norm"] == "caught"
    found = outcomes(accept="clip-norm")
    assert found["clipped norm"] == "tolerated"
    assert found["negated"] == "caught"
    test = fc.selftest(
        CASE.objective, CASE.params, CASE.right, accept="clip-norm", faults="clipped norm"
    )
    assert test.planted[0].reason == "accepted: clipped-norm"


def test_a_right_gradient_function_is_not_called_for_the_causes_of_planted_mistakes() -> None:
    n_calls = 0

    def grads() -> Arrays:
        nonlocal n_calls
        n_calls += 1
        return CASE.right

    def loss() -> float:
        return CASE.passes()[0]

    def calls(faults: str) -> int:
        before = n_calls
        assert fc.selftest(loss, CASE.params, grads, engine="black box", faults=faults)
        return n_calls - before

    assert calls("negated") == calls("one entry*")
