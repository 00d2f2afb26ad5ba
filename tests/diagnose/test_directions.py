"""Of a gradient that was looked at along random directions, what they found is told."""

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.result import Diagnosis

M = 30
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((M, 20)), RNG.integers(0, 6, M)
PARAMS = {"W": RNG.standard_normal((20, 6)) / 5, "b": RNG.standard_normal(6)}


def loss() -> float:
    e = np.exp(X @ PARAMS["W"] + PARAMS["b"])
    return float(-np.mean(np.log(e[np.arange(M), Y] / e.sum(axis=1))))


def right() -> dict[str, np.ndarray]:
    e = np.exp(X @ PARAMS["W"] + PARAMS["b"])
    d = (e / e.sum(axis=1, keepdims=True) - np.eye(6)[Y]) / M
    return {"W": X.T @ d, "b": d.sum(axis=0)}


def only(W: np.ndarray) -> Diagnosis:
    """Return the one diagnosis of a gradient of which W is wrong."""
    result = fc.check_gradients(
        loss, PARAMS, right() | {"W": W}, engine="black box", plan="directions"
    )
    assert result.plan == "directions"
    assert result.verdict == "fail"
    (found,) = result.diagnosis
    assert found.tensors == ("W",)
    return found


@pytest.mark.parametrize(
    ("factor", "kind", "words"),
    [
        (
            0.0,
            "zero-part",
            "row 7 of the gradient is zero, and the numerical one is not in each of",
        ),
        (2.0, "factor-part", "row 7 of the gradient is 2 times the numerical one, in each of the"),
        (
            1.5 + np.sin(np.arange(6)),
            "wrong-part",
            "row 7 of the gradient is wrong, in each of the",
        ),
    ],
)
def test_a_row_is_told_from_a_few_of_its_entries(factor: float, kind: str, words: str) -> None:
    W = right()["W"]
    W[7] *= factor
    found = only(W)
    assert (found.kind, found.is_exact) == (kind, kind != "wrong-part")
    assert words in found.message
    assert "entries of it that were measured" in found.message


def test_single_entries_are_told_and_that_nothing_else_was_found() -> None:
    W = right()["W"]
    W[3, 4] *= 2
    found = only(W)
    assert (found.kind, found.constant) == ("one-entry", pytest.approx(2.0))
    assert found.message.endswith("random directions find nothing else")
    W[11, 0] *= 2
    found = only(W)
    assert (found.kind, found.constant) == ("factor-part", 2.0)
    assert "W[3, 4] and W[11, 0] of the gradient are 2 times" in found.message
    W[11, 0] *= 1.1
    found = only(W)
    assert (found.kind, found.is_exact) == ("unexplained", False)
    assert found.message.endswith(
        "W[3, 4] and W[11, 0] are wrong, and random directions find nothing else"
    )


def test_of_a_whole_tensor_the_entries_that_were_measured_speak() -> None:
    found = only(2 * right()["W"])
    assert (found.kind, found.constant) == ("factor", 2.0)
    assert "each of the 4 entries that were measured" in found.message
    noise = np.random.default_rng(1).standard_normal((20, 6))
    found = only(right()["W"] + noise)
    assert found.kind == "unexplained"
    assert "all 4 entries that were measured are wrong" in found.message
