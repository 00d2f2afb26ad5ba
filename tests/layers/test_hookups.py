"""The shapes in which users hold layers, inputs and outputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from tests.layers.array_layers import convolution, rnn_step
from tests.layers.dense_layers import Affine, softmax
from tests.layers.entry import fails_only, normal

X = normal(5, 4)


def test_a_class_of_static_methods_is_a_layer() -> None:
    class Linear:
        @staticmethod
        def forward(x: Any, w: Any) -> Any:
            return x @ w, (x, w)

        @staticmethod
        def backward(dout: Any, cache: Any) -> Any:
            x, w = cache
            return dout @ w.T, x.T @ dout

    result = fc.check_layer(Linear, inputs=(X, normal(4, 3)))
    assert result.passed
    assert [*fc.check_layer([Linear], inputs=(X, normal(4, 3))).tensors] == [
        "0.Linear.x", "0.Linear.w",
    ]  # fmt: skip


def test_functions_in_c_are_layers() -> None:
    assert fc.check_layer(math.sin, lambda dout: dout * math.cos(0.7), 0.7).passed
    assert not fc.check_layer(math.sin, lambda dout: dout * math.sin(0.7), 0.7)


def test_bound_methods_know_their_layer() -> None:
    layer = Affine()
    assert [*fc.check_layer(layer.forward, layer.backward, X).tensors] == ["x", "W", "b"]


def test_gradients_by_name_may_come_in_any_order() -> None:
    W = normal(4, 3)

    def backward(dout: Any, x: Any) -> Any:
        return {"dW": x.T @ dout, "x": dout @ W.T, "norm": 1.0}

    result = fc.check_layer(lambda x: x @ W, backward, X, params={"W": W})
    assert result.passed
    assert [*result.tensors] == ["x", "W"]


def test_inputs_by_keyword_and_constants_among_them() -> None:
    def forward(x: Any, *, slope: float, mask: Any, options: Any) -> Any:
        options["n"] += 1
        return np.where(x > 0, x, slope * options["n"] * x)[mask]

    def backward(dout: Any) -> Any:
        dx = np.where(X > 0, 1.0, 0.1)
        dx[[0, 2]] *= dout
        dx[[1, 3, 4]] = 0
        return {"x": dx}

    inputs = {"x": X, "slope": 0.1, "mask": np.array([0, 2]), "options": {"n": 0}}
    assert fc.check_layer(forward, backward, inputs).passed
    assert inputs["options"] == {"n": 0}


def test_a_place_for_an_integer_input_is_left_empty() -> None:
    W = normal(3, 2)
    words = np.array([0, 2, 2])

    def backward(dout: Any) -> Any:
        dW = np.zeros_like(W)
        np.add.at(dW, words, dout)
        return None, dW

    assert fc.check_layer(lambda i: W[i], backward, words, params={"W": W}).passed


def test_integer_inputs_are_not_differentiated_though_backward_does() -> None:
    result = fc.check_layer(Affine(), inputs=np.arange(20).reshape(5, 4))
    assert result.passed
    assert [*result.tensors] == ["W", "b"]


def test_several_outputs_without_a_cache_have_one_upstream_gradient_each() -> None:
    def backward(dsin: Any, dcos: Any) -> Any:
        return dsin * np.cos(X) - dcos * np.sin(X)

    assert fc.check_layer(lambda x: (np.sin(x), np.cos(x)), backward, X).passed
    wrong = fc.check_layer(lambda x: (np.sin(x), np.cos(x)), lambda da, db: da * np.cos(X), X)
    assert wrong.tensors["x"].n_disagree == 20


def test_a_list_of_outputs_has_a_list_of_upstream_gradients() -> None:
    def backward(douts: Any) -> Any:
        return douts[0] * 2.0 + douts[1] * 2.0 * X

    assert fc.check_layer(lambda x: [2.0 * x, x * x], backward, X).passed


def test_backward_may_take_the_output_or_all_inputs() -> None:
    assert fc.check_layer(np.exp, lambda dout, out: dout * out, X).passed
    result = fc.check_layer(
        lambda a, b: a * b, lambda g, u, v: (g * v, g * u), (X, normal(5, 4, seed=1))
    )
    assert result.passed
    assert [*result.tensors] == ["a", "b"]


def test_float32_layers_are_judged_at_their_precision() -> None:
    x = X.astype(np.float32)
    layer = Affine()
    layer.W, layer.b = layer.W.astype(np.float32), layer.b.astype(np.float32)
    for seed in range(10):
        assert fc.check_layer(layer, inputs=x, seed=seed).verdict != "fail"
    layer.fault = "mean"
    assert fails_only(fc.check_layer(layer, inputs=x), "W")


@pytest.mark.parametrize("build", [softmax, rnn_step, convolution])
def test_inputs_in_float32_are_probed_in_float64(build: Any) -> None:
    def narrow(fault: str) -> dict[str, Any]:
        arguments = build(fault)
        inputs = arguments["inputs"]
        inputs = inputs if isinstance(inputs, tuple) else (inputs,)
        return arguments | {"inputs": tuple(a.astype(np.float32) for a in inputs)}

    for seed in range(5):
        result = fc.check_layer(**narrow(""), seed=seed)
        assert result.passed
        assert result.engine == "trace"
    (note,) = (f for f in result.findings if f.kind == "widened")
    assert "less precise than float64: probes of" in note.message
    fault = {softmax: "diagonal", rnn_step: "next state", convolution: "flipped"}[build]
    assert not fc.check_layer(**narrow(fault))


def test_a_fault_above_the_precision_of_float32_is_found_in_it() -> None:
    x = X.astype(np.float32)
    result = fc.check_layer(np.sin, lambda dout: dout * np.cos(x) * np.float32(1.0001), x)
    assert result.tensors["x"].n_disagree > 15


def test_a_cache_may_have_a_default_and_passes_any_number_of_arguments() -> None:
    def forward(*xs: Any) -> Any:
        return xs[0] * xs[1], xs

    def optional(dout: Any, cache: Any = None) -> Any:
        return dout * cache[1], dout * cache[0]

    def starred(*given: Any) -> Any:
        return optional(*given)

    for backward in (optional, starred):
        result = fc.check_layer(forward, backward, (X, normal(5, 4, seed=1)))
        assert result.passed
        assert [*result.tensors] == ["x0", "x1"]


def test_a_loss_with_a_cache_may_have_a_backward_pass_without_arguments() -> None:
    result = fc.check_layer(lambda x: ((x**3).sum(), {"n": 5}), lambda: 3 * X**2, X)
    assert result.passed


def test_lists_of_numbers_are_an_array() -> None:
    result = fc.check_layer(lambda x: [2.0 * v for v in x], lambda g: 2 * g, [1.0, 2.0, -0.5])
    assert result.passed
    assert result.coverage.n_checked == 3


def test_a_number_is_an_input_too() -> None:
    assert fc.check_layer(lambda x: x**3, lambda dout: 12.0 * dout, 2.0).passed
    assert not fc.check_layer(lambda x: x**3, lambda dout: 6.0 * dout, 2.0)


def test_only_and_skip_choose_tensors() -> None:
    assert [*fc.check_layer(Affine(), inputs=X, only="W").tensors] == ["W"]
    assert [*fc.check_layer(Affine("mean"), inputs=X, skip="W").tensors] == ["x", "b"]
    assert fc.check_layer(Affine("mean"), inputs=X, skip="W").passed


def test_options_reach_the_check() -> None:
    result = fc.check_layer(Affine(), inputs=X, engine="black box", rtol=1e-4, budget=30)
    assert result.engine == "black box"
    assert result.passed


def test_assert_layer_raises_with_the_result() -> None:
    assert fc.assert_layer(Affine(), inputs=X).passed
    with pytest.raises(fc.GradientMismatchError, match=r"W\[\d, \d\]: yours") as caught:
        fc.assert_layer(Affine("mean"), inputs=X)
    assert caught.value.result is not None
    assert fails_only(caught.value.result, "W")


def test_dropout_is_checked_with_its_generator_seeded_before_each_pass() -> None:
    class Dropped:
        def forward(self, x: Any) -> Any:
            self.kept = np.random.rand(*x.shape) < 0.5  # noqa: NPY002
            return x * self.kept

        def backward(self, dout: Any) -> Any:
            return dout * self.kept

    x = np.arange(1.0, 13.0).reshape(4, 3)
    seeded = fc.check_layer(Dropped(), inputs=x, before_each=lambda: np.random.seed(0))  # noqa: NPY002
    assert seeded.passed
    assert not fc.check_layer(Dropped(), inputs=x).passed


def test_jitter_reveals_a_scale_that_is_left_out_while_it_is_one() -> None:
    class Scaled:
        def __init__(self) -> None:
            self.g = np.ones(3)

        def forward(self, x: Any) -> Any:
            self.x = x
            return x * self.g

        def backward(self, dout: Any) -> Any:
            self.dg = (dout * self.x).sum(axis=0)
            return dout

    layer, x = Scaled(), np.arange(1.0, 13.0).reshape(4, 3)
    hidden = fc.check_layer(layer, inputs=x)
    assert hidden.passed
    assert "uninformative-point" in {f.kind for f in hidden.findings}
    moved = fc.check_layer(layer, inputs=x, jitter=1e-2)
    assert moved.tensors["x"].verdict == "fail"
    assert moved.tensors["g"].passed
    assert (layer.g == 1.0).all()
    assert fc.check_layer([layer], inputs=x, jitter=1e-2).verdict == "fail"
