"""Entries, rows, columns and blocks that are wrong while the rest is right."""

import numpy as np
import pytest

from tests.diagnose.common import RIGHT, kinds, only

W1, K = RIGHT["W1"], RIGHT["K"]


def changed(array: np.ndarray, where: object, factor: object) -> np.ndarray:
    """Return an array of which a part was multiplied."""
    wrong = array.copy()
    wrong[where] *= factor
    return wrong


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (np.s_[3], "row 3 of the gradient is"),
        (np.s_[:, 1], "column 1 of the gradient is"),
        (np.s_[2:5], "rows 2 to 4 of the gradient are"),
        (np.s_[[0, 1, 4]], "rows 0 and 1, 4 of the gradient are"),
        (np.s_[2:4, 1:3], "rows 2 and 3, columns 1 and 2 of the gradient are"),
        (np.s_[[0, 1, 2, 4, 5]], "the rows other than 3 of the gradient are"),
    ],
)
@pytest.mark.parametrize(
    ("factor", "kind", "words"),
    [
        (0.0, "zero-part", "zero and should not be"),
        (2.0, "factor-part", "2 times the numerical one"),
        (1.37, "factor-part", "1.37 times the numerical one"),
    ],
)
def test_a_part_that_was_changed_in_one_way_is_named(
    where: object, text: str, factor: float, kind: str, words: str
) -> None:
    found = only({"W1": changed(W1, where, factor)})
    assert (found.kind, found.tensor, found.is_exact) == (kind, "W1", True)
    assert found.message == f"W1: {text} {words}; all other entries are right"


def test_a_part_that_is_wrong_is_located_and_not_explained() -> None:
    factor = 1 + np.random.default_rng(0).random(4)
    found = only({"W1": changed(W1, np.s_[3], factor)})
    assert (found.kind, found.is_exact) == ("wrong-part", False)
    assert found.message == "W1: only row 3 of the gradient is wrong; all other entries are right"
    found = only({"K": changed(K, np.s_[:, 2], 1 + np.random.default_rng(0).random((2, 9)))})
    assert "only index of axis 1 2 of" in found.message


def test_a_row_with_one_right_entry_is_no_part() -> None:
    factor = 1 + np.random.default_rng(0).random(5)
    wrong = changed(K, np.s_[1, :, 4], factor)
    wrong = changed(wrong, np.s_[0, :, 2], factor)
    found = only({"K": wrong})
    assert found.kind == "unexplained"
    assert "10 of 90 entries are wrong" in found.message


def test_zeros_on_both_sides_belong_to_a_part_or_not() -> None:
    sparse = W1 * (np.arange(24).reshape(6, 4) % 3 > 0)
    found = only({"W1": changed(sparse, np.s_[:, 2], 0.0)}, RIGHT | {"W1": sparse})
    assert found.message.startswith("W1: column 2 of the gradient is zero")


def test_one_entry_is_named_by_its_address_and_values() -> None:
    found = only({"W1": changed(W1, np.s_[4, 2], 1.5)})
    assert (found.kind, found.is_exact) == ("one-entry", False)
    assert found.constant == pytest.approx(1.5)
    right, given = W1[4, 2], 1.5 * W1[4, 2]
    assert f"W1[4, 2] is wrong: it is {given:.5g} where {right:.5g} is right" in found.message
    found = only({"W1": changed(W1, np.s_[4, 2], 0.0)})
    assert (found.kind, found.constant, found.is_exact) == ("one-entry", 0.0, True)
    assert "it is zero where" in found.message


def test_values_that_read_the_same_get_more_digits() -> None:
    message = only({"W1": changed(W1, np.s_[4, 2], 1 + 1e-7)}).message
    assert "(1 +1e-07) times it" in message
    assert f"it is {W1[4, 2] * (1 + 1e-7):.7g} where {W1[4, 2]:.7g}" in message


def test_a_few_entries_are_named_by_their_addresses() -> None:
    places = ([0, 2, 5], [1, 0, 3])
    found = only({"W1": changed(W1, places, 0.0)})
    assert (found.kind, found.is_exact) == ("zero-part", True)
    assert found.message.startswith("W1: W1[0, 1], W1[2, 0] and W1[5, 3] of the gradient are zero")
    found = only({"W1": changed(W1, places, [1.1, 0.3, 2.0])})
    assert (found.kind, found.is_exact) == ("unexplained", False)
    assert found.message.endswith("only W1[0, 1], W1[2, 0] and W1[5, 3] are wrong")


def test_of_a_sample_no_part_is_named() -> None:
    known = {"W1": np.ones((6, 4), bool)}
    known["W1"][5, 3] = False
    assert kinds({"W1": changed(W1, np.s_[3], 0.0)}, known=known) == {"unexplained"}
    assert kinds({"W1": changed(W1, np.s_[3, 1], 0.0)}, known=known) == {"unexplained"}
