"""What is found out from an index map: the sample axis, pins, what need not be copied."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fastcheck.errors import InputError
from fastcheck.graph import Graph
from fastcheck.graph.block import Block
from fastcheck.graph.difference import Difference, Rows
from fastcheck.graph.ops.move import Move
from fastcheck.graph.ops.scatter import ScatterAdd
from fastcheck.graph.state import State
from tests.graph.differences import random_rows

pytestmark = pytest.mark.interpreted

Array = np.ndarray

# index maps of ids of a (3, 2) source with samples along axis 0, and the sample axis of the result
X = np.arange(6).reshape(3, 2)
BATCHES = {
    "itself": (X, 0),
    "transposed": (X.T, 1),
    "features reversed": (X[:, ::-1], 0),
    "samples reversed": (X[::-1], None),
    "joined": (X.reshape(-1), None),
    "one feature": (X[:, 0], 0),
    "one sample": (X[0], None),
    "another feature in each sample": (np.take_along_axis(X, np.array([[1], [0], [1]]), 1), 0),
    "another sample in one place": (np.array([[0, 1], [2, 3], [4, 1]]), None),
    "a padded feature": (np.pad(X, ((0, 0), (1, 0)), constant_values=-1), 0),
    "a padded sample": (np.pad(X, ((1, 0), (0, 0)), constant_values=-1), None),
    "repeated": (np.stack([X, X], axis=1), 0),
    "on a diagonal": (np.where(np.eye(3), X[:, :1], -1), 0),
    "all pairs of samples": (np.stack(np.meshgrid(X[:, 0], X[:, 0]), -1), None),
    "constants only": (np.full((2, 2), -1), None),
}


@pytest.mark.parametrize("name", BATCHES)
def test_the_sample_axis_is_found_where_there_is_one(name: str) -> None:
    index, axis = BATCHES[name]
    graph = Graph()
    node = graph.apply(Move(index, [(3, 2)]), graph.data(np.zeros((3, 2)), 0))
    assert (node.batch_axis, node.mixes) == (axis, axis is None)


def test_what_all_samples_share_may_lie_anywhere() -> None:
    graph = Graph()
    x, shared = graph.data(np.zeros((3, 2)), 0), graph.param("w", (3, 2))
    mixed = np.concatenate([X, X[::-1] + 6], axis=1)
    assert graph.apply(Move(mixed, [(3, 2), (3, 2)]), x, shared).batch_axis == 0
    assert graph.apply(Move(mixed, [(3, 2), (3, 2)]), shared, x).mixes
    assert graph.apply(Move(X, [(3, 2)], batch_axis=0), shared).batch_axis == 0
    with pytest.raises(InputError, match="count the 3 samples of the graph, got axis 1"):
        graph.apply(Move(X, [(3, 2)], batch_axis=1), shared)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Move([0, 6], [(3, 2)]), "ids from -1 to 5 of the 6 entries .* from 0 to 6"),
        (lambda: Move([0.0], [(3, 2)]), "ids from -1 to 5 .* got float64"),
        (lambda: Move([0], [(3, 2)], batch_axis=1), r"axis of the result, got 1 for shape \(1,\)"),
        (lambda: Graph().data(np.zeros(3)).graph.apply(Move([0], [(3,)]), Graph().param("w", (3,))),
         "belong to one graph"),
        (lambda: leaf_moved((2, 3)), r"shapes \[\(3, 2\)\] of the index map, got \[\(2, 3\)\]"),
        (lambda: ScatterAdd([0, 2], (2,)), r"-1 to 1 of a result of shape \(2,\), got int64 .* 2"),
        (lambda: ScatterAdd([0, 1], (2,)).shape((3,)), r"shape \(2,\) of the index .* got \(3,\)"),
    ],
)  # fmt: skip
def test_a_wrong_map_is_refused(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        wrong()


def leaf_moved(shape: tuple[int, ...]) -> object:
    graph = Graph()
    return graph.apply(Move([0], [(3, 2)]), graph.param("w", shape))


def test_pins_are_kept_where_the_map_fixes_them() -> None:
    """A vector of all parameters is cut into weights: each entry stays one entry."""
    graph = Graph()
    theta = graph.param("theta", (30,))
    node = graph.apply(Move(np.arange(5, 29).reshape(4, 6), [(30,)]), theta)
    rows, offsets = (
        Rows(np.arange(60, dtype=np.int32), 60, None, np.array([0, 60])),
        np.arange(0, 61, 2),
    )
    scale = np.tile([1.0, -1.0], 30)
    d = Difference(np.ones((1, 30)), rows, offsets, {0: np.arange(30)}, None, scale)
    block = Block(State(graph, {"theta": np.zeros(30)}), np.zeros(60, np.uint8))
    out = node.op.difference(node, (d,), block)
    assert out.data.shape == (1, 1, 30)
    assert out.scale is scale
    inside = np.arange(5, 29)
    assert np.array_equal(out.pins[0][inside], np.arange(24) // 6)
    assert np.array_equal(out.pins[1][inside], np.arange(24) % 6)
    assert np.array_equal(out.data[0, 0], (np.arange(30) >= 5) & (np.arange(30) < 29))
    outside = Difference(
        np.ones((1, 2)), random_rows(np.random.default_rng(0), 2, None)[0], np.arange(3),
        {0: np.array([0, 29])},
    )  # fmt: skip
    assert node.op.difference(node, (outside,), block) is None


def test_gates_of_one_unit_have_equal_pins() -> None:
    """Parts of a pinned axis side by side meet again without being unpinned."""
    graph = Graph()
    z = graph.param("z", (2, 12))
    parts = [graph.apply(Move(X2[:, k : k + 4], [(2, 12)]), z) for k in (0, 4, 8)]
    pins = np.array([0, 3, 5, 11])
    rows, offsets = random_rows(np.random.default_rng(0), 4, None)
    d = Difference(np.ones((2, 1, rows.size)), rows, offsets, {1: pins})
    block = Block(State(graph, {"z": np.zeros((2, 12))}), np.zeros(rows.size, np.uint8))
    found = [node.op.difference(node, (d,), block) for node in parts]
    for out in found:
        assert np.array_equal(out.pins[1], pins % 4)
        assert out.data.shape == (2, 1, rows.size)


X2 = np.arange(24).reshape(2, 12)


@pytest.mark.parametrize("index", [np.arange(4, 12).reshape(2, 4), np.arange(12).reshape(4, 3)])
def test_what_stays_in_order_is_not_copied(index: Array) -> None:
    graph = Graph()
    node = graph.apply(Move(index, [(12,)]), graph.param("w", (12,)))
    rows, offsets = random_rows(np.random.default_rng(0), 2, None)
    d = Difference(np.ones((12, rows.size)), rows, offsets, {})
    block = Block(State(graph, {"w": np.zeros(12)}), np.zeros(rows.size, np.uint8))
    assert np.shares_memory(node.op.difference(node, (d,), block).data, d.data)
