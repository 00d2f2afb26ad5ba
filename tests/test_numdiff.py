"""Steps and kinks: truncation falls as it should, and what crosses is sent again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import ops
from fastcheck.numdiff import Prober, settle_step
from fastcheck.plan import Planner
from tests.objectives import KINDS, Arrays, relu_only

small = pytest.mark.interpreted
ANY_KIND = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
PLANS = pytest.mark.parametrize("plan", ["exhaustive", "units"])
Make = Callable[[int], tuple[fc.GraphObjective, Arrays]]


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


@pytest.mark.parametrize("size", [1e-8, 1e-7, 1e-4, 1.0])
def test_products_of_what_moves_with_itself_are_right_however_small_it_is(size: float) -> None:
    """Only where they move do they grow: the first change of ``q @ q.T`` is as small as q."""
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(4, 3)), rng.normal(size=(4, 1))
    weights = size * rng.normal(size=(3, 2))

    def attention() -> float:
        q = x @ weights
        e = np.exp(q @ q.T)
        return float(np.sum(e / e.sum(axis=1, keepdims=True) @ v))

    q = x @ weights
    e = np.exp(q @ q.T)
    a, da = e / e.sum(axis=1, keepdims=True), np.ones((4, 1)) @ v.T
    ds = a * (da - (a * da).sum(axis=1, keepdims=True))
    right = x.T @ (ds @ q + ds.T @ q)
    result = fc.check_gradients(attention, {"W": weights}, {"W": right})
    assert result.passed, result
    assert not fc.check_gradients(attention, {"W": weights}, {"W": 1.01 * right})


@pytest.mark.parametrize("size", [1e-12, 1e-8, 1e-7, 1e-4, 1.0])
@pytest.mark.parametrize("name", ["cube", "sine of the cube", "power"])
def test_powers_are_right_however_small_their_base_is(name: str, size: float) -> None:
    q = size * np.random.default_rng(1).normal(size=5)
    loss, right = {
        "cube": (lambda: np.sum(q * q * q), 3 * q**2),
        "sine of the cube": (lambda: np.sum(np.sin(q * q * q)), 3 * q**2 * np.cos(q**3)),
        "power": (
            lambda: np.sum(np.power(q, 3) * np.exp(q * q)),
            (3 * q**2 + 2 * q**4) * np.exp(q * q),
        ),
    }[name]
    result = fc.check_gradients(loss, {"q": q}, {"q": right})
    assert result.passed, result
    assert not fc.check_gradients(loss, {"q": q}, {"q": 1.001 * right})


# ------------------------------------------------------------ kinks


X = np.random.default_rng(0).normal(size=(8, 3))
TARGETS = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0])[:, None]
JOINED = {
    "cross-entropy of a sigmoid, by absolute values": (
        lambda o: np.mean(np.maximum(o, 0) - o * TARGETS + np.log1p(np.exp(-np.abs(o)))),
        lambda o: (0.5 - TARGETS) / 8,
    ),
    "logarithm of a sum of exponentials, less their maximum": (
        lambda o: np.sum(
            (lambda s, m: m + np.log(np.sum(np.exp(s - m), axis=1, keepdims=True)))(
                np.hstack([o, 2 * o, -o]), np.max(np.hstack([o, 2 * o, -o]), axis=1, keepdims=True)
            )
        ),
        lambda o: np.full_like(o, 2 / 3),
    ),
    "square of ReLU": (lambda o: np.sum(np.maximum(o, 0) ** 2 + o), np.ones_like),
    "ELU": (lambda o: np.sum(np.where(o > 0, o, np.exp(np.minimum(o, 0)) - 1)), np.ones_like),
    "Huber": (
        lambda o: np.sum(np.where(np.abs(o) < 1e-3, 500 * o**2, np.abs(o)) + o), np.ones_like,
    ),
    "cube of the absolute value": (lambda o: np.sum(np.abs(o) ** 3 + o), np.ones_like),
}  # fmt: skip


@pytest.mark.parametrize("name", JOINED)
def test_branches_that_join_smoothly_are_no_kink(name: str) -> None:
    loss, upstream = JOINED[name]
    w = np.zeros((3, 1))
    right = X.T @ upstream(X @ w)
    result = fc.check_gradients(lambda: loss(X @ w), {"w": w}, {"w": right})
    assert result.passed, result
    assert result.tensors["w"].n_kink == 0
    assert fc.check_gradients(lambda: loss(X @ w), {"w": w}, {"w": 1.01 * right}).verdict == "fail"


@pytest.mark.parametrize("slope", [1e-6, 0.1, 1.0])
@pytest.mark.parametrize("away", [0.0, 1e-15, -1e-15])
def test_a_kink_among_curves_stays_one(slope: float, away: float) -> None:
    w = np.full((3, 1), away)

    def loss() -> float:
        o = X @ w
        return float(np.sum(np.exp(o) + slope * np.abs(o)))

    result = fc.check_gradients(loss, {"w": w}, {"w": X.sum(axis=0)[:, None]})
    assert result.verdict == "inconclusive"
    assert result.tensors["w"].n_kink == 3


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


# ------------------------------------------------------------ chunks


@small
def test_the_entries_of_a_unit_that_is_wider_than_a_chunk_are_shared_out_evenly() -> None:
    net = fc.Network([fc.Dense(100_000, 2), fc.Tanh(), fc.Dense(2, 1)], fc.SquaredError())
    objective = net.objective(np.linspace(1, 2, 200_000).reshape(2, -1), np.zeros((2, 1)))
    state = objective.state(net.init_params())
    prober = Prober(state, state.graph.params["W1"])
    sizes = [chunk.size for _, chunk in prober.chunks(prober.entries())]
    assert len(sizes) > 2
    assert len(set(sizes)) == 1
    assert 100_000 % sizes[0] == 0
