"""Plain subtraction as a second opinion: it sees a disturbed gradient and is otherwise silent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import ops
from fastcheck.audit import audit_tensor
from fastcheck.bounds import find_rounding
from fastcheck.numdiff import Job
from tests.literal import Case
from tests.objectives import KINDS, relu_only

pytestmark = pytest.mark.interpreted

CASE = Case.drawn(0)
NAMES = list(CASE.params)


def checked(**options: Any) -> fc.CheckResult:
    return fc.check_gradients(CASE.objective, CASE.params, CASE.right, **options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("index", [0, -1])
def test_a_disturbed_numerical_gradient_raises_the_alarm(
    name: str, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place = Job.in_place

    def disturbed(job: Job, truncation: float) -> Any:
        found = in_place(job, truncation)
        if job.prober.node.name == name:
            found.values.reshape(-1)[index] += 1e-4
        return found

    monkeypatch.setattr(Job, "in_place", disturbed)
    result = checked(plan="exhaustive")
    assert not result
    findings = [f for f in result.findings if f.kind == "audit-failed"]
    assert [f.tensor for f in findings] == [name]
    audit = next(a for a in result.audits if a.tensor == name)
    assert 4e-5 < abs(audit.predicted - audit.measured) < 2e-4
    assert f"two plainly subtracted losses give {audit.measured:.9g}" in findings[0].message
    assert "DISAGREE" in str(result)


def test_an_alarm_takes_away_the_pass_even_if_the_gradient_has_the_same_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_place = Job.in_place

    def disturbed(job: Job, truncation: float) -> Any:
        found = in_place(job, truncation)
        found.values *= 1.001
        return found

    monkeypatch.setattr(Job, "in_place", disturbed)
    grads = {n: 1.001 * g for n, g in CASE.right.items()}
    result = fc.check_gradients(CASE.objective, CASE.params, grads, plan="exhaustive")
    assert all(t.n_disagree == t.n_close == 0 for t in result.tensors.values())
    assert result.verdict == "inconclusive"
    assert {f.kind for f in result.findings} == {"audit-failed"}


@pytest.mark.parametrize("name", NAMES)
def test_the_tolerance_is_small_and_the_prediction_within(name: str) -> None:
    (audit,) = checked(only=name, seed=4).audits
    assert audit.passed
    assert abs(audit.predicted - audit.measured) <= audit.tolerance
    assert audit.tolerance < 1e-4 * np.abs(CASE.right[name]).sum()


@pytest.mark.parametrize("where", [0, 3, -1])
def test_a_nan_does_not_pass(where: int) -> None:
    state = CASE.objective.state(CASE.params)
    gradient = CASE.right["W1"].copy()
    gradient.reshape(-1)[where] = np.nan
    audit = audit_tensor(state, "W1", gradient, find_rounding(state).loss, 0)
    assert not audit.passed
    assert np.isnan(audit.predicted)


def test_every_entry_takes_part() -> None:
    state = CASE.objective.state(CASE.params)
    noise = find_rounding(state).loss
    for flat in range(CASE.right["W2"].size):
        gradient = CASE.right["W2"].copy()
        gradient.reshape(-1)[flat] += 1e-4
        assert not audit_tensor(state, "W2", gradient, noise, 1).passed


def test_fifty_random_networks_raise_no_alarm() -> None:
    makers = [*KINDS.values(), relu_only]
    for seed in range(50):
        objective, params = makers[seed % len(makers)](seed)
        numerical = fc.numerical_gradient(objective, params)
        state = objective.state(params)
        noise = find_rounding(state).loss
        for name, value in numerical.values.items():
            for k in range(3):
                audit = audit_tensor(state, name, value, noise, 100 * seed + k)
                assert audit.passed, str(audit)


@pytest.mark.parametrize("gain", [1e-6, 1e-3, 10.0, 100.0])
def test_tiny_and_saturated_networks_raise_no_alarm(gain: float) -> None:
    for seed in range(3):
        objective, params = KINDS["tanh_network"](seed)
        params = {n: gain * v for n, v in params.items()}
        result = fc.check_gradients(objective, params, objective.gradient(params))
        assert all(a.passed for a in result.audits), str(result)
        assert len(result.audits) == 6


@pytest.mark.parametrize("scale", [1e-8, 1e6, 1e8, 1e10])
def test_weights_as_small_as_their_inputs_are_large_raise_no_alarm(scale: float) -> None:
    """The step must be short against the length over which the network bends."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x, w, v = scale * rng.normal(size=(20, 3)), rng.normal(size=(3, 1)) / scale, rng.normal()
        right = x.T @ (np.cos(x @ w) * v)
        graph = fc.Graph()
        product = ops.matmul(graph.data(x), graph.param("w", w.shape))
        graph.set_loss(ops.sum(ops.sin(product)) * v)
        result = fc.check_gradients(fc.GraphObjective(graph), {"w": w}, {"w": right})
        assert result.passed, result
        assert result.audits[0].passed


def test_a_loss_of_zero_raises_no_alarm() -> None:
    graph = fc.Graph()
    graph.set_loss(fc.ops.sum(fc.ops.tanh(graph.param("w", (3,)))))
    objective = fc.GraphObjective(graph)
    result = fc.check_gradients(objective, {"w": np.zeros(3)}, {"w": np.ones(3)})
    assert result.passed
    assert result.audits[0].passed


def test_a_tensor_at_a_kink_is_not_audited() -> None:
    net = fc.Network([fc.Dense(2, 2), fc.ReLU(), fc.Dense(2, 1)], loss=fc.SquaredError())
    objective = net.objective([[0.0, 0.0], [1.0, 2.0]], [[1.0], [0.0]])
    params = net.init_params(seed=1)
    result = fc.check_gradients(objective, params, objective.gradient(params))
    assert [a.tensor for a in result.audits] == ["W1", "W2", "b2"]


def test_the_direction_depends_on_the_seed_only() -> None:
    state = CASE.objective.state(CASE.params)
    noise = find_rounding(state).loss
    one, same, other = (audit_tensor(state, "W3", CASE.right["W3"], noise, s) for s in (1, 1, 2))
    assert one == same
    assert one.predicted != other.predicted


def test_the_parameters_are_left_alone() -> None:
    state = CASE.objective.state(CASE.params)
    before = [v.tobytes() for v in state.values]
    audit_tensor(state, "W2", CASE.right["W2"], 1e-16, 0)
    assert [v.tobytes() for v in state.values] == before
