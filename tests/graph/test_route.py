"""Which nodes a probe reaches, how samples pass, and how far probes step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.errors import InputError
from fastcheck.graph import Graph, Node, ops
from fastcheck.graph.reference import gradient
from fastcheck.graph.route import find_route, step_for
from fastcheck.graph.state import State
from tests.graph.drive import derivatives, distance

pytestmark = pytest.mark.interpreted

X = np.random.default_rng(0).standard_normal((6, 3))


def labels(nodes: tuple[Node, ...]) -> list[str]:
    return [type(n.op).__name__ for n in nodes]


def test_a_dense_layer_streams_up_to_the_sum_over_samples() -> None:
    graph = Graph()
    w = graph.param("W", (4, 3))
    h = ops.tanh(graph.data(X, 0) @ (2.0 * w).T)
    graph.set_loss(ops.sqrt(ops.mean(ops.square(h))))
    route = find_route(w)
    assert labels(route.before) == ["Scale", "Transpose"]
    assert labels(route.streamed) == ["Contraction", "Tanh", "Square"]
    assert labels(route.boundary) == ["Sum"]
    assert labels(route.after) == ["Sqrt"]
    assert (route.coupled, route.drops_rows) == (False, True)
    assert [n.index for n in route.nodes] == sorted(n.index for n in route.nodes)


def test_rows_are_kept_where_probes_enter_the_samples_twice() -> None:
    graph = Graph()
    w = graph.param("W", (3, 3))
    x = graph.data(X, 0)
    graph.set_loss(ops.mean(ops.tanh(x @ w) @ w))
    assert not find_route(w).drops_rows


def test_nodes_that_do_not_lead_to_the_loss_are_left_out() -> None:
    graph = Graph()
    w = graph.param("W", (3,))
    ops.exp(w)
    graph.set_loss(ops.sum(w))
    ops.log(graph.loss)
    assert labels(find_route(w).nodes) == ["Sum"]


def test_blocked_nodes_stop_a_probe() -> None:
    graph = Graph()
    w = graph.param("W", (3,))
    left, right = ops.exp(w), ops.square(w)
    graph.set_loss(ops.sum(left) + ops.sum(right))
    route = find_route(w, frozenset({left.index}))
    assert labels(route.nodes) == ["Square", "Sum", "Add"]


def test_a_graph_without_a_loss_has_no_routes() -> None:
    graph = Graph()
    w = graph.param("W", (3,))
    with pytest.raises(InputError, match="the graph has no loss; name the scalar result with"):
        find_route(w)


def centred(h: Node) -> Node:
    return h - ops.mean(h, axis=0, keepdims=True)


COUPLED: dict[str, Callable[[Node], Node]] = {
    "batch statistics": lambda h: ops.sum(ops.tanh(centred(h))),
    "a softmax over samples": lambda h: ops.sum(ops.square(ops.softmax(h, axis=0))),
    "products of samples": lambda h: ops.sum(ops.tanh(h @ h.T)),
    "samples folded": lambda h: ops.sum(ops.tanh(ops.reshape(h, (2, -1)) @ np.ones((12, 2)))),
    "weights for samples": lambda h: ops.sum(ops.tanh(np.ones((2, 6)) @ h)),
    "a constant without samples": lambda h: ops.sum(h * np.ones((6, 4))),
}  # fmt: skip
FREE: dict[str, Callable[[Node], Node]] = {
    "layer statistics": lambda h: ops.sum(ops.tanh(h - ops.mean(h, axis=1, keepdims=True))),
    "a softmax over features": lambda h: ops.sum(ops.square(ops.softmax(h, axis=1))),
    "samples last": lambda h: ops.sum(ops.tanh(np.ones((2, 4)) @ h.T)),
    "features folded": lambda h: ops.sum(ops.tanh(ops.reshape(h, (6, 2, 2)))),
    "the covariance": lambda h: ops.sum(ops.tanh(ops.contract("bi,bj->ij", h, h))),
    "a mean that is bent": lambda h: ops.tanh(ops.mean(h)),
}


@pytest.mark.parametrize("kind", [*COUPLED, *FREE])
def test_coupled_samples_are_told_from_free_ones(kind: str) -> None:
    graph = Graph()
    w = graph.param("W", (3, 4))
    h = ops.tanh(graph.data(X, 0) @ w)
    graph.set_loss((COUPLED | FREE)[kind](h))
    route = find_route(w)
    assert route.coupled == (kind in COUPLED)
    assert bool(route.streamed) != route.coupled
    params = {"W": np.random.default_rng(1).standard_normal((3, 4))}
    truth = gradient(graph, State(graph, params).values)
    assert distance(derivatives(graph, params, change=2.0**-32), truth) < 1e-13


# ------------------------------------------------------------ steps

STEPS: dict[str, Callable[[Node, Node], Node]] = {
    "a dense layer": lambda x, w: ops.mean(ops.tanh(x @ w)),
    "large inputs": lambda x, w: ops.mean(ops.tanh((1e4 * x) @ w)),
    "tiny inputs": lambda x, w: ops.mean(ops.tanh((1e-4 * x) @ w)),
    "weights used twice before": lambda x, w: ops.mean(ops.tanh(x @ (w + 3.0 * w))),
    "a sum of weights": lambda x, w: ops.tanh(ops.sum(w * np.full((3, 4), 7.0))),
    "two layers without activation": lambda x, w: ops.mean(ops.tanh(x @ w @ np.full((4, 2), 9.0))),
    "a product with data": lambda x, w: ops.mean(ops.sigmoid((x @ w) * 50.0)),
    "a quotient": lambda x, w: ops.mean(ops.sigmoid((x @ w) / np.full(4, 0.01))),
    "a mean over samples": lambda x, w: ops.sum(ops.tanh(ops.mean(x @ w, axis=0))),
    "a mean over features": lambda x, w: ops.mean(ops.tanh(ops.mean(x @ w, axis=1))),
    "a sum over samples": lambda x, w: ops.sum(ops.tanh(ops.sum(x @ w, axis=0))),
    "a product over samples": lambda x, w: ops.sum(ops.tanh(ops.contract("bi,bj->ij", x, x @ w))),
}


def moved(graph: Graph, params: dict[str, np.ndarray], step: float) -> float:
    """Return the largest change of the input of tanh or sigmoid."""
    (bend,) = (n for n in graph.nodes if type(n.op).__name__ in ("Tanh", "Sigmoid"))
    source, worst = bend.inputs[0].index, 0.0
    base = State(graph, params).values[source]
    for place in np.ndindex(3, 4):
        w = params["W"].copy()
        w[place] += step
        gap = State(graph, {"W": w}).values[source] - base
        worst = max(worst, float(np.abs(gap).max()))
    return worst


@pytest.mark.parametrize("kind", STEPS)
def test_no_probe_moves_the_first_bent_operation_by_more_than_asked(kind: str) -> None:
    graph = Graph()
    w = graph.param("W", (3, 4))
    x = graph.data(np.abs(X) + 0.5, 0)
    graph.set_loss(STEPS[kind](x, w))
    params = {"W": np.random.default_rng(2).standard_normal((3, 4)) / 1e4}
    change = 2.0**-12
    step, reach = step_for(find_route(w), State(graph, params), change)
    found = moved(graph, params, step)
    assert found <= change * (1 + 1e-6)
    assert found <= step * reach * (1 + 1e-6)
    assert np.frexp(step)[0] == 0.5  # a power of two


@pytest.mark.parametrize(
    "kind", ["a dense layer", "large inputs", "tiny inputs", "a sum of weights", "a quotient"]
)
def test_the_step_is_not_much_smaller_than_allowed(kind: str) -> None:
    graph = Graph()
    w = graph.param("W", (3, 4))
    graph.set_loss(STEPS[kind](graph.data(np.abs(X) + 0.5, 0), w))
    params = {"W": np.random.default_rng(2).standard_normal((3, 4)) / 1e4}
    step, _ = step_for(find_route(w), State(graph, params), 2.0**-12)
    assert moved(graph, params, step) > 0.4 * 2.0**-12


@pytest.mark.parametrize("name", ["log", "sqrt", "reciprocal"])
def test_the_step_is_small_against_the_smallest_argument(name: str) -> None:
    graph = Graph()
    w = graph.param("w", (3,))
    graph.set_loss(ops.sum(getattr(ops, name)(w)))
    params = {"w": np.array([1e-9, 1.0, 1e3])}
    step, _ = step_for(find_route(w), State(graph, params), 2.0**-24)
    assert 0.4 * 2.0**-24 * 1e-9 < step <= 2.0**-24 * 1e-9
    truth = gradient(graph, State(graph, params).values)["w"]
    np.testing.assert_allclose(derivatives(graph, params)["w"], truth, rtol=1e-14)


def test_a_loss_that_is_linear_gets_the_plain_step() -> None:
    graph = Graph()
    w = graph.param("w", (3,))
    graph.set_loss(ops.sum(w))
    state = State(graph, {"w": np.ones(3)})
    assert step_for(find_route(w), state, 2.0**-24) == (2.0**-24, 1.0)
    assert derivatives(graph, {"w": np.ones(3)})["w"].tolist() == [1.0, 1.0, 1.0]


def test_a_loss_that_a_guard_reads_is_kept_to_the_end() -> None:
    def loss(p: dict[str, np.ndarray]) -> float:
        value = np.sum(np.sin(p["w"]))
        if value > 1e3:
            raise OverflowError
        return value

    w = np.array([0.2, 1.2, 2.2])
    numerical = fc.numerical_gradient(loss, {"w": w}, engine="trace")
    assert abs(numerical.values["w"] - np.cos(w)).max() < 1e-13
