"""Gradients checked along directions: right ones pass, whatever happens, in the right words."""

from __future__ import annotations

import math
import time
import zlib

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.errors import GradientMismatchError, InputError
from tests.blackbox.networks import KINDS, SLOPES, Arrays, Network
from tests.check.dense import N, accused, checked, network

# ------------------------------------------------------------ right gradients


@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("seed", range(5))
def test_right_gradients_pass_in_few_evaluations(activation: str, seed: int) -> None:
    net = network(activation, seed=seed)
    n_calls = 0

    def loss() -> float:
        nonlocal n_calls
        n_calls += 1
        return net.loss()

    result = checked(Network(net.params, lambda: (loss(), {})), net.grads, seed=seed)
    assert result.passed
    assert result.plan == "directions"
    assert result.coverage.n_checked == result.coverage.n_resolved == N
    assert all(t.visible < 1e-3 * t.typical for t in result.tensors.values())
    assert n_calls < 120  # a full check needs 8782


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_right_gradients_of_other_networks_are_not_accused(
    kind: str, activation: str, size: float
) -> None:
    for seed in range(3):
        net = KINDS[kind](seed, activation, "f8", size)
        assert checked(net, net.grads, seed=seed).verdict != "fail"


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_float32_is_not_accused_and_not_said_to_be_verified(activation: str) -> None:
    for seed in range(5):
        net = network(activation, "f4", seed)
        result = checked(net, net.grads, seed=seed)
        assert result.verdict == "inconclusive"
        t = result.tensors["W1"]
        assert f"only above {t.visible:.0e}" in t.reason
        assert 'use plan="sample"' in t.reason
        assert checked(net, net.grads, "sample", budget=0.05, seed=seed).verdict != "fail"


def noisy(net: Network, size: float, seed: int) -> Network:
    """Return a network whose loss has noise that is a function of its parameters."""

    def passes() -> tuple[float, Arrays]:
        loss, grads = net.passes()
        codes = [zlib.crc32(a.tobytes()) for a in net.params.values()]
        noise = np.random.default_rng([seed, *codes]).standard_normal()
        return loss + size * noise, grads

    return Network(net.params, passes)


@pytest.mark.parametrize("size", [1e-12, 1e-9, 1e-6])
def test_a_noisy_loss_makes_no_false_alarm_and_shows_large_errors(size: float) -> None:
    for seed in range(4):
        net = noisy(network(seed=seed), size, seed)
        right = net.grads
        result = checked(net, right, seed=seed)
        assert result.verdict == ("pass" if size < 1e-11 else result.verdict) != "fail"
        wrong = right | {"W2": -right["W2"]}
        result = checked(net, wrong, seed=seed)
        assert not result.passed
        assert not accused(result, wrong, right)
        assert size > 1e-7 or result.tensors["W2"].verdict == "fail"


@pytest.mark.slow
@pytest.mark.parametrize("activation", SLOPES)
def test_right_gradients_pass_over_many_seeds(activation: str) -> None:
    for seed in range(100):
        net = network(activation, seed=seed)
        assert checked(net, net.grads, seed=seed).verdict == "pass"


# ------------------------------------------------------------ kinks, domains, interrupts


def test_entries_at_a_kink_are_not_accused() -> None:
    w = np.random.default_rng(0).standard_normal(400)
    w[[7, 300]] = 0.0

    def loss() -> float:
        return float(np.abs(w).sum())

    for at_zero in (0.0, 1.0, -1.0):  # any subgradient is right
        grads = np.where(w == 0.0, at_zero, np.sign(w))
        result = fc.check_gradients(loss, {"w": w}, {"w": grads}, plan="directions",
                                    engine="black box")  # fmt: skip
        assert result.verdict != "fail"


@pytest.mark.parametrize("problem", ["nan", "raise"])
def test_a_loss_that_fails_along_directions_is_undecided_and_restored(problem: str) -> None:
    net = network()
    kept = {name: a.copy() for name, a in net.params.items()}

    def loss() -> float:
        if all(np.array_equal(a, kept[name]) for name, a in net.params.items()):
            return net.loss()
        if problem == "raise":
            raise FloatingPointError("outside")
        return math.nan

    result = fc.check_gradients(loss, net.params, net.grads, plan="directions", engine="black box")
    assert result.verdict == "inconclusive"
    assert "could not be evaluated along random directions" in result.tensors["W1"].reason
    assert all(a.tobytes() == kept[name].tobytes() for name, a in net.params.items())
    assert fc.CheckResult.from_json(result.to_json()).to_dict() == result.to_dict()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
def test_an_interrupt_leaves_the_arrays_and_what_was_found(share: float) -> None:
    net = network()
    kept = {name: a.tobytes() for name, a in net.params.items()}
    wrong = {name: g.copy() for name, g in net.grads.items()}
    wrong["W1"][[3, 30, 50], [4, 9, 11]] += 1.0
    n_calls, last = 0, math.inf

    def loss() -> float:
        nonlocal n_calls
        n_calls += 1
        if n_calls >= last:
            raise KeyboardInterrupt
        return net.loss()

    def check() -> fc.CheckResult:
        return fc.check_gradients(loss, net.params, wrong, plan="directions", engine="black box")

    assert check().tensors["W1"].n_disagree == 3
    last, n_calls = 8 + share * (n_calls - 8), 0  # the first find out whether it can be called
    result = check()
    assert result.interrupted
    assert not result.passed
    assert {name: a.tobytes() for name, a in net.params.items()} == kept
    found = {e.address for t in result.tensors.values() for e in t.mismatches}
    assert found <= {"W1[3, 4]", "W1[30, 9]", "W1[50, 11]"}
    assert len(found) >= (share > 0.8) + 2 * (share > 0.95)
    assert "interrupted" in str(result)
    assert fc.CheckResult.from_json(result.to_json()).interrupted


# ------------------------------------------------------------ choice, words, JSON


def test_shared_memory_refuses_directions_by_name_and_auto_samples() -> None:
    rng = np.random.default_rng(0)
    W = rng.standard_normal((40, 40))

    def loss() -> float:
        return 0.5 * float(np.vdot(W, W))

    params, grads = {"W": W, "U": W.T}, {"W": 0.5 * W, "U": 0.5 * W.T}
    with pytest.raises(InputError, match="where parameters share memory, got 'directions'"):
        fc.check_gradients(loss, params, grads, plan="directions", engine="black box")
    result = fc.check_gradients(loss, params, grads, budget=1e-3, engine="black box")
    assert result.plan == "sample"
    assert result.passed
    assert 64 <= result.coverage.n_checked < 3200


def test_directions_need_a_gradient() -> None:
    net = network()
    with pytest.raises(InputError, match="where there is no gradient to compare with"):
        fc.numerical_gradient(net.loss, net.params, plan="directions", engine="black box")


@pytest.mark.parametrize("factor", [1.0, 1.01])
def test_auto_probes_directions_and_entries_within_the_budget(factor: float) -> None:
    fast = network()

    def passes() -> tuple[float, Arrays]:
        time.sleep(0.0005)
        return fast.passes()

    net = Network(fast.params, passes)
    grads = net.grads | {"W1": factor * net.grads["W1"]}
    result = checked(net, grads, "auto", budget=1.0)
    assert result.plan == "directions"
    assert "is above the budget of 1 s; about 40 evaluations" in result.plan_reason
    assert result.passed == (factor == 1.0)
    assert sum(e.size for e in result.numerical.values()) == N
    if result.passed:
        n_single = sum(int(np.isfinite(v).sum()) for v in result.numerical.values())
        assert 0 < n_single < N
        assert f"and {n_single} entries one by one" in result.plan_reason


def test_power_is_said_before_and_after() -> None:
    net = network()
    result = checked(net, net.grads)
    assert "a single wrong entry above about " in result.plan_reason
    text = result.coverage.statement
    worst = max(result.tensors.values(), key=lambda t: t.visible / t.typical)
    assert f"{worst.visible:.0e} in {worst.name} ({worst.visible / worst.typical:.0e} of" in text
    assert "directional derivatives (" in text


def test_a_sample_says_what_it_rules_out() -> None:
    net = network()
    result = checked(net, net.grads, "sample", budget=0.2)
    assert result.passed
    assert result.plan == "sample"
    text = result.coverage.statement
    assert "would have been found with probability 0.95" in text or "probability 0.95" in text
    sampled = [t for t in result.tensors.values() if t.n_checked < t.n_entries]
    assert sampled
    assert all(0.0 < t.missable < 0.4 for t in sampled)
    assert any(t.covered == "row and column" for t in sampled)
    wrong = {name: 2.0 * g for name, g in net.grads.items()}
    result = checked(net, wrong, "sample", budget=0.2)
    assert result.verdict == "fail"
    assert all(math.isnan(t.missable) for t in result.tensors.values())


def test_assert_gradients_names_the_part() -> None:
    net = network()
    wrong = {name: g.copy() for name, g in net.grads.items()}
    wrong["W2"][5] *= -1.0
    with pytest.raises(
        GradientMismatchError, match=r"W2, row 5: 4 of 4 entries probed there are wrong"
    ):
        fc.assert_gradients(net.loss, net.params, wrong, plan="directions", engine="black box")


def test_results_survive_json() -> None:
    net = network()
    right = net.grads
    wrong = right | {"W2": 2.0 * right["W2"]}
    for grads, plan in ((right, "directions"), (wrong, "directions"), (right, "sample")):
        result = checked(net, grads, plan, budget=0.1)
        back = fc.CheckResult.from_json(result.to_json(arrays=True))
        assert back.to_dict(arrays=True) == result.to_dict(arrays=True)
        assert back.tensors["W2"].regions == result.tensors["W2"].regions
        assert str(back) == str(result)


def test_the_same_seed_gives_the_same_probes() -> None:
    net = network()
    wrong = {name: g.copy() for name, g in net.grads.items()}
    wrong["W1"][3, 4] += 1.0
    one, same = (checked(net, wrong, seed=3).numerical["W1"] for _ in range(2))
    assert np.array_equal(one, same, equal_nan=True)
