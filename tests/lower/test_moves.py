"""Index maps of NumPy's moving functions, read as strides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from fastcheck.graph.ops.move import Move
from fastcheck.graph.ops.shape import Transpose
from fastcheck.graph.state import evaluate
from fastcheck.lower.builder import Builder, Value
from fastcheck.lower.factors import joined, plain
from fastcheck.lower.moves import Ids, Moved, factored

X = np.arange(5 * 3 * 8 * 8).reshape(5, 3, 8, 8)


def columns_by_index(n_channels, size, filter_size):
    """Index arrays of an im2col with fancy indices."""
    out = size - filter_size + 1
    rows = np.tile(np.repeat(np.arange(filter_size), filter_size), n_channels).reshape(-1, 1)
    places = np.tile(np.arange(filter_size), filter_size * n_channels).reshape(-1, 1)
    channel = np.repeat(np.arange(n_channels), filter_size**2).reshape(-1, 1)
    down, across = np.divmod(np.arange(out * out), out)
    return channel, rows + down, places + across


def im2col_by_index(x):
    k, i, j = columns_by_index(3, 8, 3)
    return x[:, k, i, j]


CASES = {
    "index arrays": (im2col_by_index, ((5,), (3, 3, 3), (6, 6))),
    "index arrays, joined": (
        lambda x: im2col_by_index(x).transpose(1, 2, 0).reshape(27, -1),
        ((3, 3, 3), (6, 6, 5)),
    ),
    "windows": (
        lambda x: (
            sliding_window_view(x, (3, 3), axis=(2, 3)).transpose(0, 2, 3, 1, 4, 5).reshape(180, -1)
        ),
        ((5, 6, 6), (3, 3, 3)),
    ),
    "transpose and join": (
        lambda x: x.transpose(1, 0, 2, 3).reshape(3, -1),
        ((3,), (5, 8, 8)),
    ),
    "flip": (lambda x: x[:, :, ::-1], ((5,), (3,), (8,), (8,))),
    "stride": (lambda x: x[:, :, ::2, 1:5], ((5,), (3,), (4,), (4,))),
    "repeat": (lambda x: np.repeat(x[:, 0, 0], 3, axis=1), ((5,), (8, 3))),
    "irregular": (lambda x: x[:, [0, 2, 1]][:, :, 0, 0], ((5,), (3,))),
}


@pytest.mark.parametrize("name", CASES)
def test_joined_axes_are_taken_apart(name):
    move, factors = CASES[name]
    index = move(X)
    assert factored(index, X.shape) == factors


@given(seed=st.integers(0, 10_000))
def test_factors_hold_the_shape_whatever_the_map_is(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 5, rng.integers(1, 4)))
    index = rng.integers(0, 24, shape)
    factors = factored(index, (2, 3, 4))
    assert tuple(int(np.prod(f)) for f in factors) == shape


def made(move, shape=(4, 3, 6)):
    builder = Builder({})
    ids = Ids(builder)
    x = Value(builder.graph.param("x", shape), plain(shape))
    value = ids.made(Moved(move(ids.of(x))))
    base = np.random.default_rng(0).standard_normal(shape)
    return value, base, evaluate(builder.graph, {"x": base})


MOVES = {
    "identity": lambda x: x,
    "transpose": lambda x: x.transpose(2, 0, 1),
    "reshape": lambda x: x.reshape(12, 6),
    "slice": lambda x: x[1:3, :, ::2],
    "fancy": lambda x: x[[0, 0, 3], :, [1, 2, 5]],
    "pad": lambda x: np.pad(x, ((1, 1), (0, 0), (2, 0))),
    "joined": lambda x: np.concatenate([x, x[:1]], axis=0),
    "cut across": lambda x: x.reshape(8, 9),
    "scalar": lambda x: x[1, 2, 3],
    "windows": lambda x: sliding_window_view(x, 3, axis=2).reshape(12, -1),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_move_has_the_values_of_numpy(name):
    value, base, values = made(MOVES[name])
    expected = MOVES[name](base)
    assert value.shape == expected.shape
    np.testing.assert_array_equal(values[value.node.index].reshape(expected.shape), expected)
    assert joined(value.factors) == value.node.shape


def test_a_transpose_stays_one():
    value, _, _ = made(MOVES["transpose"])
    assert isinstance(value.node.op, Transpose)


def test_nothing_is_made_of_an_identity():
    value, _, _ = made(MOVES["identity"])
    assert value.node.is_param


def test_constants_fill_what_no_value_moves_to():
    builder = Builder({})
    ids = Ids(builder)
    x = Value(builder.graph.param("x", (3,)), plain((3,)))
    buffer = ids.of(np.array([1.0, 2.0, 3.0, 4.0, 5.0])).copy()
    buffer[1:4] = ids.of(x)
    value = ids.made(Moved(buffer))
    assert isinstance(value.node.op, Move)
    found = value.node.op.value(np.array([-1.0, -2.0, -3.0]))
    np.testing.assert_array_equal(found, [1.0, -1.0, -2.0, -3.0, 5.0])


def test_axes_that_are_split_and_turned_become_a_reshape_and_a_transpose():
    value, base, values = made(lambda x: x.reshape(4, 3, 2, 3).transpose(0, 3, 1, 2), (12, 6))
    assert isinstance(value.node.op, Transpose)
    expected = base.reshape(4, 3, 2, 3).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(values[value.node.index], expected)


def test_entries_of_one_source_are_not_joined_wherever_it_stands():
    ids = Ids(Builder({}))
    first, second = ids.of(np.ones(3)), ids.of(np.ones(4))
    assert not ids.is_joined(first)
    assert not ids.is_joined(second[1:3])
    assert ids.is_joined(np.concatenate([first, second]))
    assert ids.is_joined(np.array([0, 1]))
    assert not ids.is_joined(first[:0])


def test_windows_that_are_copied_one_by_one_are_one_move():
    """The loop over the filter of a common im2col."""

    def columns(x):
        out = np.zeros((2, 3, 3, 4, 4), dtype=x.dtype)
        for i in range(3):
            for j in range(3):
                out[:, i, j] = x[:, i : i + 4, j : j + 4]
        return out.transpose(0, 3, 4, 1, 2).reshape(32, 9)

    value, base, values = made(columns, (2, 6, 6))
    assert value.node.shape == (2, 4, 4, 3, 3)
    assert value.node.inputs[0].is_param
    np.testing.assert_array_equal(values[value.node.index].reshape(32, 9), columns(base))
