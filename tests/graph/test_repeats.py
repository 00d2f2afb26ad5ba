"""Weights that meet the same number in a sample share a row, and nothing else changes."""

import numpy as np
import pytest

from fastcheck.graph import Graph, ops, repeats
from fastcheck.graph.repeats import find_codes
from fastcheck.graph.state import State
from fastcheck.kernels import repeats as kernels
from fastcheck.kernels.rows import collapse
from fastcheck.plan import Planner

KERNEL_FORMS = [
    pytest.param(lambda kernel: kernel, id="as decorated"),
    pytest.param(lambda kernel: getattr(kernel, "py_func", kernel), id="plain Python"),
]


def network(activation: str, *, features_first: bool = False) -> tuple[Graph, dict]:
    """Return a network on inputs that are few different numbers, zero among them."""
    rng = np.random.default_rng(3)
    x = rng.choice([-1.5, 0.0, 0.25, 1.0, 2.0], (9, 80))
    x[4] = 0.0
    graph = Graph()
    w, v = graph.param("W", (80, 6)), graph.param("V", (6, 3))
    b = graph.param("b", (6,))
    if features_first:
        data = graph.data(x.T, 1)
        z = ops.transpose(ops.transpose(w) @ data) + b
    else:
        z = graph.data(x, 0) @ w + b
    y = graph.data(np.eye(3)[rng.integers(0, 3, 9)], 0)
    loss = ops.mean(ops.softmax_cross_entropy(getattr(ops, activation)(z) @ v, y))
    graph.set_loss(loss + 0.1 * ops.sum(ops.square(w)))
    params = {
        "W": rng.standard_normal((80, 6)) / 9,
        "V": rng.standard_normal((6, 3)),
        "b": np.zeros(6),
    }
    return graph, params


@pytest.fixture(params=[True, False], ids=["shared", "apart"])
def sharing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if not request.param:
        monkeypatch.setattr(repeats, "WORTH", np.inf)
    return bool(request.param)


def derivatives(graph: Graph, params: dict) -> dict:
    state = State(graph, params)
    return Planner(state, list(graph.params)).run("exhaustive", None).tensors


@pytest.mark.interpreted
@pytest.mark.parametrize("features_first", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
def test_shared_rows_change_no_derivative(
    activation: str, features_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, params = network(activation, features_first=features_first)
    shared = derivatives(graph, params)
    monkeypatch.setattr(repeats, "WORTH", np.inf)
    apart = derivatives(graph, params)
    for name, found in shared.items():
        size = np.abs(apart[name].values).max()
        assert np.abs(found.values - apart[name].values).max() < 1e-15 * size
        assert np.array_equal(found.kink, apart[name].kink)


@pytest.mark.interpreted
def test_kinks_are_flagged_for_every_weight_that_shares_a_row(sharing: bool) -> None:
    graph, params = network("relu")
    params["W"][:, 2] = 0.0  # with a bias of zero, unit 2 is exactly at its kink in all samples
    found = derivatives(graph, params)["W"]
    assert found.kink[:, 2].all()
    assert not found.kink[:, [0, 1, 3, 4, 5]].any()


@pytest.mark.interpreted
def test_codes_are_found_only_where_numbers_repeat() -> None:
    graph, params = network("tanh")
    state = State(graph, params)
    (x,) = (n for n in graph.nodes if n.op is None and n.shape == (9, 80))
    codes = find_codes(state, x)
    assert codes is not None
    assert codes.counts.tolist() == [4, 4, 4, 4, 0, 4, 4, 4, 4]
    value = np.where(
        codes.codes > 0, np.take_along_axis(codes.values, codes.codes.astype(int) - 1, 1), 0
    )
    assert np.array_equal(value, state.value(x))

    other = Graph()
    z = other.data(np.random.default_rng(0).standard_normal((9, 80)), 0)
    other.set_loss(ops.mean(z @ other.param("W", (80, 2))))
    assert find_codes(State(other, {"W": np.zeros((80, 2))}), z) is None


@pytest.mark.interpreted
@pytest.mark.parametrize("form", KERNEL_FORMS)
def test_too_many_numbers_are_given_up(form) -> None:
    x = np.arange(1.0, 13.0).reshape(1, 12)
    codes, counts = np.empty((1, 12), np.uint16), np.empty(1, np.int64)
    assert not form(kernels.encode)(x, codes, np.empty((1, 11)), counts, 0, 1)
    assert form(kernels.encode)(x, codes, np.empty((1, 12)), counts, 0, 1)
    assert codes.tolist() == [list(range(1, 13))]


@pytest.mark.interpreted
@pytest.mark.parametrize("form", KERNEL_FORMS)
def test_a_nan_is_a_number_of_its_own(form) -> None:
    x = np.array([[np.nan, 2.0, 0.0, 2.0, np.nan]])
    codes, counts, values = np.empty((1, 5), np.uint16), np.empty(1, np.int64), np.empty((1, 5))
    assert form(kernels.encode)(x, codes, values, counts, 0, 1)
    assert codes.tolist() == [[1, 2, 0, 2, 3]]
    assert np.array_equal(values[0, :3], [np.nan, 2.0, np.nan], equal_nan=True)


@pytest.mark.interpreted
@pytest.mark.parametrize("form", KERNEL_FORMS)
def test_rows_are_added_to_all_that_share_them(form) -> None:
    codes = np.array([[1, 0, 2, 1]], np.uint16)
    data = np.array([[10.0, 20.0, -1.0, -2.0]])
    one, acc = np.zeros(1, np.int64), np.zeros((1, 8))
    form(kernels.collapse_repeats)(
        data, codes, np.arange(4), np.array([0, 4]), one, one, np.array([0, 4]), acc
    )
    expected = np.zeros((1, 8))
    probes = np.array([0, 4, 6, 1, 5, 7], np.int32)
    collapse(np.array([[10.0, 20.0, 10.0, -1.0, -2.0, -1.0]]), probes, expected)
    assert np.array_equal(acc, expected)
