"""Two mistakes in one tensor are both named, if other tensors show one of them."""

import numpy as np
import pytest

from tests.diagnose.common import PARAMS, RIGHT, drawn, kinds, nearly, said

W1 = RIGHT["W1"]
CHANGES = {
    "rolled": np.roll(W1, 1, 0),
    "reversed": W1[::-1],
    "zero-part": W1 * (np.arange(6) != 3)[:, None],
    "summed-over-all": np.full((6, 4), W1.sum()),
    "weight-decay": W1 + 0.1 * PARAMS["W1"],
    "without-sign": np.abs(W1),
}


@pytest.mark.parametrize(
    ("kind", "factor"),
    [  # a seventh of a term and a smaller regulariser are the same
        (k, f) for k in CHANGES for f in (2.0, 7.0, 1 / 7, -1.0)
        if (k, f) != ("weight-decay", 1 / 7)
    ],
)  # fmt: skip
def test_a_factor_that_others_have_is_named_beside(kind: str, factor: float) -> None:
    given = {"W1": factor * CHANGES[kind], "b1": factor * RIGHT["b1"], "W2": factor * RIGHT["W2"]}
    found = {d.tensors: d for d in said(given)}
    assert set(found) == {("b1", "W2"), ("W1",)}
    local = found["W1",]
    assert (local.kind, local.is_exact) == (kind, True)
    words = f"multiplied by {1 / factor:.5g}" if abs(factor) < 1 else f"divided by {factor:.5g}"
    assert local.message.startswith(f"W1: {words}, as in b1 and W2, ")
    other = given | {"W1": nearly(given["W1"])}
    assert all(not d.is_exact for d in said(other) if d.tensors == ("W1",))


@pytest.mark.parametrize("size", [0.1, -0.1])
@pytest.mark.parametrize("kind", ["rolled", "zero-part", "reversed"])
def test_a_regulariser_that_others_have_is_named_beside(kind: str, size: float) -> None:
    given = {"W1": CHANGES[kind] + size * PARAMS["W1"], "W3": RIGHT["W3"] + size * PARAMS["W3"]}
    found = {d.tensors: d.kind for d in said(given)}
    assert found == {("W1",): kind, ("W3",): "weight-decay"}


@pytest.mark.parametrize("factor", [7.0, 1 / 7, 2.0])
def test_a_sign_beside_a_factor_that_others_have_is_a_sign(factor: float) -> None:
    given = {name: factor * g for name, g in RIGHT.items()}
    found = said(given | {"W2": -given["W2"]})
    assert [(d.kind, d.tensors) for d in found[1:]] == [("sign", ("W2",))]
    assert found[1].constant == -1.0
    assert "where that of W1, b1" in found[1].message


def test_clipping_beside_a_regulariser_is_named() -> None:
    terms = {name: 0.1 * PARAMS[name] for name in ("W1", "W3")}
    found = said({"W1": W1.clip(-0.5, 0.5) + terms["W1"], "W3": RIGHT["W3"] + terms["W3"]})
    assert [(d.kind, d.tensors, d.constant) for d in found] == [
        ("weight-decay", ("W3",), 0.1), ("clipped", ("W1",), 0.5),
    ]  # fmt: skip


def test_a_few_entries_beside_a_factor_are_named() -> None:
    wrong = 2 * W1
    wrong[[1, 4], [2, 0]] = 0.0
    found = said({"W1": wrong, "b1": 2 * RIGHT["b1"]})
    assert [d.kind for d in found] == ["factor", "zero-part"]
    assert "W1[1, 2] and W1[4, 0] of the gradient are zero" in found[1].message


def test_nothing_is_undone_that_no_other_tensor_shows() -> None:
    assert kinds({"W1": 2 * np.roll(W1, 1, 0)}) == {"unexplained"}
    assert kinds({"W1": 2 * np.roll(W1, 1, 0), "b1": 3.3 * RIGHT["b1"]}) == {
        "factor",
        "unexplained",
    }


def test_noise_is_not_explained_by_undoing_something() -> None:
    noise = drawn(9)
    found = said(
        {"W1": W1 + noise["W1"], "b1": 2 * RIGHT["b1"], "W3": RIGHT["W3"] + 0.1 * PARAMS["W3"]}
    )
    assert {d.kind for d in found if "W1" in d.tensors} == {"unexplained"}
