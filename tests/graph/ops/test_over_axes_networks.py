"""Networks with normalisation, attention and pooling, whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.graph import Graph, Node, ops
from tests.graph.drive import derivatives, probe, worst

Array = np.ndarray


def dense(graph: Graph, a: Any, n: int, name: str) -> Node:
    n_in = a.shape[-1]
    return a @ graph.param(f"W{name}", (n_in, n)) + graph.param(f"b{name}", (n,))


def scaled(graph: Graph, a: Node, name: str, shape: tuple[int, ...]) -> Node:
    return a * graph.param(f"g{name}", shape) + graph.param(f"s{name}", shape)


def batch_normalised(graph: Graph, x: Node) -> Node:
    for k in ("1", "2"):
        z = ops.normalise(dense(graph, x, 7, k), 0, 1e-5)
        x = ops.relu(scaled(graph, z, k, (7,)))
    return dense(graph, x, 3, "3")


def layer_normalised(graph: Graph, x: Node) -> Node:
    h = scaled(graph, ops.normalise(dense(graph, x, 8, "1"), -1), "1", (8,))
    h = ops.normalise(ops.tanh(h) + dense(graph, x, 8, "2"), -1, centred=False)
    return dense(graph, h, 3, "3")


def group_normalised(graph: Graph, x: Node) -> Node:
    h = ops.reshape(dense(graph, x, 12, "1"), (-1, 3, 2, 2))
    h = ops.reshape(ops.normalise(h, (2, 3)), (-1, 12))
    return dense(graph, ops.sigmoid(scaled(graph, h, "1", (12,))), 3, "2")


def attentive(graph: Graph, x: Node) -> Node:
    tokens = ops.reshape(dense(graph, x, 12, "1"), (-1, 3, 4))
    q, k, v = (tokens @ graph.param(name, (4, 4)) for name in ("Wq", "Wk", "Wv"))
    weights = ops.softmax(ops.contract("bik,bjk->bij", q, k))
    h = ops.contract("bij,bjk->bik", weights, v)
    return dense(graph, ops.reshape(h, (-1, 12)), 3, "2")


def pooled(graph: Graph, x: Node) -> Node:
    h = ops.reshape(dense(graph, x, 16, "1"), (-1, 2, 2, 2, 2))
    h = ops.reshape(ops.max(h, (2, 4)), (-1, 4))
    return dense(graph, ops.tanh(h), 3, "2")


NETWORKS = [batch_normalised, layer_normalised, group_normalised, attentive, pooled]


def made(network: Callable[[Graph, Node], Node]) -> tuple[fc.GraphObjective, dict[str, Array]]:
    rng = np.random.default_rng(4)
    graph = Graph()
    x = graph.data(rng.standard_normal((9, 5)), 0)
    y = graph.data(np.eye(3)[rng.integers(0, 3, 9)], 0)
    out = network(graph, x)
    graph.set_loss(ops.mean(-ops.sum(y * ops.log_softmax(out), 1)))
    params = {name: rng.standard_normal(node.shape) for name, node in graph.params.items()}
    return fc.GraphObjective(graph), params


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("plan", ["exhaustive", "units"])
def test_a_network_passes_and_one_with_a_fault_does_not(
    network: Callable[[Graph, Node], Node], plan: str
) -> None:
    objective, params = made(network)
    grads = objective.gradient(params)
    result = fc.check_gradients(objective, params, grads, plan=plan)
    assert result, str(result)
    for name in params:
        place = np.unravel_index(np.abs(grads[name]).argmax(), grads[name].shape)
        if abs(grads[name][place]) > 1e-12:
            wrong = {**grads, name: grads[name].copy()}
            wrong[name][place] *= 1.0 + 1e-4
            assert not fc.check_gradients(objective, params, wrong, plan=plan)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_derivatives_of_a_network_are_its_gradient(
    network: Callable[[Graph, Node], Node],
) -> None:
    objective, params = made(network)
    graph = objective.graph
    truth = objective.gradient(params)
    found = derivatives(graph, params, change=2.0**-32)
    for name in params:
        if np.abs(truth[name]).max() > 1e-12:
            assert worst(found[name], truth[name], above=1e-2) < 1e-12


def test_a_bias_before_batch_normalisation_has_the_derivative_zero() -> None:
    objective, params = made(batch_normalised)
    found = probe(objective.graph, params, objective.graph.params["b1"])
    assert not found.values.any()
    grads = objective.gradient(params)
    result = fc.check_gradients(objective, params, grads)
    assert result.tensors["b1"].verdict != "fail"
    wrong = {**grads, "b1": grads["b1"] + 1e-9}
    assert fc.check_gradients(objective, params, wrong).verdict == "fail"


@pytest.mark.parametrize("is_leaf", [False, True])
def test_features_that_hardly_vary_are_not_blamed_on_the_gradient(is_leaf: bool) -> None:
    """Their normalisation loses digits, in any implementation, and the bound must say so."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((20, 4))
    x[:, 1] = 200.0 + 1e-5 * x[:, 1]
    targets = rng.standard_normal((20, 4))
    w = np.ones(4) if is_leaf else rng.uniform(0.5, 1.5, 4)
    z = x * w
    c = z - z.mean(axis=0)
    s = np.sqrt((c * c).mean(axis=0) + 1e-12)
    y = c / s
    g = 3.0 * y * y * targets
    g = (g - g.mean(axis=0) - y * (g * y).mean(axis=0)) / s
    graph = Graph()
    data = graph.param("p", (20, 4)) if is_leaf else graph.data(x, 0) * graph.param("p", (4,))
    normalised = ops.normalise(data, 0, 1e-12)
    weighed = normalised * normalised * normalised * graph.data(targets)
    graph.set_loss(ops.sum(weighed))
    params, grads = ({"p": x}, {"p": g}) if is_leaf else ({"p": w}, {"p": (g * x).sum(axis=0)})
    result = fc.check_gradients(fc.GraphObjective(graph), params, grads)
    assert result.tensors["p"].n_disagree == 0, str(result)
