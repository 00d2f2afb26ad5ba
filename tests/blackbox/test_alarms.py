"""No false alarm on random networks; kinks are called kinks; samples say that they are samples."""

from __future__ import annotations

import time

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.errors import TraceError
from tests.blackbox.networks import KINDS, SLOPES, Network, dense


def checked(net: Network, grads: object = None, **options: object) -> fc.CheckResult:
    grads = net.grads if grads is None else grads
    return fc.check_gradients(net.loss, net.params, grads, engine="black box", **options)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("kind", KINDS)
def test_right_gradients_pass_in_float64(kind: str, activation: str, size: float) -> None:
    for seed in range(2):
        result = checked(KINDS[kind](seed, activation, "f8", size), strict=True)
        assert result.passed
        assert result.coverage.n_resolved == result.coverage.n_entries
        assert result.findings == ()


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("activation", SLOPES)
def test_raw_pixels_pass(activation: str, size: float) -> None:
    for seed in range(2):
        assert checked(dense(seed, activation, "f8", size, pixels=True), strict=True).passed


@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("kind", KINDS)
def test_float32_is_never_accused_and_large_faults_are_found(kind: str, activation: str) -> None:
    for size in (1.0, 1e-6):
        net = KINDS[kind](0, activation, "f4", size)
        right = checked(net)
        assert sum(t.n_disagree for t in right.tensors.values()) == 0
        assert right.coverage.n_resolved > 0.1 * right.coverage.n_entries
        for factor in (0, 2, -1, 1.05):
            wrong = {name: np.float32(factor) * g for name, g in net.grads.items()}
            assert checked(net, wrong).verdict == "fail"


def test_many_kinks_around_are_no_disagreement() -> None:
    rng = np.random.default_rng(0)
    W, V, x = rng.standard_normal((6, 40)), rng.standard_normal(40), rng.standard_normal((800, 6))

    def loss() -> float:
        return float((np.maximum(x @ W, 0) @ V).mean())

    right = x.T @ ((x @ W > 0) * V) / 800
    result = fc.check_gradients(loss, [W], [right], engine="black box", strict=True)
    assert result.passed
    wide = fc.check_gradients(loss, [W], [right], engine="black box", step=1e-3)
    assert wide.tensors["0"].n_disagree == 0


def relu_at(offset: float) -> Network:
    """Return a ReLU layer in which one of eight samples is `offset` from its kink."""
    rng = np.random.default_rng(0)
    p = {"W": rng.standard_normal((5, 4)), "b": np.full(4, offset), "V": rng.standard_normal(4)}
    x = rng.standard_normal((8, 5))
    x[0] = 0.0

    def passes() -> tuple[float, dict[str, np.ndarray]]:
        z = x @ p["W"] + p["b"]
        a = np.maximum(z, 0)
        d = (z > 0) * p["V"]
        return float((a @ p["V"]).sum()), {"W": x.T @ d, "b": d.sum(0), "V": a.sum(0)}

    return Network(p, passes)


def test_an_exact_kink_is_called_one() -> None:
    net = relu_at(0.0)
    result = checked(net)
    assert (result.tensors["b"].n_kink, result.tensors["W"].n_kink) == (4, 0)
    assert [f.kind for f in result.findings] == ["kink"]
    assert result.tensors["W"].passed
    assert fc.numerical_gradient(net.loss, net.params, engine="black box").kinks["b"].all()


@pytest.mark.parametrize("offset", [1e-3, 1e-5, -1e-6, 1e-7, -1e-8])
def test_a_kink_nearby_is_stepped_around(offset: float) -> None:
    net = relu_at(offset)
    assert checked(net).passed
    wrong = net.grads
    wrong["b"] = wrong["b"] + 0.5 * net.params["V"]  # the mean of both slopes, as one step sees it
    result = checked(net, wrong)
    assert result.tensors["b"].n_disagree == 4


def test_a_probe_outside_the_domain_is_tried_with_a_smaller_step() -> None:
    p = np.array([1e-8, 0.3, 1e-4])

    def loss() -> float:
        with np.errstate(all="ignore"):
            return float(-np.log(p).sum())

    assert fc.check_gradients(loss, [p], [-1 / p], engine="black box").passed


# ------------------------------------------------------------ budget and samples


def slow(net: Network, seconds: float) -> Network:
    def passes() -> tuple[float, dict[str, np.ndarray]]:
        time.sleep(seconds)
        return net.passes()

    return Network(net.params, passes)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_slow_loss_is_sampled_within_the_budget_and_says_so(factor: float) -> None:
    net = slow(KINDS["conv"](0, "tanh"), 0.002)
    wrong = {name: factor * g for name, g in net.grads.items()}
    start = time.perf_counter()
    result = checked(net, wrong, budget=1.0, plan="sample")
    assert time.perf_counter() - start < 2.0
    assert result.plan == "sample"
    n, total = result.coverage.n_checked, result.coverage.n_entries
    assert 68 <= n < total == 508
    assert f"asked for; {n} of {total} are sampled" in result.plan_reason
    assert f"{n} of {total} entries checked" in result.coverage.statement
    assert all(t.n_checked >= min(32, t.n_entries) for t in result.tensors.values())
    assert result.verdict == ("pass" if factor == 1.0 else "fail")
    if result.passed:
        assert f"all {n} checked entries" in result.summary()
        assert all(np.isnan(v).sum() == v.size - result.tensors[k].n_checked
                   for k, v in result.numerical.items())  # fmt: skip


def test_every_entry_is_probed_where_there_is_time_or_it_is_asked_for() -> None:
    net = dense(0, "tanh")
    assert checked(net).plan == "exhaustive"
    assert checked(net, budget=1e-6).plan == "directions"
    assert checked(net, budget=1e-6, plan="exhaustive").coverage.n_checked == 215


# ------------------------------------------------------------ instead of a trace


def test_a_loss_that_cannot_be_traced_is_called_with_a_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(box: object) -> None:
        raise TraceError("line 3: float() of a traced value;\nuse .sum() instead.")

    monkeypatch.setattr("fastcheck.check.engines._traced", refuse)
    net = dense(0, "tanh")
    result = fc.check_gradients(net.loss, net.params, net.grads)
    assert result.passed
    assert (result.engine, result.engine_reason) == ("black box", "the loss could not be traced")
    (finding,) = result.findings
    assert (finding.kind, finding.severity) == ("not-traced", "note")
    assert finding.message.endswith("line 3: float() of a traced value; use .sum() instead")
    with pytest.raises(TraceError, match="line 3"):
        fc.check_gradients(net.loss, net.params, net.grads, engine="trace")
    with pytest.raises(fc.GradientMismatchError, match="are wrong"):
        fc.assert_gradients(net.loss, net.params, {n: 2 * g for n, g in net.grads.items()})


def test_a_traced_loss_runs_as_a_graph_and_keeps_the_users_structure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    w = np.array([0.1, 0.2, 0.3])
    objective = fc.trace(lambda p: np.sum(p["0"] ** 2), {"0": w})
    monkeypatch.setattr("fastcheck.check.engines._traced", lambda box: objective)

    result = fc.check_gradients(lambda: float(w @ w), [w], lambda: [2 * w])
    assert result.passed
    assert (result.engine, result.engine_reason) == ("trace", "the loss is NumPy code")

    def grads() -> list[np.ndarray]:
        w[0] = 9.0
        return [2 * w]

    result = fc.check_gradients(lambda: float(w @ w), [w], grads, engine="trace")
    assert [f.kind for f in result.findings] == ["params-mutated"]
    assert result.engine_reason == "asked for"
    assert w[0] == 0.1
