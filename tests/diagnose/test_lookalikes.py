"""Mistakes that look like another one: what is not known of them is not said."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.result import Diagnosis

ENGINES = pytest.mark.parametrize("engine", ["auto", "black box"])
Array = Any


def drawn(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def said(loss: Any, params: Any, grads: Any, **options: Any) -> list[Diagnosis]:
    """Return what is said of a gradient that is wrong."""
    result = fc.check_gradients(loss, params, grads, **options)
    assert result.verdict == "fail"
    return list(result.diagnosis)


# ---------------------------------------------------------------- arrays within reach


class Keeper:
    """One layer that keeps a wrong gradient beside its weights.

    Parameters
    ----------
    how : {"anew", "in place", "once"}
        Whether each call of the loss makes it anew, or writes it into the same array, or none does.
    """

    def __init__(self, how: str) -> None:
        self.x, self.y, self.W = drawn(8, 3), drawn(8, 2), drawn(3, 2)
        self.how = how
        self.dW = np.zeros((3, 2))
        self.keep(np.tanh(self.x @ self.W))

    def keep(self, a: Array) -> None:
        """Keep a gradient with a power that is wrong."""
        dW = self.x.T @ ((a - self.y) * (1 - a**3))
        if self.how == "in place":
            self.dW[...] = dW
        else:
            self.dW = dW

    def loss(self) -> Any:
        """Return the loss."""
        a = np.tanh(self.x @ self.W)
        if self.how != "once":
            self.keep(a)
        return 0.5 * np.sum((a - self.y) ** 2)


@ENGINES
@pytest.mark.parametrize("how", ["anew", "in place", "once"])
@pytest.mark.parametrize("given", ["array", "copy", "function"])
def test_a_gradient_that_is_kept_beside_the_loss_is_no_data(
    engine: str, how: str, given: str
) -> None:
    net = Keeper(how)
    before = net.dW.tobytes()
    grads: Any = {"W": net.dW.copy() if given == "copy" else net.dW}
    grads = (lambda: {"W": net.dW}) if given == "function" else grads
    found = said(net.loss, {"W": net.W}, grads, engine=engine)
    assert [d.kind for d in found] == ["unexplained"]
    assert how != "once" or net.dW.tobytes() == before


@ENGINES
def test_a_gradient_of_another_shape_that_is_kept_beside_the_loss_is_no_factor(engine: str) -> None:
    net = Keeper("once")
    net.dW = net.dW.T.copy()
    result = fc.check_gradients(net.loss, {"W": net.W}, {"W": net.dW}, engine=engine)
    (found,) = (f.message for f in result.findings if f.kind == "wrong-shape")
    assert "it is that of the transpose" in found


@ENGINES
@pytest.mark.parametrize("kind", ["floats", "integers"])
def test_data_that_the_loss_reads_are_named(engine: str, kind: str) -> None:
    net = Keeper("once")
    target = drawn(3, 2, seed=1) if kind == "floats" else np.arange(6).reshape(3, 2)
    found = said(
        lambda: np.sum(target * np.tanh(net.W)), {"W": net.W}, {"W": target * 1.0}, engine=engine
    )
    assert [d.kind for d in found] == ["other-tensor"]
    assert "W: what was given is the array target, bit for bit" in found[0].message


@ENGINES
@pytest.mark.parametrize("forward", [lambda x: np.maximum(x, 0.0), lambda x: x / np.sum(x * x)])
def test_an_upstream_gradient_that_is_passed_on_is_named(engine: str, forward: Any) -> None:
    result = fc.check_layer(forward, lambda d: d, drawn(8, 3), engine=engine)
    (found,) = result.diagnosis
    assert (found.kind, found.tensor) == ("slope-missing", "x")
    assert found.message.startswith("x: the upstream gradient is passed on unchanged")


# ---------------------------------------------------------------- another use of a parameter

A, B = drawn(3, 3), np.arange(9.0).reshape(3, 3) ** 0.5
S, T, V = A + A.T, drawn(3, seed=1), drawn(3)
USES: list[tuple[Any, Any, str]] = [
    (lambda v: v @ S @ v / (v @ v), 2 * S @ V / (V @ V), "the denominator"),
    (lambda v: v @ T / np.linalg.norm(v), T / np.linalg.norm(V), "the denominator"),
    (lambda v: v @ B @ v, B @ V, "another use"),
    (lambda v: v @ B @ v, 2 * B @ V, "another use"),
]


@pytest.mark.parametrize(("loss", "given", "words"), USES)
def test_another_use_of_a_parameter_is_no_regulariser(loss: Any, given: Array, words: str) -> None:
    v = V.copy()
    (found,) = said(lambda: loss(v), {"v": v}, {"v": given})
    assert (found.kind, found.tensor) == ("branch-missing", "v")
    assert f"v: the part through {words}, " in found.message
    assert ", is missing" in found.message


def test_a_part_that_counts_twice_is_told_with_its_factor() -> None:
    v = V.copy()
    (found,) = said(lambda: v @ B @ v, {"v": v}, {"v": B @ v + 2 * B.T @ v})
    assert (found.kind, found.constant) == ("branch-factor", 2.0)
    assert "is 2 times what it should be" in found.message


PENALTIES: list[Any] = [
    lambda W: 0.05 * np.sum(W**2),
    lambda W: (np.sum(W**2) + 3.0) / 16,
    lambda W: 0.3 * np.linalg.norm(W),
    lambda W: np.sum(np.abs(W)) / 10,
    lambda W: 0.5 * np.sum((W - B[:, :2]) ** 2),
]


@pytest.mark.parametrize("penalty", PENALTIES)
def test_what_is_added_to_the_loss_is_a_regulariser(penalty: Any) -> None:
    x, y, W, b = drawn(8, 3), drawn(8, 2), drawn(3, 2), drawn(2)
    d = (x @ W + b - y) / 8
    (found,) = said(
        lambda: 0.5 * np.mean(np.sum((x @ W + b - y) ** 2, axis=1)) + penalty(W),
        {"W": W, "b": b},
        {"W": x.T @ d, "b": d.sum(axis=0)},
    )
    assert (found.kind, found.tensor, found.constant) == ("regulariser", "W", 0.0)


# ---------------------------------------------------------------- constants


@ENGINES
@pytest.mark.parametrize("seed", range(3))
def test_a_norm_taken_for_a_constant_is_no_regulariser(engine: str, seed: int) -> None:
    given = lambda d: d / np.linalg.norm(x)  # noqa: E731
    x = drawn(8, 3, seed=seed)
    result = fc.check_layer(lambda x: x / np.linalg.norm(x), given, x, seed=seed, engine=engine)
    (found,) = result.diagnosis
    assert (found.kind, found.tensor, found.is_exact) == ("along-parameter", "x", True)
    assert "times the parameter in every entry: as where the norm that it is" in found.message
    V, y = drawn(3, 2, seed=seed), drawn(8, 2)
    dV = x.T @ (x @ (V / np.linalg.norm(V)) - y) / np.linalg.norm(V)
    loss = lambda: 0.5 * np.sum((x @ (V / np.linalg.norm(V)) - y) ** 2)  # noqa: E731
    (found,) = said(loss, {"V": V}, {"V": dV}, engine=engine)
    assert found.kind == "along-parameter"
    result = fc.check_gradients(loss, {"V": V}, {"V": dV}, engine=engine, accept="regulariser")
    assert result.verdict == "fail"


@ENGINES
@pytest.mark.parametrize("size", [0.1, 1.25e-3, 0.02 / 8, -1 / 8])
def test_a_strength_is_told_from_what_a_norm_leaves(engine: str, size: float) -> None:
    x, W = drawn(8, 3), drawn(3, 2)
    right = x.T @ np.cos(x @ W)
    found = said(lambda: np.sum(np.sin(x @ W)), {"W": W}, {"W": right + size * W}, engine=engine)
    assert [(d.kind, d.constant) for d in found] == [("weight-decay", pytest.approx(size))]


class Divergence:
    """That of two normal distributions, with a further term; all logarithms are positive."""

    def __init__(self) -> None:
        self.mu = np.array([0.3, -1.2, 0.8, 0.5])
        self.log = np.array([0.4, 0.9, 0.2, 1.1])

    def loss(self) -> Any:
        """Return the loss."""
        terms = 1.0 + self.log - self.mu**2 - np.exp(self.log)
        return -0.5 * np.sum(terms) + np.sum(np.sin(self.mu))

    def said(self, of_mu: float, constant: float, engine: str) -> list[Diagnosis]:
        """Return what is said where mu is taken so often, and with a constant in place of -1."""
        grads = {
            "mu": of_mu * self.mu + np.cos(self.mu),
            "log": 0.5 * (np.exp(self.log) + constant),
        }
        return said(self.loss, {"mu": self.mu, "log": self.log}, grads, engine=engine)


@ENGINES
def test_a_constant_is_no_sign_of_parameters_that_are_all_positive(engine: str) -> None:
    (found,) = Divergence().said(1.0, 1.0, engine)
    assert (found.kind, found.tensor, found.constant) == ("offset", "log", 1.0)
    assert "log: analytic minus numerical is the constant 1 in every entry" in found.message


@ENGINES
def test_a_parameter_that_is_added_once_too_often_is_no_step(engine: str) -> None:
    (found,) = Divergence().said(2.0, -1.0, engine)
    assert (found.kind, found.tensor, found.constant) == ("weight-decay", "mu", 1.0)


@pytest.mark.parametrize("is_positive", [True, False])
def test_a_sign_of_parameters_needs_both(is_positive: bool) -> None:
    x, W, b = drawn(8, 3), drawn(3, 2), drawn(2)
    W = np.abs(W) if is_positive else W
    d = np.cos(x @ W + b)
    grads = {"W": x.T @ d + 0.1 * np.sign(W), "b": d.sum(axis=0)}
    found = said(lambda: np.sum(np.sin(x @ W + b)), {"W": W, "b": b}, grads)
    assert [d.kind for d in found] == ["offset" if is_positive else "l1-decay"]


# ---------------------------------------------------------------- words


class Gate:
    """Two layers, with z * sigmoid(z) between them."""

    def __init__(self) -> None:
        self.x, self.y = drawn(8, 3), drawn(8, 2)
        self.params = {"W1": drawn(3, 4), "W2": drawn(4, 2)}

    def forward(self) -> tuple[Any, Any]:
        """Return the hidden values and what the loss is the square of."""
        z = self.x @ self.params["W1"]
        a = z / (1.0 + np.exp(-z))
        return a, a @ self.params["W2"] - self.y

    def loss(self) -> Any:
        """Return the loss."""
        return 0.5 * np.sum(self.forward()[1] ** 2)

    def gradient(self) -> dict[str, Array]:
        """Return the gradient without the derivative of the activation."""
        a, e = self.forward()
        return {"W1": self.x.T @ (e @ self.params["W2"].T), "W2": a.T @ e}


def test_an_activation_is_called_what_people_call_it() -> None:
    net = Gate()
    (found,) = said(net.loss, net.params, net.gradient())
    assert found.kind == "slope-missing"
    assert "the derivative of SiLU (swish) is missing" in found.message


def test_factors_of_units_that_are_nearly_one_do_not_look_like_one() -> None:
    x, y, W, V = drawn(8, 3), drawn(8, 4), drawn(3, 2), drawn(2, 4)

    def normalised(eps: float) -> tuple[Array, Array, Array]:
        z = x @ W
        s = np.sqrt(z.var(axis=0) + eps)
        n = (z - z.mean(axis=0)) / s
        return s, n, n @ V - y

    _, n, e = normalised(1e-5)
    s, dn = normalised(0.0)[0], e @ V.T
    dz = (dn - dn.mean(axis=0) - n * (dn * n).mean(axis=0)) / s
    found = said(
        lambda: 0.5 * np.sum(normalised(1e-5)[2] ** 2), {"W": W, "V": V},
        {"W": x.T @ dz, "V": n.T @ e},
    )  # fmt: skip
    (told,) = (d.message for d in found if "W" in d.tensors)
    assert "each unit comes out 1 and 1 times" not in told
    assert re.search(r"each unit comes out 1 \+ \de-05 and 1 \+ \de-06 times as large", told)
