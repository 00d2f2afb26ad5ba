"""Sums over too many entries."""

import numpy as np
import pytest

from tests.diagnose.common import RIGHT, kinds, nearly, only

W1 = RIGHT["W1"]


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("b1", np.full(4, RIGHT["b1"].sum()), "every entry is the sum of the right gradient"),
        ("W1", np.full((6, 4), W1.sum()), "every entry is the sum of the right gradient"),
        ("W1", np.full((6, 4), W1.mean()), "every entry is the mean of the right"),
        ("W1", W1 * 0 + W1.sum(axis=0), "the sum of the right gradient over all rows"),
        ("W1", W1 * 0 + W1.mean(axis=1)[:, None], "the mean of the right gradient over all"),
    ],
)  # fmt: skip
def test_a_sum_over_too_much_is_named(name: str, given: np.ndarray, words: str) -> None:
    found = only({name: given})
    assert (found.kind, found.is_exact) == ("summed-over-all", True)
    assert words in found.message
    assert "summed-over-all" not in kinds({name: nearly(given)})
    assert "summed-over-all" not in kinds({name: given + 1e-9})


def test_equal_entries_alone_are_no_sum() -> None:
    assert kinds({"b1": np.full(4, 0.123456)}) == {"unexplained"}


def test_a_sum_is_not_claimed_from_a_sample() -> None:
    known = {"b1": np.array([True, True, True, False])}
    assert kinds({"b1": np.full(4, RIGHT["b1"].sum())}, known=known) == {"unexplained"}
