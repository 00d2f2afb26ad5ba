"""Comparisons are constants whose changes are kinks; choices between moving values."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from fastcheck.errors import InputError
from fastcheck.graph import Graph, Node, ops
from fastcheck.graph.route import find_alive, find_route
from fastcheck.graph.state import State
from tests.graph.drive import distance, probe

pytestmark = pytest.mark.interpreted

STEP = 2.0**-10
GAPS = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 1.5, -1.5]) * STEP
KINDS = {
    ">": ops.greater, ">=": ops.greater_equal, "<": ops.less, "<=": ops.less_equal,
    "==": ops.equal, "!=": ops.not_equal,
}  # fmt: skip
STEPWISE = {"sign": np.sign, "floor": np.floor, "ceil": np.ceil, "round": np.rint,
            "trunc": np.trunc}  # fmt: skip


def kinks(build: Callable[[Node], Node], x: np.ndarray) -> list[bool]:
    """Return which entries of a parameter a probe by `STEP` marks."""
    graph = Graph()
    w = graph.param("w", x.shape)
    graph.set_loss(ops.sum(build(w)))
    found = probe(graph, {"w": x}, w, step=STEP)
    assert not found.plus.any()
    assert not found.minus.any()
    return found.kink.tolist()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_comparison_is_marked_exactly_where_its_truth_changes(kind: str, swapped: bool) -> None:
    limit = 0.25
    x = limit + GAPS

    def holds(values: np.ndarray) -> np.ndarray:
        pair = (limit, values) if swapped else (values, limit)
        return np.asarray(KINDS_OF_NUMPY[kind](*pair))

    truth = (holds(x) != holds(x + STEP)) | (holds(x) != holds(x - STEP))
    compare = KINDS[kind]
    found = kinks(lambda w: compare(limit, w) if swapped else compare(w, limit), x)
    assert found == truth.tolist()
    assert 0 < sum(found) < len(found)


KINDS_OF_NUMPY = {
    ">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal,
    "==": np.equal, "!=": np.not_equal,
}  # fmt: skip


@pytest.mark.parametrize("name", STEPWISE)
def test_a_stepwise_function_is_marked_exactly_where_its_value_changes(name: str) -> None:
    f = STEPWISE[name]
    x = np.concatenate([GAPS, 1.0 + GAPS, 0.5 + GAPS, -0.5 + GAPS])
    truth = (f(x) != f(x + STEP)) | (f(x) != f(x - STEP))
    found = kinks(getattr(ops, name), x)
    assert found == truth.tolist()
    assert 0 < sum(found) < len(found)


def test_operands_that_move_together_are_never_unequal() -> None:
    x = np.array([0.25, -3.0])
    assert kinks(lambda w: ops.greater(w + 1.0, w), x) == [False, False]
    assert kinks(lambda w: ops.greater_equal(w, 1.0 * w), x) == [False, False]
    assert kinks(lambda w: ops.maximum(w, 1.0 * w) - w, x) == [False, False]


def test_a_truth_value_of_moving_numbers_is_marked_where_one_becomes_zero() -> None:
    x = np.array([STEP, 0.0, 1.0])
    assert kinks(ops.logical_not, x) == [True, True, False]
    assert kinks(lambda w: ops.logical_and(w, np.array([1.0, 0.0, 1.0])), x) == [True, False, False]


def test_a_nan_is_no_kink() -> None:
    graph = Graph()
    w = graph.param("w", (2,))
    graph.set_loss(ops.sum(ops.floor(w)) + ops.sum(w > 0.0))
    found = probe(graph, {"w": np.array([np.nan, 0.5])}, w, step=STEP)
    assert found.kink.tolist() == [False, False]


def masked_network(rng: np.random.Generator) -> tuple[Graph, dict[str, np.ndarray]]:
    """Return a layer whose ReLU is written as a product with a comparison."""
    graph = Graph()
    x = graph.data(rng.standard_normal((6, 4)), 0)
    z = x @ graph.param("W", (4, 5)) + graph.param("b", (5,))
    gate = (z > 0.0) * ops.logical_not(z > 1.5)
    h = ops.where(z < -0.5, 0.1 * z, gate * z) + ops.maximum(z, ops.tanh(z) - 0.2)
    graph.set_loss(ops.sum(ops.square(h)))
    return graph, {"W": rng.standard_normal((4, 5)), "b": rng.standard_normal(5)}


@pytest.mark.parametrize("step", [0.3, 0.03, 1e-8])
def test_masks_from_comparisons_lose_no_kink_and_no_change(step: float) -> None:
    graph, params = masked_network(np.random.default_rng(0))
    n_kinks = 0
    for node in graph.params.values():
        one = probe(graph, params, node, step=step, chunk=5, n_rows=17)
        full = probe(graph, params, node, step=step, prune=False)
        assert np.array_equal(one.kink, full.kink)
        assert distance({"+": one.plus}, {"+": full.plus}) < 1e-14
        n_kinks += full.kink.sum()
    assert (n_kinks > 0) == (step > 0.1)


def test_units_that_lose_by_far_are_left_out() -> None:
    graph = Graph()
    w = graph.param("W", (1, 4))
    z = graph.data([[1.0]], 0) @ w
    graph.set_loss(ops.sum(ops.minimum(z, 2.0)) + ops.sum((z > 4.0) * np.ones((1, 4))))
    state = State(graph, {"W": np.array([[5.0, 1.0, 2.0 + 1e-9, 4.0 + 1e-9]])})
    alive = find_alive(find_route(w), state, 1e-6)
    assert alive[z.index].tolist() == [[0, 1, 1, 1]]


@pytest.mark.parametrize("f", [ops.maximum, ops.minimum])
def test_a_tie_is_a_kink_unless_nothing_moves(f: Callable[..., Node]) -> None:
    graph = Graph()
    a, b = graph.param("a", (2,)), graph.param("b", (2,))
    graph.set_loss(ops.sum(f(a * np.array([1.0, 0.0]), b)))
    found = probe(graph, {"a": np.array([1.0, 1.0]), "b": np.array([1.0, 0.0])}, a, step=STEP)
    assert found.kink.tolist() == [True, False]
    assert sorted([found.plus[0], found.minus[0]], key=abs) == [0.0, f_of_step(f)]


def f_of_step(f: Callable[..., Node]) -> float:
    return STEP if f is ops.maximum else -STEP


def test_the_larger_of_zero_and_a_node_is_a_relu() -> None:
    graph = Graph()
    w = graph.param("w", (2, 3))
    for node in (ops.maximum(0, w), ops.maximum(w, np.zeros(3)), ops.clip(w, 0.0)):
        assert type(node.op).__name__ == "Bend"
        assert node.inputs == (w,)
    assert type(ops.maximum(graph.param("v", (3,)), np.zeros((2, 3))).op).__name__ == "Extreme"
    assert ops.clip(w, -np.inf, np.inf) is w


def test_the_shaken_values_of_comparisons_stay() -> None:
    from fastcheck.graph.reference import shaken_values

    graph = Graph()
    w = graph.param("w", (3,))
    same = ops.equal(1.0 * w, w)
    values = State(graph, {"w": np.ones(3)}).values
    assert shaken_values(graph, values, 0, 2.0**-20)[same.index].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda w: ops.where(1.0, 2.0, 3.0), "one argument of where must be a graph node"),
        (lambda w: ops.where(w > 0.0, w, np.ones(5)), "operands of where must broadcast"),
        (
            lambda w: ops.maximum(w, np.ones(5)),
            r"extreme must broadcast, got shapes (2, 3) and (5,)",
        ),
        (lambda w: ops.clip(np.ones(2), 0.0), "`a` must be a graph node, got ndarray"),
        (lambda w: ops.gelu(w, "fast"), "`approximate` must be 'none' or 'tanh', got 'fast'"),
    ],
)
def test_a_mistake_is_named(mistake: Callable[[Node], Node], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        mistake(Graph().param("w", (2, 3)))
