"""A gradient function that accumulates, draws or writes is named, and its gradient not blamed."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.preflight.common import ENGINES, FORMS, Arrays, Net, kinds, normal, only_finding


class Layered:
    """Two layers with caches, as a framework of one's own has them; faults are switched on."""

    def __init__(self, fault: str = "") -> None:
        self.x, self.t = normal(6, 4), normal(6, 2)
        self.W1, self.W2 = normal(4, 3), normal(3, 2)
        self.fault = fault
        self.dW1, self.dW2 = np.zeros((4, 3)), np.zeros((3, 2))

    @property
    def params(self) -> Arrays:
        return {"W1": self.W1, "W2": self.W2}

    def forward(self) -> Any:
        self.z = self.x @ self.W1
        self.a = np.maximum(self.z, 0.0)
        self.y = self.a @ self.W2
        if self.fault == "reset by forward":
            self.dW1[...] = 0.0
            self.dW2[...] = 0.0
        return self.y

    def loss(self) -> float:
        return float(0.5 * np.sum((self.forward() - self.t) ** 2))

    def gradient(self) -> Arrays:
        dy = self.y - self.t
        if self.fault == "cache":
            da = self.y  # the buffer of the forward pass is used for what goes back
            da -= self.t
            dy = da
        dz = dy @ self.W2.T
        if self.fault == "in-place relu":
            self.a[self.z <= 0] = 0.0
            dz[self.z <= 0] = 0.0
            self.z[self.z > 0] = 0.0
        else:
            dz = dz * (self.z > 0)
        if self.fault in ("always", "reset by forward"):
            self.dW1 += self.x.T @ dz
            self.dW2 += self.a.T @ dy
        else:
            self.dW1, self.dW2 = self.x.T @ dz, self.a.T @ dy
        return {"W1": self.dW1, "W2": self.dW2}


@ENGINES
def test_a_right_backward_pass_with_caches_has_no_finding(engine: str) -> None:
    net = Layered()
    result = fc.check_gradients(net.loss, net.params, net.gradient, engine=engine)
    assert kinds(result) == []
    assert result.passed


# ---------------------------------------------------------------- accumulation


@ENGINES
def test_accumulation_over_calls_is_named(engine: str) -> None:
    net = Layered("always")
    result = fc.check_gradients(net.loss, net.params, net.gradient, engine=engine)
    found = only_finding(result, "gradient-accumulates", "error")
    assert found.startswith("each call of the gradient function adds to W1 and W2 what it added")
    assert not net.dW1.any()


@ENGINES
def test_accumulation_onto_what_an_earlier_call_left_is_named(engine: str) -> None:
    net = Layered("always")
    net.loss()
    net.gradient()
    result = fc.check_gradients(net.loss, net.params, net.gradient, engine=engine)
    only_finding(result, "gradient-accumulates", "error")


@ENGINES
def test_accumulation_between_forward_passes_only_is_a_warning(engine: str) -> None:
    net = Layered("reset by forward")
    result = fc.check_gradients(net.loss, net.params, net.gradient, engine=engine)
    found = only_finding(result, "gradient-accumulates", "warning")
    assert found.startswith("a second backward pass after one forward pass adds to W1 and W2")


@ENGINES
@FORMS
def test_accumulation_by_adding_new_arrays_is_named(engine: str, is_closure: bool) -> None:
    net = Net()
    total: Arrays = {name: np.zeros_like(p) for name, p in net.params.items()}

    def gradient(p: Arrays) -> Arrays:
        for name, part in net.gradient(p).items():
            total[name] = total[name] + part
        return total

    result = net.check(grads=gradient, is_closure=is_closure, engine=engine)
    found = only_finding(result, "gradient-accumulates", "error")
    assert "W1, b1, W2 and b2" in found


@ENGINES
@FORMS
def test_one_tensor_that_accumulates_is_named_alone(engine: str, is_closure: bool) -> None:
    net = Net()
    db1 = np.zeros(3)

    def gradient(p: Arrays) -> Arrays:
        nonlocal db1
        found = net.gradient(p)
        db1 += found["b1"]
        return found | {"b1": db1}

    result = net.check(grads=gradient, is_closure=is_closure, engine=engine)
    found = only_finding(result, "gradient-accumulates", "error")
    assert "adds to b1 what it added before" in found


@ENGINES
def test_buffers_of_grad_add_up_by_contract(engine: str) -> None:
    class Value:
        def __init__(self, data: Any) -> None:
            self.data, self.grad = data, np.zeros_like(data)

    w, x = Value(normal(5)), normal(5)

    def backward() -> None:
        w.grad += 2.0 * w.data * x

    result = fc.check_gradients(lambda: np.sum(w.data**2 * x), {"w": w}, backward, engine=engine)
    assert kinds(result) == []
    assert result.passed


# ---------------------------------------------------------------- overwritten caches


@ENGINES
def test_an_in_place_relu_backward_that_spoils_its_cache_is_a_warning(engine: str) -> None:
    net = Layered("in-place relu")
    result = fc.check_gradients(net.loss, net.params, net.gradient, engine=engine)
    found = only_finding(result, "gradient-not-repeatable", "warning")
    assert "a second backward pass after one forward pass gives another gradient of W1" in found
    assert "dout[mask] = 0" in found


@ENGINES
def test_a_backward_pass_in_the_buffers_of_the_forward_pass_is_a_warning(engine: str) -> None:
    net = Layered("cache")
    result = fc.check_gradients(net.loss, net.params, net.gradient, engine=engine)
    only_finding(result, "gradient-not-repeatable", "warning")


def relu_backward(dout: Any, z: Any) -> Any:
    dout[z <= 0] = 0.0
    return dout


@ENGINES
@FORMS
def test_a_relu_backward_in_place_of_weights_of_the_loss_is_named(
    engine: str, is_closure: bool
) -> None:
    """The upstream gradient of ``sum(c * relu(x @ W))`` is the array ``c`` itself."""
    x, c, params = normal(6, 4), normal(6, 3), {"W": normal(4, 3)}
    before = c.tobytes()

    def loss(p: Arrays) -> Any:
        return np.sum(c * np.maximum(x @ p["W"], 0.0) + 0.1 * c**2)

    def gradient(p: Arrays) -> Arrays:
        return {"W": x.T @ relu_backward(c, x @ p["W"])}

    given, grads = (
        (lambda: loss(params), lambda: gradient(params)) if is_closure else (loss, gradient)
    )
    result = fc.check_gradients(given, params, grads, engine=engine)
    found = only_finding(result, "data-mutated", "error")
    assert found.startswith("the gradient function writes into c, which the loss reads")
    assert c.tobytes() == before
    right = lambda p: {"W": x.T @ relu_backward(c.copy(), x @ p["W"])}  # noqa: E731
    result = fc.check_gradients(loss, params, right, engine=engine)
    assert kinds(result) == []
    assert result.passed


@ENGINES
def test_a_backward_pass_that_can_run_only_once_is_right(engine: str) -> None:
    net = Layered()
    gradient = net.gradient

    def once() -> Arrays:
        found = gradient()
        del net.y
        return found

    result = fc.check_gradients(net.loss, net.params, once, engine=engine)
    assert kinds(result) == []
    assert result.passed


# ---------------------------------------------------------------- draws


def drawn_by_numpy() -> Any:
    return np.random.random()  # noqa: NPY002


@ENGINES
@FORMS
@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (drawn_by_numpy, "it draws from np.random"),
        (random.random, "it draws from Python's random"),
        (np.random.default_rng(0).random, "another one at each call"),
    ],
    ids=["numpy", "python", "generator"],
)
def test_a_gradient_that_draws_is_named(
    engine: str, is_closure: bool, draw: Any, told: str
) -> None:
    net = Net()
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002

    def gradient(p: Arrays) -> Arrays:
        found = net.gradient(p)
        return found | {"W1": found["W1"] * (draw() < 0.5)}

    result = net.check(grads=gradient, is_closure=is_closure, engine=engine)
    found = only_finding(result, "gradient-not-repeatable", "error")
    assert found.startswith("the gradient of W1 is another one at each call")
    assert told in found


@ENGINES
@FORMS
def test_momentum_in_a_gradient_is_named(engine: str, is_closure: bool) -> None:
    net = Net()
    state = {"v": np.zeros((4, 3))}

    def gradient(p: Arrays) -> Arrays:
        found = net.gradient(p)
        state["v"] = 0.9 * state["v"] + 0.1 * found["W1"]
        return found | {"W1": state["v"]}

    result = net.check(grads=gradient, is_closure=is_closure, engine=engine)
    found = only_finding(result, "gradient-not-repeatable", "error")
    assert "it carries state['v'] from call to call" in found


# ---------------------------------------------------------------- writing into parameters and data


@ENGINES
@FORMS
def test_a_gradient_that_makes_a_step_is_named(engine: str, is_closure: bool) -> None:
    net = Net()
    before = {name: p.tobytes() for name, p in net.params.items()}

    def gradient(p: Arrays) -> Arrays:
        found = net.gradient(p)
        p["W2"] -= 0.1 * found["W2"]
        return found

    result = net.check(grads=gradient, is_closure=is_closure, engine=engine)
    found = only_finding(result, "params-mutated", "error")
    assert found.startswith("the gradient changes W2")
    assert {name: p.tobytes() for name, p in net.params.items()} == before


@ENGINES
def test_a_gradient_that_puts_new_parameters_in_place_is_named(engine: str) -> None:
    net = Layered()

    def gradient() -> Arrays:
        found = Layered.gradient(net)
        net.W1 = net.W1 - 0.1 * found["W1"]
        return found

    W1 = net.W1
    result = fc.check_gradients(net.loss, net.params, gradient, engine=engine)
    found = only_finding(result, "params-mutated", "error")
    assert "puts other arrays in the place of Layered.W1" in found
    assert net.W1 is W1


@ENGINES
@FORMS
def test_a_gradient_that_changes_data_is_named(engine: str, is_closure: bool) -> None:
    net = Net()
    before = net.t.tobytes()

    def gradient(p: Arrays) -> Arrays:
        found = net.gradient(p)
        net.t *= 0.5
        return found

    result = net.check(grads=gradient, is_closure=is_closure, engine=engine)
    found = only_finding(result, "data-mutated", "error")
    assert found.startswith("the gradient function writes into Net.t, which the loss reads")
    assert net.t.tobytes() == before


@ENGINES
@FORMS
def test_a_gradient_that_goes_on_to_the_next_minibatch_is_named(
    engine: str, is_closure: bool
) -> None:
    net = Net()
    batches = [normal(6, 4, seed=1), normal(6, 4, seed=2), net.x]

    def gradient(p: Arrays) -> Arrays:
        found = net.gradient(p)
        net.x = batches.pop(0)
        return found

    x = net.x
    result = net.check(grads=gradient, is_closure=is_closure, engine=engine)
    found = only_finding(result, "data-mutated", "error")
    assert "changes the loss, by way of Net.x" in found or "writes into" in found
    assert net.x is x


@ENGINES
@FORMS
def test_a_wrong_gradient_is_still_found_wrong(engine: str, is_closure: bool) -> None:
    net = Net()

    def gradient(p: Arrays) -> Arrays:
        found = net.gradient(p)
        found["W1"][1, 2] *= 1.001
        return found

    result = net.check(grads=gradient, is_closure=is_closure, engine=engine)
    assert kinds(result) == []
    assert result.verdict == "fail"
    assert result.tensors["W1"].n_disagree == 1
