"""Losses and layers of TensorFlow: followed in NumPy, or called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc

tf = pytest.importorskip("tensorflow", reason="checks of TensorFlow")
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 6)), RNG.integers(3, size=8)


@tf.custom_gradient
def entropy(z: Any) -> Any:
    """Return the cross-entropy, of which the backward pass forgets the mean."""
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(Y, z))

    def backward(dout: Any) -> Any:
        return dout * (tf.nn.softmax(z) - tf.one_hot(Y, 3, dtype=z.dtype))

    return loss, backward


@tf.custom_gradient
def square(x: Any) -> Any:
    """Return a square, of which the backward pass forgets the 2."""
    return x * x, lambda dout: dout * x


@tf.custom_gradient
def tanh(x: Any) -> Any:
    """Return a hyperbolic tangent, of which the slope is wrong."""
    y = tf.tanh(x)
    return y, lambda dout: dout * (1.0 - y)


def draw(dtype: Any = np.float64) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    shapes = {"W1": (6, 20), "b1": (20,), "W2": (20, 3), "b2": (3,)}
    return {n: tf.Variable(rng.normal(size=s).astype(dtype)) for n, s in shapes.items()}


def scores(p: Any, activation: Any = tf.nn.relu, dtype: Any = np.float64) -> Any:
    return activation(X.astype(dtype) @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]


def cross_entropy(z: Any) -> Any:
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(Y, z))


def kinds(result: fc.CheckResult) -> list[str]:
    return [finding.kind for finding in result.findings]


def keras_model(*sizes: int) -> Any:
    tf.random.set_seed(0)
    layers = [tf.keras.layers.Dense(n, activation="relu") for n in sizes[1:-1]]
    last = tf.keras.layers.Dense(sizes[-1])
    return tf.keras.Sequential([tf.keras.Input(sizes[:1]), *layers, last])


# ------------------------------------------------------------ right and wrong gradients


def test_the_gradient_of_a_tape_passes_on_a_graph() -> None:
    p = draw()
    before = {name: v.numpy() for name, v in p.items()}
    result = fc.tensorflow.check_gradients(lambda: cross_entropy(scores(p)), p)
    assert result.passed, str(result)
    assert result.engine.startswith("trace")
    assert "operations of tensorflow" in result.engine_reason
    assert [*result.tensors] == ["W1", "b1", "W2", "b2"]
    assert all(np.array_equal(v.numpy(), before[name]) for name, v in p.items())


def test_a_model_of_keras_is_checked_in_full_in_float32() -> None:
    model = keras_model(784, 50, 10)
    x, y = RNG.normal(size=(100, 784)).astype("f4"), RNG.integers(10, size=100)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    result = fc.tensorflow.check_gradients(lambda: loss(y, model(x)), model)
    assert result.passed, str(result)
    assert result.coverage.n_checked == 39_760
    assert [*result.tensors] == ["dense.kernel", "dense.bias", "dense_1.kernel", "dense_1.bias"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_missing_mean_in_a_custom_gradient_is_named(dtype: Any) -> None:
    p = draw(dtype)
    result = fc.tensorflow.check_gradients(lambda: entropy(scores(p, dtype=dtype)), p)
    assert result.verdict == "fail"
    (diagnosis,) = result.diagnosis
    assert (diagnosis.kind, diagnosis.constant) == ("sum-for-mean", 8.0)
    assert len(diagnosis.tensors) == 4


@pytest.mark.parametrize(
    ("function", "kind", "constant"),
    [(square, "delta-factor", 0.5), (tanh, "slope-without-square", None)],
)
def test_a_wrong_backward_pass_is_named(function: Any, kind: str, constant: float | None) -> None:
    p = draw()
    result = fc.tensorflow.check_gradients(lambda: cross_entropy(scores(p, function)), p)
    (diagnosis,) = result.diagnosis
    assert (diagnosis.kind, diagnosis.constant) == (kind, constant)
    assert {*diagnosis.tensors} == {"W1", "b1"}


def test_a_gradient_that_is_divided_by_the_batch_twice_is_named() -> None:
    p = draw()

    def gradient() -> Any:
        with tf.GradientTape() as tape:
            loss = cross_entropy(scores(p))
        return {name: g / 8.0 for name, g in tape.gradient(loss, p).items()}

    result = fc.tensorflow.check_gradients(lambda: cross_entropy(scores(p)), p, gradient)
    (diagnosis,) = result.diagnosis
    assert (diagnosis.kind, diagnosis.constant) == ("mean-for-sum", 0.125)
    assert "the mean over the batch is taken" in diagnosis.message


def test_a_wrong_entry_is_found_at_its_address() -> None:
    p = draw()
    with tf.GradientTape() as tape:
        loss = cross_entropy(scores(p))
    grads = [g.numpy() for g in tape.gradient(loss, [*p.values()])]
    grads[0][2, 1] *= 1.5
    result = fc.tensorflow.check_gradients(lambda: cross_entropy(scores(p)), p, grads)
    assert [m.index for m in result.tensors["W1"].mismatches] == [(2, 1)]


# ------------------------------------------------------------ in all shapes


def test_a_function_of_the_parameters_is_given_tensors() -> None:
    params = {name: v.numpy() for name, v in draw().items()}
    result = fc.tensorflow.check_gradients(lambda p: cross_entropy(scores(p)), params)
    assert result.passed

    def gradient(p: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(p)
            loss = cross_entropy(scores(p))
        return tape.gradient(loss, p)

    assert fc.tensorflow.check_gradients(
        lambda p: cross_entropy(scores(p)), params, gradient, jitter=1e-3
    ).passed


def test_a_module_and_compiled_functions_are_taken() -> None:
    class Net(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = tf.Variable(RNG.normal(size=(6, 4)), name="W")
            self.other = tf.Variable(RNG.normal(size=(4, 2)), name="W")
            self.unused = tf.Variable(1.0, name="unused")

        @tf.function
        def __call__(self, x: Any) -> Any:
            return tf.tanh(x @ self.one) @ self.other

    net = Net()
    result = fc.tensorflow.check_gradients(
        tf.function(lambda: tf.reduce_mean(net(X) ** 2)), net, skip="unused"
    )
    assert result.passed
    assert [*result.tensors] == ["W", "W#2"]


def test_a_model_may_be_the_argument() -> None:
    model = keras_model(6, 4)
    result = fc.tensorflow.check_gradients(lambda m: tf.reduce_mean(m(X.astype("f4"))), model)
    assert result.passed


def test_several_models_have_names_of_their_own() -> None:
    models = {"one": keras_model(6, 4), "other": [keras_model(4, 3)]}
    x = X.astype("f4")
    result = fc.tensorflow.check_gradients(
        lambda: tf.reduce_mean(tf.tanh(models["other"][0](models["one"](x))) ** 2), models
    )
    assert sum(t.n_disagree + t.n_close for t in result.tensors.values()) == 0
    assert [*result.tensors] == ["one.kernel", "one.bias", "other.0.kernel", "other.0.bias"]


def test_other_variables_of_a_model_are_put_back() -> None:
    model = tf.keras.Sequential([tf.keras.Input((6,)), tf.keras.layers.BatchNormalization()])
    before = [v.numpy() for v in model.variables]
    x = X.astype("f4")
    fc.tensorflow.check_gradients(
        lambda: tf.reduce_mean(tf.sin(model(x, training=True))), model, jitter=1e-2
    )
    assert all(np.array_equal(v.numpy(), b) for v, b in zip(model.variables, before, strict=True))


# ------------------------------------------------------------ what cannot be followed


def sorted_loss(w: Any) -> Any:
    return tf.reduce_sum(tf.sort(w) * tf.range(1.0, 13.0, dtype=w.dtype)) ** 2


def test_what_cannot_be_followed_is_called() -> None:
    w = RNG.normal(size=12)
    result = fc.tensorflow.check_gradients(sorted_loss, w.astype("f4"))
    assert result.passed, str(result)
    assert result.engine == "black box"
    assert "has no counterpart in NumPy here" in str([f.message for f in result.findings])
    variable = tf.Variable(w.astype("f4"))
    coarse = fc.tensorflow.check_gradients(lambda: sorted_loss(variable), {"w": variable})
    assert coarse.verdict != "fail"
    fine = tf.Variable(w)
    grads = [fc.tensorflow.check_gradients(sorted_loss, w).numerical["theta"].copy()]
    grads[0][4] *= 1.01
    wrong = fc.tensorflow.check_gradients(lambda: sorted_loss(fine), {"w": fine}, grads)
    assert [m.index for m in wrong.tensors["w"].mismatches] == [(4,)]


def test_python_that_needs_values_is_called_without_compiling() -> None:
    w = tf.Variable(np.ones(4))
    result = fc.tensorflow.check_gradients(
        lambda: tf.reduce_sum(w**2) if float(w[0]) > 0 else tf.reduce_sum(w), {"w": w}
    )
    assert result.passed
    assert "TensorFlow makes no graph of it" in str([f.message for f in result.findings])


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_a_coarse_type_on_the_way_is_named(kind: str) -> None:
    w = tf.Variable(RNG.normal(size=(4, 3)).astype(np.float32))

    def loss() -> Any:
        return tf.cast(tf.reduce_sum(tf.square(tf.cast(w, kind))), tf.float32)

    result = fc.tensorflow.check_gradients(loss, {"w": w})
    assert result.verdict == "inconclusive"
    advice = next(f.message for f in result.findings if "gradients of" in f.message)
    assert f"because gradients of {kind} are not precise enough" in advice


@pytest.mark.parametrize("take", ["numpy", "read_value"])
@pytest.mark.parametrize("scale", [1e-2, 1e-12])
def test_values_that_are_taken_out_of_a_graph_are_no_constants(take: str, scale: float) -> None:
    w = tf.Variable(RNG.normal(size=(6, 3)))

    def loss() -> Any:
        with tf.init_scope():  # where the graph is not seen
            values = getattr(w, take)()
        return cross_entropy(X @ w) + scale * tf.reduce_sum(values**2)

    result = fc.tensorflow.check_gradients(loss, {"w": w})
    assert result.engine == "black box"
    assert result.verdict == ("fail" if scale > 1e-5 else "pass")
    with pytest.raises(fc.TraceError, match="values of variables are taken out of it"):
        fc.tensorflow.check_gradients(loss, {"w": w}, engine="trace")


def test_numbers_that_numpy_draws_are_noticed() -> None:
    w = tf.Variable(np.ones(4))

    def loss() -> Any:
        return tf.reduce_sum(w * np.random.rand(4))  # noqa: NPY002

    result = fc.tensorflow.check_gradients(loss, {"w": w})
    assert result.verdict == "inconclusive"
    assert "loss-not-repeatable" in kinds(result)

    def seed() -> None:
        np.random.seed(0)  # noqa: NPY002

    assert fc.tensorflow.check_gradients(loss, {"w": w}, before_each=seed).passed


# ------------------------------------------------------------ layers


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_custom_gradient_is_checked_as_a_layer(dtype: Any) -> None:
    x = tf.constant(RNG.normal(size=(4, 3)).astype(dtype))
    result = fc.tensorflow.check_layer(square, x)
    assert result.verdict == "fail"
    (diagnosis,) = result.diagnosis
    assert (diagnosis.kind, diagnosis.tensor, diagnosis.constant) == ("factor", "x", 0.5)
    assert fc.tensorflow.check_layer(tf.square, x).passed


def test_a_layer_of_keras_is_checked_with_its_variables() -> None:
    layer = tf.keras.layers.Dense(12, activation="tanh")
    result = fc.tensorflow.check_layer(layer, RNG.normal(size=(5, 4)).astype("f4"))
    assert result.passed, str(result)
    assert [*result.tensors] == ["inputs", "kernel", "bias"]


def test_inputs_may_be_keywords_and_outputs_nested() -> None:
    def layer(x: Any, w: Any, n: int = 2) -> Any:
        h = tf.tanh(x @ w)
        return {"h": h, "more": [tf.reduce_sum(h, 0) * n, tf.argmax(h, 1)]}

    inputs = {"x": RNG.normal(size=(4, 3)), "w": RNG.normal(size=(3, 2)), "n": 3}
    assert fc.tensorflow.check_layer(layer, inputs).passed
    given = fc.tensorflow.check_layer(layer, inputs, cotangent=(np.ones((4, 2)), np.zeros(2)))
    assert given.passed


def test_an_input_without_a_gradient_is_a_constant() -> None:
    @tf.custom_gradient
    def scaled(x: Any, k: Any) -> Any:
        return x * k, lambda dout: (dout * k, None)

    result = fc.tensorflow.check_layer(scaled, (RNG.normal(size=3), RNG.normal(size=3)))
    assert result.passed
    assert [*result.tensors] == ["x"]
    assert "not-differentiated" in kinds(result)


def test_a_layer_that_cannot_be_followed_is_called_in_float64() -> None:
    result = fc.tensorflow.check_layer(tf.sort, RNG.normal(size=(4, 3)).astype("f4"))
    assert result.passed
    assert {"not-traced", "widened"} <= {*kinds(result)}
    with pytest.raises(fc.TraceError, match="no counterpart"):
        fc.tensorflow.check_layer(tf.sort, np.ones(3), engine="trace")


# ------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("function", "params", "message"),
    [
        (
            lambda p: tf.reduce_sum(p["n"]),
            {"n": np.arange(3)},
            r"`params\['n'\]` must be of float64",
        ),
        (lambda p: p * 2.0, np.ones(3), r"`loss` must return one real number, got shape \(3,\)"),
        (lambda p: tf.constant(1), np.ones(3), "must return a tensor of floating point, got none"),
        (lambda: tf.constant(1.0), {"w": np.ones(3)}, "must be a variable, because the loss reads"),
        (lambda: tf.constant(1.0), tf.Module(), "`params` must hold a variable that is trained"),
    ],
)
def test_a_wrong_argument_is_refused(function: Any, params: Any, message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        fc.tensorflow.check_gradients(function, params)
