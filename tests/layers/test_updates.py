"""Layers whose backward pass takes a learning rate and updates the parameters itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.layers.dense_layers import Sigmoid
from tests.layers.entry import normal

X = normal(5, 4)


class Learning:
    """Descends in place or by new arrays; ``counts`` stands for what is updated beside it."""

    def __init__(self, fault: str = "", *, in_place: bool = True) -> None:
        self.fault, self.in_place = fault, in_place
        self.weights, self.bias, self.counts = normal(4, 3), normal(3), np.zeros(2)

    def forward(self, input: Any) -> Any:  # noqa: A002
        self.input = input
        return input @ self.weights + self.bias

    def backward(self, output_gradient: Any, learning_rate: float) -> Any:
        dW, db = self.input.T @ output_gradient, output_gradient.sum(axis=0)
        dx = output_gradient @ self.weights.T
        if self.fault == "ascends":
            dW = -dW
        if self.fault == "one entry":
            dW[3, 1] *= 1.00002
        if self.in_place:
            self.weights -= learning_rate * dW
            self.bias -= learning_rate * db
        else:
            self.weights = self.weights - learning_rate * dW
            self.bias = self.bias - learning_rate * db
        self.counts += 1
        if self.fault == "after the update":
            return output_gradient @ self.weights.T
        return dx


in_both_ways = pytest.mark.parametrize("in_place", [True, False])


@in_both_ways
def test_gradients_are_recovered_from_the_update_and_it_is_undone(in_place: bool) -> None:
    layer = Learning(in_place=in_place)
    weights, before = layer.weights, layer.weights.tobytes()
    result = fc.check_layer(layer, inputs=X)
    assert result.passed
    assert [*result.tensors] == ["input", "weights", "bias"]
    assert result.tensors["weights"].digits > 12
    (note,) = (f for f in result.findings if f.kind == "gradient-from-update")
    assert "backward pass of Learning updates its parameters" in note.message
    assert "a rate of 1048576" in note.message
    assert layer.weights is weights
    assert weights.tobytes() == before
    assert not layer.counts.any()


@in_both_ways
@pytest.mark.parametrize(
    ("fault", "tensor", "n_wrong"),
    [("ascends", "weights", 12), ("one entry", "weights", 1), ("after the update", "input", 20)],
)
def test_a_wrong_update_fails(fault: str, tensor: str, n_wrong: int, in_place: bool) -> None:
    result = fc.check_layer(Learning(fault, in_place=in_place), inputs=X)
    assert {n: t.n_disagree for n, t in result.tensors.items() if not t.passed} == {tensor: n_wrong}


def test_parameters_that_the_user_names_are_read_from_the_update() -> None:
    layer = Learning("ascends")
    result = fc.check_layer(layer, inputs=X, params={"W": layer.weights})
    assert [n for n, t in result.tensors.items() if not t.passed] == ["W"]


def test_a_list_of_layers_that_learn_is_checked() -> None:
    result = fc.check_layer([Sigmoid(), Learning(), Sigmoid()], inputs=X)
    assert result.passed
    assert "1.Learning.weights" in result.tensors


def test_float32_updates_are_judged_at_their_precision() -> None:
    layer = Learning()
    layer.weights, layer.bias = layer.weights.astype("f4"), layer.bias.astype("f4")
    result = fc.check_layer(layer, inputs=X.astype("f4"))
    assert result.verdict != "fail"
    layer.fault = "ascends"
    assert fc.check_layer(layer, inputs=X.astype("f4")).tensors["weights"].verdict == "fail"
