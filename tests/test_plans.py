"""Two plans, one gradient; which is chosen, and how the faster one is watched."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import fastcheck as fc
from fastcheck import ops, plan
from fastcheck.numdiff import Prober
from fastcheck.plan import Planner
from fastcheck.units import find_sites
from tests.graph.drive import distance
from tests.graph.random_graphs import Recipe, made, recipes
from tests.objectives import KINDS, Arrays

small = pytest.mark.interpreted
ANY_KIND = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
PLANS = pytest.mark.parametrize("plan", ["exhaustive", "units"])
Make = Callable[[int], tuple[fc.GraphObjective, Arrays]]


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
def test_a_bias_before_batch_normalisation_is_known_to_have_no_gradient() -> None:
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
        assert result.passed, str(result)
        assert np.abs(result.numerical["b"]).max() < 1e-14


@small
def test_a_pre_activation_that_is_used_twice_in_a_sum_is_probed_before_it() -> None:
    rng = np.random.default_rng(0)
    graph = fc.Graph()
    z = graph.data(rng.standard_normal((4, 3)), 0) @ graph.param("W", (3, 2))
    graph.set_loss(ops.sum(ops.tanh(z + z)))
    objective, params = fc.GraphObjective(graph), {"W": rng.standard_normal((3, 2))}
    grads = objective.gradient(params)
    for how in ("exhaustive", "units"):
        assert fc.check_gradients(objective, params, grads, plan=how, strict=True).passed


@small
def test_two_products_with_one_weight_that_meet_in_a_sum_are_both_pulled() -> None:
    rng = np.random.default_rng(0)
    graph = fc.Graph()
    W = graph.param("W", (3, 2))
    one, two = (graph.data(rng.standard_normal((4, 3)), 0) for _ in range(2))
    graph.set_loss(ops.sum(ops.tanh(one @ W + two @ (2.0 * W))))
    objective, params = fc.GraphObjective(graph), {"W": rng.standard_normal((3, 2))}
    grads = objective.gradient(params)
    for how in ("exhaustive", "units"):
        assert fc.check_gradients(objective, params, grads, plan=how, strict=True).passed


def test_weights_of_a_recurrence_are_probed_at_the_units_of_each_step_only() -> None:
    graph = fc.Graph()
    rng = np.random.default_rng(0)
    W, U, b = graph.param("W", (3, 2)), graph.param("U", (2, 2)), graph.param("b", (2,))
    h = graph.data(np.ones((4, 2)), 0)
    for _ in range(4):
        h = ops.tanh(graph.data(rng.standard_normal((4, 3)), 0) @ W + h @ U + b)
    graph.set_loss(ops.mean(ops.square(h - 1.0)))
    params = {name: rng.standard_normal(p.shape) for name, p in graph.params.items()}
    objective = fc.GraphObjective(graph)
    found = find_sites(objective.state(params), params)
    assert [set(site.paths) for site in found.sites] == [{"W", "U", "b"}] * 4
    assert not found.direct
    for how in ("exhaustive", "units"):
        grads = objective.gradient(params)
        assert fc.check_gradients(objective, params, grads, plan=how, strict=True).passed


@small
def test_what_moves_the_other_factor_another_way_is_not_lost() -> None:
    """The first state depends on U, and on b, other than through the pre-activations."""
    graph = fc.Graph()
    U, b = graph.param("U", (2, 2)), graph.param("b", (2,))
    first = ops.tanh(graph.data(np.ones((4, 1)), 0) * (ops.square(b) + ops.sum(ops.square(U))))
    rng = np.random.default_rng(0)
    W = graph.param("W", (3, 2))
    h = first
    for _ in range(3):
        h = ops.tanh(graph.data(rng.standard_normal((4, 3)), 0) @ W + h @ U + b)
    graph.set_loss(ops.mean(ops.square(h - 1.0)))
    params = {name: 0.5 * rng.standard_normal(p.shape) for name, p in graph.params.items()}
    objective = fc.GraphObjective(graph)
    truth = objective.gradient(params)
    found = fc.numerical_gradient(objective, params, plan="units").values
    for name, array in truth.items():
        assert np.abs(found[name] - array).max() < 1e-13 * np.abs(array).max()


@settings(max_examples=150)
@given(recipes() | recipes(mixes=True))
def test_units_give_the_gradient_of_random_graphs(recipe: Recipe) -> None:
    graph, params = made(recipe, declared=True)
    objective = fc.GraphObjective(graph)
    truth = objective.gradient(params)
    assert distance(fc.numerical_gradient(objective, params, plan="units").values, truth) < 1e-12


@small
@PLANS
def test_kinks_of_inputs_with_both_signs_do_not_cancel(plan: str) -> None:
    """``relu(w) + relu(-w) + relu(w + 1)`` has slopes 0 and 2 at zero."""
    graph = fc.Graph()
    x, c = graph.data([[1.0], [-1.0], [1.0]], 0), graph.data([[0.0], [0.0], [1.0]], 0)
    graph.set_loss(ops.sum(ops.relu(x @ graph.param("W", (1, 1)) + c)))
    result = fc.check_gradients(fc.GraphObjective(graph), {"W": [[0.0]]}, {"W": [[1.0]]}, plan=plan)
    assert result.tensors["W"].n_kink == 1
    assert not result


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


# ------------------------------------------------------------ so many entries


@pytest.mark.parametrize("engine", ["auto", "black box"])
def test_a_sample_has_so_many_entries_of_each_tensor_as_asked_for(engine: str) -> None:
    rng = np.random.default_rng(0)
    net = fc.Network([fc.Dense(30, 20), fc.Tanh(), fc.Dense(20, 2)], fc.SoftmaxCrossEntropy())
    params = net.init_params(seed=0)
    objective = net.objective(rng.normal(size=(8, 30)), rng.integers(2, size=8))
    loss: Any = objective if engine == "auto" else objective.loss
    grads = objective.gradient(params)
    result = fc.check_gradients(
        loss, params, grads, plan="sample", entries=10, engine=engine, budget=0.0
    )
    assert result.passed
    assert {n: t.n_checked for n, t in result.tensors.items()} == {
        "W1": 10, "b1": 10, "W2": 10, "b2": 2,
    }  # fmt: skip
    assert result.plan_reason.startswith("asked for")
    assert "32" in result.plan_reason
    assert "budget" not in result.plan_reason
    largest = np.unravel_index(np.abs(grads["W1"]).argmax(), (30, 20))
    numerical = fc.numerical_gradient(loss, params, plan="sample", entries=7, engine=engine)
    assert np.isfinite(numerical.values["W1"]).sum() == 7
    assert np.isfinite(result.numerical["W1"][largest])


@pytest.mark.parametrize(("options", "message"), [
    ({"plan": "sample", "entries": 0}, "`entries` must be a whole number from 1, got 0"),
    ({"plan": "sample", "entries": 2.5}, "`entries` must be a whole number from 1, got 2.5"),
    ({"plan": "sample", "entries": True}, "`entries` must be a whole number from 1, got True"),
    ({"entries": 3}, '`entries` must be None unless plan="sample", got 3 with plan=\'auto\''),
])  # fmt: skip
def test_a_number_of_entries_is_one_of_a_sample(options: dict[str, Any], message: str) -> None:
    net = fc.Network([fc.Dense(2, 1)], fc.SquaredError())
    params = net.init_params(seed=0)
    objective = net.objective(np.ones((3, 2)), np.ones((3, 1)))
    for call in (
        lambda: fc.check_gradients(objective, params, objective.gradient(params), **options),
        lambda: fc.numerical_gradient(objective, params, **options),
    ):
        with pytest.raises(fc.InputError) as problem:
            call()
        assert message in str(problem.value)
