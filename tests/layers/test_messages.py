"""What is refused, and in which words."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.layers.dense_layers import Affine
from tests.layers.entry import normal

X = normal(5, 4)


def affine(x: Any, W: Any, b: Any) -> Any:
    return x @ W + b, (x, W)


INPUTS = X, normal(4, 3), normal(3)


def with_gradients(**changes: Any) -> Any:
    """Return the backward pass of `affine` with some gradients changed."""

    def backward(dout: Any, cache: Any) -> Any:
        x, W = cache
        found = {"x": dout @ W.T, "W": x.T @ dout, "b": dout.sum(axis=0)}
        return {name: changes.get(name, lambda g: g)(g) for name, g in found.items()}

    return backward


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"W": np.transpose}, "of W in the shape of W, (4, 3), got (3, 4); transpose it"),
        ({"b": lambda g: g[None]}, "of b in the shape of b, (3,), got (1, 3); reshape it"),
        ({"b": lambda g: np.tile(g, (5, 1))}, "(3,), got (5, 3); sum it over axis 0"),
        ({"b": lambda g: np.ones((2, 5, 3))}, "got (2, 5, 3); sum it over axes 0, 1, along"),
        ({"x": lambda g: g.sum(axis=0)}, "(5, 4), got (4,); it would broadcast, but each entry"),
        ({"W": lambda g: g[:2]}, "(4, 3), got (2, 3); follow the shapes of the forward pass"),
    ],
)
def test_a_gradient_of_another_shape_is_refused_with_both(changes: Any, text: str) -> None:
    assert fc.check_layer(affine, with_gradients(), INPUTS).passed
    with pytest.raises(fc.InputError, match=re.escape(text)):
        fc.check_layer(affine, with_gradients(**changes), INPUTS)


def refused(text: str, *arguments: Any, **options: Any) -> None:
    with pytest.raises(fc.InputError, match=re.escape(text)):
        fc.check_layer(*arguments, **options)


def test_what_is_no_layer_is_refused() -> None:
    refused("`forward` must be a function or an object with forward and backward, got int", 3)
    refused("`backward` must be given, because sin has no method", np.sin, inputs=X)
    refused("`backward` must be a function, got ndarray; name the inputs", Affine(), X)
    refused("`forward` must be a layer, got the class Affine; pass", Affine, inputs=X)
    refused("`inputs` must be given, got none", Affine())
    refused("`inputs` must be given, got none", [Affine()])
    refused("`inputs` must hold an input, got none", Affine(), inputs=())


def test_options_are_checked() -> None:
    refused("`n_cotangents` must be a whole number from 1, got 0", Affine(), inputs=X,
            n_cotangents=0)  # fmt: skip
    refused("`seed` must be a whole number from 0, got -1", Affine(), inputs=X, seed=-1)
    refused("got 'V'; they are x, W, b", Affine(), inputs=X, only="V")


def test_passes_that_do_not_fit_together_are_refused() -> None:
    refused(
        "got a function of dh, dc, cache where forward returns 2 values",
        lambda x: (x, (x,)), lambda dh, dc, cache: dh, X,
    )  # fmt: skip
    refused(
        "got one argument where forward returns 2 values", lambda x: (x, 2 * x), lambda dout: dout,
        X,
    )  # fmt: skip
    refused(
        "got also state, step where forward returns no tuple and takes x",
        lambda x: x, lambda dout, state, step: dout, X,
    )  # fmt: skip
    refused(
        "`forward` must return an array of real numbers, or a tuple (output, cache), got dict",
        lambda x: {"out": x}, lambda dout: dout, X,
    )  # fmt: skip
    refused("got list", lambda x: [[1.0], [1.0, 2.0]], lambda dout: dout, X)
    refused("got dtype complex128", lambda x: x * 1j, lambda dout: dout, X)


def test_unclear_gradients_are_refused() -> None:
    refused(
        "`backward` must return a gradient for each of x, W, b, got 4; return them in this order",
        affine, lambda dout, cache: (dout,) * 4, INPUTS,
    )  # fmt: skip
    layer = Affine()
    refused("`grads` must come with `params`, got dict alone", layer, inputs=X, grads={})
    refused("`params` must map names to arrays, got ndarray", layer, inputs=X, params=layer.W)
    refused("`params` must name attributes of the layer, got 'V'", layer, inputs=X, params=["V"])
    refused(
        "`grads` must name attributes of the layer, got 'dV'", layer, inputs=X, params=["W"],
        grads=["dV"],
    )  # fmt: skip
    refused(
        "`grads` must have one gradient for each of W, b, got 1", layer, inputs=X,
        params=["W", "b"], grads=["dW"],
    )  # fmt: skip
    refused(
        "`grads` must have a gradient for b, got ['W']", layer, inputs=X,
        params=["W", "b"], grads={"W": "dW"},
    )  # fmt: skip
    refused("that returns them, got float; write lambda: {'W': layer.dW}", layer, inputs=X,
            params=["W"], grads=lambda: 1.0)  # fmt: skip
    refused("`grads` must say where the gradient of V is", layer, inputs=X,
            params={"V": np.ones(2)})  # fmt: skip
    refused("`params` must have other names than the inputs, got x", layer, inputs=X,
            params={"x": layer.W}, grads={"x": "dW"})  # fmt: skip


def test_a_parameter_must_be_the_very_array() -> None:
    layer = Affine()
    refused("`params['W']` must be the array that the layer reads, got list", layer, inputs=X,
            params={"W": layer.W.tolist()}, grads={"W": "dW"})  # fmt: skip


def test_nothing_to_differentiate_is_refused() -> None:
    refused("`inputs` must hold an array of floating point, or the layer parameters, got neither",
            lambda i: 1.0 * i, lambda dout: None, np.arange(3))  # fmt: skip


def test_a_list_of_layers_is_checked_for_its_arguments() -> None:
    refused("`forward` must hold a layer, got an empty list", [], inputs=X)
    refused("`params` must be left out for a list of layers, got dict", [Affine()], inputs=X,
            params={})  # fmt: skip
    refused("for a list of layers, got a dict of x, t; put them", [Affine()],
            inputs={"x": X, "t": X})  # fmt: skip
    refused("`inputs` must be what the layers take, got 1 more", [Affine()], inputs=(X, X))
