"""Names of tensors: which are checked, and which gradient belongs to which."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.params import match_gradients, select_names

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


def grads(**changed: Any) -> dict[str, Any]:
    return {"W1": np.ones((2, 3)), "b1": np.ones(3), "s": 1.0} | changed


def test_gradients_are_copied_in_the_order_of_the_parameters() -> None:
    given = dict(reversed(grads().items()))
    found, extra = match_gradients(SHAPES, ["W1", "b1", "s"], given)
    assert list(found) == ["W1", "b1", "s"]
    assert extra == []
    found["W1"][:] = 7.0
    assert given["W1"].max() == 1.0


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int32, np.uint8])
def test_the_dtype_is_kept(dtype: type) -> None:
    found, _ = match_gradients(SHAPES, ["W1"], grads(W1=np.asfortranarray(np.ones((2, 3), dtype))))
    assert found["W1"].dtype == dtype
    assert found["W1"].flags.c_contiguous


def test_both_ways_to_name_a_gradient_are_understood() -> None:
    given = {"dW1": np.full((2, 3), 5.0), "b1": np.ones(3), "ds": 2, "dz1": 0, 7: 0}
    found, extra = match_gradients(SHAPES, ["W1", "b1", "s"], given)  # type: ignore[arg-type]
    assert (found["W1"].max(), found["s"].item()) == (5.0, 2.0)
    assert extra == ["dz1", "7"]


def test_the_plain_name_wins_and_the_other_is_told() -> None:
    found, extra = match_gradients(SHAPES, ["b1"], grads(db1=np.zeros(3)))
    assert found["b1"].tolist() == [1.0, 1.0, 1.0]
    assert extra == ["db1"]


def test_a_parameter_whose_name_begins_with_d_keeps_its_own() -> None:
    shapes = {"W": (1,), "dW": (1,)}
    found, extra = match_gradients(shapes, ["W", "dW"], {"W": [1.0], "dW": [2.0]})
    assert (found["W"].item(), found["dW"].item(), extra) == (1.0, 2.0, [])


def test_one_gradient_is_not_taken_for_two_parameters() -> None:
    with pytest.raises(fc.InputError, match="add W"):
        match_gradients({"W": (1,), "dW": (1,)}, ["W", "dW"], {"dW": [2.0]})


def test_a_missing_gradient_is_named() -> None:
    message = r"`grads` must have a gradient for W1, b1, s, got \['W1', 'x'\]; add b1, s, or leave"
    with pytest.raises(fc.InputError, match=message):
        match_gradients(SHAPES, ["W1", "b1", "s"], {"W1": np.ones((2, 3)), "x": 0})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"W1": np.ones((3, 2))}, r"`grads\['W1'\]` .* \(2, 3\), got \(3, 2\); transpose it"),
        ({"W1": np.ones(6)}, r"`grads\['W1'\]` .* \(2, 3\), got \(6,\); compare it"),
        ({"b1": np.ones((1, 3))}, r"`grads\['b1'\]` .* \(3,\), got \(1, 3\); compare it"),
        ({"s": [1.0]}, r"`grads\['s'\]` must have the shape of its parameter, \(\), got \(1,\)"),
        (
            {"b1": np.ones(3, complex)},
            r"`grads\['b1'\]` must be a real array, got dtype complex128",
        ),
        ({"b1": np.ones(3, bool)}, r"`grads\['b1'\]` must be a real array, got dtype bool"),
        ({"b1": [None] * 3}, r"`grads\['b1'\]` must be a real array, got dtype object; convert"),
        ({"b1": "x"}, r"`grads\['b1'\]` must be a real array, got dtype <U1"),
    ],
)
def test_a_gradient_of_another_kind_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        match_gradients(SHAPES, ["W1", "b1", "s"], grads(**changed))


def test_the_key_that_was_given_is_the_key_that_is_told() -> None:
    with pytest.raises(fc.InputError, match=r"`grads\['dW1'\]` .* got \(2,\)"):
        match_gradients(SHAPES, ["W1"], {"dW1": np.ones(2)})


def test_a_gradient_that_is_not_checked_may_be_anything() -> None:
    found, extra = match_gradients(SHAPES, ["b1"], grads(W1="later"))
    assert list(found) == ["b1"]
    assert extra == []
