"""Each primitive of JAX that is known in NumPy gives what JAX gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastcheck.errors import TraceError
from fastcheck.frameworks.follow import follow

jax = pytest.importorskip("jax", reason="primitives of JAX")

from fastcheck.jax.functions import JaxFunction  # noqa: E402
from fastcheck.jax.operations import OPERATIONS  # noqa: E402

jax.config.update("jax_enable_x64", True)  # for all tests: JAX does not bear a change
jnp, nn, lax = jax.numpy, jax.nn, jax.lax
RNG = np.random.default_rng(3)
X, OTHER, W = RNG.normal(size=(4, 5)), RNG.normal(size=(4, 5)), RNG.normal(size=(5, 3))
POSITIVE, SHARES = np.exp(RNG.normal(size=(4, 5))), RNG.uniform(0.1, 0.9, size=(4, 5))
IMAGES, KERNEL = RNG.normal(size=(2, 4, 7, 6)), RNG.normal(size=(3, 4, 3, 2))
LABELS = np.array([0, 3, 1, 4])

ENTRYWISE = {
    name: (getattr(jnp, name), X)
    for name in ("tanh", "exp", "exp2", "expm1", "abs", "negative", "sin", "cos", "sinh", "cosh",
                 "arctan", "square", "cbrt", "positive")
} | {
    name: (getattr(jnp, name), POSITIVE) for name in ("log", "log1p", "sqrt", "reciprocal")
} | {name: (getattr(jnp, name), SHARES) for name in ("tan", "arcsin", "arccos")}  # fmt: skip
ACTIVATIONS = {
    name: getattr(nn, name)
    for name in ("relu", "relu6", "sigmoid", "softplus", "silu", "elu", "selu", "gelu",
                 "leaky_relu", "hard_tanh", "log_sigmoid", "softmax", "log_softmax", "logsumexp",
                 "standardize", "soft_sign")
} | {
    "gelu by erf": lambda x: nn.gelu(x, approximate=False),
    "erf": jax.scipy.special.erf,
}  # fmt: skip
ARITHMETIC = {
    "add": lambda x: x + OTHER,
    "sub": lambda x: 1.0 - x,
    "mul": lambda x: x * OTHER[0],
    "div": lambda x: x / POSITIVE,
    "integer power": lambda x: x**3,
    "power": lambda x: POSITIVE**x,
    "rsqrt": lambda x: lax.rsqrt(x * x + 1.0),
    "maximum": lambda x: jnp.maximum(x, OTHER),
    "minimum": lambda x: jnp.minimum(x, OTHER),
    "clip": lambda x: jnp.clip(x, -0.5, 0.5),
    "clamp": lambda x: lax.clamp(-0.5, x, 0.5),
    "where": lambda x: jnp.where((x > 0.1) & (x <= 0.7) | ~(x >= -0.5), x, x * x),
    "where, by equality": lambda x: jnp.where((x == 0) | (x < 0) & (x != 1), x, 2 * x),
    "sign, floor, ceil": lambda x: x * (jnp.sign(x) + jnp.floor(x) - jnp.ceil(x)),
    "conversion": lambda x: (x > 0).astype(float) * x,
    "reduce_precision": lambda x: lax.reduce_precision(x, 11, 52),
    "stop_gradient": lambda x: x * lax.stop_gradient(x),
    "product": lambda x: x @ W,
    "product of vectors": lambda x: x[0] @ x[1],
    "products of stacks": lambda x: jnp.einsum(
        "bij,bkj->bik", x.reshape(2, 2, 5), OTHER.reshape(2, 2, 5)
    ),
    "tensordot": lambda x: jnp.tensordot(x, OTHER, axes=([0, 1], [0, 1])),
}
SHAPES = {
    "transpose": lambda x: x.T,
    "reshape": lambda x: x.reshape(2, 10),
    "broadcast": lambda x: jnp.broadcast_to(x[:, None], (4, 3, 5)),
    "expand_dims": lambda x: lax.expand_dims(x, (0, 2)),
    "squeeze": lambda x: jnp.squeeze(x[None, :, None]),
    "flip": lambda x: jnp.flip(x, 1),
    "slice": lambda x: x[1:, ::2],
    "split": lambda x: jnp.concatenate(jnp.split(x, [1, 3], axis=1)[:2], axis=1),
    "pad": lambda x: jnp.pad(x, ((1, 0), (2, 3)), constant_values=0.5),
    "concatenate": lambda x: jnp.concatenate([x, OTHER, x]),
    "stack": lambda x: jnp.stack([x, OTHER], axis=1),
    "row": lambda x: x[2],
    "index": lambda x: x[jnp.arange(4), LABELS],
    "take": lambda x: jnp.take(x, LABELS, axis=1),
    "take_along_axis": lambda x: jnp.take_along_axis(x, LABELS[:, None], axis=1),
    "dynamic_slice": lambda x: lax.dynamic_slice(x, (1, 2), (2, 2)),
}
REDUCTIONS = {
    "sum": jnp.sum,
    "mean": lambda x: x.mean(axis=0),
    "max": lambda x: x.max(axis=1),
    "min": jnp.min,
    "prod": lambda x: x.prod(axis=1),
    "var": lambda x: x.var(axis=0, ddof=1),
    "norm": jnp.linalg.norm,
    "cumsum": lambda x: jnp.cumsum(x, axis=1),
    "cumsum, from the end": lambda x: lax.cumsum(x, axis=0, reverse=True),
    "argmax": lambda x: x * nn.one_hot(jnp.argmax(x, axis=1), 5),
    "argmin": lambda x: x * nn.one_hot(jnp.argmin(x, axis=1), 5),
    "is_finite": lambda x: jnp.where(jnp.isfinite(x), x, 0.0),
}
STRUCTURE = {
    "jit": jax.jit(jnp.tanh),
    "checkpoint": jax.checkpoint(lambda x: jnp.tanh(x) * x),
    "vmap": jax.vmap(lambda row: jnp.tanh(row @ W)),
    "gradient": lambda x: jax.grad(lambda y: jnp.sum(jnp.tanh(y) ** 2))(x),
    "scan": lambda x: lax.scan(lambda h, row: (jnp.tanh(h @ W @ W.T + row), h), x[0], x)[0],
    "scan, of all states": lambda x: lax.scan(
        lambda h, row: (h * row, h), x[0], OTHER, reverse=True
    )[1],
    "map": lambda x: lax.map(lambda row: jnp.tanh(row), x),
}
WINDOWS = {
    "conv": lambda k: lax.conv(IMAGES, k, (2, 1), "SAME"),
    "conv, channels last": lambda k: lax.conv_general_dilated(
        IMAGES.transpose(0, 2, 3, 1), k.transpose(2, 3, 1, 0), (1, 1), [(1, 0), (0, 2)],
        rhs_dilation=(2, 1), dimension_numbers=("NHWC", "HWIO", "NHWC"),
    ),
    "conv, in groups": lambda k: lax.conv_general_dilated(
        IMAGES, k[:2, :2], (1, 1), "VALID", feature_group_count=2
    ),
}  # fmt: skip
POOLS = {
    name: (
        lambda x, f=f, start=start: lax.reduce_window(
            x, start, f, (1, 1, 3, 2), (1, 1, 2, 1), "SAME"
        ),
        IMAGES,
    )
    for name, f, start in [
        ("max pool", lax.max, -np.inf), ("min pool", lax.min, np.inf), ("sum pool", lax.add, 0.0),
    ]
}  # fmt: skip
CASES = {
    **ENTRYWISE,
    **{
        name: (function, X)
        for family in (ACTIVATIONS, ARITHMETIC, SHAPES, REDUCTIONS, STRUCTURE)
        for name, function in family.items()
    },
    **{name: (function, KERNEL) for name, function in WINDOWS.items()},
    **POOLS,
}


@pytest.mark.parametrize("name", CASES)
def test_a_function_is_computed_as_jax_does(name: str) -> None:
    follow(JaxFunction(*CASES[name]))


def test_each_primitive_occurs_in_one_of_these(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()

    class Table(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            seen.add(key)
            return super().__getitem__(key)

    monkeypatch.setattr("fastcheck.jax.recording.OPERATIONS", Table(OPERATIONS))
    for function, x in CASES.values():
        JaxFunction(function, x).record()
    assert {*OPERATIONS} - seen <= {"stack"}  # which older versions do without


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (jnp.sort, "JAX's sort has no counterpart in NumPy here"),
        (lambda x: x * 2.0 if x[0, 0] > 0 else x, "JAX cannot trace it"),
        (lambda x: x[jnp.argmax(x, axis=0)], "indices that depend on the parameters"),
        (lambda x: lax.rem(x, 2.0 * jnp.ones_like(x)), "JAX's rem has no counterpart"),
        (lambda x: jnp.take(x, jnp.array([7]), axis=0, mode="fill"), "an index beyond the array"),
        (lambda x: lax.fori_loop(0, 600, lambda _, h: jnp.sin(h), x), "a loop of 600 steps, where"),
        (lambda x: x.astype(int).astype(float) * x, "a conversion to int64"),
        (lambda x: x * RNG.normal(), "two calls of the loss at the same point differ"),
    ],
)
def test_what_cannot_be_followed_is_told(function: Any, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        follow(JaxFunction(function, X))


def test_a_wrong_entry_of_the_table_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATIONS, "tanh", np.sin)
    with pytest.raises(TraceError, match="give another value than the loss"):
        follow(JaxFunction(jnp.tanh, X))
