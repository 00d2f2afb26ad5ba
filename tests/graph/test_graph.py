"""Building graphs: errors, operators, shapes, samples, and sending a graph elsewhere."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fastcheck.errors import InputError
from fastcheck.graph import Graph, Node, ops
from fastcheck.graph.state import State, evaluate, reevaluated
from tests.graph.drive import derivatives
from tests.graph.random_graphs import Recipe, made

pytestmark = pytest.mark.interpreted


def leaf(*shape: int) -> Node:
    return Graph().param("w", shape)


def other(node: Node, *shape: int) -> Node:
    return node.graph.param(f"p{len(node.graph.nodes)}", shape)


# ------------------------------------------------------------ errors

MISTAKES: dict[str, tuple[Callable[[], Any], str]] = {
    "an empty name": (lambda: Graph().param("", (2,)), "non-empty string, got ''"),
    "a name twice": (lambda: other(leaf(2), 2).graph.param("w", (3,)), "got 'w' twice"),
    "a marked name twice": (lambda: leaf(2).graph.mark("w", leaf(2)), "got 'w' twice"),
    "a negative size": (lambda: Graph().param("w", (3, -4)), r"sizes, got \(3, -4\)"),
    "a size for a shape": (lambda: Graph().param("w", 5), "sizes, got 5; write e.g."),
    "text for data": (lambda: Graph().data(["a", "b"]), r"must be numeric, got \['a', 'b'\]"),
    "ragged data": (lambda: Graph().data([[1], [1, 2]]), r"numeric, got \[\[1\], \[1, 2\]\]"),
    "an axis too far": (lambda: Graph().data(np.ones((2, 3)), 2), r"got 2 for shape \(2, 3\)"),
    "an axis of a number": (lambda: Graph().data(1.0, 0), r"got 0 for shape \(\)"),
    "an axis too far back": (lambda: Graph().data(np.ones(3), -2), r"got -2 for shape \(3,\)"),
    "two graphs": (lambda: leaf(2) + leaf(2), "belong to one graph, got <w: shape"),
    "a loss that is no scalar": (lambda: (lambda n: n.graph.set_loss(n))(leaf(2, 3)),
                                 r"a scalar, got shape \(2, 3\); reduce it"),
    "shapes that do not broadcast": (lambda: leaf(2, 3) + np.ones(2),
                                     r"add must broadcast, got shapes \(2, 3\) and \(2,\)"),
    "factors that do not broadcast": (lambda: leaf(3) * np.ones(2),
                                      r"multiply must broadcast, got shapes \(3,\) and \(2,\)"),
    "inner sizes that differ": (lambda: leaf(2, 3) @ np.ones((4, 5)),
                                r"\(2, 3\) and \(4, 5\) for 'ik,kj->ij' \(3 against 4\)"),
    "a number in a matrix product": (lambda: leaf(2, 3) @ 2.0,
                                     r"must have axes, got shapes \(2, 3\) and \(\); use \*"),
    "a letter twice": (lambda: ops.contract("ii,ij->j", leaf(2, 2), np.ones((2, 2))),
                       "letter once per operand .* got 'ii,ij->j'"),
    "a letter lost": (lambda: ops.contract("ij,jk->k", leaf(2, 2), np.ones((2, 2))),
                      "keep the letters of one operand alone, got 'ij,jk->k'"),
    "a letter from nowhere": (lambda: ops.contract("ij,jk->ikl", leaf(2, 2), np.ones((2, 2))),
                              "got 'ij,jk->ikl'"),
    "a letter for each axis": (lambda: ops.contract("i,ij->j", leaf(2, 2), np.ones((2, 2))),
                               r"operand 'i' must have 1 axes, got shape \(2, 2\)"),
    "one operand in a product": (lambda: ops.contract("ij->ji", leaf(2, 2), 1.0),
                                 "two operands and the result, got 'ij->ji'"),
    "an exponent that does not fit": (lambda: leaf(2) ** np.ones(3), "raiseto must broadcast"),
    "no node at all": (lambda: ops.add(1.0, 2.0), "must be a graph node, got float and float"),
    "an array for a node": (lambda: ops.tanh(np.ones(2)),
                            r"must be a graph node, got ndarray of shape \(2,\); wrap it"),
    "an axis to sum": (lambda: ops.sum(leaf(2, 3), axis=2), r"got 2 for shape \(2, 3\)"),
    "an axis to normalise": (lambda: ops.softmax(leaf(2, 3), axis=2), r"got 2 for shape \(2, 3\)"),
    "axes to permute": (lambda: ops.transpose(leaf(2, 3), (0, 0)),
                        r"permutation of the 2 axes of the operand, got \(0, 0\)"),
    "a size that does not fit": (lambda: ops.reshape(leaf(2, 3), (4,)),
                                 r"hold the 6 entries .* got \(4,\) for shape \(2, 3\)"),
    "two unknown sizes": (lambda: ops.reshape(leaf(2, 3), (-1, -1)), r"got \(-1, -1\)"),
    "an unknown size that does not fit": (lambda: ops.reshape(leaf(2, 3), (4, -1)),
                                          r"got \(4, -1\)"),
    "targets of another shape": (lambda: ops.softmax_cross_entropy(leaf(2, 3), np.ones(2)),
                                 r"shape of the predictions, \(2, 3\), got \(2,\); one-hot"),
    "a part that is not there": (lambda: leaf(3)[3], r"shapes \(3,\); NumPy says: index 3 is"),
    "an index that is a node": (lambda: leaf(3)[leaf(3)], "constant, got <w: shape"),
    "a loop over a scalar": (lambda: list(leaf()), "without axes cannot be iterated over, got <w"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_what_was_given(mistake: str) -> None:
    build, message = MISTAKES[mistake]
    with pytest.raises(InputError, match=message):
        build()


def test_data_of_another_number_of_samples_is_refused() -> None:
    graph = Graph()
    graph.data(np.ones((4, 2)), 0)
    graph.data(np.ones((2, 4)), -1)
    with pytest.raises(InputError, match=r"must have 4 samples along axis 0, got shape \(5, 2\)"):
        graph.data(np.ones((5, 2)), 0)


def test_targets_that_depend_on_a_parameter_are_refused() -> None:
    w = leaf(3)
    with pytest.raises(InputError, match=r"targets of a loss must be data, got <w: shape \(3,\)>"):
        ops.binary_cross_entropy(ops.sigmoid(w), w)


# ------------------------------------------------------------ operators and shapes

A = np.arange(1.0, 7.0).reshape(2, 3)
EXPRESSIONS: dict[str, Callable[[Any], Any]] = {
    "a + number": lambda a: a + 2,
    "number + a": lambda a: 2 + a,
    "array + a": lambda a: np.ones(3) + a,
    "a - array": lambda a: a - np.arange(3),
    "number - a": lambda a: 1.5 - a,
    "array - a": lambda a: np.ones((2, 1)) - a,
    "a * number": lambda a: a * 3,
    "number * a": lambda a: np.float64(3) * a,
    "array * a": lambda a: np.arange(3.0) * a,
    "a / number": lambda a: a / 4,
    "number / a": lambda a: 4 / a,
    "array / a": lambda a: np.ones(3) / a,
    "a @ array": lambda a: a @ np.ones((3, 2)),
    "array @ a": lambda a: np.ones((4, 2)) @ a,
    "array @ a.T": lambda a: np.arange(3.0) @ a.T,
    "a @ vector": lambda a: a @ np.arange(3.0),
    "stack @ a": lambda a: np.ones((5, 4, 2)) @ a,
    "-a": lambda a: -a,
    "a ** 2": lambda a: a**2,
    "a ** 0.5": lambda a: a**0.5,
    "a ** -1": lambda a: a**-1,
    "a.T": lambda a: a.T,
    "a + a": lambda a: a + a,
    "tuple - a": lambda a: (1, 2, 3) - a,
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_is_that_of_numpy(name: str) -> None:
    node = leaf(2, 3)
    result = EXPRESSIONS[name](node)
    assert isinstance(result, Node)
    value = evaluate(node.graph, {"w": A})[result.index]
    expected = EXPRESSIONS[name](A)
    assert result.shape == expected.shape
    assert (result.ndim, result.size) == (expected.ndim, expected.size)
    np.testing.assert_allclose(value, expected, rtol=1e-15)


def test_labels_name_a_node_or_say_what_and_where_it_is() -> None:
    w = leaf(2)
    h = ops.tanh(w)
    assert [w.label(), h.label()] == ["w", "tanh (node 1)"]
    assert w.graph.mark("a1", h).label() == "a1"
    assert repr(h) == "<a1: shape (2,)>"
    assert w.graph.data(1.0).label() == "data (node 2)"


def test_data_are_copied_and_cannot_be_written_to() -> None:
    graph, x = Graph(), np.ones((2, 3), np.float32, order="F")
    node = graph.data(x, 0)
    x[:] = 7
    kept = graph.constants[node.index]
    assert kept.dtype == np.float64
    assert kept.flags.c_contiguous
    assert np.all(kept == 1.0)
    with pytest.raises(ValueError, match="read-only"):
        kept[0, 0] = 2.0


def test_probing_writes_neither_to_parameters_nor_to_data() -> None:
    graph, params = made(Recipe((0, 1, 4, 5), 3, 4, False, True), declared=True)
    before = {k: v.copy() for k, v in params.items()}
    data = {k: v.copy() for k, v in graph.constants.items()}
    derivatives(graph, params)
    assert all(np.array_equal(params[k], before[k]) for k in before)
    assert all(np.array_equal(graph.constants[k], data[k]) for k in data)


def test_read_only_and_odd_parameters_are_accepted() -> None:
    graph = Graph()
    w, x = graph.param("w", (3, 2)), np.random.default_rng(0).standard_normal((5, 3))
    graph.set_loss(ops.mean(ops.tanh(graph.data(x, 0) @ w)))
    value = np.random.default_rng(1).standard_normal((3, 2))
    frozen = value.copy()
    frozen.flags.writeable = False
    expected = derivatives(graph, {"w": value})["w"]
    for odd in (frozen, np.asfortranarray(value), np.repeat(value, 2, axis=0)[::2]):
        assert np.array_equal(derivatives(graph, {"w": odd})["w"], expected)


# ------------------------------------------------------------ samples

MIXES = "mixes"
MIXES_AND_KEEPS = "mixes samples, and has an entry for each"
BATCHES: dict[str, tuple[Callable[[Node], Node], int | str | None]] = {
    "tanh": (ops.tanh, 1),
    "relu": (ops.relu, 1),
    "scale": (lambda x: 2.0 * x, 1),
    "add a row": (lambda x: x + np.ones(4), 1),
    "add leading axes": (lambda x: x + np.ones((5, 1, 1, 4)), 2),
    "add an array without samples": (lambda x: x + np.ones((3, 1)), MIXES),
    "add other samples": (lambda x: x + x.graph.data(np.ones((3, 1)), 0), 1),
    "add samples across": (lambda x: x + x.graph.data(np.ones((3, 3)), 0) @ np.ones((3, 4)), 1),
    "samples against samples": (lambda x: ops.sum(x, 0) + x.graph.data(np.ones((1, 3)), 1) @
                                x.graph.data(np.ones((3, 1)), 0), 0),
    "sum over features": (lambda x: ops.sum(x, 2), 1),
    "sum over what is before": (lambda x: ops.sum(x, 0), 0),
    "sum kept": (lambda x: ops.sum(x, (0, 2), keepdims=True), 1),
    "mean over samples": (lambda x: ops.mean(x, 1), None),
    "mean over all": (ops.mean, None),
    "transpose": (lambda x: ops.transpose(x, (1, 2, 0)), 0),
    "reverse": (lambda x: x.T, 1),
    "reshape after": (lambda x: ops.reshape(x, (2, 3, 2, 2)), 1),
    "reshape before": (lambda x: ops.reshape(x, (1, 2, 3, 4)), 2),
    "join with features": (lambda x: ops.reshape(x, (2, 12)), MIXES),
    "flatten": (lambda x: ops.reshape(x, (-1,)), MIXES),
    "softmax over features": (lambda x: ops.softmax(x, 2), 1),
    "softmax over samples": (lambda x: ops.softmax(x, 1), MIXES_AND_KEEPS),
    "normalise over samples": (lambda x: ops.normalise(x, 1), MIXES_AND_KEEPS),
    "normalise features": (lambda x: ops.normalise(x, (0, 2)), 1),
    "max over samples": (lambda x: ops.max(x, 1), MIXES),
    "max over what is before": (lambda x: ops.max(x, 0), 0),
    "matmul": (lambda x: x @ np.ones((4, 5)), 1),
    "matmul from the left": (lambda x: np.ones((5, 3)) @ x, MIXES),
    "contract to the front": (lambda x: ops.contract("abc,cd->bda", x, np.ones((4, 5))), 0),
    "contract samples with samples": (lambda x: ops.contract("abc,abd->cd", x, x), None),
    "contract along samples": (lambda x: ops.contract("abc,abd->bcd", x, x), 0),
    "contract across samples": (lambda x: ops.contract("abc,adc->abd", x, x), MIXES),
    "cross-entropy over features": (lambda x: ops.softmax_cross_entropy(x, x), 1),
    "cross-entropy over what is before": (lambda x: ops.softmax_cross_entropy(x, x, axis=0), 0),
    "cross-entropy over samples": (lambda x: ops.softmax_cross_entropy(x, x, axis=1), MIXES),
    "binary cross-entropy": (lambda x: ops.binary_cross_entropy(x, x), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", BATCHES)
def test_an_operation_says_what_becomes_of_the_samples(name: str) -> None:
    build, expected = BATCHES[name]
    node = build(Graph().data(np.ones((2, 3, 4)), 1))
    if expected == MIXES:
        assert (node.batch_axis, node.mixes) == (None, True)
    elif expected == MIXES_AND_KEEPS:  # what meets the result only is streamed
        assert (node.batch_axis, node.mixes) == (1, True)
    else:
        assert (node.batch_axis, node.mixes) == (expected, False)


@pytest.mark.parametrize("name", BATCHES)
def test_without_samples_no_operation_has_any(name: str) -> None:
    graph = Graph()
    build, _ = BATCHES[name]
    if "data" in build.__code__.co_names:
        pytest.skip("declares samples of its own")
    try:
        node = build(graph.param("w", (2, 3, 4)))
    except InputError:
        pytest.skip("takes its targets from a parameter")
    assert (node.batch_axis, node.mixes) == (None, False)


# ------------------------------------------------------------ elsewhere


def test_a_graph_and_a_state_that_were_sent_elsewhere_give_the_same_bits() -> None:
    for seed in range(5):
        steps = tuple(np.random.default_rng(seed).integers(0, 9, 5).tolist())
        graph, params = made(Recipe(steps, seed, 3, False, False), declared=True)
        expected = derivatives(graph, params)
        sent = pickle.loads(pickle.dumps(graph))  # noqa: S301 - what this test just wrote
        found = derivatives(sent, params)
        assert all(np.array_equal(found[k], expected[k]) for k in expected)
        state = State(graph, params)
        back = pickle.loads(pickle.dumps(state))  # noqa: S301
        assert back.loss == state.loss
        assert all(map(np.array_equal, back.values, state.values))
        assert back.graph.loss.index == graph.loss.index
        assert back.graph.nodes[-1].graph is back.graph


def test_a_changed_value_is_carried_to_the_loss_alone() -> None:
    graph, params = made(Recipe((0, 1, 3), 1, 3, False, False), declared=True)
    state = State(graph, params)
    for name, node in graph.params.items():
        moved = params[name] + 0.25
        assert reevaluated(state, node, moved) == State(graph, params | {name: moved}).loss
    assert state.loss == State(graph, params).loss


def test_an_unused_parameter_has_a_derivative_of_zero() -> None:
    graph = Graph()
    w = graph.param("w", (2,))
    graph.param("unused", (3,))
    graph.set_loss(ops.sum(ops.exp(w)))
    found = derivatives(graph, {"w": np.zeros(2), "unused": np.ones(3)})
    assert found["unused"].tolist() == [0.0, 0.0, 0.0]


def test_the_loss_may_be_the_parameter_itself() -> None:
    graph = Graph()
    w = graph.param("w", (1,))
    graph.set_loss(w)
    assert derivatives(graph, {"w": np.ones(1)})["w"].tolist() == [1.0]
