"""What a layer does beside its work is said, and its gradient is not blamed for it."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.layers.dense_layers import Affine, Dropout, ReLU, SoftmaxWithLoss
from tests.layers.entry import normal

X = normal(5, 4)


def kinds(result: fc.CheckResult) -> list[str]:
    return [f.kind for f in result.findings if f.kind not in ("parameters-found", "not-traced")]


def message(result: fc.CheckResult, kind: str) -> str:
    (found,) = (f for f in result.findings if f.kind == kind)
    return found.message


class Accumulating(Affine):
    """Adds to what earlier calls left, in place or by a new array."""

    def __init__(self, *, in_place: bool = True, fault: str = "") -> None:
        super().__init__(fault)
        self.total = np.full_like(self.W, 3.0)
        self.in_place = in_place

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.W

    def backward(self, dout: Any) -> Any:
        dW = self.x.T @ dout * (1.001 if self.fault else 1.0)
        if self.in_place:
            self.total += dW
        else:
            self.total = self.total + dW
        return dout @ self.W.T


@pytest.mark.parametrize("in_place", [True, False])
def test_accumulated_gradients_are_named_and_judged_from_zero(in_place: bool) -> None:
    layer = Accumulating(in_place=in_place)
    arguments: dict[str, Any] = {"params": {"W": layer.W}, "grads": {"W": "total"}}
    result = fc.check_layer(layer, inputs=X, **arguments)
    assert kinds(result) == ["gradient-accumulates"]
    assert "Accumulating accumulates the gradient of W: each call adds" in message(
        result, "gradient-accumulates"
    )
    assert result.passed
    assert (layer.total == 3.0).all()
    layer.fault = "factor"
    result = fc.check_layer(layer, inputs=X, **arguments)
    assert kinds(result) == ["gradient-accumulates"]
    assert result.tensors["W"].n_disagree == 12


def test_returned_gradients_that_accumulate_are_not_compared() -> None:
    kept = [np.zeros((5, 4))]

    def backward(dout: Any) -> Any:
        kept[0] = kept[0] + dout * np.cos(X)
        return kept[0]

    result = fc.check_layer(np.sin, backward, X)
    assert kinds(result) == ["gradient-accumulates"]
    assert result.verdict == "inconclusive"
    assert not result.tensors
    assert "cannot be set to zero from outside" in result.summary()


def test_a_gradient_of_an_earlier_call_is_not_repeatable() -> None:
    calls = []

    def backward(dout: Any) -> Any:
        calls.append(1)
        return dout * np.cos(X) * len(calls) ** 2

    result = fc.check_layer(np.sin, backward, X)
    assert kinds(result) == ["gradient-not-repeatable"]
    assert result.verdict == "inconclusive"
    assert "the same forward and backward pass of sin give another gradient of x" in message(
        result, "gradient-not-repeatable"
    )
    assert "carries something from call to call" in result.summary()


@pytest.mark.parametrize("draw", [np.random.random, random.random])
def test_a_backward_pass_that_draws_is_not_repeatable(draw: Any) -> None:
    result = fc.check_layer(np.sin, lambda dout: dout * (draw() < 0.5) + draw(), X)
    assert kinds(result) == ["gradient-not-repeatable"]
    assert "draws from np.random or Python's random" in result.summary()


@pytest.mark.parametrize(
    ("draw", "source"),
    [
        (lambda x: np.random.random(x.shape) < 0.5, "draws from np.random"),  # noqa: NPY002
        (
            lambda x: [[random.random() < 0.5 for _ in row] for row in x],
            "draws from Python's random",
        ),
    ],
)
def test_dropout_that_is_drawn_in_each_call_is_named_by_its_source(draw: Any, source: str) -> None:
    class Drawn(Dropout):
        def forward(self, x: Any, train_flg: bool = True) -> Any:
            self.mask = np.array(draw(x)) * 1.0
            return super().forward(x)

    result = fc.check_layer(Drawn(""), inputs=X)
    assert kinds(result) == ["train-flag", "loss-not-repeatable"]
    assert source in message(result, "loss-not-repeatable")
    assert result.verdict == "inconclusive"
    assert not result.tensors


def test_a_carried_state_is_named() -> None:
    class Recurrent:
        def __init__(self) -> None:
            self.h = np.zeros((5, 4))

        def forward(self, x: Any) -> Any:
            self.h = np.tanh(x + self.h)
            return self.h

        def backward(self, dout: Any) -> Any:
            return dout * (1 - self.h**2)

    layer = Recurrent()
    result = fc.check_layer(layer, inputs=X)
    assert kinds(result) == ["loss-not-repeatable"]
    assert "it carries Recurrent.h from call to call" in message(result, "loss-not-repeatable")
    assert not layer.h.any()


def test_a_written_upstream_gradient_is_a_note() -> None:
    result = fc.check_layer(ReLU(), inputs=X)
    assert kinds(result) == ["cotangent-mutated"]
    assert "backward pass of ReLU writes into the gradient" in message(result, "cotangent-mutated")
    assert result.passed


def test_a_forward_pass_that_works_in_its_input_is_a_warning() -> None:
    def forward(x: Any) -> Any:
        x *= x > 0
        return x

    before = X.tobytes()
    result = fc.check_layer(forward, lambda dout: dout * (X > 0), X)
    assert kinds(result) == ["input-mutated"]
    assert "forward pass of forward writes into its input x" in message(result, "input-mutated")
    assert result.passed
    assert X.tobytes() == before


def test_a_backward_pass_that_overwrites_its_input_is_a_warning() -> None:
    class Overwriting(Affine):
        def backward(self, dout: Any) -> Any:
            dx = super().backward(dout)
            self.x[...] = dx
            return dx

    result = fc.check_layer(Overwriting(), inputs=X)
    assert kinds(result) == ["input-mutated"]
    assert "backward pass of Overwriting writes into its input x" in message(
        result, "input-mutated"
    )
    assert result.passed


@pytest.mark.parametrize("which", ["forward", "backward"])
def test_a_layer_that_updates_its_parameters_is_refused(which: str) -> None:
    class Learning(Affine):
        def forward(self, x: Any) -> Any:
            if which == "forward":
                self.W *= 0.9
            return super().forward(x)

        def backward(self, dout: Any) -> Any:
            dx = super().backward(dout)
            if which == "backward":
                self.W -= 0.1 * self.dW
            return dx

    layer = Learning()
    before = layer.W.tobytes()
    result = fc.check_layer(layer, inputs=X)
    assert kinds(result) == ["params-mutated"]
    assert "Learning changes W" in result.summary()
    assert result.verdict == "inconclusive"
    assert layer.W.tobytes() == before


def test_a_loss_that_ignores_its_upstream_gradient_is_checked_with_one() -> None:
    layer = SoftmaxWithLoss("ignores dout")
    result = fc.check_layer(layer, inputs=(X, [0, 3, 1, 1, 2]))
    assert kinds(result) == ["cotangent-ignored"]
    assert "of SoftmaxWithLoss ignores the upstream gradient" in message(
        result, "cotangent-ignored"
    )
    assert result.passed
    assert "one upstream gradient" in result.coverage.statement
    result = fc.check_layer(lambda x: (x**2).sum(), lambda: 2.1 * X, X)
    assert kinds(result) == ["cotangent-ignored"]
    assert result.tensors["x"].n_disagree == 20


def test_a_layer_that_ignores_its_upstream_gradient_fails_and_is_told_why() -> None:
    result = fc.check_layer(np.sin, lambda dout: np.cos(X), X)
    assert kinds(result) == ["cotangent-ignored"]
    assert "backward pass of sin gives the same for any upstream gradient" in message(
        result, "cotangent-ignored"
    )
    assert result.verdict == "fail"


def test_the_mode_in_which_a_layer_was_checked_is_said() -> None:
    result = fc.check_layer(Dropout(""), inputs=X)
    assert "Dropout was checked with train_flg=True" in message(result, "train-flag")
    layer = Affine()
    layer.training = False
    assert "checked with training=False" in message(fc.check_layer(layer, inputs=X), "train-flag")
    assert not kinds(fc.check_layer(Dropout(""), inputs={"x": X, "train_flg": True}))


def test_an_inference_mode_forward_with_a_training_mode_backward_fails() -> None:
    result = fc.check_layer(Dropout(""), inputs=(X, False))
    assert result.verdict == "inconclusive"
    assert kinds(result) == ["mode-mismatch"]


def test_arrays_that_matter_and_have_no_gradient_are_said() -> None:
    class Forgetful(Affine):
        def backward(self, dout: Any) -> Any:
            return dout @ self.W.T

    result = fc.check_layer(Forgetful(), inputs=X)
    found = [f for f in result.findings if f.kind == "not-differentiated"]
    assert [f.severity for f in found] == ["warning", "warning"]
    assert "Forgetful holds W, which changes its output, and no gradient" in found[0].message
    assert [*result.tensors] == ["x"]


def test_an_array_without_which_the_layer_cannot_run_is_said() -> None:
    class Scaled:
        def __init__(self) -> None:
            self.unit = np.ones(1)

        def forward(self, x: Any) -> Any:
            if self.unit[0] != 1.0:
                raise ValueError("the unit was changed")
            return x * self.unit

        def backward(self, dout: Any) -> Any:
            return dout * self.unit

    result = fc.check_layer(Scaled(), inputs=X)
    assert kinds(result) == ["not-differentiated"]
    assert "Scaled holds unit, which changes its output" in message(result, "not-differentiated")
    assert result.passed


@pytest.mark.parametrize("returned", [lambda dx: dx, lambda dx: (dx, None)])
def test_an_input_without_a_gradient_is_said(returned: Any) -> None:
    result = fc.check_layer(lambda x, t: x - t, lambda dout: returned(dout), (X, X))
    assert kinds(result) == ["not-differentiated"]
    assert message(result, "not-differentiated").startswith("t: the backward pass gives no")
    assert [*result.tensors] == ["x"]
    assert result.passed


def test_a_forgotten_return_is_a_warning() -> None:
    class Forgetful(Affine):
        def backward(self, dout: Any) -> None:
            super().backward(dout)

    result = fc.check_layer([ReLU(), Forgetful()], inputs=X)
    (found,) = (f for f in result.findings if f.kind == "not-differentiated")
    assert (found.severity, found.tensor) == ("warning", "1.Forgetful.x")
    assert "1.Forgetful.x: the backward pass gives no gradient of it" in found.located
    alone = fc.check_layer(np.tanh, lambda dout: None, X)
    assert alone.verdict == "inconclusive"
    assert alone.coverage.n_checked == 0


def test_a_frozen_parameter_is_skipped_and_said() -> None:
    layer = Affine()
    gradients = {"W": None, "b": "db"}
    result = fc.check_layer(layer, inputs=X, params=["W", "b"], grads=gradients)
    assert [*result.tensors] == ["x", "b"]
    assert message(result, "not-differentiated").startswith("W: the backward pass gives no")


def test_an_output_that_is_not_finite_gives_no_verdict() -> None:
    x = np.array([1.0, 0.0, 2.0])
    with np.errstate(divide="ignore"):
        result = fc.check_layer(np.log, lambda dout: dout * np.array([1.0, 5.0, 0.5]), x)
    assert result.verdict == "inconclusive"
    assert "loss-not-finite" in kinds(result)


def test_everything_is_as_before_when_a_pass_raises() -> None:
    class Raising(Affine):
        calls = 0

        def forward(self, x: Any) -> Any:
            type(self).calls += 1
            self.W += 1
            if type(self).calls == 3:
                raise ZeroDivisionError("deliberately")
            return super().forward(x)

    layer = Raising()
    before, names = layer.W.tobytes(), [*vars(layer)]
    with pytest.raises(ZeroDivisionError) as caught:
        fc.check_layer(layer, inputs=X)
    assert caught.value.__notes__ == ["Raised by the forward pass of Raising, called by fastcheck."]
    assert layer.W.tobytes() == before
    assert [*vars(layer)] == names


def test_random_states_are_as_before() -> None:
    state = np.random.get_state()[1].tobytes()  # type: ignore[union-attr] # noqa: NPY002
    fc.check_layer(lambda x: x + np.random.random(), lambda dout: dout, X)  # noqa: NPY002
    assert np.random.get_state()[1].tobytes() == state  # type: ignore[union-attr] # noqa: NPY002
