"""Plain Python losses that can only be called: their wrong gradients are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.result import Diagnosis

M, N_IN, N_HIDDEN, N_OUT = 11, 6, 5, 3
L2 = 0.03
Arrays = dict[str, np.ndarray]


class Net:
    """6-5-3: tanh, softmax cross-entropy as a mean, L2 of the weights."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((M, N_IN))
        self.y = rng.integers(0, N_OUT, M)
        self.params = {
            "W1": rng.standard_normal((N_IN, N_HIDDEN)) / 2, "b1": rng.standard_normal(N_HIDDEN),
            "W2": rng.standard_normal((N_HIDDEN, N_OUT)), "b2": rng.standard_normal(N_OUT),
        }  # fmt: skip

    def forward(self) -> tuple[np.ndarray, np.ndarray]:
        """Return hidden values and probabilities."""
        p = self.params
        a = np.tanh(self.x @ p["W1"] + p["b1"])
        e = np.exp(a @ p["W2"] + p["b2"])
        return a, e / e.sum(axis=1, keepdims=True)

    def loss(self) -> float:
        """Return the loss."""
        _, q = self.forward()
        data = -np.mean(np.log(q[np.arange(M), self.y]))
        return float(data + L2 / 2 * sum(np.sum(self.params[n] ** 2) for n in ("W1", "W2")))

    def gradient(self, *, l2: float = L2, of_biases: float = 0.0, n: int = M) -> Arrays:
        """Return the gradient."""
        p = self.params
        a, dz2 = self.forward()
        dz2[np.arange(M), self.y] -= 1
        dz2 /= n
        dz1 = dz2 @ p["W2"].T * (1 - a**2)
        return {
            "W1": self.x.T @ dz1 + l2 * p["W1"], "b1": dz1.sum(axis=0) + of_biases * p["b1"],
            "W2": a.T @ dz2 + l2 * p["W2"], "b2": dz2.sum(axis=0) + of_biases * p["b2"],
        }  # fmt: skip


NET = Net()
RIGHT = NET.gradient()
ALL = ("W1", "b1", "W2", "b2")


def each(change: Callable[[np.ndarray], np.ndarray], *names: str) -> Arrays:
    """Return the right gradient with some tensors changed."""
    return {n: change(g.copy()) if n in (names or ALL) else g for n, g in RIGHT.items()}


def diagnosed(grads: Any, **options: Any) -> list[Diagnosis]:
    """Return what is said of a gradient of the network, which is as before afterwards."""
    options = {"engine": "black box", "plan": "exhaustive"} | options
    before = {name: array.tobytes() for name, array in NET.params.items()}
    result = fc.check_gradients(NET.loss, NET.params, grads, **options)
    assert {name: array.tobytes() for name, array in NET.params.items()} == before
    wrong = {n for n, t in result.tensors.items() if t.verdict == "fail" or t.n_close}
    assert {name for d in result.diagnosis for name in d.tensors} <= wrong
    return list(result.diagnosis)


NORM = float(np.sqrt(sum(np.sum(g**2) for g in RIGHT.values())))
FAULTS: list[tuple[str, Arrays, tuple[str, ...], float | None, str]] = [
    ("factor", each(lambda g: 2 * g), ALL, 2.0, "2 times"),
    ("mean-for-sum", each(lambda g: g / M), ALL, 1 / M, "11 is the length of"),
    ("sum-for-mean", each(lambda g: M * g, "b1", "b2"), ("b1", "b2"), M, "mean over it is missing"),
    ("sign", each(lambda g: -g, "W2"), ("W2",), -1.0, "look for a sign"),
    ("weight-decay", NET.gradient(l2=0.0), ("W1", "W2"), -L2, "missing"),
    ("weight-decay", NET.gradient(l2=2 * L2), ("W1", "W2"), L2, "added twice"),
    ("weight-decay", NET.gradient(of_biases=L2), ("b1", "b2"), L2, "as of biases"),
    ("clipped", each(lambda g: g.clip(-0.05, 0.05), "W1"), ("W1",), 0.05, "exactly ±0.05"),
    ("clipped-norm", each(lambda g: g * (0.1 / NORM)), ALL, 0.1 / NORM, "is 0.1: it was clipped"),
    ("rolled", each(lambda g: np.roll(g, 1, 0), "W1"), ("W1",), 1.0, "rows are moved by one place"),
    ("memory-order", each(lambda g: g.T.reshape(g.shape), "W1"), ("W1",), None, "transposed array"),
    ("zero", each(np.zeros_like, "b1"), ("b1",), None, "zero in every entry"),
    ("without-sign", each(np.abs, "W1"), ("W1",), None, "look for abs"),
    ("precision", each(lambda g: g.astype(np.float16).astype(float)), ALL, None, "float16"),
]  # fmt: skip


@pytest.mark.parametrize("plan", ["exhaustive", "sample"])
@pytest.mark.parametrize(("kind", "grads", "tensors", "constant", "words"), FAULTS)
def test_a_fault_is_named(
    kind: str,
    grads: Arrays,
    tensors: tuple[str, ...],
    constant: float | None,
    words: str,
    plan: str,
) -> None:
    found = diagnosed(grads, plan=plan, seed=1)
    assert [(d.kind, d.tensors, d.is_exact) for d in found] == [(kind, tensors, True)], found
    assert words in found[0].message
    if constant is not None:
        assert found[0].constant == pytest.approx(constant, rel=1e-6)


PARTS: list[tuple[str, str, Callable[[np.ndarray], Any], str]] = [
    ("zero-part", "W1", lambda g: g[3], "row 3 of the gradient is zero"),
    ("zero-part", "W2", lambda g: g[:, 1], "column 1 of the gradient is zero"),
    ("one-entry", "W1", lambda g: g[3, 2:3], "only W1[3, 2] is wrong: it is zero where"),
]


@pytest.mark.parametrize(("kind", "name", "part", "words"), PARTS)
def test_a_part_is_named(
    kind: str, name: str, part: Callable[[np.ndarray], Any], words: str
) -> None:
    wrong = {n: g.copy() for n, g in RIGHT.items()}
    part(wrong[name])[...] = 0.0
    (found,) = diagnosed(wrong)
    assert (found.kind, found.tensors) == (kind, (name,))
    assert words in found.message


def test_float32_in_the_gradient_is_named_where_it_is_outside_the_bounds() -> None:
    found = diagnosed(each(lambda g: g.astype(np.float32).astype(float)))
    assert {d.kind for d in found} <= {"precision"}
    assert found
    assert diagnosed(each(lambda g: g.astype(np.float32))) == []  # said by its dtype, and right


def test_a_right_gradient_has_no_diagnosis() -> None:
    for plan in ("exhaustive", "sample", "directions"):
        assert diagnosed(RIGHT, plan=plan) == []


def test_a_factor_beside_the_regulariser_is_named() -> None:
    found = diagnosed(NET.gradient(n=1))
    assert [(d.kind, d.tensors, d.constant) for d in found] == [
        ("sum-for-mean", ("b1", "b2"), M), ("sum-for-mean", ("W1", "W2"), M),
    ]  # fmt: skip
    assert f"but for a part that is {L2} times the parameter" in found[1].message


def test_random_noise_is_described_and_not_explained() -> None:
    rng = np.random.default_rng(3)
    noise = each(lambda g: g + 0.1 * rng.standard_normal(g.shape), "W1", "b2")
    (found,) = diagnosed(noise)
    assert (found.kind, found.tensors, found.is_exact) == ("unexplained", ("W1", "b2"), False)
    (found,) = diagnosed(noise, plan="sample")
    assert "that were measured are wrong" in found.message or "all 3 entries" in found.message


def test_along_directions_an_explanation_speaks_of_what_was_measured() -> None:
    found = diagnosed(each(lambda g: 2 * g), plan="directions")
    for diagnosis in found:
        assert diagnosis.kind in ("factor", "unexplained")
        assert "measured" in diagnosis.message


# ------------------------------------------------------------ matrix products


@pytest.mark.parametrize("engine", ["black box", "trace"])
@pytest.mark.parametrize("n", [4, 7])
def test_an_elementwise_product_taken_for_a_matrix_product_is_named(n: int, engine: str) -> None:
    rng = np.random.default_rng(n)
    W, x = rng.standard_normal((n, n)), rng.standard_normal((n, n))

    def value_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        return float(np.sum(W @ x)), W

    result = fc.check_value_and_grad(value_and_gradient, x, engine=engine)
    (found,) = result.diagnosis
    assert (found.kind, found.is_exact) == ("elementwise", True)
    assert "the loss has the matrix product W @ theta" in found.message
    nearly = W + 1e-6 * rng.standard_normal((n, n))
    result = fc.check_value_and_grad(lambda x: (float(np.sum(W @ x)), nearly), x, engine=engine)
    assert "elementwise" not in [diagnosis.kind for diagnosis in result.diagnosis]

    def right(x: np.ndarray) -> tuple[float, np.ndarray]:
        return float(np.sum(W * x)), W

    assert fc.check_value_and_grad(right, x, engine=engine).diagnosis == ()


def test_the_confusion_is_named_also_where_it_changes_the_shape() -> None:
    rng = np.random.default_rng(0)
    W, x = rng.standard_normal((5, 10)), rng.standard_normal((10, 3))
    result = fc.check_value_and_grad(
        lambda x: (float(np.sum(W @ x)), W), x, engine="black box"
    )  # fmt: skip
    assert result.verdict == "inconclusive"
    (found,) = result.diagnosis
    assert found.kind == "elementwise"
    assert "W.T @ ones" in found.message


# ------------------------------------------------------------ ties


def autoencoder() -> tuple[Arrays, Callable[[], float], Arrays]:
    """Return parameters with one matrix used twice, the loss, and what comes from each use."""
    rng = np.random.default_rng(1)
    x, W = rng.standard_normal((8, 6)), rng.standard_normal((6, 4)) / 2

    def loss() -> float:
        return float(0.5 * np.sum((np.tanh(x @ W) @ W.T - x) ** 2))

    h = np.tanh(x @ W)
    d = h @ W.T - x
    parts = {"encoder": x.T @ (d @ W * (1 - h**2)), "decoder": d.T @ h}
    return {"W": W}, loss, parts


def test_the_other_use_of_a_tied_matrix_is_found_under_another_name() -> None:
    params, loss, parts = autoencoder()
    assert fc.check_gradients(
        loss, params, {"W": parts["encoder"] + parts["decoder"]}, engine="black box"
    ).passed
    for other in (parts["decoder"], parts["decoder"].T):
        grads = {"W": parts["encoder"], "W_decoder": other}
        (found,) = fc.check_gradients(loss, params, grads, engine="black box").diagnosis
        assert (found.kind, found.tensors) == ("not-summed", ("W",))
        assert "W_decoder" in found.message
    (found,) = fc.check_gradients(
        loss, params, {"W": parts["encoder"]}, engine="black box"
    ).diagnosis
    assert found.kind == "unexplained"


def test_a_parameter_under_two_names_is_added_up_or_said_to_be_lost() -> None:
    params, loss, parts = autoencoder()
    both = {"encoder": params["W"], "decoder": params["W"]}
    assert fc.check_gradients(loss, both, parts, engine="black box").passed
    result = fc.check_gradients(
        loss, both, {"encoder": parts["encoder"], "decoder": 0 * parts["decoder"]},
        engine="black box",
    )  # fmt: skip
    assert result.verdict == "fail"
    assert {d.kind for d in result.diagnosis} == {"unexplained"}
    copies = {"encoder": params["W"], "decoder": params["W"].copy()}
    result = fc.check_gradients(loss, copies, parts, engine="black box")
    assert [(d.kind, d.tensors) for d in result.diagnosis] == [("not-summed", ("encoder",))]
