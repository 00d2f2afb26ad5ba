"""Plans agree with each other, whatever the number of threads, chunks and steps."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import threadpoolctl

import fastcheck as fc
from fastcheck import numdiff, ops, parallel, plan
from fastcheck.numdiff import Prober, settle_step
from fastcheck.plan import Planner
from tests.objectives import KINDS, Arrays, relu_only

small = pytest.mark.interpreted
ANY_KIND = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
PLANS = pytest.mark.parametrize("plan", ["exhaustive", "units"])
Make = Callable[[int], tuple[fc.GraphObjective, Arrays]]


def assert_same_bits(one: Any, other: Any) -> None:
    """Compare two numerical gradients, or two dicts of arrays."""
    one, other = (a if isinstance(a, dict) else a.values for a in (one, other))
    assert list(one) == list(other)
    for name, value in one.items():
        assert np.array_equal(value, other[name], equal_nan=True), name


# ------------------------------------------------------------ two plans, one gradient


@small
@ANY_KIND
def test_the_two_plans_agree_within_their_bounds(make: Make) -> None:
    for seed in range(2):
        objective, params = make(seed)
        found = {
            how: fc.numerical_gradient(objective, params, plan=how)
            for how in ("exhaustive", "units")
        }
        for name, one in found["exhaustive"].values.items():
            other = found["units"].values[name]
            bound = found["exhaustive"].bounds[name] + found["units"].bounds[name]
            assert (np.abs(one - other) <= bound).all()
            assert np.abs(one).max() > 1e6 * bound.max()


@small
@ANY_KIND
@PLANS
def test_the_reference_gradient_passes_strictly(make: Make, plan: str) -> None:
    objective, params = make(3)
    grads = objective.gradient(params)
    result = fc.check_gradients(objective, params, grads, plan=plan, strict=True)
    assert result.passed, str(result)
    assert not result.findings


@small
@ANY_KIND
@PLANS
def test_a_wrong_entry_in_any_tensor_is_found(make: Make, plan: str) -> None:
    objective, params = make(4)
    grads = objective.gradient(params)
    numerical = fc.numerical_gradient(objective, params, plan=plan)
    for name, right in grads.items():
        place = np.unravel_index(np.argmax(np.abs(right)), right.shape)
        wrong = right.copy()
        wrong[place] *= 1 + 1e-4
        assert np.abs(numerical.values[name] - right)[place] < 1e-11 * np.abs(right[place])
        result = fc.check_gradients(objective, params, grads | {name: wrong}, plan=plan)
        assert [n for n, t in result.tensors.items() if t.verdict == "fail"] == [name]
        assert result.tensors[name].worst is not None
        assert result.tensors[name].worst.index == place


@small
def test_a_bias_before_batch_normalisation_has_no_gradient_to_resolve() -> None:
    rng = np.random.default_rng(0)
    graph = fc.Graph()
    z = graph.data(rng.standard_normal((6, 3)), 0) @ graph.param("W", (3, 4))
    z = z + graph.param("b", (4,))
    c = z - ops.mean(z, axis=0, keepdims=True)
    graph.set_loss(
        ops.sum(ops.tanh(c / ops.sqrt(ops.mean(ops.square(c), axis=0, keepdims=True) + 0.1)) * 0.5)
    )
    params = {"W": rng.standard_normal((3, 4)), "b": np.ones(4)}
    objective = fc.GraphObjective(graph)
    for how in ("exhaustive", "units"):
        result = fc.check_gradients(objective, params, objective.gradient(params), plan=how)
        assert (result.tensors["W"].verdict, result.tensors["b"].verdict) == (
            "pass",
            "inconclusive",
        )
        assert np.abs(result.numerical["b"]).max() < 1e-14


# ------------------------------------------------------------ what `auto` chooses


def medium() -> tuple[fc.GraphObjective, Arrays]:
    """Return a network of which each entry costs more than each unit."""
    rng = np.random.default_rng(0)
    net = fc.Network([fc.Dense(60, 20), fc.Tanh(), fc.Dense(20, 5)], fc.SoftmaxCrossEntropy())
    return net.objective(rng.standard_normal((4, 60)), rng.integers(0, 5, 4)), net.init_params()


@small
def test_auto_tries_every_entry_while_that_fits_the_budget() -> None:
    result = fc.numerical_gradient(*medium())
    assert result.plan == "exhaustive"
    assert re.fullmatch(
        r"predicted \S+ (ms|s) for every entry is within the budget of 2 s", result.plan_reason
    )


@small
def test_auto_takes_units_above_the_budget() -> None:
    result = fc.numerical_gradient(*medium(), budget=1e-9)
    assert result.plan == "units"
    assert re.fullmatch(
        r"predicted (\S+) ms for every entry is above the budget of 1e-06 ms; "
        r"units take \S+ ms",
        result.plan_reason,
    )


@small
def test_auto_stays_with_every_entry_where_units_cost_more() -> None:
    graph = fc.Graph()
    graph.set_loss(ops.sum(ops.tanh(graph.param("w", (9,)))))  # it meets no samples
    result = fc.numerical_gradient(fc.GraphObjective(graph), {"w": np.arange(9.0)}, budget=0.0)
    assert result.plan == "exhaustive"
    assert result.plan_reason.endswith("above the budget of 0 ms, yet the least")


@small
@PLANS
def test_a_plan_that_is_asked_for_is_made(plan: str) -> None:
    result = fc.check_gradients(*medium(), medium()[0].gradient(medium()[1]), plan=plan, budget=0.0)
    assert result.plan == plan
    assert result.plan_reason.startswith("asked for; predicted ")
    assert result.passed


@small
def test_the_prediction_grows_with_the_work() -> None:
    objective, params = medium()
    state = objective.state(params)
    seconds = {
        names: Planner(state, names).choose("exhaustive", None)[2]
        for names in (("W1",), ("W2",), ("W1", "W2"))
    }
    assert 0 < seconds[("W2",)] < seconds[("W1",)] < seconds[("W1", "W2")]


# ------------------------------------------------------------ spot checks


@small
def test_the_units_plan_is_compared_with_single_probes() -> None:
    objective, params = medium()
    result = fc.check_gradients(objective, params, objective.gradient(params), plan="units")
    counts = {spot.tensor: spot.n_checked for spot in result.spot_checks}
    assert counts == {"W1": 32, "b1": 20, "W2": 32, "b2": 5}
    assert all(spot.passed and spot.worst_deviation <= 1 for spot in result.spot_checks)
    assert "89 entries probed one by one agree; the worst, in " in str(result)


@small
@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_a_disturbed_units_plan_is_caught_by_the_spot_checks(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulled = plan.pulled

    def disturbed(*arguments: Any) -> Any:
        found = pulled(*arguments)
        if arguments[2] == name:
            found.values *= 1 + 1e-9
        return found

    objective, params = medium()
    monkeypatch.setattr(plan, "pulled", disturbed)
    result = fc.check_gradients(objective, params, objective.gradient(params), plan="units")
    assert not result
    assert [f.tensor for f in result.findings if f.kind == "spot-check-failed"] == [name]
    spot = next(s for s in result.spot_checks if s.tensor == name)
    assert not spot.passed
    assert f"{name}: probing single entries gives values {spot.worst_deviation:.3g} times" in (
        result.findings[0].message
    )
    assert 'use plan="exhaustive"' in str(result).replace("\n" + " " * 16, " ")


@small
def test_a_nan_in_the_units_plan_does_not_escape_the_spot_checks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pulled = plan.pulled

    def disturbed(*arguments: Any) -> Any:
        found = pulled(*arguments)
        found.values[...] = np.nan
        return found

    objective, params = medium()
    monkeypatch.setattr(plan, "pulled", disturbed)
    result = fc.check_gradients(objective, params, objective.gradient(params), plan="units")
    assert not result
    assert not any(spot.passed for spot in result.spot_checks)


# ------------------------------------------------------------ threads and chunks change no bit


@pytest.mark.parametrize("make", [*KINDS.values(), relu_only], ids=[*KINDS, "relu_only"])
@PLANS
def test_the_number_of_threads_changes_no_bit(
    make: Make, plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "SMALL", 0.0)
    objective, params = make(1)
    one, two, three = (
        fc.numerical_gradient(objective, params, plan=plan, n_jobs=n) for n in (1, 2, 3)
    )
    assert_same_bits(one, two)
    assert_same_bits(one, three)
    assert_same_bits(one.kinks, three.kinks)
    assert_same_bits(one.bounds, three.bounds)


@PLANS
def test_threads_change_no_bit_of_many_chunks(plan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "SMALL", 0.0)
    objective, params = relu_only(0, n_batch=64)
    sizes: list[int] = []
    chunks = Prober.chunks

    def noted(self: Prober, entries: np.ndarray) -> Any:
        sizes.append(len(chunks(self, entries)))
        return [
            (lo + at, part[at : at + 37])
            for lo, part in chunks(self, entries)
            for at in range(0, part.size, 37)
        ]

    monkeypatch.setattr(Prober, "chunks", noted)
    found = [fc.numerical_gradient(objective, params, plan=plan, n_jobs=n) for n in (1, 2, -1)]
    assert_same_bits(found[0], found[1])
    assert_same_bits(found[0], found[2])


def test_checking_twice_gives_the_same_bits() -> None:
    objective, params = relu_only(2)
    grads = objective.gradient(params)
    for how in ("exhaustive", "units"):
        one, two = (fc.check_gradients(objective, params, grads, plan=how) for _ in range(2))
        assert_same_bits(one.numerical, two.numerical)
        assert_same_bits(one.bounds, two.bounds)
        assert (one.tensors, one.audits, one.spot_checks) == (
            two.tensors,
            two.audits,
            two.spot_checks,
        )


@pytest.mark.xfail(strict=True, reason="the base point is evaluated with all threads of BLAS")
@PLANS
def test_the_threads_of_blas_change_no_bit(plan: str) -> None:
    rng = np.random.default_rng(0)
    net = fc.Network([fc.Dense(700, 40), fc.Tanh(), fc.Dense(40, 10)], fc.SoftmaxCrossEntropy())
    objective = net.objective(rng.standard_normal((100, 700)), rng.integers(0, 10, 100))
    params = net.init_params()
    found = []
    for n_threads in (1, 2):
        with threadpoolctl.threadpool_limits(n_threads, user_api="blas"):
            found.append(fc.numerical_gradient(objective, params, plan=plan))
    assert_same_bits(found[0], found[1])
    assert_same_bits(found[0].bounds, found[1].bounds)


@small
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_the_size_of_chunks_changes_rounding_only(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for make in KINDS.values():
        objective, params = make(2)
        usual = fc.numerical_gradient(objective, params, plan="exhaustive")
        with monkeypatch.context() as patch:
            patch.setattr(
                Prober,
                "chunks",
                lambda self, entries: [
                    (lo, entries[lo : lo + size]) for lo in range(0, entries.size, size)
                ],
            )
            other = fc.numerical_gradient(objective, params, plan="exhaustive")
        for name, value in usual.values.items():
            assert (np.abs(value - other.values[name]) <= 0.2 * usual.bounds[name]).all()


@small
def test_chunks_cover_every_entry_once_and_end_with_units() -> None:
    rng = np.random.default_rng(0)
    net = fc.Network([fc.Dense(500, 300), fc.Tanh(), fc.Dense(300, 10)], fc.SoftmaxCrossEntropy())
    objective = net.objective(rng.standard_normal((50, 500)), rng.integers(0, 10, 50))
    state = objective.state(net.init_params())
    prober = Prober(state, state.graph.params["W1"])
    entries = prober.entries()
    assert np.array_equal(np.sort(entries), np.arange(150_000))
    chunks = prober.chunks(entries)
    assert len(chunks) > 1
    assert np.array_equal(np.concatenate([c for _, c in chunks]), entries)
    assert [lo for lo, _ in chunks] == np.cumsum([0, *(c.size for _, c in chunks)])[:-1].tolist()
    assert len({c.size for _, c in chunks[:-1]}) == 1
    units = [set((c % 300).tolist()) for _, c in chunks]  # column j of W1 feeds unit j
    assert sum(len(u) for u in units) <= 300 + len(chunks)


# ------------------------------------------------------------ steps


@small
@PLANS
@pytest.mark.parametrize("make", [KINDS["tanh_network"], KINDS["batch_normalisation"]])
def test_the_error_of_large_steps_falls_with_their_square(make: Make, plan: str) -> None:
    objective, params = make(0)
    right = objective.gradient(params)
    worst = []
    for step in (2.0**-5, 2.0**-6, 2.0**-7, 2.0**-8):
        found = fc.numerical_gradient(objective, params, plan=plan, step=step).values
        worst.append(max(np.abs(found[n] - right[n]).max() for n in right))
    for large, halved in pairwise(worst):
        assert large / halved == pytest.approx(4, rel=0.05)


@small
@ANY_KIND
def test_truncation_at_large_steps_is_within_the_bound(make: Make) -> None:
    objective, params = make(0)
    right = objective.gradient(params)
    for how in ("exhaustive", "units"):
        found = fc.numerical_gradient(objective, params, plan=how, step=2.0**-9)
        for name, value in found.values.items():
            smooth = ~found.kinks[name]
            assert (np.abs(value - right[name]) <= found.bounds[name])[smooth].all()


@small
def test_the_chosen_step_shrinks_near_a_singularity() -> None:
    steps, errors = [], []
    for near in (2.0, 1e-3, 1e-6):
        graph = fc.Graph()
        w = graph.param("w", (2,))
        graph.set_loss(ops.sum(ops.log(w)) + ops.sum(ops.reciprocal(w)))
        state = fc.GraphObjective(graph).state({"w": [near, 3 * near]})
        prober = Prober(state, w)
        settle_step(prober)
        steps.append(prober.step)
        value = np.array([near, 3 * near])
        right = 1 / value - 1 / value**2
        errors.append(np.abs(prober.probe(np.arange(2)).values / right - 1).max())
    assert steps[0] > 100 * steps[1] > 1e4 * steps[2]
    assert max(errors) < 1e-14


@small
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_chosen_step_shrinks_where_a_function_bends_more_than_its_scale_says(
    sign: float,
) -> None:
    """A product of many squares has a third derivative that its first operation does not show."""
    graph = fc.Graph()
    w = graph.param("w", (1,))
    node = ops.square(w) * sign
    for _ in range(5):
        node = ops.square(node)
    graph.set_loss(ops.sum(node))
    objective = fc.GraphObjective(graph)
    found = fc.numerical_gradient(objective, {"w": [1.01]})
    assert found.values["w"][0] == pytest.approx(64 * 1.01**63, rel=1e-13)
    result = fc.check_gradients(objective, {"w": [1.01]}, {"w": [64 * 1.01**63]})
    assert result.passed


@small
def test_a_users_step_is_not_shrunk() -> None:
    objective, params = KINDS["tanh_network"](0)
    state = objective.state(params)
    prober = Prober(state, state.graph.params["W1"], 2.0**-4)
    assert settle_step(prober) > 1e-6
    assert prober.step == 2.0**-4
    chosen = Prober(state, state.graph.params["W1"])
    assert settle_step(chosen) < 1e-14


# ------------------------------------------------------------ kinks


@small
@PLANS
def test_biases_of_zero_at_samples_of_zero_are_at_a_kink(plan: str) -> None:
    rng = np.random.default_rng(0)
    net = fc.Network([fc.Dense(3, 4), fc.ReLU(), fc.Dense(4, 2)], fc.SoftmaxCrossEntropy())
    x = rng.standard_normal((5, 3))
    x[2] = 0.0
    objective, params = net.objective(x, rng.integers(0, 2, 5)), net.init_params()
    found = fc.numerical_gradient(objective, params, plan=plan)
    assert {n: int(k.sum()) for n, k in found.kinks.items()} == {"W1": 0, "b1": 4, "W2": 0, "b2": 0}
    result = fc.check_gradients(objective, params, objective.gradient(params), plan=plan)
    assert result.tensors["b1"].n_kink == 4
    assert result.tensors["W1"].passed
    assert "such as b1[" in result.tensors["b1"].reason


@small
def test_a_probe_that_crosses_a_kink_is_made_again_with_a_smaller_step() -> None:
    objective, params = relu_only(0)
    right = objective.gradient(params)
    state = objective.state(params)
    n_crossed = 0
    for name, node in state.graph.params.items():
        prober = Prober(state, node, 2.0**-8)
        entries = prober.entries()
        first, found = prober.probe_at(entries, prober.step), prober.probe(entries)
        assert found.n_crossed == first.kink.sum()
        assert not found.kink.any()
        n_crossed += found.n_crossed
        truth = right[name].reshape(-1)[entries]
        again = first.kink
        if again.any():
            off = np.abs(found.values - truth)
            assert off[again].max() < 1e-8
            assert off[again].max() < 0.01 * np.abs(first.values - truth)[again].max()
    assert n_crossed > 10


@small
@PLANS
def test_crossings_at_the_chosen_step_are_rare_and_harmless(plan: str) -> None:
    for seed in range(3):
        objective, params = relu_only(seed)
        planner = Planner(objective.state(params), list(params))
        numerical = planner.run(plan, None)
        right = objective.gradient(params)
        for name, found in numerical.tensors.items():
            assert not found.kink.any()
            np.testing.assert_allclose(found.values, right[name], rtol=1e-9, atol=1e-15)


@small
def test_a_weight_just_beside_a_kink_is_resolved() -> None:
    """Its first probe crosses, the second, a thousand times as small, does not."""
    net = fc.Network([fc.Dense(1, 1), fc.ReLU(), fc.Dense(1, 1)], fc.SquaredError())
    objective = net.objective([[1.0]], [[0.0]])
    params = {"W1": [[1.0]], "b1": [-1.0 + 2.0**-27], "W2": [[1.0]], "b2": [1.0]}
    planner = Planner(objective.state(params), ["W1", "b1"])
    numerical = planner.run("exhaustive", None)
    for found in numerical.tensors.values():
        assert found.n_crossed == 1
        assert not found.kink.any()
        assert found.values.item() == pytest.approx(2 * (1 + 2.0**-27), rel=1e-14)


# ------------------------------------------------------------ interrupted


@small
def test_interrupted_units_mark_only_what_they_lack() -> None:
    objective, params = KINDS["tanh_network"](0)
    whole = fc.numerical_gradient(objective, params, plan="units")
    missing: set[frozenset[str]] = set()
    for stop in range(1, 60, 6):

        def progress(done: int, total: int, stop: int = stop) -> None:
            if done >= stop:
                raise KeyboardInterrupt

        part = fc.numerical_gradient(objective, params, plan="units", progress=progress)
        assert not part.complete
        missing.add(frozenset(n for n, v in part.values.items() if np.isnan(v).any()))
        for name, value in part.values.items():
            known = ~np.isnan(value)
            assert np.array_equal(value[known], whole.values[name][known])
    assert frozenset(params) > frozenset.intersection(*missing)
    assert {frozenset({"W3", "b3", "W2", "b2"})} <= missing


@small
@PLANS
def test_progress_counts_up_to_the_whole(plan: str) -> None:
    objective, params = KINDS["relu_network_in_columns"](0)
    seen: list[tuple[int, int]] = []
    fc.numerical_gradient(
        objective, params, plan=plan, progress=lambda *counts: seen.append(counts)
    )
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1][0] == seen[-1][1]
    assert len({total for _, total in seen}) == 1
    if plan == "exhaustive":
        assert seen[-1][1] == sum(np.size(v) for v in params.values())


@small
def test_a_unit_that_cannot_matter_is_not_probed() -> None:
    net = fc.Network([fc.Dense(2, 3), fc.ReLU(), fc.Dense(3, 1)], fc.SquaredError())
    objective = net.objective([[1.0, 2.0]], [[0.0]])
    params = net.init_params(seed=0) | {"b1": np.array([9.0, -9.0, 9.0])}
    state = objective.state(params)
    z1 = next(n for n in state.graph.nodes if n.name == "z1")
    assert Prober(state, z1).entries().tolist() == [0, 2]
    found = fc.numerical_gradient(objective, params, plan="units")
    assert np.array_equal(found.values["W1"][:, 1], [0.0, 0.0])
    assert not np.isnan(found.values["W1"]).any()


def test_numdiff_is_where_chunks_are_run() -> None:
    assert numdiff.run_chunk.__module__ == "fastcheck.graph.run"  # what other tests replace
