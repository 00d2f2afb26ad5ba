"""Where users keep parameters and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.layers.dense_layers import Affine, ReLU
from tests.layers.entry import fails_only, normal

X = normal(5, 4)


class Bare:
    """An affine layer that stores its gradients as the test wants."""

    def __init__(self, store: Any) -> None:
        self.W, self.b = normal(4, 3, seed=1), normal(3, seed=1)
        self.store = store

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout: Any) -> Any:
        self.store(self, self.x.T @ dout, dout.sum(axis=0))
        return dout @ self.W.T


def named(w: str, b: str) -> Any:
    """Return what stores gradients in two attributes."""

    def store(layer: Any, dW: Any, db: Any) -> None:
        setattr(layer, w, dW)
        setattr(layer, b, db)

    return store


@pytest.mark.parametrize(
    ("w", "b"), [("dW", "db"), ("d_W", "d_b"), ("grad_W", "grad_b"), ("W_grad", "b_grad")]
)
def test_gradients_in_attributes_are_found_by_their_names(w: str, b: str) -> None:
    result = fc.check_layer(Bare(named(w, b)), inputs=X)
    assert result.passed
    assert [*result.tensors] == ["x", "W", "b"]
    (note,) = (f for f in result.findings if f.kind == "parameters-found")
    assert f"W ({w}) and b ({b}) found on Bare" in note.message


def test_a_cached_input_with_a_gradient_is_no_parameter() -> None:
    def store(layer: Any, dW: Any, db: Any) -> None:
        layer.dW, layer.db, layer.dx = dW, db, np.zeros(3)

    assert [*fc.check_layer(Bare(store), inputs=X).tensors] == ["x", "W", "b"]


@pytest.mark.parametrize(
    ("params", "grads"),
    [
        (["W", "b"], ["gw", "gb"]),
        (["W", "b"], lambda layer: lambda: (layer.gw, layer.gb)),
        (lambda layer: {"W": layer.W, "b": layer.b}, {"dW": "gw", "db": "gb"}),
        (lambda layer: {"W": layer.W, "b": layer.b}, lambda layer: lambda: vars(layer) | {
            "W": layer.gw, "b": layer.gb}),
        (lambda layer: {"kernel": layer.W}, {"kernel": "gw"}),
    ],
)  # fmt: skip
def test_parameters_are_named_by_the_user(params: Any, grads: Any) -> None:
    layer = Bare(named("gw", "gb"))
    params, grads = (f(layer) if callable(f) else f for f in (params, grads))
    result = fc.check_layer(layer, inputs=X, params=params, grads=grads)
    assert result.passed
    assert [*result.tensors] == ["x", *params]
    layer.store = lambda layer, dW, db: named("gw", "gb")(layer, 1.01 * dW, db)
    result = fc.check_layer(layer, inputs=X, params=params, grads=grads)
    assert fails_only(result, "kernel" if "kernel" in params else "W")


def test_gradients_in_arrays_that_backward_fills() -> None:
    filled = {"W": np.zeros((4, 3)), "b": np.zeros(3)}

    def store(layer: Any, dW: Any, db: Any) -> None:
        filled["W"][...], filled["b"][...] = dW, db

    layer = Bare(store)
    arguments: dict[str, Any] = {"params": {"W": layer.W, "b": layer.b}, "grads": filled}
    assert fc.check_layer(layer, inputs=X, **arguments).passed
    assert not filled["W"].any()
    layer.store = lambda layer, dW, db: store(layer, dW, 2 * db)
    assert fails_only(fc.check_layer(layer, inputs=X, **arguments), "b")


def test_named_parameters_find_their_gradients_on_the_layer() -> None:
    layer = Affine()
    result = fc.check_layer(layer, inputs=X, params={"weights": layer.W})
    assert result.passed
    assert [*result.tensors] == ["x", "weights"]


def test_lists_of_parameters_and_gradients_keep_the_names_of_attributes() -> None:
    class Listed(Bare):
        def __init__(self) -> None:
            super().__init__(None)
            self.params = [self.W, self.b, np.ones(1)]
            self.grads = [np.zeros_like(p) for p in self.params]

        def backward(self, dout: Any) -> Any:
            self.grads[0][...] = self.x.T @ dout
            self.grads[1][...] = dout.sum(axis=0)
            return dout @ self.W.T

    result = fc.check_layer(Listed(), inputs=X)
    assert [*result.tensors] == ["x", "W", "b", "params[2]"]
    assert result.tensors["params[2]"].n_zero == 1


def test_objects_with_data_and_grad_are_parameters() -> None:
    class Parameter:
        def __init__(self, data: Any) -> None:
            self.data, self.grad = data, None

    class Layer:
        def __init__(self) -> None:
            self.weight = Parameter(normal(4, 3, seed=1))

        def __call__(self, x: Any) -> Any:
            self.x = x
            return x @ self.weight.data

        def backward(self, dout: Any) -> Any:
            self.weight.grad = self.x.T @ dout
            return dout @ self.weight.data.T

    result = fc.check_layer(Layer(), inputs=X)
    assert result.passed
    assert [*result.tensors] == ["x", "weight"]


def test_layers_inside_a_layer_are_searched() -> None:
    class Block:
        def __init__(self) -> None:
            self.layers = [Affine(), ReLU(), Affine("mean", 3, 2)]

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = layer.forward(x)
            return x

        def backward(self, dout: Any) -> Any:
            for layer in reversed(self.layers):
                dout = layer.backward(dout)
            return dout

    result = fc.check_layer(Block(), inputs=X)
    names = ["x", "layers[0].W", "layers[0].b", "layers[2].W", "layers[2].b"]
    assert [*result.tensors] == names
    assert fails_only(result, "layers[2].W")


class Pair:
    """Two layers, one after the other."""

    def __init__(self, first: Any, second: Any) -> None:
        self.first, self.second = first, second

    def forward(self, x: Any) -> Any:
        return self.second.forward(self.first.forward(x))

    def backward(self, dout: Any) -> Any:
        return self.first.backward(self.second.backward(dout))


@pytest.mark.parametrize("fault", ["", "mean"])
def test_gradients_of_parameters_that_are_tied_inside_a_layer_are_added(fault: str) -> None:
    pair = Pair(Affine("", 4, 4), Affine(fault, 4, 4))
    pair.second.W = pair.first.W
    result = fc.check_layer(pair, inputs=X)
    assert [*result.tensors] == ["x", "first.W", "first.b", "second.b"]
    assert result.passed is (fault == "")
    (note,) = (f for f in result.findings if f.kind == "parameters-found")
    assert "first.W (the sum of 2 gradients of tied parameters)" in note.message


def test_a_layer_that_is_used_twice_inside_another_has_one_gradient() -> None:
    class Adding:
        def __init__(self) -> None:
            self.W, self.dW = normal(4, 4), np.zeros((4, 4))
            self.stack: list[Any] = []

        def forward(self, x: Any) -> Any:
            self.stack.append(x)
            return x @ self.W

        def backward(self, dout: Any) -> Any:
            self.dW += self.stack.pop().T @ dout
            return dout @ self.W.T

    layer = Adding()
    result = fc.check_layer(Pair(layer, layer), inputs=X)
    assert result.passed
    assert [*result.tensors] == ["x", "first.W"]
    assert "gradient-accumulates" in [f.kind for f in result.findings]
    assert not layer.dW.any()
    assert not layer.stack


def test_layers_that_are_made_for_each_step_do_not_stand_for_the_whole() -> None:
    class Steps:
        def __init__(self) -> None:
            self.W = normal(4, 4)
            self.cells: list[Affine] = []

        def forward(self, x: Any) -> Any:
            self.cells = [Affine("", 4, 4), Affine("", 4, 4)]
            for cell in self.cells:
                cell.W, cell.b = self.W, np.zeros(4)
                x = cell.forward(x)
            return x

        def backward(self, dout: Any) -> Any:
            for cell in reversed(self.cells):
                dout = cell.backward(dout)
            self.total = self.cells[0].dW + self.cells[1].dW
            return dout

    layer = Steps()
    result = fc.check_layer(layer, inputs=X)
    assert [*result.tensors] == ["x"]
    assert "Steps holds W, which changes its output" in str(result.findings[0])
    result = fc.check_layer(layer, inputs=X, params=["W"], grads=["total"])
    assert result.passed
    assert [*result.tensors] == ["x", "W"]


def test_parameters_that_are_made_at_the_first_call_are_found() -> None:
    class Lazy(Affine):
        def __init__(self) -> None:
            self.fault = ""

        def forward(self, x: Any) -> Any:
            if not hasattr(self, "W"):
                super().__init__(n_in=x.shape[1])
            return super().forward(x)

    layer = Lazy()
    assert [*fc.check_layer(layer, inputs=X).tensors] == ["x", "W", "b"]
    assert [*vars(layer)] == ["fault"]
