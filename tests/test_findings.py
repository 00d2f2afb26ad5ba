"""What is said about a check beside its verdicts."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import findings, ops
from tests.literal import Case

pytestmark = pytest.mark.interpreted

CASE = Case.drawn(0)


def kinds(result: fc.CheckResult) -> list[str]:
    return [finding.kind for finding in result.findings]


def test_a_parameter_that_is_not_used_is_told() -> None:
    graph = fc.Graph()
    graph.param("idle", (2,))
    graph.set_loss(ops.sum(ops.square(graph.param("w", (1,)))))
    params = {"idle": np.array([1.0, 2.0]), "w": np.array([3.0])}
    grads = {"idle": np.zeros(2), "w": np.array([6.0])}
    result = fc.check_gradients(fc.GraphObjective(graph), params, grads)
    assert not result
    assert kinds(result) == ["unused-parameter"]
    assert result.findings[0].message.startswith("idle: the loss does not depend on this parameter")
    assert fc.check_gradients(fc.GraphObjective(graph), params, grads, skip="idle").passed


@pytest.mark.parametrize("declared", [True, False])
def test_targets_that_do_not_say_which_axis_counts_samples_are_told(declared: bool) -> None:
    rng = np.random.default_rng(0)
    graph = fc.Graph()
    z = graph.data(rng.standard_normal((4, 3)), 0) @ graph.param("W", (3, 2))
    y = graph.data(rng.standard_normal((4, 2)), 0 if declared else None)
    graph.set_loss(ops.mean(ops.square(z - y)))
    objective, params = fc.GraphObjective(graph), {"W": rng.standard_normal((3, 2))}
    result = fc.check_gradients(objective, params, objective.gradient(params))
    assert result.passed
    assert kinds(result) == ([] if declared else ["undeclared-batch-axis"])
    if not declared:
        assert "samples meet at " in result.findings[0].message
        assert "graph.data(..., batch_axis=...)" in result.findings[0].message


def test_normalisation_over_the_batch_is_no_mistake() -> None:
    rng = np.random.default_rng(0)
    graph = fc.Graph()
    z = graph.data(rng.standard_normal((4, 3)), 0) @ graph.param("W", (3, 2))
    graph.set_loss(ops.sum(ops.tanh(z - ops.mean(z, axis=0, keepdims=True)) * 2.0))
    objective, params = fc.GraphObjective(graph), {"W": rng.standard_normal((3, 2))}
    assert kinds(fc.check_gradients(objective, params, objective.gradient(params))) == []


def test_a_tensor_that_is_off_everywhere_by_little_is_told() -> None:
    W2 = CASE.right["W2"]
    near = W2 * (1 + 1e-7 * np.cos(1e3 * W2))
    result = fc.check_gradients(CASE.objective, CASE.params, CASE.right | {"W2": near})
    assert result.passed
    (finding,) = result.findings
    assert (finding.kind, finding.severity, finding.tensor) == ("mostly-close", "warning", "W2")
    n_close = result.tensors["W2"].n_close
    assert finding.message.startswith(f"W2: {n_close} of 25 entries are measurably off")


def test_one_entry_that_is_off_by_little_is_not_a_pattern() -> None:
    gradient = CASE.right["W2"].copy()
    gradient[0, 0] *= 1 + 1e-7
    result = fc.check_gradients(CASE.objective, CASE.params, CASE.right | {"W2": gradient})
    assert result.tensors["W2"].n_close == 1
    assert kinds(result) == []


@pytest.mark.parametrize(
    ("loss", "given", "told"),
    [
        (2.0, None, None),
        (2.0, 2.0, None),
        (2.0, 2.0 + 1e-12, None),
        (0.0, 0.0, None),
        (2.0, 1.0, "your loss is 1.0, that of the objective 2.0, 0.5 times: the forward"),
        (0.0, 1.0, "your loss is 1.0, that of the objective 0.0: the forward pass differs"),
        (-np.inf, None, "the loss is -inf at this point"),
        (np.nan, np.nan, "the loss is nan at this point"),
    ],
)
def test_what_is_said_about_the_loss(loss: float, given: float | None, told: str | None) -> None:
    found = findings.about_loss(loss, given)
    assert len(found) == (told is not None)
    if told:
        assert found[0].message.startswith(told)
        assert found[0].severity == "error"


@pytest.mark.parametrize("engine", ["auto", "black box"])
@pytest.mark.parametrize("distance", [0.0, 1e-13])
@pytest.mark.parametrize(("n", "words"), [(1, "1 entry lies"), (2, "2 entries lie")])
def test_entries_at_a_kink_or_next_to_one_are_told(
    n: int, words: str, distance: float, engine: str
) -> None:
    w = np.array([distance] * n + [0.7, -0.3])

    def loss(w: np.ndarray) -> float:
        return float(np.sum(np.abs(w)))

    result = fc.check_gradients(loss, {"w": w}, {"w": np.sign(w)}, engine=engine)
    (found,) = (finding for finding in result.findings if finding.kind == "kink")
    assert found.message.startswith(f"w: {words} at a kink, or nearer to one than a step, where")
