"""What belongs to the caller stays as it is, and Ctrl-C keeps what is done."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import numdiff, parallel
from fastcheck.datasets import embedded, open_dataset
from tests.check.common import (
    CASE,
    PLANS,
    checked,
    interrupt,
    small,
    with_one_off,
)

# ------------------------------------------------------------ nothing of the caller's changes


def snapshot(*groups: Mapping[str, np.ndarray]) -> list[tuple[int, bytes, Any, bool]]:
    """Return everything about arrays that could change."""
    arrays = [array for group in groups for array in group.values()]
    return [(id(a), a.tobytes(), a.strides, a.flags.writeable) for a in arrays]


@pytest.mark.parametrize("arithmetic", ["difference", "plain"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_arrays_and_file_are_left_alone_whatever_happens(
    arithmetic: str, n_jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "SMALL", 0.0)
    path = embedded("mnist")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    batch = open_dataset(path).sample(20, seed=1)
    net = fc.Network([fc.Dense(784, 3), fc.Tanh(), fc.Dense(3, 10)], fc.SoftmaxCrossEntropy())
    params, data = net.init_params(seed=1, biases="random"), {"x": batch.x, "y": batch.y}
    params["W1"] = np.asfortranarray(params["W1"])
    objective = net.objective(batch)
    grads = objective.gradient(params)
    grads["W2"] = grads["W2"].astype(np.float32)
    wrong = {n: -g for n, g in grads.items()}
    before = snapshot(params, grads, wrong, data)
    options: dict[str, Any] = {"arithmetic": arithmetic, "n_jobs": n_jobs, "only": "*2"}

    assert fc.check_gradients(objective, params, grads, **options).passed
    assert fc.check_gradients(objective, params, wrong, **options).verdict == "fail"
    refused = fc.check_gradients(objective, params, wrong | {"W2": wrong["W2"].T}, **options)
    assert "its gradient has shape (10, 3), the parameter (3, 10)" in refused.tensors["W2"].reason
    with pytest.raises(ZeroDivisionError):
        fc.check_gradients(objective, params, grads, progress=lambda *_: 1 // 0, **options)
    partial = fc.check_gradients(objective, params, grads, progress=interrupt, **options)
    assert partial.interrupted
    result = fc.numerical_gradient(objective, params, **options)
    for value in result.values.values():
        value[:] = np.nan  # what is handed out is not what came in

    assert snapshot(params, grads, wrong, data) == before
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest == batch.sha256


@small
def test_changing_the_callers_arrays_later_changes_no_check() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((4, 3)), rng.integers(0, 2, 4)
    net = fc.Network([fc.Dense(3, 2)], loss=fc.SoftmaxCrossEntropy())
    objective, params = net.objective(x, y), net.init_params()
    grads = objective.gradient(params)
    x[:] = np.nan
    y[:] = 1 - y
    assert fc.check_gradients(objective, params, grads).passed


# ------------------------------------------------------------ Ctrl-C


@PLANS
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupted_check_says_how_far_it_came(
    plan: str, n_jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "SMALL", 0.0)
    seen = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if done >= 55 if plan == "exhaustive" else done >= 40:
            raise KeyboardInterrupt

    result = checked(plan=plan, progress=progress, n_jobs=n_jobs)
    assert seen[-1][0] < seen[-1][1]
    assert result.interrupted
    assert result.verdict == "inconclusive"
    assert not result
    assert 0 < result.coverage.n_checked < result.coverage.n_entries == 89
    assert result.coverage.statement.startswith(f"{result.coverage.n_checked} of 89 entries")
    assert "interrupted" in str(result)
    assert "interrupted" in result.summary()
    assert result.audits == result.spot_checks == ()
    for name, tensor in result.tensors.items():
        known = ~np.isnan(result.numerical[name])
        assert tensor.n_checked == tensor.n_agree == known.sum()
        assert (tensor.verdict == "inconclusive") == (not known.all())
        np.testing.assert_allclose(
            result.numerical[name][known], CASE.right[name][known], rtol=1e-9, atol=1e-15
        )
    assert fc.CheckResult.from_json(result.to_json()).interrupted


@small
@PLANS
def test_an_interrupt_within_a_chunk_keeps_what_was_done(
    plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_chunk, finished = numdiff.run_chunk, []

    def stops_after_a_chunk(*arguments: Any) -> Any:
        if finished:
            raise KeyboardInterrupt
        return run_chunk(*arguments)

    monkeypatch.setattr(numdiff, "run_chunk", stops_after_a_chunk)
    result = checked(plan=plan, only=["b1", "b3"], progress=lambda *done: finished.append(done))
    assert len(finished) == 1
    assert result.interrupted
    assert sorted(t.n_checked for t in result.tensors.values()) in ([0, 4], [0, 5])


@small
def test_a_wrong_entry_found_before_the_interrupt_fails() -> None:
    wrong = with_one_off(CASE.right, "W1", (0, 0), 0.1)
    result = checked(wrong, plan="exhaustive", progress=interrupt)
    assert result.interrupted
    assert result.verdict == "fail"
    assert result.tensors["W1"].worst is not None
    assert result.tensors["W1"].worst.address == "W1[0, 0]"


@small
def test_a_numerical_gradient_says_that_it_is_not_complete() -> None:
    whole = fc.numerical_gradient(CASE.objective, CASE.params, plan="exhaustive")
    part = fc.numerical_gradient(CASE.objective, CASE.params, plan="exhaustive", progress=interrupt)
    assert whole.complete
    assert not part.complete
    assert np.isnan(part.values["b3"]).all()
    known = ~np.isnan(part.values["W1"])
    assert known.any()
    assert np.array_equal(part.values["W1"][known], whole.values["W1"][known])


@small
@pytest.mark.parametrize("stop", [1, 14])
def test_an_interrupt_while_steps_are_settled_gives_a_result(
    stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_chunk, n_calls = numdiff.run_chunk, 0

    def some(*arguments: Any) -> Any:
        nonlocal n_calls
        n_calls += 1
        if n_calls == stop:  # 1: before the first chunk; 14: all is done but the spot checks
            raise KeyboardInterrupt
        return run_chunk(*arguments)

    monkeypatch.setattr(numdiff, "run_chunk", some)
    try:
        result = checked(plan="units")
    except KeyboardInterrupt:
        raise AssertionError("nothing is left of the check") from None
    assert result.interrupted


@small
@pytest.mark.parametrize(
    "stage", ["graph.find_rounding", "measurement.judge_tensor", "graph.audit_tensor"]
)
def test_an_interrupt_after_the_probes_gives_a_result(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"fastcheck.check.{stage}", interrupt)
    try:
        result = checked()
    except KeyboardInterrupt:
        raise AssertionError("nothing is left of the check") from None
    assert result.interrupted


@small
def test_an_interrupt_before_anything_was_compared_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastcheck.check.graph.find_rounding", interrupt)
    assert checked().summary() == "the check was interrupted before anything was compared."
