"""Functions that return the loss and the gradient in one call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc

RNG = np.random.default_rng(0)
P = {"W": RNG.standard_normal((2, 3)), "b": RNG.standard_normal(3)}
X = RNG.standard_normal((5, 2))


def passes(p: Any) -> tuple[float, np.ndarray, np.ndarray]:
    z = X @ p["W"] + p["b"]
    return float(np.sin(z).sum()), X.T @ np.cos(z), np.cos(z).sum(axis=0)


def result_of(function: Any, params: Any = P, **options: Any) -> fc.CheckResult:
    return fc.check_value_and_grad(function, params, **options)


FORMS = {
    "dict": lambda loss, dW, db: (loss, {"W": dW, "b": db}),
    "derivatives and extras": lambda loss, dW, db: (loss, {"dW": dW, "db": db, "dz": 0}, "cache"),
    "list": lambda loss, dW, db: [loss, [dW, db], None],
    "one by one": lambda loss, dW, db: (loss, dW, db),
    "one by one and extras": lambda loss, dW, db: (loss, dW, db, {"h": dW}),
    "array of one": lambda loss, dW, db: (np.array([[loss]]), (dW, db)),
}


@pytest.mark.parametrize("engine", ["auto", "black box"])
@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_understood(form: str, engine: str) -> None:
    make = FORMS[form]
    assert result_of(lambda: make(*passes(P)), engine=engine).passed
    assert result_of(lambda p: make(*passes(p)), engine=engine).passed

    def wrong(p: Any) -> Any:
        loss, dW, db = passes(p)
        dW[1, 0] *= 1.01
        return make(loss, dW, db)

    for function in (wrong, lambda: wrong(P)):
        result = result_of(function, engine=engine)
        assert [m.index for m in result.tensors["W"].mismatches] == [(1, 0)]
        assert result.tensors["b"].passed


@pytest.mark.parametrize("shape", [(3,), (2, 2), ()])
def test_one_array_has_one_gradient(shape: tuple[int, ...]) -> None:
    x = RNG.standard_normal(shape)
    assert result_of(lambda v: (np.exp(v).sum(), np.exp(v)), x).passed
    assert result_of(lambda: (np.exp(x).sum(), np.exp(x), "extra"), x).passed


def test_a_gradient_whose_array_is_used_again_is_copied() -> None:
    buffer = np.zeros((2, 3))

    def function() -> Any:
        loss, dW, db = passes(P)
        buffer[...] = dW
        return loss, {"W": buffer, "b": db}

    right = result_of(function, engine="black box")
    assert right.passed


def test_parameters_are_as_before() -> None:
    before = {n: a.tobytes() for n, a in P.items()}

    def function() -> Any:
        P["b"] -= 0.1
        return passes(P)

    result = result_of(function, engine="black box")
    assert "params-mutated" in [f.kind for f in result.findings]
    assert {n: a.tobytes() for n, a in P.items()} == before


def test_a_loss_that_differs_from_call_to_call_is_no_verdict() -> None:
    n_calls = 0

    def function() -> Any:
        nonlocal n_calls
        n_calls += 1
        loss, dW, db = passes(P)
        return loss + (n_calls == 1), dW, db

    result = result_of(function, engine="black box")
    assert [f.kind for f in result.findings] == ["loss-not-repeatable"]
    assert result_of(lambda: passes(P), loss_value=3.0).findings[0].kind == "forward-mismatch"


@pytest.mark.parametrize("engine", ["auto", "black box"])
def test_what_comes_before_each_evaluation_comes_before_the_gradient_too(engine: str) -> None:
    rng = np.random.RandomState(0)
    x, w = rng.randn(8, 3), rng.randn(3, 2)

    def dropped() -> Any:
        z = x @ w * (rng.rand(8, 2) < 0.5)
        return 0.5 * np.sum(z**2), x.T @ z

    result = fc.check_value_and_grad(dropped, w, before_each=lambda: rng.seed(3), engine=engine)
    assert result.passed
    kinds = {f.kind for f in fc.check_value_and_grad(dropped, w, engine=engine).findings}
    assert "loss-not-repeatable" in kinds


def test_a_carried_state_is_found_out_before_the_gradient_is_blamed() -> None:
    x, w, state = np.ones((5, 3)), np.full((3, 2), 0.25), {"h": np.zeros(2)}

    def step() -> Any:
        z = x @ w + state["h"]
        state["h"] = np.ones(2)
        return np.sum(z**2), 2 * x.T @ z

    result = fc.check_value_and_grad(step, w)
    assert result.verdict == "inconclusive"
    assert [f.kind for f in result.findings] == ["loss-not-repeatable"]


def test_each_parameter_may_be_an_argument() -> None:
    x = np.arange(6.0).reshape(2, 3)

    def both(w: np.ndarray, b: np.ndarray) -> Any:
        z = x @ w + b
        return 0.5 * np.sum(z**2), [x.T @ z, z.sum(0)]

    point = [np.full((3, 2), 0.5), np.ones(2)]
    assert fc.check_value_and_grad(both, point).passed
    assert fc.check_gradients(
        lambda w, b: both(w, b)[0], point, lambda w, b: both(w, b)[1], jitter=1e-3
    ).passed
    assert fc.check_value_and_grad(both, point, jitter=1e-3).passed


@pytest.mark.parametrize("names", [("W", "b"), ("dW", "db")])
def test_a_loss_that_comes_with_its_gradient_by_name_is_traced(names: tuple[str, str]) -> None:
    x, params = np.ones((5, 3)), {"W": np.full((3, 2), 0.5), "b": np.zeros(2)}

    def both() -> Any:
        z = x @ params["W"] + params["b"]
        return 0.5 * np.sum(z**2), dict(zip(names, (x.T @ z, z.sum(0)), strict=True))

    result = fc.check_gradients(both, params, both()[1])
    assert (result.engine, result.verdict) == ("trace", "pass")
    assert {*result.tensors} == {"W", "b"}


def test_a_loss_that_varies_is_not_called_a_mismatch() -> None:
    rng = np.random.default_rng(0)

    def function() -> Any:
        loss, *grads = passes(P)
        return loss * rng.random(), *grads

    result = result_of(function, engine="black box")
    assert [f.kind for f in result.findings] == ["loss-not-repeatable"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda: 0.5,
            r"`function` must return \(loss, gradient, ...\), got float; give a function",
        ),
        (lambda: (0.5,), "got tuple of length 1; give a function of the loss alone"),
        (lambda: (P["W"], 0.5), "must return the loss first and then its gradient, got the number"),
        (lambda: (0.5, P["W"]), r"each of 2 parameters, got one array of shape \(2, 3\)"),
        (lambda a, b: 0.5, r"`function` must take no argument, .* of \(a, b\); bind the rest"),
        (0.5, "`function` must be an objective or a function, got float"),
    ],
)
def test_what_returns_something_else_is_refused(function: Any, message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        result_of(function, engine="black box")


@pytest.mark.parametrize(
    ("value", "shown"), [("x", "got 'x'"), ([[1.0], []], "got list of length 2")]
)
def test_a_loss_that_is_no_number_is_a_finding(value: Any, shown: str) -> None:
    result = result_of(lambda: (value, P), engine="black box")
    assert result.verdict == "inconclusive"
    (finding,) = result.findings
    assert finding.kind == "loss-not-scalar"
    assert f"`loss` must return one real number, {shown}" in finding.message


def test_options_are_those_of_a_check() -> None:
    result = result_of(lambda: passes(P), only="b", seed=3)
    assert [*result.tensors] == ["b"]
    with pytest.raises(TypeError, match="unexpected keyword argument 'steps'"):
        result_of(lambda: passes(P), steps=1)
