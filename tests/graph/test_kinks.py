"""Kinks are flagged exactly, and what lies behind a closed one is left out rightly."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcheck.graph import Graph, ops
from fastcheck.graph.difference import Rows
from fastcheck.graph.route import find_alive, find_route
from fastcheck.graph.state import State
from fastcheck.kernels import pointwise as kernels
from tests.graph.drive import derivatives, distance, plain, probe

pytestmark = pytest.mark.interpreted

FORMS = pytest.mark.parametrize("of", [lambda k: k, plain], ids=["as decorated", "plain Python"])
NEAR = (2.0**-24) * np.array([1 - 2.0**-30, 1.0, 1 + 2.0**-30])
NORMAL = st.floats(-1e3, 1e3, allow_subnormal=False).filter(lambda v: v == 0 or abs(v) > 1e-200)


def bend_of(z: float, step: float, slope: float) -> tuple[bool, float, float]:
    """Probe ``bend(w)`` at z; return the flag and the two changes."""
    graph = Graph()
    w = graph.param("w", (1,))
    graph.set_loss(ops.sum(ops.leaky_relu(w, slope)))
    found = probe(graph, {"w": np.array([z])}, w, step=step)
    return bool(found.kink[0]), found.plus[0], found.minus[0]


@pytest.mark.parametrize("slope", [0.0, 0.01])
@pytest.mark.parametrize("z", [0.0, -0.0, *NEAR, *-NEAR, 5e-324, -5e-324, 1.0, -1.0])
def test_a_crossing_is_flagged_exactly(z: float, slope: float) -> None:
    step = 2.0**-24
    kink, plus, minus = bend_of(z, step, slope)
    ends = [Fraction(z) + Fraction(sign) * Fraction(step) for sign in (1, -1)]
    assert kink == any((end > 0) != (z > 0) for end in ends)

    def bend(v: Fraction) -> Fraction:
        return v if v > 0 else Fraction(slope) * v

    for change, end in zip((plus, minus), ends, strict=True):
        truth = float(bend(end) - bend(Fraction(z)))
        assert change == pytest.approx(truth, rel=4e-16, abs=0)


@given(NORMAL, NORMAL)
def test_the_kernel_counts_and_marks_the_crossings_of_real_numbers(z: float, d: float) -> None:
    x, data, ends = np.array([[z]]), np.array([[d, -d]]), np.array([0, 2])
    which = np.zeros(1, np.int64)
    truth = [(Fraction(z) + Fraction(c) > 0) != (z > 0) for c in (d, -d)]
    out, kink = np.empty((1, 2)), np.zeros(2, np.uint8)
    assert kernels.bend_rows(x, which, data, ends, 0.0, 1.0, out) == sum(truth)
    kernels.mark_crossings(x, which, data, ends, kink)
    assert kink.astype(bool).tolist() == truth


@FORMS
def test_only_the_probe_that_crosses_is_marked(of: object) -> None:
    x, ends = np.array([[0.5], [-0.5]]), np.array([0, 2, 4])
    data, flags = np.array([[0.1, -0.6, 0.6, 0.1]]), np.zeros(4, np.uint8)
    of(kernels.mark_crossings)(x, np.array([0, 1]), data, ends, flags)
    assert flags.tolist() == [0, 1, 1, 0]
    probes, kink = np.array([5, 3, 1, 0], np.int32), np.zeros(6, np.uint8)
    Rows(probes, 6, None, np.array([0, 4])).mark(flags, kink)
    assert kink.tolist() == [0, 1, 0, 1, 0, 0]


@FORMS
def test_columns_are_void_as_soon_as_one_row_could_reach_zero(of: object) -> None:
    which, reach, out = np.array([0, 1]), np.array([2.0, 3.0]), np.empty((1, 2))
    for x, d, near in [
        ([0.5, -0.5], [0.1, 0.1], 0),
        ([0.2, -0.5], [0.1, 0.1], 1),  # exactly to zero
        ([0.5, -0.2], [0.1, -0.1], 1),
        ([0.0, -0.5], [0.1, 0.1], 1),
        ([0.0, -0.0], [0.0, -0.0], 0),  # nothing moves
        ([0.5, np.nan], [0.1, 0.1], 1),
        ([0.5, 0.5], [np.nan, 0.1], 1),
    ]:
        data, base = np.array([d]), np.array(x)[:, None]
        assert of(kernels.bend_columns)(base, which, data, reach, 0.01, 1.0, out) == near
        if not near:
            slopes = np.where(np.array(x) > 0, 1.0, 0.01)
            assert np.array_equal(out[0], slopes * d)


@FORMS
def test_columns_and_rows_agree_to_the_last_bit_where_nothing_crosses(of: object) -> None:
    rng = np.random.default_rng(0)
    x, scale = rng.uniform(0.5, 2, (3, 4)) * rng.choice([-1, 1], (3, 4)), rng.uniform(-1, 1, 9)
    ends, which = np.array([0, 2, 5, 9]), np.arange(3)
    columns = 0.2 * rng.standard_normal((4, 3))
    reach = np.array([np.abs(scale[lo:hi]).max() for lo, hi in pairwise(ends)])
    data = np.repeat(columns, np.diff(ends), axis=1) * scale
    for low in (0.0, 0.25):
        by_column, by_row = np.empty((4, 3)), np.empty((4, 9))
        assert of(kernels.bend_columns)(x, which, columns, reach, low, 1.0, by_column) == 0
        assert of(kernels.bend_rows)(x, which, data, ends, low, 1.0, by_row) == 0
        assert np.array_equal(np.repeat(by_column, np.diff(ends), axis=1) * scale, by_row)


@FORMS
@pytest.mark.parametrize("z", [0.5, -0.5])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_nan_change_stays_a_nan_on_both_sides(of: object, z: float, place: int) -> None:
    data, out = np.full((1, 5), 1e-3), np.empty((1, 5))
    data[0, place] = np.nan
    of(kernels.bend_rows)(np.array([[z]]), np.zeros(1, int), data, np.array([0, 5]), 0.0, 1.0, out)
    assert np.array_equal(np.isnan(out[0]), np.arange(5) == place)


# ------------------------------------------------------------ networks


def relu_network(seed: int, *, last: bool = False) -> tuple[Graph, dict[str, np.ndarray]]:
    """Return two ReLU layers, examples first or last."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((8, 4)), np.eye(3)[rng.integers(0, 3, 8)]
    params = {
        "W1": rng.standard_normal((4, 5)), "b1": rng.standard_normal(5),
        "W2": rng.standard_normal((5, 4)), "b2": rng.standard_normal(4),
        "W3": rng.standard_normal((4, 3)),
    }  # fmt: skip
    graph = Graph()
    axis = 1 if last else 0
    h, target = graph.data(x.T if last else x, axis), graph.data(y.T if last else y, axis)
    if last:
        params = {k: v.T.copy() if v.ndim == 2 else v[:, None].copy() for k, v in params.items()}
    for k in (1, 2):
        w, b = (
            graph.param(f"W{k}", params[f"W{k}"].shape),
            graph.param(f"b{k}", params[f"b{k}"].shape),
        )
        h = ops.relu((w @ h if last else h @ w) + b)
    w = graph.param("W3", params["W3"].shape)
    h = w @ h if last else h @ w
    graph.set_loss(ops.mean(ops.softmax_cross_entropy(h, target, axis=1 - axis)))
    return graph, params


def exact_crossings(
    graph: Graph, params: dict[str, np.ndarray], name: str, step: float
) -> np.ndarray:
    """Return which entries change the sign pattern of any ReLU, by evaluating it."""
    bends = [n.inputs[0].index for n in graph.nodes if type(n.op).__name__ == "Bend"]

    def pattern(p: dict[str, np.ndarray]) -> list[np.ndarray]:
        values = State(graph, p).values
        return [values[i] > 0 for i in bends]

    base, found = pattern(params), np.zeros(params[name].shape, bool)
    for place in np.ndindex(found.shape):
        for sign in (1, -1):
            moved = params[name].copy()
            moved[place] += sign * step
            now = pattern(params | {name: moved})
            found[place] |= any((a != b).any() for a, b in zip(base, now, strict=True))
    return found


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("step", [0.5, 0.05, 0.005])
def test_exactly_the_entries_that_cross_are_flagged(step: float, last: bool) -> None:
    n_crossed = 0
    for seed in range(3):
        graph, params = relu_network(seed, last=last)
        for name, node in graph.params.items():
            found = probe(graph, params, node, step=step, chunk=7, n_rows=40)
            truth = exact_crossings(graph, params, name, step)
            assert np.array_equal(found.kink, truth)
            n_crossed += found.kink.sum()
    assert n_crossed >= 4


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("step", [0.5, 0.05, 2.0**-20])
def test_the_masks_leave_out_no_row_that_matters(step: float, last: bool) -> None:
    for seed in range(3):
        graph, params = relu_network(seed, last=last)
        for node in graph.params.values():
            one = probe(graph, params, node, step=step)
            all_rows = probe(graph, params, node, step=step, prune=False)
            assert distance({"+": one.plus}, {"+": all_rows.plus}) < 1e-14
            assert distance({"-": one.minus}, {"-": all_rows.minus}) < 1e-14
            assert np.array_equal(one.kink, all_rows.kink)


@pytest.mark.parametrize("last", [False, True])
def test_the_masks_leave_out_the_inactive_units(last: bool) -> None:
    graph, params = relu_network(0, last=last)
    state = State(graph, params)
    alive = find_alive(find_route(graph.params["W1"]), state, 1e-6)
    bend = next(n for n in graph.nodes if type(n.op).__name__ == "Bend")
    z, product = bend.inputs[0], bend.inputs[0].inputs[0]
    active = state.value(z) > 0
    expected = (active.T if last else active).astype(np.uint8)
    assert np.array_equal(alive[z.index], expected)
    assert np.array_equal(alive[product.index], expected)
    assert 0 < expected.sum() < expected.size


def test_a_unit_that_a_probe_can_just_open_is_kept() -> None:
    graph = Graph()
    w = graph.param("W", (1, 2))
    z = graph.data([[1.0]], 0) @ w
    graph.set_loss(ops.sum(ops.relu(z)))
    state = State(graph, {"W": np.array([[-0.1, -0.1 * (1 - 1e-15)]])})
    alive = find_alive(find_route(w), state, 0.1)
    assert alive[z.index].tolist() == [[0, 1]]


def test_a_value_that_is_used_twice_is_left_out_only_if_no_use_sees_it() -> None:
    graph = Graph()
    w = graph.param("W", (2, 3))
    z = graph.data(np.eye(2), 0) @ w
    graph.set_loss(ops.sum(ops.relu(z)) + ops.sum(ops.square(z)))
    params = {"W": np.array([[-1.0, 2.0, -3.0], [1.0, -2.0, 3.0]])}
    assert find_alive(find_route(w), State(graph, params), 1e-6) == {}
    expected = 2 * params["W"] + (params["W"] > 0)
    assert distance(derivatives(graph, params), {"W": expected}) < 1e-14


def test_two_bends_of_one_value_keep_what_either_sees() -> None:
    graph = Graph()
    w = graph.param("W", (1, 2))
    z = graph.data([[1.0]], 0) @ w
    graph.set_loss(ops.sum(ops.relu(z)) + 3.0 * ops.sum(ops.relu(z - 2.0)))
    params = {"W": np.array([[-1.0, 5.0]])}
    alive = find_alive(find_route(w), State(graph, params), 1e-6)
    assert alive[z.index].tolist() == [[0, 1]]
    assert distance(derivatives(graph, params), {"W": np.array([[0.0, 4.0]])}) < 1e-14


def test_a_network_at_an_exact_kink_has_two_slopes() -> None:
    graph = Graph()
    w, b = graph.param("W", (2, 2)), graph.param("b", (2,))
    graph.set_loss(ops.sum(ops.relu(graph.data([[0.0, 0.0]], 0) @ w + b)))
    params = {"W": np.ones((2, 2)), "b": np.array([0.0, 1.0])}
    at_bias = probe(graph, params, b)
    assert at_bias.kink.tolist() == [True, False]
    assert (at_bias.plus / at_bias.step).tolist() == [1.0, 1.0]
    assert (at_bias.minus / -at_bias.step).tolist() == [0.0, 1.0]
    at_weights = probe(graph, params, w)  # the inputs are zero: no probe moves anything
    assert not at_weights.kink.any()
    assert np.all(at_weights.values == 0.0)
