import numpy as np
import pytest

from fastcheck.tracing.functions import (
    added_at,
    assembled,
    assigned,
    computed_where,
    mutated,
    picked,
    strided,
    written_through,
)
from fastcheck.tracing.layout import copied_layout, extent
from fastcheck.tracing.recording import Call, Guard, Place, Recording, Ref, refs

X = np.arange(24.0).reshape(4, 6)
LAYOUTS = {
    "C": X,
    "F": np.asfortranarray(X),
    "part": np.arange(48.0).reshape(4, 12)[:, ::2],
    "reversed": X[::-1, ::-1],
    "broadcast": np.broadcast_to(np.arange(6.0), (4, 6)),
    "scalar": np.array(3.0),
    "empty": np.zeros((0, 3)),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_copy_has_the_strides_and_values_of_the_original_and_memory_of_its_own(name):
    x = LAYOUTS[name]
    copy = copied_layout(x)
    assert copy.strides == x.strides
    assert np.array_equal(copy, x)
    assert not np.shares_memory(copy, x)


def test_a_column_of_a_wide_array_is_packed_rather_than_copied_with_the_whole():
    column = np.arange(1000.0).reshape(10, 100)[:, 3]
    copy = copied_layout(column)
    assert copy.strides == (8,)
    assert np.array_equal(copy, column)


def test_the_extent_of_a_view_lies_in_that_of_its_array():
    low, high = extent(X)
    assert high - low == X.nbytes
    assert extent(X[::-1, 1:]) == (low + 8, high)


def test_functions_in_place_return_what_the_statement_leaves_and_write_to_nothing():
    before = X.copy()
    key = [0, 0, 2]

    def statement(x):
        x[1:, 2] = -1.0
        x[0] += 1.0
        np.add.at(x, key, 2.0)
        np.divide(1.0, x, out=x, where=x > 3)
        np.fill_diagonal(x, 7.0)

    expected = X.copy()
    statement(expected)
    x = assigned(X, (slice(1, None), 2), -1.0)
    x = assembled(x, (0, 1), (x[0] + 1.0, x[1]))
    x = added_at(x, key, 2.0)
    x = computed_where(x, x > 3, np.divide, 1.0, x)
    x = mutated(x, np.fill_diagonal, 7.0)
    assert np.array_equal(x, expected)
    assert np.array_equal(before, X)


@pytest.mark.parametrize("view", [X[1:3, ::2], X[:, 5], X.T[2:], X[1:, 1:].T])
def test_a_view_is_had_again_from_its_strides_and_offset(view):
    offset = view.__array_interface__["data"][0] - X.__array_interface__["data"][0]
    again = strided(X.copy(), view.shape, view.strides, offset)
    assert np.array_equal(again, view)


def test_writing_through_a_view_changes_the_whole():
    expected = X.copy()
    expected.T[2:4] = 0.5
    new = written_through(X, 0.5, picked_of_transposed, 1, (), ("first", None), {})
    assert np.array_equal(new, expected)


def picked_of_transposed(first, x):
    assert first == "first"
    return x.T[2:4]


def test_a_replay_makes_the_calls_again_at_other_parameters():
    w = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    index = np.dtype(int)
    recording = Recording(
        [
            Call(0, None, (), {}, (2, 3), w.dtype, name="W", constant=w),
            Call(1, np.transpose, (Ref(0),), {}, (3, 2), w.dtype),
            Call(2, picked, (Ref(1), (slice(1, None), 0)), {}, (2,), w.dtype),
            Call(3, np.sum, (Ref(2),), {}, (), w.dtype),
            Call(4, np.argmax, (Ref(0),), {"axis": None}, (), index),
        ],
        {"W": 0},
        3,
    )
    assert recording.loss({}) == 3.0
    values = recording.replay({"W": 2 * np.ascontiguousarray(w)})
    assert values[3] == 6.0
    assert values[0].strides == w.strides
    assert w[0, 1] == 1.0


def test_references_are_found_wherever_they_stand():
    assert refs((Ref(1), [Ref(2), {"a": Ref(3)}], slice(None, Ref(4)), 5)) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("kind", "seen", "same", "other"),
    [
        ("branch", True, np.float64(2.0), np.float64(0.0)),
        ("int", 3, np.float64(3.4), np.float64(4.1)),
        ("array", np.array([1, 2]), np.array([1, 2]), np.array([1, 3])),
    ],
)
def test_a_guard_tells_whether_the_code_would_see_the_same(kind, seen, same, other):
    guard = Guard(kind, 0, seen, None)
    assert guard.holds(same)
    assert not guard.holds(other)


def test_a_place_is_written_with_the_name_of_its_file():
    assert str(Place("/home/me/net.py", 65, "h = x @ w")) == "net.py:65 (h = x @ w)"
