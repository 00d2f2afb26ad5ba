"""Gradients of another shape than their parameter are told what they are."""

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.diagnose.common import drawn, nearly

W = drawn(0, {"W": (5, 10)})["W"]
A = drawn(1, {"A": (10, 3)})["A"]


def told(loss: Any, params: Any, grads: Any, engine: str = "black box") -> list[Any]:
    """Return kinds and messages; parameters are as before."""
    before = {name: array.tobytes() for name, array in params.items()}
    result = fc.check_gradients(loss, params, grads, engine=engine)
    assert not result.passed
    assert {name: array.tobytes() for name, array in params.items()} == before
    assert all(not d.is_exact for d in result.diagnosis if d.tensor in result.tensors)
    return [(d.kind, d.tensors, d.message) for d in result.diagnosis]


@pytest.mark.parametrize("engine", ["black box", "trace"])
@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_the_other_factor_of_a_matrix_product_is_no_gradient(engine: str, scale: float) -> None:
    x = A.copy()
    ((kind, tensors, message),) = told(
        lambda: scale * np.sum(W @ x), {"x": x}, {"x": scale * W}, engine
    )
    assert (kind, tensors) == ("elementwise", ("x",))
    assert message.startswith("x: this is the gradient of sum(W * x), which is W, but the loss has")
    assert "the gradient of sum(W @ x) is W.T @ ones" in message
    assert told(lambda: np.sum(np.sin(W @ x)), {"x": x}, {"x": scale * W}, engine) == []


def test_the_factor_on_the_right_is_told_too() -> None:
    x = A.T.copy()
    V = drawn(3, {"V": (10, 4)})["V"]
    ((kind, _, message),) = told(lambda: np.sum(x @ V), {"x": x}, {"x": V})
    assert kind == "elementwise"
    assert "the gradient of sum(x @ V) is ones @ V.T" in message


def test_of_a_vector_the_product_is_told() -> None:
    x = A[:, 0].copy()
    ((kind, _, message),) = told(lambda: np.sum(W @ x), {"x": x}, {"x": W})
    assert kind == "elementwise"
    assert "W @ x" in message


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda g: g.T, "transposed", "the transpose of the right one"),
        (lambda g: g.reshape(-1), "wrong-shape", "reshape it to (10, 3)"),
        (lambda g: g[None], "wrong-shape", "reshape it to (10, 3)"),
        (lambda g: np.stack([0.25 * g, 0.75 * g]), "not-summed", "of length 2, as of samples: sum"),
        (lambda g: np.stack([0.5 * g, 1.5 * g]), "not-summed", "of length 2, as of samples: ave"),
        (lambda g: g.sum(axis=1), None, ""),
        (lambda g: nearly(g.T, 1e-2), None, ""),
    ],
)  # fmt: skip
def test_what_would_be_right_is_tried(change: Any, kind: str | None, words: str) -> None:
    x = A.copy()
    found = told(lambda: np.sum(np.sin(x)), {"x": x}, {"x": change(np.cos(x))})
    assert [k for k, _, _ in found] == ([] if kind is None else [kind])
    assert all(words in message for _, _, message in found)


def test_gradients_in_the_order_of_other_parameters_are_told() -> None:
    rng = np.random.default_rng(4)
    params = [rng.standard_normal(shape) for shape in [(3, 4), (4, 5), (5, 2)]]
    x = rng.standard_normal((6, 3))

    def loss(params: list[np.ndarray]) -> float:
        return float(np.sum((x @ params[0] @ params[1] @ params[2]) ** 2))

    A, B, C = params
    d = 2 * x @ A @ B @ C
    right = [x.T @ d @ C.T @ B.T, (x @ A).T @ d @ C.T, (x @ A @ B).T @ d]
    assert fc.check_gradients(loss, params, right, engine="black box").passed
    names = [*fc.check_gradients(loss, params, right, engine="black box").tensors]
    result = fc.check_gradients(loss, params, right[::-1], engine="black box")
    (found,) = result.diagnosis
    assert (found.kind, found.tensors) == ("exchanged", (names[0], names[2]))
    assert "each is exactly that of the other" in found.message
    result = fc.check_gradients(loss, params, [right[2], right[1], right[2]], engine="black box")
    (found,) = result.diagnosis
    assert (found.kind, found.tensors) == ("other-tensor", (names[0],))
