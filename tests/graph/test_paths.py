"""Streaming, pinning and leaving out change the cost of a derivative, never its value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcheck.graph import Graph, Node, ops
from fastcheck.graph.reference import backward, gradient
from fastcheck.graph.route import find_route
from fastcheck.graph.run import run_chunk
from fastcheck.graph.state import State
from tests.graph.drive import derivatives, distance, probe
from tests.graph.random_graphs import Recipe, made, recipes

TINY = 2.0**-32


@pytest.mark.interpreted
@settings(max_examples=300)
@given(recipes())
def test_the_derivatives_are_the_gradient(recipe: Recipe) -> None:
    graph, params = made(recipe, declared=True)
    assert not any(find_route(node).coupled for node in graph.params.values())
    truth = gradient(graph, State(graph, params).values)
    assert distance(derivatives(graph, params, change=TINY), truth) < 1e-12


@settings(max_examples=80)
@given(recipes(), st.integers(1, 9), st.integers(1, 200))
def test_streamed_samples_give_what_the_whole_batch_gives(
    recipe: Recipe, chunk: int, n_rows: int
) -> None:
    graph, params = made(recipe, declared=True)
    whole, same = made(recipe, declared=False)
    assert all(np.array_equal(params[k], same[k]) for k in same)
    streamed = derivatives(graph, params, step=1e-9, chunk=chunk, n_rows=n_rows)
    carried = derivatives(whole, same, step=1e-9)
    assert not any(find_route(n).streamed for n in whole.params.values())
    assert distance(streamed, carried) < 1e-13


@settings(max_examples=40)
@given(recipes(), st.integers(1, 9), st.integers(1, 200))
def test_large_changes_are_the_same_streamed_and_carried(
    recipe: Recipe, chunk: int, n_rows: int
) -> None:
    graph, params = made(recipe, declared=True)
    whole, _ = made(recipe, declared=False)
    for name, node in graph.params.items():
        streamed = probe(graph, params, node, step=0.05, chunk=chunk, n_rows=n_rows)
        carried = probe(whole, params, whole.params[name], step=0.05)
        assert distance({"+": streamed.plus}, {"+": carried.plus}) < 1e-11
        assert distance({"-": streamed.minus}, {"-": carried.minus}) < 1e-11
        assert np.array_equal(streamed.kink, carried.kink)


@settings(max_examples=40)
@given(recipes())
def test_large_changes_are_those_of_plain_subtraction(recipe: Recipe) -> None:
    graph, params = made(recipe, declared=True)
    base = State(graph, params).loss
    for name, node in graph.params.items():
        found = probe(graph, params, node, step=0.05)
        place = tuple(np.random.default_rng(recipe.seed).integers(node.shape))
        for change, sign in ((found.plus, 0.05), (found.minus, -0.05)):
            moved = params[name].copy()
            moved[place] += sign
            plain = State(graph, params | {name: moved}).loss - base
            assert change[place] == pytest.approx(plain, rel=1e-9, abs=1e-12 * (1 + abs(base)))


@settings(max_examples=40)
@given(recipes())
def test_what_is_left_out_does_not_matter(recipe: Recipe) -> None:
    graph, params = made(recipe, declared=True)
    full = derivatives(graph, params, prune=False, change=TINY)
    assert distance(derivatives(graph, params, change=TINY), full) < 1e-13


@settings(max_examples=40)
@given(recipes(), st.integers(1, 9), st.integers(1, 200))
def test_a_repeated_run_gives_the_same_bits(recipe: Recipe, chunk: int, n_rows: int) -> None:
    graph, params = made(recipe, declared=True)
    one, two = (derivatives(graph, params, chunk=chunk, n_rows=n_rows) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)


@settings(max_examples=40)
@given(recipes(), st.integers(1, 9))
def test_the_size_of_chunks_changes_no_more_than_rounding(recipe: Recipe, chunk: int) -> None:
    graph, params = made(recipe, declared=True)
    assert distance(derivatives(graph, params, chunk=chunk), derivatives(graph, params)) < 1e-13


@settings(max_examples=60)
@given(recipes(mixes=True))
def test_coupled_samples_are_detected_or_harmless(recipe: Recipe) -> None:
    graph, params = made(recipe, declared=True)
    truth = gradient(graph, State(graph, params).values)
    assert distance(derivatives(graph, params, change=TINY), truth) < 1e-12


@settings(max_examples=40)
@given(recipes(), st.integers(1, 9))
def test_values_on_the_way_can_be_probed(recipe: Recipe, chunk: int) -> None:
    graph, params = made(recipe, declared=True)
    state = State(graph, params)
    cotangents = backward(graph, state.values)
    for node in graph.nodes:
        if node.name.startswith("h") and node.index in cotangents:
            found = probe(graph, params, node, change=TINY, chunk=chunk).values
            truth = cotangents[node.index]
            assert distance({"h": found}, {"h": truth}) < 1e-11


@pytest.mark.slow
@settings(max_examples=2000)
@given(recipes(mixes=True))
def test_the_derivatives_of_many_graphs_are_their_gradients(recipe: Recipe) -> None:
    graph, params = made(recipe, declared=True)
    truth = gradient(graph, State(graph, params).values)
    assert distance(derivatives(graph, params, change=TINY), truth) < 1e-11


@pytest.mark.slow
@settings(max_examples=1000)
@given(recipes(), st.integers(1, 9), st.integers(1, 200))
def test_many_graphs_streamed_give_what_the_whole_batch_gives(
    recipe: Recipe, chunk: int, n_rows: int
) -> None:
    graph, params = made(recipe, declared=True)
    whole, _ = made(recipe, declared=False)
    streamed = derivatives(graph, params, step=1e-9, chunk=chunk, n_rows=n_rows)
    assert distance(streamed, derivatives(whole, params, step=1e-9)) < 1e-12


# ------------------------------------------------------------ paths one by one


def error(graph: Graph, params: dict[str, np.ndarray], **settings: Any) -> float:
    """Return how far the derivatives are from the gradient, relative to its largest entry."""
    truth = gradient(graph, State(graph, params).values)
    return distance(derivatives(graph, params, **settings), truth)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape)


def weights_of_a_product(change: Callable[[Node], Node]) -> tuple[Graph, dict[str, np.ndarray]]:
    """Return a layer whose weights are masked functions of the parameter."""
    graph = Graph()
    mask = np.array([[1.0, 0, 1, 1], [0, 1, 1, 1], [1, 1, 0, 1]])
    w = ops.contract("ij,ij->ij", graph.data(mask), change(graph.param("W", (3, 4))))
    graph.set_loss(ops.mean(ops.tanh(graph.data(normal(6, 3), 0) @ w)))
    return graph, {"W": normal(3, 4)}


@pytest.mark.interpreted
def test_masked_weights_enter_samples_with_both_changes() -> None:
    assert error(*weights_of_a_product(lambda w: w * 2.0)) < 1e-13


@pytest.mark.interpreted
def test_bent_and_masked_weights_enter_samples_with_both_changes() -> None:
    assert error(*weights_of_a_product(ops.softplus)) < 1e-13


@pytest.mark.interpreted
@pytest.mark.parametrize("order", ["bjk", "bkj"])
def test_units_with_two_axes_are_left_out_only_where_they_are_inactive(order: str) -> None:
    graph = Graph()
    z = ops.contract(f"bi,ijk->{order}", graph.data(normal(6, 3), 0), graph.param("W", (3, 4, 2)))
    graph.set_loss(ops.mean(ops.square(ops.relu(z))))
    assert error(graph, {"W": normal(3, 4, 2)}) < 1e-13


@pytest.mark.interpreted
def test_a_product_of_a_sum_and_a_softmax_of_one_parameter() -> None:
    graph = Graph()
    w = graph.param("w", (3,))
    graph.set_loss(ops.sum(ops.softmax(w) * ops.sum(ops.tanh(w))))
    assert error(graph, {"w": normal(3)}) < 1e-13


@pytest.mark.interpreted
def test_the_loss_may_be_that_of_the_only_sample() -> None:
    graph = Graph()
    z = graph.data(normal(1, 3), 0) @ graph.param("W", (3, 4))
    graph.set_loss(ops.softmax_cross_entropy(z, graph.data([[0.0, 1, 0, 0]], 0)))
    assert error(graph, {"W": normal(3, 4)}) < 1e-13


@pytest.mark.interpreted
@pytest.mark.parametrize("name", ["i", "Z"])
def test_any_letter_may_name_an_axis_of_a_product_that_changes_twice(name: str) -> None:
    graph = Graph()
    h = graph.data(normal(5, 3), 0) @ graph.param("W", (3, 2))
    graph.set_loss(ops.sum(ops.tanh(ops.contract(f"b{name},b{name}->b", h, h))))
    assert error(graph, {"W": normal(3, 2)}, change=TINY) < 1e-13


@pytest.mark.interpreted
@pytest.mark.parametrize("n_batch", [1, 2])
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("axis", [0, 1])
def test_one_sample_and_one_feature_are_no_special_case(
    n_batch: int, width: int, axis: int
) -> None:
    graph = Graph()
    x = normal(n_batch, width)
    h = graph.data(x.T if axis else x, axis)
    params = {"W": normal(width, width), "b": normal(width)}
    w, b = graph.param("W", (width, width)), graph.param("b", (width,))
    z = w @ h + ops.reshape(b, (width, 1)) if axis else h @ w + b
    graph.set_loss(ops.mean(ops.square(ops.tanh(z))))
    assert error(graph, params, change=TINY) < 1e-13


@pytest.mark.interpreted
@pytest.mark.parametrize("target", [(12,), (2, 6), (4, 3), (1, 12, 1), (3, 2, 2)])
def test_parameters_may_be_reshaped_before_use(target: tuple[int, ...]) -> None:
    graph = Graph()
    w = ops.reshape(ops.reshape(graph.param("W", (3, 4)), target), (4, 3))
    graph.set_loss(ops.mean(ops.tanh(graph.data(normal(5, 4), 0) @ w)))
    assert error(graph, {"W": normal(3, 4)}) < 1e-13


@pytest.mark.interpreted
def test_a_parameter_that_meets_no_sample_is_differentiated() -> None:
    graph = Graph()
    w, v = graph.param("W", (3, 4)), graph.param("v", (4,))
    h = graph.data(normal(5, 3), 0) @ w
    graph.set_loss(ops.mean(ops.tanh(h)) + ops.sum(ops.square(w)) + ops.sum(ops.exp(v)))
    assert error(graph, {"W": normal(3, 4), "v": normal(4)}) < 1e-13


@pytest.mark.interpreted
def test_inputs_that_are_zero_everywhere_give_a_derivative_of_exactly_zero() -> None:
    graph = Graph()
    x = normal(5, 3)
    x[:, 1] = 0.0
    graph.set_loss(ops.mean(ops.tanh(graph.data(x, 0) @ graph.param("W", (3, 4)))))
    found = derivatives(graph, {"W": normal(3, 4)})["W"]
    assert np.all(found[1] == 0.0)
    assert np.all(found[[0, 2]] != 0.0)


@pytest.mark.interpreted
@pytest.mark.parametrize("place", [(0, 0), (2, 1), (4, 2)])
def test_a_nan_among_the_inputs_reaches_the_derivatives_it_touches(place: tuple[int, int]) -> None:
    graph = Graph()
    x = normal(5, 3)
    x[place] = np.nan
    graph.set_loss(ops.mean(graph.data(x, 0) @ graph.param("W", (3, 4))))
    found = derivatives(graph, {"W": normal(3, 4)}, step=1e-8)["W"]
    assert np.isnan(found[place[1]]).all()
    assert np.isfinite(np.delete(found, place[1], axis=0)).all()


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("n_out", [1, 3, 20])
def test_wide_layers_are_right_whatever_the_product_is_made_with(n_out: int, axis: int) -> None:
    graph = Graph()
    x, params = normal(4, 5), {"W": normal(5, 70), "V": normal(70, n_out) / 8}
    h = graph.data(x.T if axis else x, axis)
    if axis:
        params = {name: value.T.copy() for name, value in params.items()}
    w, v = (graph.param(name, value.shape) for name, value in params.items())
    z = v @ ops.tanh(w @ h) if axis else ops.tanh(h @ w) @ v
    graph.set_loss(ops.mean(ops.square(ops.tanh(z))))
    assert error(graph, params, change=TINY) < 1e-13


@pytest.mark.interpreted
def test_samples_without_any_input_are_passed_over() -> None:
    graph = Graph()
    x = normal(6, 3)
    x[[0, 1, 4]] = 0.0
    w, b = graph.param("W", (3, 2)), graph.param("b", (2,))
    graph.set_loss(ops.sqrt(ops.mean(ops.square(ops.tanh(graph.data(x, 0) @ w + b)))))
    params = {"W": normal(3, 2), "b": normal(2)}
    assert error(graph, params, n_rows=1) < 1e-13
    assert error(graph, params, n_rows=1, chunk=1) < 1e-13


@pytest.mark.interpreted
@pytest.mark.parametrize("axis", [0, 1])
def test_some_entries_of_some_samples_can_be_probed_alone(axis: int) -> None:
    graph = Graph()
    x = normal(5, 3)
    z = graph.data(x.T if axis else x, axis) * 2.0
    h = ops.tanh(z)
    h = graph.data(normal(2, 3)) @ h if axis else h @ normal(3, 2)
    graph.set_loss(ops.mean(ops.square(ops.tanh(h))))
    state, route = State(graph, {}), find_route(z)
    full = probe(graph, {}, z, step=1e-6).values
    sample = np.array([0, 2, 2, 4])
    feature = np.array([1, 0, 2, 2])
    place = (feature, sample) if axis else (sample, feature)
    found = run_chunk(state, route, np.ravel_multi_index(place, z.shape), 1e-6, 100, {})
    values = (found.change[0::2] - found.change[1::2]) / 2e-6
    np.testing.assert_allclose(values, full[place], rtol=1e-14)


@pytest.mark.interpreted
def test_a_function_of_all_entries_enters_samples_as_what_it_is() -> None:
    graph = Graph()
    s = ops.contract(",ij->ij", ops.exp(ops.sum(graph.param("w", (3,)))), np.array([[2.0]]))
    graph.set_loss(ops.mean(ops.tanh(graph.data(normal(6, 1), 0) @ s)))
    assert error(graph, {"w": normal(3) / 9}) < 1e-13
