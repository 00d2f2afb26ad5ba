"""Gradients of other tensors, of several names, of other products."""

import numpy as np
import pytest

from tests.diagnose.common import DATA, PARAMS, RIGHT, drawn, kinds, nearly, only, said

SQUARE = drawn(5, {"A": (5, 5), "B": (5, 5), "C": (5, 5), "E": (3, 4), "F": (4, 3)})


def test_two_gradients_are_exchanged() -> None:
    wrong = {"b1": RIGHT["b2"], "b2": RIGHT["b1"]}
    found = only(wrong)
    assert (found.kind, found.tensors, found.tensor) == ("exchanged", ("b1", "b2"), None)
    assert "the gradients of b1 and b2 are exchanged" in found.message
    found = only(wrong | {"b2": RIGHT["b2"]})
    assert (found.kind, found.tensor) == ("other-tensor", "b1")
    assert found.message.startswith("b1: this is the gradient of b2, entry by entry")
    assert kinds({"b1": nearly(RIGHT["b2"])}) == {"unexplained"}


def test_gradients_that_went_round_in_a_circle_are_exchanged() -> None:
    found = only({"A": SQUARE["B"], "B": SQUARE["C"], "C": SQUARE["A"]}, SQUARE)
    assert (found.kind, found.tensors) == ("exchanged", ("A", "B", "C"))
    assert "what was given for A is that of B" in found.message


@pytest.mark.parametrize(("name", "words"), [("W1", "the parameter itself"), ("W3", "the array h")])
def test_an_array_that_is_no_gradient_is_named(name: str, words: str) -> None:
    h = drawn(8, {"h": (4, 3)})["h"]
    given = {"W1": PARAMS["W1"], "W3": h}[name]
    found = only({name: given}, data=DATA | {"h": h})
    assert (found.kind, found.tensor) == ("other-tensor", name)
    assert words in found.message
    assert kinds({"W3": nearly(h)}, data=DATA | {"h": h}) == {"unexplained"}


def test_parts_of_a_tied_tensor_that_were_not_added_up_are_named() -> None:
    part = drawn(6, SQUARE_SHAPES)
    right = {"A": part["A"] + part["B"], "B": np.zeros((5, 5)), "C": SQUARE["C"]}
    found = said({"A": part["A"], "B": part["B"]}, right)
    assert [(d.kind, d.tensors) for d in found if d.kind == "not-summed"] == [
        ("not-summed", ("A",))
    ]
    assert "the sum of the gradients that were given for A and B" in found[0].message
    assert "not-summed" not in kinds({"A": nearly(part["A"]), "B": part["B"]}, right)


SQUARE_SHAPES = {"A": (5, 5), "B": (5, 5)}


def test_the_part_of_the_transpose_is_found() -> None:
    right = SQUARE | {"E": SQUARE["E"] + SQUARE["F"].T}
    found = only({"E": SQUARE["E"]}, right)
    assert (found.kind, found.tensor) == ("not-summed", "E")
    assert "E and F.T" in found.message


@pytest.mark.parametrize("extra", ["dA_decoder", "A2"])
def test_a_part_under_a_name_of_no_parameter_is_found(extra: str) -> None:
    part = drawn(6, SQUARE_SHAPES)["A"]
    right = SQUARE | {"A": SQUARE["A"] + part}
    found = only({"A": SQUARE["A"]}, right, extra={extra: part, "cache": [[1], [2, 3]]})
    assert (found.kind, found.tensor) == ("not-summed", "A")
    assert extra in found.message
    assert kinds({"A": SQUARE["A"]}, right, extra={extra: nearly(part)}) == {"unexplained"}


def test_all_steps_together_are_found() -> None:
    right = SQUARE | {"A": SQUARE["A"] + SQUARE["B"] + SQUARE["C"]}
    found = only({"A": SQUARE["A"]}, right)
    assert "A, B and C" in found.message


@pytest.mark.parametrize("scale", [1.0, 1 / 25])
@pytest.mark.parametrize("side", ["left", "right"])
def test_an_elementwise_product_is_told_from_a_matrix_product(scale: float, side: str) -> None:
    W = drawn(7, {"W": (5, 5)})["W"]
    ones = np.ones((5, 5))
    right = {"x": scale * (W.T @ ones if side == "left" else ones @ W.T)}
    found = only({"x": scale * W}, right, data={"W": W}, n_samples=None)
    assert (found.kind, found.is_exact) == ("elementwise", True)
    product = "W @ x" if side == "left" else "x @ W"
    assert f"the gradient of sum({product}) is" in found.message
    assert "elementwise" not in kinds({"x": nearly(scale * W)}, right, data={"W": W})
    assert "elementwise" not in kinds({"x": scale * W}, {"x": nearly(right["x"])}, data={"W": W})
