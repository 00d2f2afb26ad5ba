"""The right entries in the wrong places."""

import numpy as np
import pytest

from tests.diagnose.common import RIGHT, drawn, kinds, nearly, only

W1, W2, K = RIGHT["W1"], RIGHT["W2"], RIGHT["K"]


@pytest.mark.parametrize(
    ("name", "given", "kind", "words"),
    [
        ("W2", W2.T, "transposed", "the transpose of the right one"),
        ("W1", W1.T.reshape(6, 4), "memory-order", "order of a transposed array"),
        ("W1", W1.reshape(4, 6).T, "memory-order", "order of a transposed array"),
        ("W1", np.roll(W1, 1, 0), "rolled", "rows are moved by one place towards the end"),
        ("W1", np.roll(W1, -1, 1), "rolled", "columns are moved by one place towards the begin"),
        ("W1", np.roll(W1, 2, 0), "rolled", "rows are moved by 2 places towards the end"),
        ("b1", np.roll(RIGHT["b1"], 1), "rolled", "entries are moved by one place"),
        ("K", np.roll(K, 1, 2), "rolled", "indices of axis 2 are moved by one place"),
        ("W1", W1[::-1], "reversed", "but for the order of its rows, which is reversed"),
        ("K", K[:, ::-1, ::-1], "reversed", "indices of axis 1 and indices of axis 2"),
        ("W1", W1[[3, 0, 1, 5, 4, 2]], "reordered", "the rows stand in another order"),
        ("W1", W1[:, [2, 1, 0, 3]], "reordered", "the columns stand in another order"),
    ],
)  # fmt: skip
def test_an_order_is_named(name: str, given: np.ndarray, kind: str, words: str) -> None:
    found = only({name: given})
    assert (found.kind, found.tensor, found.is_exact) == (kind, name, True)
    assert words in found.message
    assert kinds({name: nearly(given)}) <= {"unexplained", "wrong-part"}


@pytest.mark.parametrize("shift", [1, -1, 3])
def test_a_shift_has_its_size_as_the_constant(shift: int) -> None:
    right = drawn(3, {"W": (9, 4)})
    assert only({"W": np.roll(right["W"], shift, 0)}, right).constant == shift


def test_two_rows_are_exchanged() -> None:
    right = drawn(3, {"V": (2, 2), "b": (2,)})
    found = only({"b": right["b"][::-1]}, right)
    assert (found.kind, found.constant) == ("rolled", 1.0)
    assert found.message == "b: the gradient is right, but its two entries are exchanged"
    assert only({"V": right["V"].T}, right).kind == "transposed"


def test_tensors_in_the_same_wrong_order_are_explained_together() -> None:
    found = only({"W1": np.roll(W1, 1, 0), "W3": np.roll(RIGHT["W3"], 1, 0)})
    assert found.tensors == ("W1", "W3")
    assert found.message.startswith("W1 and W3: each gradient is right, but the rows are moved")


def test_the_transpose_is_named_also_of_several_axes() -> None:
    right = drawn(4, {"K": (5, 3, 5)})
    found = only({"K": right["K"].transpose(2, 1, 0)}, right)
    assert found.kind == "transposed"
    assert "its axes in the order (2, 1, 0)" in found.message


def test_a_sign_is_preferred_to_an_exchange() -> None:
    right = drawn(3) | {"b3": np.array([0.3, -0.3])}
    assert only({"b3": -right["b3"]}, right).kind == "sign"


def test_a_shift_is_found_in_a_sample_and_another_order_is_not() -> None:
    known = {"W1": np.zeros((6, 4), bool)}
    known["W1"][2:4, 1:3] = True
    found = only({"W1": np.roll(W1, 1, 0)}, known=known)
    assert found.kind == "rolled"
    assert found.message.startswith("W1: in each of the 4 entries that were measured, the gradient")
    assert kinds({"W1": W1[[4, 3, 1, 5, 0, 2]]}, known=known) == {"unexplained"}


def test_many_rows_in_another_order_are_named() -> None:
    right = drawn(3, {"W": (700, 3)})
    order = np.random.default_rng(0).permutation(700)
    assert only({"W": right["W"][order]}, right).kind == "reordered"
