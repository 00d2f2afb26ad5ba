"""Gradients that cannot be compared are refused with a reason; the others are checked."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.preflight.common import ENGINES, FORMS, Arrays, Net, kinds, message, normal, only_finding

# ---------------------------------------------------------------- shapes


def column_net(n: int = 5) -> tuple[Any, Arrays, Arrays]:
    """Return a loss of a vector, a column and a square matrix, with its gradient."""
    x = normal(n)
    params = {"v": normal(n, seed=1), "c": normal(n, 1), "S": normal(n, n), "M": normal(n, 3)}
    k = normal(n, 3, seed=2)

    def loss(p: Arrays) -> Any:
        return (
            np.sum(x * p["v"] ** 2)
            + np.sum(np.sin(p["c"]))
            + np.sum(np.tanh(p["S"] @ x))
            + np.sum(k * p["M"] ** 3)
        )

    right = {
        "v": 2 * x * params["v"],
        "c": np.cos(params["c"]),
        "S": np.outer(1 - np.tanh(params["S"] @ x) ** 2, x),
        "M": 3 * k * params["M"] ** 2,
    }
    return loss, params, right


@ENGINES
@FORMS
@pytest.mark.parametrize(
    ("name", "wrong", "told", "remedy"),
    [
        ("v", lambda g: g[:, None], "has shape (5, 1), the parameter (5,)", "reshape it"),
        ("v", lambda g: g[None, :], "has shape (1, 5), the parameter (5,)", "reshape it"),
        ("c", lambda g: g[:, 0], "has shape (5,), the parameter (5, 1)", "reshape it"),
        ("c", lambda g: g.T, "has shape (1, 5), the parameter (5, 1)", "transpose it"),
        ("M", lambda g: g.T, "has shape (3, 5), the parameter (5, 3)", "transpose it"),
        ("M", lambda g: g.sum(0), "has shape (3,), the parameter (5, 3)", "keepdims"),
        ("M", lambda g: g.sum(1, keepdims=True), "has shape (5, 1)", "keepdims"),
        ("M", lambda g: g.sum(), "has shape (), the parameter (5, 3)", "keepdims"),
        ("v", lambda g: np.tile(g, (4, 1)), "has shape (4, 5)", "that of the samples"),
        ("M", lambda g: g[:2], "has shape (2, 3), the parameter (5, 3)", "forward pass"),
        ("M", lambda g: [[1.0], [2.0, 3.0]], "is not one array", "return an array"),
    ],
)
def test_a_wrong_shape_is_refused_with_its_likely_cause(
    engine: str, is_closure: bool, name: str, wrong: Any, told: str, remedy: str
) -> None:
    loss, params, right = column_net()
    given = (lambda: loss(params)) if is_closure else loss
    grads = right | {name: wrong(right[name])}
    result = fc.check_gradients(given, params, grads, engine=engine)
    found = only_finding(result, "wrong-shape", "error")
    assert found.startswith(f"{name}: its gradient ")
    assert told in found
    assert remedy in found
    assert result.tensors[name].verdict == "inconclusive"
    assert [t.verdict for n, t in result.tensors.items() if n != name] == ["pass"] * 3
    assert fc.check_gradients(given, params, right, engine=engine).findings == ()


@pytest.mark.parametrize("wrong", [lambda g: g[None, :], lambda g: g.sum()])
def test_a_shape_that_would_broadcast_is_said_to(wrong: Any) -> None:
    loss, params, right = column_net()
    given = wrong(right["v"])
    result = fc.check_gradients(loss, params, right | {"v": given})
    found = only_finding(result, "wrong-shape", "error")
    assert ("NumPy would broadcast it" in found) == (np.shape(given) == ())


# ---------------------------------------------------------------- dtypes


@ENGINES
@pytest.mark.parametrize(
    ("wrong", "told", "remedy"),
    [
        (lambda g: g.astype(complex), "complex128", "real part"),
        (lambda g: g > 0, "bool", "mask"),
        (lambda g: np.where(g > 0.0, None, g), "object", "astype(float)"),
        (lambda g: g.astype(str), "<U", "convert it to float64"),
    ],
)
def test_a_wrong_dtype_is_refused(engine: str, wrong: Any, told: str, remedy: str) -> None:
    net = Net()
    result = net.check(grads=net.right | {"W1": wrong(net.right["W1"])}, engine=engine)
    found = only_finding(result, "wrong-dtype", "error")
    assert found.startswith(f"W1: its gradient is of dtype {told}")
    assert remedy in found
    assert result.tensors["W2"].verdict == "pass"


@ENGINES
def test_right_integers_are_a_note(engine: str) -> None:
    params = {"v": normal(3), "w": normal(2)}
    grads = {"v": np.array([2, 2, 2]), "w": 2 * params["w"]}
    result = fc.check_gradients(
        lambda p: 2 * np.sum(p["v"]) + np.sum(p["w"] ** 2), params, grads, engine=engine
    )
    found = only_finding(result, "wrong-dtype", "note")
    assert "cuts off what is added to it: make it with dtype=float" in found


@ENGINES
def test_a_buffer_of_integers_that_cut_off_fails_and_is_told(engine: str) -> None:
    net = Net()
    wrong = (10 * net.right["W1"]).astype(int)
    result = net.check(lambda p: 10 * net.loss(p), {
        n: 10 * g for n, g in net.right.items()} | {"W1": wrong}, engine=engine)  # fmt: skip
    assert kinds(result) == ["wrong-dtype"]
    assert result.tensors["W1"].verdict == "fail"


# ---------------------------------------------------------------- names


@ENGINES
@FORMS
def test_a_missing_gradient_is_told_with_a_name_like_it(engine: str, is_closure: bool) -> None:
    net = Net()
    grads = net.right
    grads["b_1"] = grads.pop("b1")
    result = net.check(grads=grads, is_closure=is_closure, engine=engine)
    assert kinds(result) == ["missing-gradient", "unused-gradient"]
    found = message(result, "missing-gradient")
    assert found.startswith("b1: no gradient of it was given; add it to `grads`")
    assert "(did you mean b_1?)" in found
    assert ": b_1" in message(result, "unused-gradient")
    assert result.verdict == "inconclusive"
    assert [t.verdict for n, t in result.tensors.items() if n != "b1"] == ["pass"] * 3


@ENGINES
@FORMS
def test_a_missing_gradient_alone_is_one_finding(engine: str, is_closure: bool) -> None:
    net = Net()
    grads = net.right
    del grads["W2"]
    result = net.check(grads=grads, is_closure=is_closure, engine=engine)
    found = only_finding(result, "missing-gradient", "error")
    assert found.startswith("W2: no gradient of it was given")
    assert net.check(grads=grads, engine=engine, skip="W2").passed


@ENGINES
def test_gradients_of_other_names_altogether_are_one_error(engine: str) -> None:
    net = Net()
    grads = {f"layer{k}": g for k, g in enumerate(net.right.values())}
    result = net.check(grads=grads, engine=engine)
    assert kinds(result) == ["missing-gradient", "unused-gradient"]
    found = message(result, "missing-gradient")
    assert "for none of W1, b1, W2 and b2, but for layer0" in found
    assert result.verdict == "inconclusive"


@ENGINES
@FORMS
def test_entries_that_belong_to_no_parameter_are_a_note(engine: str, is_closure: bool) -> None:
    net = Net()
    grads = {f"d{n}": g for n, g in net.right.items()} | {"dA1": normal(6, 3)}
    result = net.check(grads=grads, is_closure=is_closure, engine=engine)
    found = only_finding(result, "unused-gradient", "note")
    assert "belong to no parameter and are ignored: dA1" in found


# ---------------------------------------------------------------- values


@ENGINES
@FORMS
def test_a_frozen_parameter_is_skipped_and_said(engine: str, is_closure: bool) -> None:
    net = Net()
    grads = net.right | {"b1": None}
    result = net.check(grads=grads, is_closure=is_closure, engine=engine)
    found = only_finding(result, "frozen", "note")
    assert found.startswith("b1: its gradient is None, so that it counts as frozen")
    assert [*result.tensors] == ["W1", "W2", "b2"]


@ENGINES
@FORMS
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_gradients_that_are_not_finite_fail_and_are_told(
    engine: str, is_closure: bool, value: float
) -> None:
    net = Net()
    grads = net.right
    grads["W1"][2, 1] = value
    result = net.check(grads=grads, is_closure=is_closure, engine=engine)
    assert kinds(result) == ["gradient-not-finite"]
    found = message(result, "gradient-not-finite")
    assert found.startswith(
        f"W1: 1 entry of 12 of its gradient is not finite, the first is {value}"
    )
    assert "at [2, 1], although the loss is; look for a division by zero" in found
    assert result.tensors["W1"].n_disagree == 1
    assert result.tensors["W2"].verdict == "pass"


@ENGINES
@FORMS
def test_an_empty_tensor_is_a_note(engine: str, is_closure: bool) -> None:
    net = Net()
    net.params["none"] = np.zeros((0, 3))
    grads = net.right | {"none": np.zeros((0, 3))}
    result = net.check(
        lambda p: net.loss(p) + np.sum(p["none"]), grads, is_closure=is_closure, engine=engine
    )
    found = only_finding(result, "empty", "note")
    assert found.startswith("none: the tensor has no entries ((0, 3))")


@ENGINES
@FORMS
def test_a_parameter_of_integers_is_a_note(engine: str, is_closure: bool) -> None:
    net = Net()
    net.params["rows"] = np.array([0, 2, 5])

    def loss(p: Arrays) -> Any:
        return np.sum((net.forward(p)[1] - net.t)[p["rows"]] ** 2)

    def gradient(p: Arrays) -> Arrays:
        other = Net()
        other.x, other.t, other.params = net.x[p["rows"]], net.t[p["rows"]], p
        return {n: 6.0 * g for n, g in other.gradient(p).items()}

    result = net.check(loss, gradient, is_closure=is_closure, engine=engine)
    found = only_finding(result, "integer-parameter", "note")
    assert found.startswith("rows (int64): integers cannot be moved a little")


@ENGINES
def test_an_integer_that_is_trained_and_has_a_gradient_cannot_pass(engine: str) -> None:
    params = {"w": normal(3), "n": np.array([1, 2, 3])}
    result = fc.check_gradients(
        lambda p: np.sum(p["w"] ** 2 * p["n"]),
        params,
        {"w": 2 * params["w"] * params["n"], "n": params["w"] ** 2},
        engine=engine,
    )
    assert result.verdict == "inconclusive"
    assert result.tensors["w"].passed
    (found,) = [f for f in result.findings if f.severity == "error"]
    assert found.kind == "integer-parameter"
    assert found.message.startswith("n: it has a gradient, but consists of integers (int64)")


@ENGINES
def test_a_whole_number_of_python_is_a_number(engine: str) -> None:
    params = {"w": 2.0, "b": 0}
    loss = lambda: (3.0 * params["w"] + params["b"] - 1.0) ** 2  # noqa: E731
    assert fc.check_gradients(loss, params, {"w": 30.0, "b": 10.0}, engine=engine).passed
    wrong = fc.check_gradients(loss, params, {"w": 30.0, "b": 11.0}, engine=engine)
    assert wrong.tensors["b"].verdict == "fail"
    assert type(params["b"]) is int


@ENGINES
@FORMS
def test_gradients_that_are_all_zero_fail_and_are_told(engine: str, is_closure: bool) -> None:
    net = Net()
    grads = {n: np.zeros_like(g) for n, g in net.right.items()}
    result = net.check(grads=grads, is_closure=is_closure, engine=engine)
    assert kinds(result) == ["gradient-all-zero"]
    found = message(result, "gradient-all-zero")
    assert found.startswith("the gradient of W1, b1, W2 and b2 is zero in every entry")
    assert "the backward pass was not run" in found
    assert result.verdict == "fail"


@ENGINES
@FORMS
def test_one_gradient_that_is_zero_is_told(engine: str, is_closure: bool) -> None:
    net = Net()
    grads = net.right | {"b1": np.zeros(3)}
    result = net.check(grads=grads, is_closure=is_closure, engine=engine)
    assert kinds(result) == ["gradient-all-zero"]
    assert message(result, "gradient-all-zero").startswith("b1: its gradient is zero in every")


@ENGINES
def test_a_gradient_is_copied_before_the_loss_writes_into_it(engine: str) -> None:
    net = Net()
    buffers = {n: g.copy() for n, g in net.right.items()}

    def loss(p: Arrays) -> Any:
        for buffer in buffers.values():
            buffer[...] = random.random()
        return net.loss(p)

    result = net.check(loss, buffers, engine=engine)
    assert kinds(result) == []
    assert result.passed
