"""MNIST in layer objects, with the traps of the original: none hides anything, none is blamed."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from tests.examples.loading import kinds, load

s3 = load("s3_mnist_layers")
X, T, _ = s3.images()


@pytest.fixture
def net():
    return s3.TwoLayerNet(X, T)


def right(net):
    """Return the gradient with the guard, as it should be."""
    net.loss()
    p = net.last.p
    picked = p[np.arange(len(T)), T]
    d = net.last.backward() * (picked / (picked + s3.GUARD))[:, None]
    for layer in reversed(net.layers):
        d = layer.backward(d)
    return {
        "W1": net.first.grads["W"], "b1": net.first.grads["b"],
        "W2": net.second.grads["W"], "b2": net.second.grads["b"],
    }  # fmt: skip


# ------------------------------------------------------------ the whole network


def test_the_images_are_raw(net) -> None:
    assert (X.shape, X.max(), sum(v.size for v in net.params.values())) == ((100, 784), 255, 39_760)
    np.testing.assert_array_equal(X, np.rint(X))


def test_the_gradient_with_the_guard_passes_without_a_remark(net) -> None:
    result = fc.check_gradients(net.loss, net.params, right(net), strict=True)
    assert result.passed, str(result)
    assert result.coverage.n_resolved == 39_760
    assert result.tensors["W1"].n_kink == 0


def test_the_guard_that_backward_ignores_is_named_and_can_be_accepted(net) -> None:
    result = fc.check_gradients(net.loss, net.params, net.gradient)
    assert kinds(result) == ["guard-ignored"]
    assert result.diagnosis[0].constant == s3.GUARD
    strict = fc.check_gradients(net.loss, net.params, net.gradient, strict=True)
    assert strict.verdict == "fail"
    accepted = fc.check_gradients(net.loss, net.params, net.gradient, strict=True, accept="guard")
    assert accepted.passed, str(accepted)


def test_a_mistake_beside_the_accepted_guard_fails(net) -> None:
    wrong = {name: g.copy() for name, g in net.gradient().items()}
    wrong["W1"][300, 7] += 1e-3
    result = fc.check_gradients(net.loss, net.params, wrong, accept="guard")
    assert result.verdict == "fail"
    assert result.tensors["W1"].worst.index == (300, 7)


def test_layers_and_arrays_are_as_before(net) -> None:
    before = {name: value.tobytes() for name, value in net.params.items()}
    gradient = {name: g.tobytes() for name, g in net.gradient().items()}
    fc.check_gradients(net.loss, net.params, net.gradient)
    assert {name: value.tobytes() for name, value in net.params.items()} == before
    assert {name: g.tobytes() for name, g in net.gradient().items()} == gradient


# ------------------------------------------------------------ the published recipe


def test_the_recipe_puts_the_array_back_and_finds_what_fastcheck_finds(net) -> None:
    before = net.params["W2"].tobytes()
    places, n = s3.numerical_gradient(net.loss, net.params["b2"])
    numerical = fc.numerical_gradient(net.loss, net.params, only="b2").values["b2"]
    np.testing.assert_allclose(n, numerical[places], rtol=1e-4)
    s3.numerical_gradient(net.loss, net.params["W2"], 100)
    assert net.params["W2"].tobytes() == before


def test_a_step_across_a_kink_is_blamed_by_the_recipe_alone() -> None:
    """A unit that is nearly off: the original's step of 1e-4 carries it over, pixels being 255."""
    x = np.zeros((1, 784))
    x[0, :2] = 255.0
    net = s3.TwoLayerNet(x, np.array([0]))
    W, b = net.params["W1"], net.params["b1"]
    b[0] = 0.01 - x[0, :2] @ W[:2, 0]  # z is 0.01, the step moves it by 0.0255
    net.params["W2"][0] = 0.1 * np.arange(10)
    _, n = s3.numerical_gradient(net.loss, W, 50 * 392)  # W1[0, 0] and another
    a = net.gradient()["W1"].copy()
    assert abs(n[0] - a[0, 0]) > 0.1 * abs(a[0, 0])
    result = fc.check_gradients(net.loss, net.params, net.gradient, accept="guard")
    assert result.tensors["W1"].passed
    assert result.tensors["W1"].n_kink == 0


# ------------------------------------------------------------ each layer alone


def test_each_layer_is_checked_and_what_it_does_to_arrays_is_told(net) -> None:
    result = fc.check_layer([*net.layers, net.last], inputs=(X, T))
    assert result.passed, str(result)
    assert [name.rpartition(".")[0] for name in result.tensors if name.endswith(".x")] == [
        "0.Affine", "1.ReLU", "2.Affine", "3.ReLU", "4.SoftmaxLoss",
    ]  # fmt: skip
    assert {"0.Affine.W", "0.Affine.b", "2.Affine.W", "2.Affine.b"} <= set(result.tensors)
    told = [f.message[:6] for f in result.findings if f.kind == "cotangent-mutated"]
    assert told == ["1.ReLU", "3.ReLU"]
    (found,) = result.diagnosis
    assert (found.kind, found.tensor) == ("guard-ignored", "4.SoftmaxLoss.x")


def test_a_wrong_layer_is_the_first_that_is_named(net) -> None:
    class Halved(s3.Affine):
        """An Affine layer whose bias gets the mean."""

        def backward(self, dout):
            """Return the gradient of the input."""
            dx = super().backward(dout)
            self.grads["b"] = dout.mean(axis=0)
            return dx

    net.layers[2] = Halved(**net.second.params)
    result = fc.check_layer([*net.layers, net.last], inputs=(X, T))
    assert [name for name, t in result.tensors.items() if not t.passed] == ["2.Halved.b"]
    assert kinds(result)[:2] == ["layer", "mean-for-sum"]
