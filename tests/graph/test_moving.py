"""The functions that move entries: NumPy's values, exact derivatives, messages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.errors import InputError
from fastcheck.graph import Graph, Node, ops
from fastcheck.graph.ops.move import Move
from fastcheck.graph.reference import shaken_values
from fastcheck.graph.state import State, evaluate
from tests.graph.drive import probe

pytestmark = pytest.mark.interpreted

Array = np.ndarray


def normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng([11, seed]).standard_normal(shape)


A, B, STACK, V = normal(0, 3, 4), normal(1, 3, 4), normal(2, 2, 3, 4), normal(3, 5)
PICK = np.array([[2, 0, 0], [1, 2, 2]])
MASK = A > 0


def strided_windows(a: Array) -> Array:
    """Return windows of 2 entries, 2 apart, at every other place of the last axis but one."""
    return np.stack([a[:, 0:1], a[:, 2:3]], axis=-1)


def added(a: Array) -> Array:
    out = np.zeros((4, 3))
    np.add.at(out, PICK, a)
    return out


# the function, the same in NumPy, the operands
CASES: dict[str, tuple[Callable[..., Node], Callable[..., Array], list[Array]]] = {
    "expand_dims": (lambda a: ops.expand_dims(a, (0, -1)), lambda a: a[None, :, :, None], [A]),
    "squeeze": (lambda a: ops.squeeze(a[:1, :, None]), lambda a: a[0], [A]),
    "squeeze one axis": (lambda a: ops.squeeze(a[:1, :1], 1), lambda a: a[:1, 0], [A]),
    "ravel": (ops.ravel, np.ravel, [STACK]),
    "swapaxes": (lambda a: ops.swapaxes(a, 0, -1), lambda a: a.swapaxes(0, 2), [STACK]),
    "moveaxis": (lambda a: ops.moveaxis(a, 0, -1), lambda a: np.moveaxis(a, 0, -1), [STACK]),
    "broadcast_to": (lambda a: ops.broadcast_to(a, (2, 3, 4)),
                     lambda a: np.broadcast_to(a, (2, 3, 4)), [A]),
    "concatenate": (lambda *p: ops.concatenate(p, 1), lambda *p: np.concatenate(p, 1), [A, B]),
    "concatenate flat": (lambda *p: ops.concatenate(p, None),
                         lambda *p: np.concatenate(p, None), [A, V]),
    "concatenate with an array": (lambda a: ops.concatenate([B, a]),
                                  lambda a: np.concatenate([B, a]), [A]),
    "concatenate twice the same": (lambda a: ops.concatenate([a, a]),
                                   lambda a: np.concatenate([a, a]), [A]),
    "stack": (lambda *p: ops.stack(p, -1), lambda *p: np.stack(p, -1), [A, B]),
    "split": (lambda a: ops.split(a, 2, axis=1)[1], lambda a: a[:, 2:], [A]),
    "split at places": (lambda a: ops.split(a, [1, 3], axis=1)[1], lambda a: a[:, 1:3], [A]),
    "pad": (lambda a: ops.pad(a, ((1, 0), (0, 2)), constant=2.5),
            lambda a: np.pad(a, ((1, 0), (0, 2)), constant_values=2.5), [A]),
    "pad with edges": (lambda a: ops.pad(a, 1, "edge"), lambda a: np.pad(a, 1, "edge"), [A]),
    "pad by reflection": (lambda a: ops.pad(a, 2, "reflect"),
                          lambda a: np.pad(a, 2, "reflect"), [A]),
    "pad symmetrically": (lambda a: ops.pad(a, 2, "symmetric"),
                          lambda a: np.pad(a, 2, "symmetric"), [A]),
    "pad around": (lambda a: ops.pad(a, 1, "wrap"), lambda a: np.pad(a, 1, "wrap"), [A]),
    "flip": (ops.flip, np.flip, [A]),
    "flip an axis": (lambda a: ops.flip(a, 1), lambda a: a[:, ::-1], [A]),
    "roll": (lambda a: ops.roll(a, 2, 1), lambda a: np.roll(a, 2, 1), [A]),
    "repeat": (lambda a: ops.repeat(a, [1, 0, 3], 0), lambda a: a[[0, 2, 2, 2]], [A]),
    "tile": (lambda a: ops.tile(a, (2, 1, 2)), lambda a: np.tile(a, (2, 1, 2)), [A]),
    "take": (lambda a: ops.take(a, PICK, 0), lambda a: a[PICK], [A]),
    "take flat": (lambda a: ops.take(a, PICK), lambda a: a.ravel()[PICK], [A]),
    "take_along_axis": (lambda a: ops.take_along_axis(a, PICK.T, 1),
                        lambda a: np.take_along_axis(a, PICK.T, 1), [A]),
    "diagonal": (ops.diagonal, np.diagonal, [A]),
    "tril": (lambda a: ops.tril(a, 1, fill=-1e9),
             lambda a: np.where(np.tri(3, 4, 1) > 0, a, -1e9), [STACK]),
    "triu": (ops.triu, np.triu, [A]),
    "a slice": (lambda a: a[..., ::-2], lambda a: a[..., ::-2], [STACK]),
    "an entry": (lambda a: a[1, -1], lambda a: a[1, -1], [A]),
    "a mask": (lambda a: a[MASK], lambda a: a[MASK], [A]),
    "pairs of indices": (lambda a: a[PICK, PICK + 1], lambda a: a[PICK, PICK + 1], [A]),
    "assign": (lambda a, b: ops.assign(a, np.s_[1:, ::2], b[:2, :2]),
               lambda a, b: np.array([a[0], [b[0, 0], a[1, 1], b[0, 1], a[1, 3]],
                                      [b[1, 0], a[2, 1], b[1, 1], a[2, 3]]]), [A, B]),
    "assign to zeros": (lambda a: ops.assign(np.zeros((4, 4)), np.s_[1:], a),
                        lambda a: np.pad(a, ((1, 0), (0, 0))), [A]),
    "windows": (lambda a: ops.windows(a, (2, 3), (0, 1)),
                lambda a: np.lib.stride_tricks.sliding_window_view(a, (2, 3)), [A]),
    "windows apart": (lambda a: ops.windows(a, (2,), (-1,), strides=2, dilation=2),
                      strided_windows, [A]),
    "scatter_add": (lambda a: ops.scatter_add(a, PICK, (4, 3)), added, [normal(4, 2, 3, 3)]),
    "the parts of a loop": (lambda a: ops.stack(list(a)[::-1]), lambda a: a[::-1], [A]),
    "methods": (lambda a: a.reshape(4, 3).transpose().swapaxes(0, 1).reshape((2, 6)).ravel(),
                np.ravel, [A]),
}  # fmt: skip


def applied(build: Callable[..., Node], inputs: list[Array]) -> tuple[Graph, Node, Array]:
    """Return the graph, the node of a function and its value."""
    graph = Graph()
    node = build(*(graph.param(f"p{k}", a.shape) for k, a in enumerate(inputs)))
    return graph, node, evaluate(graph, {f"p{k}": a for k, a in enumerate(inputs)})[node.index]


@pytest.mark.parametrize("name", CASES)
def test_a_function_is_that_of_numpy(name: str) -> None:
    build, formula, inputs = CASES[name]
    _, node, value = applied(build, inputs)
    expected = formula(*inputs)
    assert node.shape == expected.shape
    assert np.array_equal(value, expected)


@pytest.mark.parametrize("name", CASES)
def test_a_gradient_is_that_of_unit_changes(name: str) -> None:
    """All are affine, so that the change of one entry by 1 gives a column of the Jacobian."""
    build, formula, inputs = CASES[name]
    graph, node, value = applied(build, inputs)
    cotangent = np.random.default_rng(1).integers(-8, 9, value.shape).astype(float)
    graph.set_loss(ops.sum(node * cotangent))
    params = {f"p{k}": a for k, a in enumerate(inputs)}
    found = fc.GraphObjective(graph).gradient(params)
    zeros = [np.zeros(a.shape) for a in inputs]
    still = np.array(formula(*zeros))
    for k, a in enumerate(inputs):
        expected = np.empty(a.shape)
        for place in np.ndindex(a.shape):
            zeros[k][place] = 1.0
            expected[place] = ((formula(*zeros) - still) * cotangent).sum()
            zeros[k][place] = 0.0
        assert np.array_equal(found[f"p{k}"], expected)
        step = probe(graph, params, graph.params[f"p{k}"], step=2.0**-20)
        assert np.array_equal(step.values, expected)


def test_a_buffer_that_is_filled_step_by_step_is_one_move() -> None:
    graph = Graph()
    parts = [graph.param(f"h{t}", (2,)) for t in range(3)]
    buffer: Any = graph.data(np.full((4, 2), 7.0))
    for t, part in enumerate(parts):
        buffer = ops.moved(partial(_assigned, t), buffer, part, passed=lambda _: True)
    assert buffer.inputs == (graph.nodes[3], *parts)
    last = ops.moved(lambda ids: np.pad(ids, ((0, 1), (0, 0)), constant_values=-1)[1:],
                     buffer, fill=5.0, passed=lambda node: node is buffer)  # fmt: skip
    assert last.inputs == (graph.nodes[3], *parts[1:])
    whole = ops.moved(lambda ids: ids[:2], last, passed=lambda _: False)
    assert whole.inputs == (last,)
    constants = ops.moved(lambda ids: ids[-1:], last, passed=lambda _: True)
    params = {f"h{t}": np.array([t, -t], dtype=float) for t in range(3)}
    values = evaluate(graph, params)
    expected = np.array([[1, -1], [2, -2], [7, 7], [5, 5]], dtype=float)
    assert np.array_equal(values[last.index], expected)
    assert np.array_equal(values[whole.index], expected[:2])
    assert np.array_equal(values[constants.index], expected[3:])


def _assigned(t: int, buffer: Array, part: Array) -> Array:
    buffer[t] = part
    return buffer


def test_exact_operations_are_not_shaken() -> None:
    graph = Graph()
    w = graph.param("w", (3, 4))
    moves = [ops.pad(w, 1), ops.reshape(w, (4, 3)), ops.transpose(w), w[1:]]
    rounded = ops.scale(moves[-1], 3.0)
    state = State(graph, {"w": A})
    shaken = shaken_values(graph, state.values, 0, 2.0**-20)
    for node in moves:
        assert np.array_equal(shaken[node.index], state.values[node.index])
    assert not np.array_equal(shaken[rounded.index], state.values[rounded.index])


def leaf(*shape: int) -> Node:
    return Graph().param("w", shape)


# what a user may write by mistake, and what the message must contain
MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "shapes": (lambda: ops.stack([leaf(2), np.ones(3)]),
               r"fit the operands, got shapes \(2,\), \(3,\); NumPy says: all input arrays"),
    "no node": (lambda: ops.stack([np.ones(2), [1.0]]), r"graph node, got \['ndarray', 'list'\]"),
    "an axis": (lambda: ops.flip(leaf(2), 1), r"shapes \(2,\); NumPy says: axis 1 is out of"),
    "axes to move": (lambda: ops.moveaxis(leaf(2), 1, 0), r"got shape \(2,\); NumPy says"),
    "sections": (lambda: ops.split(leaf(5), 2), r"divide axis 0 of shape \(5,\), got 2; NumPy"),
    "a mode": (lambda: ops.pad(leaf(5), 1, "linear_ramp"), "constant, edge, .* got 'linear_ramp'"),
    "a window": (lambda: ops.windows(leaf(5), (2,), (0,), strides=0), "positive, got .* 0 and 1"),
    "a window of an axis too many": (lambda: ops.windows(leaf(5), (2, 2), (0,)), "of one length"),
    "a window that is too long": (lambda: ops.windows(leaf(5), (6,), (0,)), "NumPy says: window"),
    "places": (lambda: ops.scatter_add(leaf(5), [1, 2], (3,)), r"operand of shape \(5,\); NumPy"),
    "a node as an index": (lambda: ops.take(leaf(5), leaf(5)), "must be constant, got <w"),
    "a node in an index": (lambda: leaf(5, 5)[0, leaf(5)], "must be constant, got <w"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_what_was_given(mistake: str) -> None:
    build, message = MISTAKES[mistake]
    with pytest.raises(InputError, match=message):
        build()


def test_a_move_can_be_sent_to_another_process() -> None:
    import pickle

    op = Move(np.arange(4), [(4,)])
    assert np.array_equal(pickle.loads(pickle.dumps(op)).index, op.index)  # noqa: S301
