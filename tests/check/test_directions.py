"""Gradients checked along directions: what is wrong is named, what is right is not accused."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.errors import GradientMismatchError, InputError
from tests.blackbox.networks import KINDS, SLOPES, Arrays, Network, cross_entropy

SIZES = (60, 50, 23, 7)
N = 60 * 50 + 50 + 50 * 23 + 23 + 23 * 7 + 7


def network(activation: str = "tanh", dtype: str = "f8", seed: int = 0) -> Network:
    """Return a dense network of 4391 parameters."""
    rng = np.random.default_rng(seed)
    f, slope = SLOPES[activation]
    p: Arrays = {}
    for k in range(3):
        n_in, n_out = SIZES[k : k + 2]
        p[f"W{k + 1}"] = (rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)).astype(dtype)
        p[f"b{k + 1}"] = (0.1 * rng.standard_normal(n_out)).astype(dtype)
    x, y = rng.standard_normal((9, 60)).astype(dtype), rng.integers(0, 7, 9)

    def passes() -> tuple[float, Arrays]:
        z1 = x @ p["W1"] + p["b1"]
        a1 = f(z1)
        z2 = a1 @ p["W2"] + p["b2"]
        a2 = f(z2)
        loss, d3 = cross_entropy(a2 @ p["W3"] + p["b3"], y)
        d2 = d3 @ p["W3"].T * slope(z2, a2)
        d1 = d2 @ p["W2"].T * slope(z1, a1)
        return loss, {
            "W1": x.T @ d1, "b1": d1.sum(0), "W2": a1.T @ d2, "b2": d2.sum(0), "W3": a2.T @ d3,
            "b3": d3.sum(0),
        }  # fmt: skip

    return Network(p, passes)


def checked(
    net: Network, grads: Arrays, plan: str = "directions", **more: object
) -> fc.CheckResult:
    return fc.check_gradients(net.loss, net.params, grads, plan=plan, engine="black box", **more)


def typical(grads: Arrays) -> float:
    return float(np.sqrt(np.mean(np.concatenate([g.ravel() for g in grads.values()]) ** 2)))


def accused(result: fc.CheckResult, wrong: Arrays, right: Arrays) -> list[str]:
    """Return what is right and was accused: tensors, entries and parts of regions."""
    found = []
    for t in result.tensors.values():
        same = wrong[t.name] == right[t.name]
        found += [t.name] * bool(t.verdict == "fail" and same.all())
        found += [e.address for e in t.mismatches if e.verdict == "disagree" and same[e.index]]
    return found


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


# ------------------------------------------------------------ wrong gradients

Fault = Callable[[np.ndarray, float], object]


def scale(part: object, factor: float) -> Fault:
    def apply(g: np.ndarray, size: float) -> None:
        g[part] *= factor

    return apply


def shift(part: object) -> Fault:
    def apply(g: np.ndarray, size: float) -> None:
        g[part] += size * np.where(np.indices(g[part].shape).sum(axis=0) % 3, 1.0, -0.7)

    return apply


REGIONS: dict[str, tuple[str, Fault, str]] = {
    "row": ("W1", shift(np.s_[3:4]), "W1, row 3"),
    "first row": ("W2", shift(np.s_[:1]), "W2, row 0"),
    "last row zeroed": ("W3", scale(np.s_[-1], 0.0), "W3, row 22"),
    "row by a factor": ("W2", scale(np.s_[17], 1.5), "W2, row 17"),
    "column": ("W1", shift(np.s_[:, 44:45]), "W1, column 44"),
    "last column": ("W2", shift(np.s_[:, -1:]), "W2, column 22"),
    "rows": ("W1", shift(np.s_[20:31]), "W1, rows 20 to 30"),
    "columns": ("W2", shift(np.s_[:, 4:8]), "W2, columns 4 to 7"),
    "block": ("W1", shift(np.s_[10:30, 15:41]), "W1, the block [10:30, 15:41]"),
    "last tile": ("W2", shift(np.s_[-8:, -8:]), "W2, the block [42:50, 15:23]"),
    "whole by a factor": ("W2", scale(..., 2.0), "W2, the whole tensor"),
    "whole by little": ("W1", scale(..., 1.001), "W1, the whole tensor"),
    "sign": ("W1", scale(..., -1.0), "W1, the whole tensor"),
    "zero": ("W3", scale(..., 0.0), "W3, the whole tensor"),
    "bias": ("b1", scale(..., 9.0), "b1, the whole tensor"),
    "bias forgotten": ("b2", scale(..., 0.0), "b2, the whole tensor"),
}


@pytest.mark.parametrize("kind", REGIONS)
@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_a_part_that_is_wrong_is_named_as_such(kind: str, activation: str) -> None:
    name, fault, text = REGIONS[kind]
    for seed in range(3):
        net = network(activation, seed=seed)
        right = net.grads
        wrong = {n: g.copy() for n, g in right.items()}
        fault(wrong[name], typical(right))
        result = checked(net, wrong, seed=seed)
        assert not result.passed
        assert [t.name for t in result.tensors.values() if t.verdict == "fail"] == [name]
        assert [f"{r.tensor}, {r.text}" for r in result.tensors[name].regions] == [text]
        assert text in str(result)
        assert not accused(result, wrong, right)


@pytest.mark.parametrize("n", [1, 3, 10])
@pytest.mark.parametrize("size", [1.0, 1e-4])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_single_entries_are_located_exactly(n: int, size: float, activation: str) -> None:
    for seed in range(4):
        net = network(activation, seed=seed)
        right = net.grads
        wrong = {name: g.copy() for name, g in right.items()}
        rng = np.random.default_rng([seed, n])
        planted = set()
        while len(planted) < n:
            name = str(rng.choice(["W1", "W2", "W3", "b1"]))
            index = tuple(int(i) for i in rng.integers(right[name].shape))
            wrong[name][index] = right[name][index] + size * typical(right)
            planted.add((name, index))
        result = checked(net, wrong, seed=seed)
        found = {(e.tensor, e.index) for t in result.tensors.values() for e in t.mismatches
                 if e.verdict == "disagree"}  # fmt: skip
        assert found == planted
        assert all(not t.regions for t in result.tensors.values())
        assert result.coverage.n_checked == N


@pytest.mark.parametrize("seed", range(6))
def test_a_transposed_gradient_fails(seed: int) -> None:
    net = network(seed=seed)
    right = net.grads
    wrong = right | {"W2": right["W2"].copy()}
    wrong["W2"][:23] = right["W2"][:23].T
    result = checked(net, wrong, seed=seed)
    assert result.tensors["W2"].verdict == "fail"
    assert result.tensors["W2"].regions[0].text == "rows 0 to 22"
    assert not accused(result, wrong, right)


def test_the_diagonal_is_named_where_all_that_is_wrong_lies_on_it() -> None:
    net = network()
    wrong = {name: g.copy() for name, g in net.grads.items()}
    np.fill_diagonal(wrong["W1"], 7.0)
    result = checked(net, wrong)
    assert "more is wrong than was looked for, all of it on the diagonal" in (
        result.tensors["W1"].reason
    )


def test_everything_wrong_costs_little_more_than_something() -> None:
    net = network()
    wrong = {name: 9.0 * g for name, g in net.grads.items()}
    result = checked(net, wrong)
    assert all(t.verdict == "fail" for t in result.tensors.values())
    assert all(t.regions[0].text == "the whole tensor" for t in result.tensors.values())


def test_what_passes_is_wrong_by_less_than_is_said_to_be_visible() -> None:
    n_passed = 0
    for seed in range(40):
        net = network(seed=seed % 4)
        wrong = {name: g.copy() for name, g in net.grads.items()}
        rng = np.random.default_rng(seed)
        index = tuple(int(i) for i in rng.integers(wrong["W2"].shape))
        error = 10.0 ** rng.uniform(-9.0, -6.0)
        wrong["W2"][index] += error
        result = checked(net, wrong, seed=seed)
        n_passed += result.passed
        found = result.tensors["W2"].n_disagree + result.tensors["W2"].n_close
        assert found or error <= result.tensors["W2"].visible
    assert 5 <= n_passed <= 35


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_entries_that_are_not_finite_fail_at_their_address(bad: float) -> None:
    net = network()
    wrong = {name: g.copy() for name, g in net.grads.items()}
    wrong["W2"][3, 4] = bad
    result = checked(net, wrong)
    assert result.verdict == "fail"
    assert "W2[3, 4]" in str(result)
    assert [t.name for t in result.tensors.values() if t.verdict != "pass"] == ["W2"]


def test_a_parameter_without_axes_is_found_to_be_wrong() -> None:
    s, w = np.array(0.7), np.linspace(0.1, 1.0, 40)

    def loss() -> float:
        return float(np.sin(w * s).sum())

    right = {"s": np.array((w * np.cos(w * s)).sum()), "w": s * np.cos(w * s)}
    options = {"plan": "directions", "engine": "black box"}
    assert fc.check_gradients(loss, {"s": s, "w": w}, right, **options).passed
    result = fc.check_gradients(loss, {"s": s, "w": w}, right | {"s": 2.0 * right["s"]}, **options)
    assert result.tensors["s"].verdict == "fail"
    assert result.tensors["w"].verdict == "pass"


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
    net = network()
    grads = net.grads | {"W1": factor * net.grads["W1"]}
    result = checked(net, grads, "auto", budget=0.1)
    assert result.plan == "directions"
    assert "is above the budget of 0.1 s" in result.plan_reason.replace("100 ms", "0.1 s")
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
    assert all(0.0 < t.missable < 0.25 for t in sampled)
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
        GradientMismatchError, match=r"W2, row 5: 4 of 4 entries probed there are off"
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
