"""A mistake in the search for a cause never costs the verdict of a check."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.check import graph, outcome
from tests.check.common import CASE, checked, interrupt, with_one_off

WRONG = with_one_off(CASE.right, "W2", (1, 2), 1e-3)


def broken(*arguments: object, **options: object) -> Any:
    raise ZeroDivisionError("planted in the search")


def test_an_exception_in_the_walk_leaves_the_verdict_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = checked(WRONG)
    monkeypatch.setattr(graph, "explain_graph", broken)
    result = checked(WRONG)
    assert result.verdict == expected.verdict == "fail"
    assert {n: t.verdict for n, t in result.tensors.items()} == {
        n: t.verdict for n, t in expected.tensors.items()
    }
    assert result.diagnosis == ()
    (finding,) = [f for f in result.findings if f.kind == "diagnosis-failed"]
    assert finding.severity == "warning"
    assert "ZeroDivisionError: planted in the search" in finding.message
    assert "ZeroDivisionError" in str(result)
    assert "W2[1, 2]" in str(result)


def test_a_right_gradient_does_not_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "explain_graph", broken)
    result = checked()
    assert result.verdict == "pass"
    assert not [f for f in result.findings if f.kind == "diagnosis-failed"]


def test_a_gradient_of_a_wrong_shape_is_refused_even_if_its_cause_cannot_be_sought(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = np.arange(12.0).reshape(4, 3) / 10.0
    W = np.linspace(-1.0, 1.0, 6).reshape(3, 2)

    def loss() -> float:
        return float(np.sum((x @ W) ** 2))

    wrong = {"W": (2 * x.T @ (x @ W)).T}
    expected = fc.check_gradients(loss, {"W": W}, wrong, engine="black box")
    monkeypatch.setattr(outcome, "explain_shapes", broken)
    result = fc.check_gradients(loss, {"W": W}, wrong, engine="black box")
    assert result.verdict == expected.verdict
    assert result.tensors["W"].verdict == expected.tensors["W"].verdict
    assert [f.kind for f in result.findings].count("diagnosis-failed") == 1


def test_ctrl_c_in_the_search_ends_the_search_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "explain_graph", interrupt)
    result = checked(WRONG)
    assert result.verdict == "fail"
    assert result.diagnosis == ()
    assert not [f for f in result.findings if f.kind == "diagnosis-failed"]


def test_overflow_in_the_search_is_no_warning() -> None:
    with np.errstate(all="raise"):
        result = checked(CASE.right | {"W1": 1e300 * CASE.right["W1"]})
    assert result.verdict == "fail"
    assert not [f for f in result.findings if f.kind == "diagnosis-failed"]
