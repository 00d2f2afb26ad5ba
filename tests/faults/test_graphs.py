"""Mistakes with recurrences, look-ups, branches and traced losses, against literal code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.faults import Fault, Point, Sites, catalogue
from tests.literal import Arrays, softmax

pytestmark = pytest.mark.interpreted
ops = fc.ops


def planted(objective: fc.GraphObjective, params: Arrays) -> dict[str, Fault]:
    """Return the catalogue by title; the last of one title."""
    state = objective.state(params)
    right = objective.gradient(params)
    point = Point(right, params, state.graph.n_batch, state.graph, state.values)
    return {fault.title: fault for fault in catalogue(point)}


RNG = np.random.default_rng(0)
STEPS, N, WIDTH = 3, 4, 5
X = RNG.normal(size=(STEPS, N, 2))
RECURRENT = {
    "Wx": RNG.normal(size=(2, WIDTH)), "Wh": 0.5 * RNG.normal(size=(WIDTH, WIDTH)),
    "Wy": RNG.normal(size=(WIDTH, 1)),
}  # fmt: skip


def recurrent() -> fc.GraphObjective:
    graph = fc.Graph()
    weights = {name: graph.param(name, value.shape) for name, value in RECURRENT.items()}
    h = graph.data(np.zeros((N, WIDTH)), batch_axis=0)
    for x in X:
        h = ops.tanh(graph.data(x, batch_axis=0) @ weights["Wx"] + h @ weights["Wh"])
    graph.set_loss(ops.mean(ops.square(h @ weights["Wy"])))
    return fc.GraphObjective(graph)


def through_time(*, cut: bool = False, last: str = "") -> Arrays:
    """Return the gradient by hand, without what goes to earlier steps, or of one use of `last`."""
    h = [np.zeros((N, WIDTH))]
    for x in X:
        h.append(np.tanh(x @ RECURRENT["Wx"] + h[-1] @ RECURRENT["Wh"]))
    y = h[-1] @ RECURRENT["Wy"]
    dy = 2 * y / N
    grads = {n: np.zeros(v.shape) for n, v in RECURRENT.items()} | {"Wy": h[-1].T @ dy}
    dh = dy @ RECURRENT["Wy"].T
    for t in reversed(range(STEPS)):
        dz = dh * (1 - h[t + 1] ** 2)
        for name, source in (("Wx", X[t]), ("Wh", h[t])):
            if name != last or t == STEPS - 1:
                grads[name] += source.T @ dz
        dh = 0 * dh if cut else dz @ RECURRENT["Wh"].T
    return grads


@pytest.mark.parametrize(("title", "changed"), [
    ("truncated Wh", {"cut": True}), ("only last use Wh", {"last": "Wh"}),
    ("only last use Wx", {"last": "Wx"}),
])  # fmt: skip
def test_recurrences_are_cut(title: str, changed: dict[str, Any]) -> None:
    objective = recurrent()
    right = objective.gradient(RECURRENT)
    literal = through_time()
    wrong, expected = planted(objective, RECURRENT)[title].make(), through_time(**changed)
    for name in RECURRENT:
        np.testing.assert_allclose(right[name], literal[name], rtol=1e-10, atol=1e-15)
        np.testing.assert_allclose(wrong[name], expected[name], rtol=1e-10, atol=1e-15)
    assert not np.allclose(wrong["Wh"], right["Wh"], rtol=1e-3) or "Wx" in title


def test_equal_indices_of_a_look_up_count_once() -> None:
    words = np.array([0, 2, 2, 1, 2])
    graph = fc.Graph()
    table = graph.param("E", (4, 3))
    picked = ops.take(table, words, axis=0, batch_axis=0)
    graph.set_loss(ops.sum(ops.square(picked)))
    params = {"E": np.arange(12.0).reshape(4, 3) - 5}
    wrong = planted(fc.GraphObjective(graph), params)["duplicates lost E"].make()["E"]
    once = np.array([1.0, 1.0, 1.0, 0.0])[:, None]
    np.testing.assert_allclose(wrong, 2 * params["E"] * once, rtol=1e-14)


def test_one_branch_of_a_residual_block_is_forgotten() -> None:
    x = RNG.normal(size=(6, 3))
    params = {"W1": RNG.normal(size=(3, 3)), "W2": RNG.normal(size=(3, 3))}
    graph = fc.Graph()
    W1, W2 = (graph.param(name, (3, 3)) for name in params)
    a = ops.tanh(graph.data(x, batch_axis=0) @ W1)
    graph.set_loss(ops.sum(a + a @ W2))
    state = fc.GraphObjective(graph).state(params)
    right = fc.GraphObjective(graph).gradient(params)
    found = [
        f for f in catalogue(Point(right, params, 6, graph, state.values))
        if f.name == "branch missing"
    ]  # fmt: skip
    slope = 1 - np.tanh(x @ params["W1"]) ** 2
    ones = np.ones((6, 3))
    expected = [x.T @ (slope * part) for part in (ones @ params["W2"].T, ones)]
    made = [f.make()["W1"] for f in found]
    assert len(made) == 2
    for one in expected:
        assert any(np.allclose(one, other, rtol=1e-12) for other in made)


def traced_case() -> tuple[fc.GraphObjective, Arrays, np.ndarray, np.ndarray]:
    x, y = RNG.normal(size=(7, 3)), RNG.integers(4, size=7)
    params = {"W": RNG.normal(size=(3, 4)), "b": RNG.normal(size=4)}

    def loss(p: Any) -> Any:
        e = np.exp(x @ p["W"] + p["b"])
        q = e / e.sum(axis=1, keepdims=True)
        return -np.log(q[np.arange(7), y] + 1e-3).mean()

    return fc.trace(loss, params), params, x, y


def test_labels_of_a_traced_look_up_are_shifted_ignored_and_its_guard_forgotten() -> None:
    objective, params, x, y = traced_case()
    found = planted(objective, params)
    p = softmax(x @ params["W"] + params["b"])
    k = np.arange(7)

    def delta(labels: np.ndarray, guard: float) -> np.ndarray:
        d = p.copy()
        d[k, labels] -= 1
        return d * (p[k, labels] / (p[k, labels] + guard))[:, None] / 7

    weight = (p[k, y] / (p[k, y] + 1e-3))[:, None] / 7
    for title, dz in (
        ("labels shifted", delta(np.roll(y, -1), 1e-3)),
        ("labels reversed", delta(y[::-1], 1e-3)),
        ("labels ignored", p * weight),
        ("guard ignored", delta(y, 0.0)),
    ):
        wrong = found[title].make()
        np.testing.assert_allclose(wrong["W"], x.T @ dz, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(wrong["b"], dz.sum(axis=0), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("loss", [fc.SquaredError(), fc.SquaredError(half=True)])
def test_labels_of_a_squared_error_are_shifted_and_ignored(loss: fc.SquaredError) -> None:
    x, y = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))
    net = fc.Network([fc.Dense(3, 2)], loss)
    params = net.init_params(seed=0, biases="random")
    found = planted(net.objective(x, y), params)
    a = x @ params["W1"] + params["b1"]
    for title, d in (("labels shifted", a - np.roll(y, -1, axis=0)), ("labels ignored", a)):
        scale = 1 / 5 if loss.half else 2 / 5
        np.testing.assert_allclose(found[title].make()["W1"], scale * x.T @ d, rtol=1e-10)


def test_binary_cross_entropy_from_logits_or_not_has_the_same_mistakes() -> None:
    x, y = RNG.normal(size=(5, 3)), np.array([0, 1, 1, 0, 1])
    for layers, loss in (
        ([fc.Dense(3, 1)], fc.BinaryCrossEntropyWithLogits()),
        ([fc.Dense(3, 1), fc.Sigmoid()], fc.BinaryCrossEntropy()),
    ):
        net = fc.Network(layers, loss)
        params = net.init_params(seed=0, biases="random")
        found = planted(net.objective(x, y), params)
        a = 1 / (1 + np.exp(-(x @ params["W1"] + params["b1"])))
        wrong = found["labels ignored"].make()["W1"]
        np.testing.assert_allclose(wrong, x.T @ a / 5, rtol=1e-9)
        twice = found.get("double derivative") or found["slope squared a1"]
        d = (a - y[:, None]) / 5 * a * (1 - a)
        np.testing.assert_allclose(twice.make()["W1"], x.T @ d, rtol=1e-9)


def test_penalties_that_are_no_multiple_of_the_weights_are_still_left_out() -> None:
    graph = fc.Graph()
    W = graph.param("W", (3, 2))
    z = graph.data(RNG.normal(size=(4, 3)), batch_axis=0) @ W
    graph.set_loss(ops.mean(ops.square(z)) + ops.sum(ops.exp(W)))
    params = {"W": RNG.normal(size=(3, 2))}
    objective = fc.GraphObjective(graph)
    found = planted(objective, params)
    off = objective.gradient(params)["W"] - found["penalty missing"].make()["W"]
    np.testing.assert_allclose(off, np.exp(params["W"]), rtol=1e-10)
    assert "penalty on biases" not in found


def test_layers_are_told_apart_by_where_their_parameters_enter() -> None:
    net = fc.Network(
        [fc.Dense(3, 4), fc.Tanh(), fc.Dense(4, 4), fc.ReLU(), fc.Dense(4, 2)],
        fc.SoftmaxCrossEntropy(), l2=0.1,
    )  # fmt: skip
    objective = net.objective(RNG.normal(size=(5, 3)), RNG.integers(2, size=5))
    state = objective.state(net.init_params(seed=0))
    sites = Sites(state.graph, state.values)
    layers = [sites.layer_of(name) for name in ("W1", "b1", "W2", "b2", "W3", "b3")]
    assert layers[0] == layers[1] < layers[2] == layers[3] < layers[4] == layers[5]
    assert [p.name for p in sites.products] == ["W1", "W2", "W3"]
    assert [sites.title(node) for node in sites.activations] == ["a1", "a2"]


def test_the_nearest_layers_are_those_that_act_on_no_other() -> None:
    net = fc.Network([fc.Dense(3, 4), fc.Tanh(), fc.Dense(4, 2)], fc.SquaredError(), l2=0.1)
    objective = net.objective(RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2)))
    state = objective.state(net.init_params(seed=0))
    sites = Sites(state.graph, state.values)
    assert sites.nearest(["W1", "b1", "W2", "b2"]) == {"W2", "b2"}
    assert sites.nearest(["W1", "b1"]) == {"W1", "b1"}
    state = recurrent().state(RECURRENT)
    sites = Sites(state.graph, state.values)
    assert sites.nearest(["Wx", "Wh"]) == {"Wx", "Wh"}
    assert sites.nearest(["Wx", "Wh", "Wy"]) == {"Wy"}
