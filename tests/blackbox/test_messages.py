"""What is said about losses that are none, and about parameters that cannot be perturbed."""

from __future__ import annotations

import random
import re
from typing import Any

import numpy as np
import pytest

import fastcheck as fc

W = np.array([0.3, -0.4, 0.5])
RIGHT = [2 * W]


def checked(loss: Any, params: Any = None, grads: Any = None, **options: Any) -> fc.CheckResult:
    options = {"engine": "black box"} | options
    return fc.check_gradients(loss, [W] if params is None else params, grads or RIGHT, **options)


def squares() -> float:
    return float(W @ W)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "one real number, got None; let the function end with return loss"),
        (W, r"got an array of shape \(3,\) of float64; return its sum or mean"),
        ((W, 1.0), r"got an array of shape \(3,\) of float64"),
        ((), r"got tuple of length 0"),
        ({"acc": 1.0}, "got dict of length 1; .* one entry must be called"),
        ("x", "got 'x' of type str"),
        (1j, r"got 1j of type complex; return its real part"),
        ([[1.0], []], "got list of length 2"),
        (True, "got True of type bool"),
    ],
)
def test_what_is_no_real_number_is_refused(value: object, message: str) -> None:
    finding = only_finding(checked(lambda: value))
    assert (finding.kind, finding.severity) == ("loss-not-scalar", "error")
    assert re.search(f"`loss` must return .*{message}", finding.message)
    with pytest.raises(fc.InputError, match=f"^`loss` must return .*{message}"):
        fc.numerical_gradient(lambda: value, [W], engine="black box")


@pytest.mark.parametrize(
    "wrap", [lambda v: (v, {}), lambda v: [v, {}], lambda v: {"acc": 0.5, "loss": v}]
)
def test_a_loss_may_come_with_more(wrap: Any) -> None:
    assert checked(lambda: wrap(squares())).passed
    assert checked(lambda: wrap(squares()), engine="black box").passed


@pytest.mark.parametrize("wrap", [np.float64, np.array, lambda v: np.array([[v]]), np.longdouble])
def test_a_number_may_come_in_an_array(wrap: Any) -> None:
    assert checked(lambda: wrap(squares())).passed


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ([], "`params` must hold an array, got none"),
        ([{1.0}], r"`params\['0'\]` must be the array that the loss reads, got set"),
        ([np.arange(3)], r"`params\['0'\]` must be of floating point, got dtype int64"),
        ([np.array([1.0, np.nan])], r"must be finite, got nan at \[1\]"),
        ([np.broadcast_to(1.0, (3,))], "must be writeable, because the loss reads it"),
    ],
)
def test_parameters_that_cannot_be_perturbed_are_refused(params: Any, message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        checked(squares, params)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda p, x: 0.0, r"must take no argument, or the parameters, got a function of \(p, x\)"),
        (max, "must be a function whose arguments are known, got <built-in function max>"),
    ],
)
def test_a_function_of_something_else_is_refused(loss: Any, message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        checked(loss)


def test_a_loss_with_defaults_reads_live_arrays() -> None:
    assert checked(lambda w=W: float(w @ w)).passed


def test_gradients_in_a_list_must_be_as_many_as_parameters() -> None:
    with pytest.raises(fc.InputError, match="one gradient for each of 1 parameters, got 2"):
        checked(squares, grads=[W, W])


# ------------------------------------------------------------ engines


def test_engines_that_do_not_suit_are_refused() -> None:
    net = fc.Network([fc.Dense(3, 2)], loss=fc.SquaredError())
    objective, params = net.objective([[1.0, 2.0, 3.0]], [[0.0, 0.0]]), net.init_params()
    with pytest.raises(fc.InputError, match="must be auto or graph for an objective"):
        fc.check_gradients(objective, params, params, engine="black box")
    with pytest.raises(fc.InputError, match="must be auto, trace or black box for a Python func"):
        checked(squares, engine="graph")
    with pytest.raises(
        fc.InputError,
        match=r"`plan` must be one of auto, exh.* for a Python func.* got 'units'",
    ):
        checked(squares, plan="units")
    grads = objective.gradient(params)
    assert checked(objective.loss, params, grads).passed  # its method is a function


def test_the_result_says_which_engine_ran_and_why() -> None:
    result = checked(squares, engine="blackbox")
    assert (result.engine, result.engine_reason) == ("black box", "asked for")
    assert "black box: asked for" in str(result)
    again = fc.CheckResult.from_json(result.to_json())
    assert again.engine_reason == "asked for"


# ------------------------------------------------------------ losses that vary


def only_finding(result: fc.CheckResult) -> Any:
    (finding,) = result.findings
    assert result.verdict == "inconclusive"
    assert not result.tensors
    return finding


class Carried:
    """A loss with a state."""

    def __init__(self) -> None:
        self.h = 0.0
        self.rng = np.random.default_rng(0)

    def hidden(self) -> float:
        """Carry a hidden state on."""
        self.h = 0.5 * self.h + W.sum()
        return float(W @ W + self.h)

    def own_generator(self) -> float:
        """Draw a mask."""
        return float(W @ W * self.rng.random())


@pytest.mark.parametrize(
    ("loss", "cause"),
    [
        (lambda: float(W @ W * np.random.rand()), "it draws from np.random; "),  # noqa: NPY002
        (lambda: float(W @ W * random.random()), "it draws from Python's random; "),
        (Carried().hidden, "it carries Carried.h from call to call, such as a hidden state"),
        (Carried().own_generator, "it draws from Carried.rng, a generator of its own; make"),
    ],
)
def test_a_loss_that_varies_is_named_with_its_likely_source(loss: Any, cause: str) -> None:
    finding = only_finding(checked(loss))
    assert (finding.kind, finding.severity) == ("loss-not-repeatable", "error")
    assert cause in finding.message


def test_looking_for_the_source_leaves_the_random_state_as_it_was() -> None:
    def loss() -> float:
        return float(W @ W * np.random.rand())  # noqa: NPY002

    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1:]  # noqa: NPY002
    checked(loss)
    assert str(np.random.get_state()[1:]) == str(before)  # noqa: NPY002


def test_a_state_that_drifts_during_the_probes_is_noticed() -> None:
    n_calls = 0

    def loss() -> float:
        nonlocal n_calls
        n_calls += 1
        return float(W @ W) + (1e-3 if n_calls > 30 else 0.0)

    result = checked(loss)
    assert "loss-not-repeatable" in [f.kind for f in result.findings]
    assert not result.passed


@pytest.mark.parametrize("who", ["loss", "gradient"])
def test_parameters_that_a_call_changes_are_restored_and_told(who: str) -> None:
    w = W.copy()

    def loss() -> float:
        value = float(w @ w)
        if who == "loss":
            w.__imul__(0.9)
        return value

    def grads() -> list[np.ndarray]:
        gradient = 2 * w
        if who == "gradient":
            w.__isub__(0.1 * gradient)
        return [gradient]

    finding = only_finding(checked(loss, [w], grads))
    assert finding.kind == "params-mutated"
    assert finding.message.startswith(f"the {who} changes 0, so that")
    assert np.array_equal(w, W)


def test_a_loss_that_is_not_finite_is_told() -> None:
    finding = only_finding(checked(lambda: float("nan")))
    assert finding.kind == "loss-not-finite"


def test_a_numerical_gradient_of_a_loss_that_varies_is_refused() -> None:
    with pytest.raises(fc.InputError, match="`loss` must be a function of the parameters; the los"):
        fc.numerical_gradient(Carried().hidden, [W], engine="black box")


# ------------------------------------------------------------ other findings


def test_a_copy_that_the_loss_does_not_read_is_told() -> None:
    result = checked(squares, {"W": W.copy()}, {"W": 2 * W})
    assert [f.kind for f in result.findings] == ["unused-parameter"]
    assert "the loss reads another array, of which this is a copy" in result.findings[0].message
    assert result.verdict == "inconclusive"


def test_a_gradient_that_is_zero_but_for_rounding_is_told() -> None:
    x = np.random.default_rng(0).standard_normal((20, 4))
    b = np.full(4, 0.1)

    def loss() -> float:
        z = x + b
        c = z - z.mean(axis=0)
        return float((np.tanh(c / np.sqrt((c * c).mean(axis=0))) ** 3).sum())

    result = checked(loss, {"b": b}, {"b": np.full(4, 1e-17)})
    assert "zero-gradient" in [f.kind for f in result.findings]
    assert result.verdict == "inconclusive"


def test_float32_is_told() -> None:
    w = W.astype(np.float32)
    result = checked(lambda: np.exp(w).sum(), [w], [np.exp(w)])
    assert [f.kind for f in result.findings] == ["low-precision"]
    assert "as if computed in float32" in result.findings[0].message
