"""Layers are what shares parameters, in the order of dependence; cotangents are those of vjps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.diagnose.backward.layers import Anatomy, penalty_of
from fastcheck.graph import ops, reference
from tests.diagnose.backward.common import Mlp
from tests.objectives import KINDS

Made = tuple[fc.GraphObjective, dict[str, np.ndarray]]
EVERY_KIND = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def anatomy_of(make: Callable[[int], Made], seed: int = 0) -> Anatomy:
    objective, params = make(seed)
    return Anatomy(objective.state(params))


def through(anatomy: Anatomy, edits: Any = None) -> dict[int, np.ndarray]:
    """Return the cotangents of all sites by walking from the loss backwards."""
    known: dict[int, np.ndarray] = {}
    for layer in anatomy.layers:
        found = anatomy.arrive(layer, known, edits)
        known |= {site.node.index: found[site.node.index] for site in layer.sites}
    return known


# ------------------------------------------------------------ grouping and order


def test_a_stack_of_dense_layers_is_read_from_the_loss_backwards() -> None:
    anatomy = Mlp().anatomy
    assert [layer.names for layer in anatomy.layers] == [["W3", "b3"], ["W2", "b2"], ["W1", "b1"]]
    assert [len(layer.sites) for layer in anatomy.layers] == [1, 1, 1]
    assert anatomy.n_outputs == 3
    assert anatomy.home["b2"] is anatomy.layers[1]


def test_features_that_come_first_change_neither_layers_nor_outputs() -> None:
    anatomy = Mlp(columns=True).anatomy
    assert [set(layer.names) for layer in anatomy.layers] == [
        {"W3", "b3"}, {"W2", "b2"}, {"W1", "b1"},
    ]  # fmt: skip
    assert anatomy.n_outputs == 3


def test_a_layer_without_bias_has_one_name() -> None:
    assert [layer.names for layer in Mlp(bias=False).anatomy.layers] == [["W3"], ["W2"], ["W1"]]


def test_the_steps_of_a_recurrence_are_one_layer() -> None:
    first, second = anatomy_of(KINDS["recurrence"]).layers
    assert (first.names, len(first.sites)) == (["W"], 1)
    assert set(second.names) == {"U", "V", "b"}
    assert len(second.sites) == 4
    assert [s.node.index for s in second.sites] == sorted(s.node.index for s in second.sites)
    assert second.node is second.sites[-1].node
    assert [*second.places.values()] == [0, 1, 2, 3]


def test_layers_that_reach_each_other_are_joined() -> None:
    (layer,) = anatomy_of(KINDS["residual"]).layers  # x + s(x W + b) V, twice
    assert set(layer.names) == {"W", "b", "V"}
    assert len(layer.sites) == 4


def test_tied_weights_make_one_layer_of_encoder_and_decoder() -> None:
    (layer,) = anatomy_of(KINDS["tied_autoencoder"]).layers
    assert set(layer.names) == {"W", "b", "c"}


def test_parameters_that_meet_no_samples_linearly_have_no_home() -> None:
    anatomy = anatomy_of(KINDS["weights_of_weights"])
    assert "s" not in anatomy.home or "W" not in anatomy.home
    assert {"W", "s"} <= anatomy.home.keys() | anatomy.direct.keys()


@EVERY_KIND
def test_no_layer_reaches_one_that_comes_after_it_in_the_walk(make: Callable[[int], Made]) -> None:
    anatomy = anatomy_of(make)
    seen: set[int] = set()
    for layer in anatomy.layers:
        own = {site.node.index for site in layer.sites}
        assert own.isdisjoint(seen)
        reached = anatomy._reached(layer, frozenset())
        later = {s.node.index for other in anatomy.layers for s in other.sites} - own - seen
        assert reached.isdisjoint(later)
        assert layer.seeds <= {node.index for node in layer.region}
        assert own.isdisjoint(layer.seeds)
        seen |= own


def test_parallel_branches_are_layers_of_their_own() -> None:
    rng = np.random.default_rng(0)
    graph = fc.Graph()
    A, B, C = (graph.param(n, s) for n, s in {"A": (3, 4), "B": (3, 4), "C": (4, 2)}.items())
    x = graph.data(rng.standard_normal((5, 3)), 0)
    h = ops.tanh(x @ A) * ops.sigmoid(x @ B)
    graph.set_loss(ops.sum(ops.square(h @ C)))
    params = {n: rng.standard_normal(node.shape) for n, node in graph.params.items()}
    anatomy = Anatomy(fc.GraphObjective(graph).state(params))
    assert [layer.names for layer in anatomy.layers] == [["C"], ["B"], ["A"]]
    known = through(anatomy)
    cotangents = reference.backward(graph, anatomy.state.values)
    assert all(np.allclose(d, cotangents[i], rtol=1e-13, atol=0) for i, d in known.items())


# ------------------------------------------------------------ cotangents and gradients


@EVERY_KIND
@pytest.mark.parametrize("seed", [0, 1])
def test_cotangents_are_those_of_the_reference(make: Callable[[int], Made], seed: int) -> None:
    anatomy = anatomy_of(make, seed)
    cotangents = reference.backward(anatomy.graph, anatomy.state.values)
    for i, delta in through(anatomy).items():
        scale = np.abs(cotangents[i]).max()
        np.testing.assert_allclose(delta, cotangents[i], rtol=1e-12, atol=1e-13 * scale)


@EVERY_KIND
def test_what_passes_sites_and_what_does_not_add_up_to_the_gradient(
    make: Callable[[int], Made],
) -> None:
    anatomy = anatomy_of(make)
    known = through(anatomy)
    expected = reference.gradient(anatomy.graph, anatomy.state.values)
    for name, right in expected.items():
        found = np.zeros(right.shape) + anatomy.direct.get(name, 0.0)
        if name in anatomy.home:
            found += anatomy.predicted(anatomy.home[name], name, known)
        np.testing.assert_allclose(found, right, rtol=1e-11, atol=1e-12 * np.abs(right).max())


def test_an_edit_changes_what_goes_further_back_and_nothing_later() -> None:
    net = Mlp()
    right, anatomy = through(net.anatomy), net.anatomy
    middle = anatomy.layers[1]

    def doubled(layer: Any, k: int, delta: np.ndarray, found: Any) -> np.ndarray:
        assert k == 0
        return 2.0 * delta if layer is middle else delta

    wrong = through(anatomy, doubled)
    last, between, first = (layer.node.index for layer in anatomy.layers)
    assert np.array_equal(wrong[last], right[last])
    np.testing.assert_allclose(wrong[between], 2 * right[between], rtol=1e-14)
    np.testing.assert_allclose(wrong[first], 2 * right[first], rtol=1e-13)


def test_an_edit_of_one_step_of_a_recurrence_reaches_the_steps_before_it_only() -> None:
    anatomy = anatomy_of(KINDS["recurrence"])
    right = through(anatomy)
    layer = anatomy.layers[1]
    cut = through(anatomy, lambda g, k, d, _: 0 * d if g is layer and k == 1 else d)
    first, second, third, last = (site.node.index for site in layer.sites)
    assert np.array_equal(cut[last], right[last])
    assert np.array_equal(cut[third], right[third])
    assert not cut[second].any()
    assert not cut[first].any()
    assert right[first].any()


def test_terms_are_the_sums_of_absolute_values() -> None:
    net = Mlp()
    known, layer = through(net.anatomy), net.anatomy.layers[0]
    terms = net.anatomy.predicted(layer, "W3", known, absolute=True)
    expected = np.abs(net.forward["x3"]).T @ np.abs(net.output_delta())
    np.testing.assert_allclose(terms, expected, rtol=1e-12)


# ------------------------------------------------------------ rows


@pytest.mark.parametrize("columns", [False, True])
def test_a_few_rows_of_a_large_matrix_are_those_of_all(columns: bool) -> None:
    net = Mlp(widths=(200, 60, 3), m=4, columns=columns)
    anatomy, known = net.anatomy, through(net.anatomy)
    layer = anatomy.home["W1"]
    found = anatomy.rows(layer, "W1")
    assert found is not None
    _, axis, places = found
    assert axis == (1 if columns else 0)
    few = anatomy.few(layer, "W1", known)
    whole = anatomy.predicted(layer, "W1", known)
    assert few is not None
    assert few.shape[axis] == len(places) == 8
    np.testing.assert_allclose(few, np.take(whole, places, axis=axis), rtol=1e-13)


def test_rows_of_features_that_are_zero_are_not_among_the_few() -> None:
    net = Mlp(widths=(200, 60, 3), m=4)
    net.x[:, ::2] = 0.0
    found = net.anatomy.rows(net.anatomy.home["W1"], "W1")
    assert found is not None
    assert np.all(found[2] % 2 == 1)


@pytest.mark.parametrize("name", ["b1", "W2"])
def test_small_tensors_are_looked_at_whole(name: str) -> None:
    anatomy = Mlp(widths=(200, 60, 3), m=4).anatomy
    assert anatomy.rows(anatomy.home[name], name) is None
    assert anatomy.few(anatomy.home[name], name, through(anatomy)) is None


# ------------------------------------------------------------ penalties


def test_a_penalty_is_the_direct_part_and_its_strength_is_known() -> None:
    net = Mlp(l2=0.3)
    assert net.anatomy.direct.keys() == {"W1", "W2", "W3"}
    np.testing.assert_allclose(net.anatomy.direct["W2"], 0.3 * net.params["W2"], rtol=1e-14)
    assert net.anatomy.penalty == pytest.approx({"W1": 0.3, "W2": 0.3, "W3": 0.3})
    assert net.anatomy.penalties == pytest.approx([0.3])


def test_a_network_without_regulariser_has_no_penalties() -> None:
    assert Mlp().anatomy.direct == {}
    assert Mlp().anatomy.penalties == []


def test_a_direct_part_that_is_no_multiple_of_the_parameter_is_no_penalty() -> None:
    values = np.array([1.0, -2.0, 0.5])
    assert penalty_of(0.2 * values, values) == pytest.approx(0.2)
    assert penalty_of(0.2 * np.sign(values), values) == 0.0
    assert penalty_of(values**3, values) == 0.0
    assert penalty_of(np.zeros(3), np.zeros(3)) == 0.0
    assert penalty_of(np.ones(3), np.zeros(3)) == 0.0


def test_an_l1_penalty_is_direct_and_has_no_strength() -> None:
    rng = np.random.default_rng(3)
    params = {"W": rng.standard_normal((4, 3))}
    x = rng.standard_normal((5, 4))

    def loss(p: Any, x: Any) -> Any:
        return np.sum((x @ p["W"]) ** 2) / 5 + 0.1 * np.sum(np.abs(p["W"]))

    anatomy = Anatomy(fc.trace(loss, params, x).state(params))
    np.testing.assert_allclose(anatomy.direct["W"], 0.1 * np.sign(params["W"]), rtol=1e-14)
    assert anatomy.penalties == []
