"""Names of tensors: which are checked, and which gradient belongs to which."""

from __future__ import annotations

from typing import Any

import pytest

import fastcheck as fc
from fastcheck.params import keys_of, select_names

pytestmark = pytest.mark.interpreted

NAMES = ["W1", "b1", "W2", "b2", "w10"]
SHAPES = {"W1": (2, 3), "b1": (3,), "s": ()}


@pytest.mark.parametrize(
    ("only", "skip", "kept"),
    [
        (None, None, NAMES),
        ("W*", None, ["W1", "W2"]),
        (None, "W*", ["b1", "b2", "w10"]),
        (["*1", "b2"], None, ["W1", "b1", "b2"]),
        (("b2", "W1"), None, ["W1", "b2"]),  # in the order of the parameters
        ("*", "b?", ["W1", "W2", "w10"]),
        ("[!w]*", ["W2"], ["W1", "b1", "b2"]),
        (iter(["W1"]), None, ["W1"]),
        (None, [], NAMES),
        (None, "w*", ["W1", "b1", "W2", "b2"]),  # capital letters matter
    ],
)
def test_patterns_choose_names(only: Any, skip: Any, kept: list[str]) -> None:
    assert select_names(NAMES, only, skip) == kept


@pytest.mark.parametrize(
    ("only", "skip", "message"),
    [
        ("x*", None, r"`only` must match names of parameters, got 'x\*'; they are W1, b1, W2, b2"),
        (["W1", ""], None, "`only` must match names of parameters, got ''"),
        (None, ["b1", "B2"], "`skip` must match names of parameters, got 'B2'; they are W1"),
        (None, "*", "must leave a parameter to check, got none of W1, b1, W2, b2, w10; relax"),
        ([], None, "must leave a parameter to check"),
        ("W1", "W*", "must leave a parameter to check"),
    ],
)
def test_patterns_that_choose_nothing_are_refused(only: Any, skip: Any, message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        select_names(NAMES, only, skip)


def test_both_ways_to_name_a_gradient_are_understood() -> None:
    given = {"dW1": 5.0, "b1": 1.0, "ds": 2, "dz1": 0, 7: 0}
    assert keys_of(given, ["W1", "b1", "s"]) == {"W1": "dW1", "b1": "b1", "s": "ds"}


def test_the_plain_name_wins() -> None:
    assert keys_of({"b1": 1.0, "db1": 2.0}, ["b1"]) == {"b1": "b1"}


def test_a_parameter_whose_name_begins_with_d_keeps_its_own() -> None:
    assert keys_of({"W": 1.0, "dW": 2.0}, ["W", "dW"]) == {"W": "W", "dW": "dW"}


def test_one_gradient_is_not_taken_for_two_parameters() -> None:
    assert keys_of({"dW": 2.0}, ["W", "dW"]) == {"dW": "dW"}
