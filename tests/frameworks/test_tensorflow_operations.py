"""Each operation of TensorFlow that is known in NumPy gives what TensorFlow gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastcheck.errors import TraceError
from fastcheck.frameworks.follow import follow

tf = pytest.importorskip("tensorflow", reason="operations of TensorFlow")

from fastcheck.tensorflow.functions import TensorFunction  # noqa: E402
from fastcheck.tensorflow.operations import OPERATIONS  # noqa: E402

RNG = np.random.default_rng(3)
X, OTHER, W = RNG.normal(size=(4, 5)), RNG.normal(size=(4, 5)), RNG.normal(size=(5, 3))
POSITIVE, SHARES = np.exp(RNG.normal(size=(4, 5))), RNG.uniform(0.1, 0.9, size=(4, 5))
IMAGES, KERNEL = RNG.normal(size=(2, 7, 6, 4)), RNG.normal(size=(3, 2, 4, 3))
STACK, LABELS = RNG.normal(size=(2, 4, 5)), np.array([0, 3, 1, 4])
MARGINS = [[0, 0], [1, 0], [0, 1], [0, 0]]
raw, nn = tf.raw_ops, tf.nn

ENTRYWISE = {
    name: (getattr(tf, name), X)
    for name in ("tanh", "exp", "abs", "sin", "cos", "negative", "square", "sigmoid", "identity")
} | {name: (getattr(tf, name), POSITIVE) for name in ("sqrt",)}
MATHS = {
    name: (getattr(tf.math, name), POSITIVE)
    for name in ("log", "log1p", "rsqrt", "reciprocal", "expm1", "erf", "erfc", "softplus")
}
ACTIVATIONS = {
    name: getattr(nn, name)
    for name in ("relu", "relu6", "elu", "selu", "silu", "gelu", "leaky_relu", "softmax",
                 "log_softmax", "softsign")
}  # fmt: skip
ARITHMETIC = {
    "add": lambda x: x + OTHER,
    "add, older": lambda x: raw.Add(x=x, y=OTHER),
    "add_n": lambda x: tf.add_n([x, OTHER, x]),
    "sub": lambda x: 1.0 - x,
    "mul": lambda x: x * OTHER[0],
    "div": lambda x: x / POSITIVE,
    "div, older": lambda x: raw.Div(x=x, y=POSITIVE),
    "div_no_nan": lambda x: tf.math.divide_no_nan(x, POSITIVE),
    "pow": lambda x: x**3,
    "maximum": lambda x: tf.maximum(x, OTHER),
    "minimum": lambda x: tf.minimum(x, OTHER),
    "squared_difference": lambda x: tf.math.squared_difference(x, OTHER),
    "clip": lambda x: raw.ClipByValue(t=x, clip_value_min=-0.5, clip_value_max=0.5),
    "where": lambda x: tf.where((x > 0.1) & (x <= 0.7) | ~(x >= -0.5), x, x * x),
    "where, by equality": lambda x: tf.where((x == 0.0) | (x < 0.0) & (x != 1.0), x, 2.0 * x),
    "select": lambda x: raw.Select(condition=x > 0.0, x=x, y=2.0 * x),
    "sign, floor": lambda x: x * (tf.sign(x) + tf.floor(x)),
    "cast": lambda x: tf.cast(x > 0.0, tf.float64) * x,
    "stop_gradient": lambda x: x * tf.stop_gradient(x),
    "prevent_gradient": lambda x: tf.raw_ops.PreventGradient(input=x),
    "product": lambda x: x @ W,
    "product, transposed": lambda x: tf.matmul(OTHER, x, transpose_b=True),
    "product of vectors": lambda x: tf.tensordot(x, OTHER, axes=[[0, 1], [0, 1]]),
    "products": lambda x: tf.matmul(STACK, x[None] * STACK, adjoint_a=True),
    "products, older": lambda x: raw.BatchMatMul(x=STACK, y=x[None] * STACK, adj_y=True),
    "products, oldest": lambda x: raw.BatchMatMulV2(x=STACK, y=x[None], adj_y=True),
    "products, newest": lambda x: raw.BatchMatMulV3(
        x=STACK, y=x[None], adj_y=True, Tout=tf.float64
    ),
    "einsum": lambda x: tf.einsum("ij,kj->ik", x, OTHER),
    "bias_add": lambda x: nn.bias_add(x, OTHER[0]),
    "bias_add, channels first": lambda x: raw.BiasAdd(
        value=STACK[..., None] * x[..., None], bias=OTHER[:, 0], data_format="NCHW"
    ),
    "custom_gradient": lambda x: tf.custom_gradient(lambda y: (tf.tanh(y), lambda d: d))(x),
    "tf.function": lambda x: tf.function(tf.tanh)(x),
    "integers": lambda x: x * tf.cast(tf.range(5) // 2 + tf.range(5) % 3, tf.float64),
}
SHAPES = {
    "transpose": tf.transpose,
    "reshape": lambda x: tf.reshape(x, [2, -1]),
    "reshape by its shape": lambda x: tf.reshape(x, tf.shape(tf.transpose(x))),
    "expand_dims": lambda x: tf.expand_dims(x, 1),
    "squeeze": lambda x: tf.squeeze(x[None, :, None]),
    "squeeze, one": lambda x: tf.squeeze(x[None, :, None], axis=2),
    "concat": lambda x: tf.concat([x, OTHER], axis=1),
    "stack": lambda x: tf.stack([x, OTHER], axis=1),
    "unstack": lambda x: tf.unstack(x, axis=1)[3],
    "slice": lambda x: tf.slice(x, [1, 0], [2, -1]),
    "brackets": lambda x: x[1:, None, ::2],
    "row": lambda x: x[2],
    "ellipsis": lambda x: x[..., 1],
    "split": lambda x: tf.split(x, 2)[1],
    "split_sizes": lambda x: tf.split(x, [1, 4], axis=1)[1],
    "gather": lambda x: tf.gather(x, LABELS, axis=1),
    "gather by samples": lambda x: tf.gather(x, LABELS, axis=1, batch_dims=1),
    "one_hot": lambda x: x * tf.one_hot(tf.argmax(x, axis=1), 5, dtype=tf.float64),
    "tile": lambda x: tf.tile(x, [2, 3]),
    "broadcast_to": lambda x: tf.broadcast_to(x, [2, 4, 5]),
    "pad": lambda x: tf.pad(x, [[1, 0], [2, 3]]),
    "fill": lambda x: x + tf.fill(tf.shape(x), tf.constant(2.0, tf.float64)),
    "zeros_like": lambda x: x + raw.ZerosLike(x=x) + raw.OnesLike(x=x),
}
REDUCTIONS = {
    "sum": tf.reduce_sum,
    "mean": lambda x: tf.reduce_mean(x, axis=0, keepdims=True),
    "max": lambda x: tf.reduce_max(x, axis=1),
    "min": tf.reduce_min,
    "prod": lambda x: tf.reduce_prod(x, axis=[0]),
    "variance": tf.math.reduce_variance,
    "logsumexp": tf.reduce_logsumexp,
    "l2_loss": nn.l2_loss,
    "norm": tf.norm,
}
LOSSES = {
    "sparse cross-entropy": lambda x: nn.sparse_softmax_cross_entropy_with_logits(LABELS, x),
    "cross-entropy": lambda x: nn.softmax_cross_entropy_with_logits(SHARES, x),
    "sigmoid cross-entropy": lambda x: nn.sigmoid_cross_entropy_with_logits(SHARES, x),
    "keras, cross-entropy of probabilities": lambda x: tf.keras.losses.CategoricalCrossentropy()(
        SHARES, nn.softmax(x)
    ),
    "keras, squared error": lambda x: tf.keras.losses.MeanSquaredError()(OTHER, x),
    "keras, huber": lambda x: tf.keras.losses.Huber(delta=0.6)(OTHER, x),
}
WINDOWS = {
    "conv": lambda k: nn.conv2d(IMAGES, k, (2, 1), "SAME"),
    "conv, dilated": lambda k: nn.conv2d(IMAGES, k, 1, "VALID", dilations=(2, 3)),
    "conv, in groups": lambda k: nn.conv2d(IMAGES, k[:, :, :2, :2], 1, "VALID"),
}
POOLS = {
    "max_pool": lambda x: nn.max_pool2d(x, (3, 2), (2, 1), "SAME"),
    "avg_pool": lambda x: nn.avg_pool2d(x, (3, 2), (2, 2), "VALID"),
}
CASES = {
    **ENTRYWISE,
    **MATHS,
    **{
        name: (function, X)
        for family in (ACTIVATIONS, ARITHMETIC, SHAPES, REDUCTIONS, LOSSES)
        for name, function in family.items()
    },
    **{name: (function, KERNEL) for name, function in WINDOWS.items()},
    **{name: (function, IMAGES) for name, function in POOLS.items()},
}


def function_of(given: Any, x: Any) -> TensorFunction:
    return TensorFunction(lambda parts: given(parts["x"]), {"x": x}, {}, "f")


@pytest.mark.parametrize("name", CASES)
def test_a_function_is_computed_as_tensorflow_does(name: str) -> None:
    follow(function_of(*CASES[name]))


def test_each_operation_occurs_in_one_of_these(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()

    class Table(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            seen.add(key)
            return super().__getitem__(key)

    monkeypatch.setattr("fastcheck.tensorflow.recording.OPERATIONS", Table(OPERATIONS))
    for given, x in CASES.values():
        function_of(given, x).record()
    assert {*OPERATIONS} - seen == set()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda x: tf.sort(x), "TensorFlow's .* has no counterpart in NumPy here"),
        (lambda x: x * float(x[0, 0]), "TensorFlow makes no graph of it"),
        (lambda x: nn.conv2d(x[None, :, :, None], KERNEL[:, :, :1], 1, MARGINS), "padding EXPLI"),
        (lambda x: x * RNG.normal(), "two calls of f at the same point differ"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_told(given: Any, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        follow(function_of(given, X))


def test_a_wrong_entry_of_the_table_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATIONS, "Tanh", np.sin)
    with pytest.raises(TraceError, match="give another value than f"):
        follow(function_of(tf.tanh, X))
