"""A gradient of the training mode is not judged by a loss in inference mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.preflight.common import ENGINES, Arrays, Net, kinds, normal, only_finding


class DropoutNet:
    """Dropout with a fixed mask while it trains, scaled by its rate otherwise."""

    def __init__(self) -> None:
        self.net = Net()
        self.mask = normal(6, 3) > -0.5
        self.training = False

    def hidden(self, p: Arrays, training: bool) -> Any:
        a, _ = self.net.forward(p)
        return a * self.mask if training else a * 0.7

    def loss(self, p: Arrays) -> Any:
        y = self.hidden(p, self.training) @ p["W2"] + p["b2"]
        return 0.5 * np.sum((y - self.net.t) ** 2)

    def gradient(self, p: Arrays, training: bool = True) -> Arrays:
        a, _ = self.net.forward(p)
        h = self.hidden(p, training)
        dy = h @ p["W2"] + p["b2"] - self.net.t
        dz = dy @ p["W2"].T * (self.mask if training else 0.7) * (1 - a**2)
        return {"W1": self.net.x.T @ dz, "b1": dz.sum(0), "W2": h.T @ dy, "b2": dy.sum(0)}


class BatchNorm:
    """Normalises by the batch while it trains, by averages otherwise."""

    def __init__(self) -> None:
        self.x, self.t = normal(7, 4), normal(7, 3)
        self.mode = "train"
        self.running_mean, self.running_var = 0.1 * normal(3), np.ones(3) * 2.0

    def train(self) -> None:
        self.mode = "train"

    def eval(self) -> None:
        self.mode = "eval"

    def forward(self, p: Arrays) -> Any:
        z = self.x @ p["W"]
        if self.mode == "train":
            mean, var = z.mean(0), z.var(0)
        else:
            mean, var = self.running_mean, self.running_var
        self.std = np.sqrt(var + 1e-5)
        self.n = (z - mean) / self.std
        return p["gamma"] * self.n + p["beta"]

    def loss(self, p: Arrays) -> Any:
        return 0.5 * np.sum((self.forward(p) - self.t) ** 2)

    def gradient(self, p: Arrays) -> Arrays:
        dy = self.forward(p) - self.t
        dn = dy * p["gamma"]
        if self.mode == "train":
            dz = (dn - dn.mean(0) - self.n * (dn * self.n).mean(0)) / self.std
        else:
            dz = dn / self.std
        return {"W": self.x.T @ dz, "gamma": (dy * self.n).sum(0), "beta": dy.sum(0)}


def batch_norm_params() -> Arrays:
    return {"W": normal(4, 3), "gamma": normal(3), "beta": normal(3, seed=1)}


@ENGINES
@pytest.mark.parametrize("given", ["array", "function"])
def test_a_training_gradient_of_dropout_is_not_judged_by_an_inference_loss(
    engine: str, given: str
) -> None:
    net = DropoutNet()
    params = net.net.params
    grads = net.gradient if given == "function" else net.gradient(params)
    result = fc.check_gradients(net.loss, params, grads, engine=engine)
    found = only_finding(result, "mode-mismatch", "error")
    assert found.startswith("the loss was evaluated with DropoutNet.training=False and is ")
    assert "with True it would be" in found
    assert result.tensors["W1"].verdict == "inconclusive"
    assert net.training is False


@ENGINES
@pytest.mark.parametrize("training", [True, False])
def test_dropout_in_one_mode_is_right(engine: str, training: bool) -> None:
    net = DropoutNet()
    net.training = training
    grads = net.gradient(net.net.params, training)
    result = fc.check_gradients(net.loss, net.net.params, grads, engine=engine)
    assert kinds(result) == []
    assert result.passed


@ENGINES
def test_a_training_gradient_of_batch_norm_is_not_judged_by_an_inference_loss(engine: str) -> None:
    net, params = BatchNorm(), batch_norm_params()
    grads = net.gradient(params)
    net.eval()
    result = fc.check_gradients(net.loss, params, grads, engine=engine)
    found = only_finding(result, "mode-mismatch", "error")
    assert "BatchNorm.mode='eval'" in found
    assert net.mode == "eval"


@ENGINES
def test_an_inference_gradient_of_batch_norm_is_not_judged_by_a_training_loss(engine: str) -> None:
    net, params = BatchNorm(), batch_norm_params()
    net.eval()
    grads = net.gradient(params)
    net.train()
    result = fc.check_gradients(net.loss, params, grads, engine=engine)
    assert "BatchNorm.mode='train'" in only_finding(result, "mode-mismatch", "error")


@ENGINES
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_batch_norm_in_one_mode_is_right(engine: str, mode: str) -> None:
    net, params = BatchNorm(), batch_norm_params()
    net.mode = mode
    result = fc.check_gradients(net.loss, params, net.gradient, engine=engine)
    assert kinds(result) == []
    assert result.passed


@ENGINES
def test_a_default_of_the_loss_is_the_mode(engine: str) -> None:
    net = DropoutNet()

    def loss(p: Arrays, train_flg: bool = False) -> Any:
        y = net.hidden(p, train_flg) @ p["W2"] + p["b2"]
        return 0.5 * np.sum((y - net.net.t) ** 2)

    grads = net.gradient(net.net.params)
    result = fc.check_gradients(lambda p: loss(p), net.net.params, grads, engine=engine)
    found = only_finding(result, "mode-mismatch", "error")
    assert "train_flg)=False" in found
    assert loss.__defaults__ == (False,)


@ENGINES
def test_a_gradient_that_draws_masks_where_the_loss_does_not_is_of_another_mode(
    engine: str,
) -> None:
    class Drawing(DropoutNet):
        def hidden(self, p: Arrays, training: bool) -> Any:
            self.mask = np.random.random((6, 3)) < 0.7  # noqa: NPY002
            return super().hidden(p, training)

        def loss(self, p: Arrays) -> Any:
            y = (self.hidden(p, True) if self.training else 0.7 * self.net.forward(p)[0]) @ p["W2"]
            return 0.5 * np.sum((y + p["b2"] - self.net.t) ** 2)

    net = Drawing()
    result = fc.check_gradients(net.loss, net.net.params, net.gradient, engine=engine)
    found = only_finding(result, "mode-mismatch", "error")
    assert "with True it draws random numbers, as your gradient does" in found


@ENGINES
def test_a_gradient_that_is_wrong_in_its_mode_fails(engine: str) -> None:
    net, params = BatchNorm(), batch_norm_params()
    grads = net.gradient(params)
    grads["W"][1, 1] *= 1.01
    result = fc.check_gradients(net.loss, params, grads, engine=engine)
    assert kinds(result) == []
    assert result.verdict == "fail"
    grads["W"] *= 1.5  # now it is that of no mode
    net.eval()
    result = fc.check_gradients(net.loss, params, grads, engine=engine)
    assert kinds(result) == []
    assert result.verdict == "fail"
