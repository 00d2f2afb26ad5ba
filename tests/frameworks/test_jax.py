"""Losses and layers of JAX: followed in NumPy, or called in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import fastcheck as fc
from tests.conftest import FreshPython

jax = pytest.importorskip("jax", reason="checks of JAX")
jax.config.update("jax_enable_x64", True)  # for all tests: JAX does not bear a change
jnp = jax.numpy
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 6)), RNG.integers(3, size=8)


@jax.custom_vjp
def entropy(z: Any, y: Any) -> Any:
    """Return the cross-entropy, of which the backward pass forgets the mean."""
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1))


entropy.defvjp(
    lambda z, y: (entropy(z, y), (z, y)),
    lambda kept, dout: (dout * (jax.nn.softmax(kept[0]) - jax.nn.one_hot(kept[1], 3)), None),
)


@jax.custom_vjp
def square(x: Any) -> Any:
    """Return a square, of which the backward pass forgets the 2."""
    return x * x


square.defvjp(lambda x: (x * x, x), lambda x, dout: (dout * x,))


def draw(dtype: Any = np.float64) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    shapes = {"W1": (6, 20), "b1": (20,), "W2": (20, 3), "b2": (3,)}
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def scores(p: Any, x: Any, activation: Any = jax.nn.relu) -> Any:
    return activation(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]


def loss(p: Any) -> Any:
    return -jnp.mean(jax.nn.log_softmax(scores(p, X))[jnp.arange(8), Y])


def kinds(result: fc.CheckResult) -> list[str]:
    return [finding.kind for finding in result.findings]


# ------------------------------------------------------------ right and wrong gradients


@pytest.mark.parametrize("function", [loss, jax.jit(loss)])
@pytest.mark.parametrize("grads", [None, jax.grad(loss), jax.grad(loss)(draw())])
def test_the_gradient_of_jax_passes_on_a_graph(function: Any, grads: Any) -> None:
    result = fc.jax.check_gradients(function, draw(), grads)
    assert result.passed, str(result)
    assert result.engine.startswith("trace")
    assert "the loss was followed in NumPy and float64" in result.engine_reason
    assert [*result.tensors] == ["W1", "W2", "b1", "b2"]
    assert result.bounds["W1"].max() < 1e-12


DEFAULT = """
import jax, jax.numpy as jnp, numpy as np, fastcheck as fc
x, w = np.random.default_rng(0).normal(size=(2, 8, 8))
def loss(w): return jnp.mean(jnp.tanh(x @ w) ** 2)
for engine in ("auto", "black box"):
    result = fc.jax.check_gradients(loss, w, engine=engine)
    print(result.verdict, *(f.kind for f in result.findings))
print(result.findings[0].message)
layer = fc.jax.check_layer(jnp.sort, x[:, :2])
print(layer.verdict, *(f.kind for f in layer.findings))
print(jax.grad(loss)(w).dtype, jax.config.jax_enable_x64)
"""


def test_float32_is_the_default_and_stays_so_and_float64_is_advised(
    fresh_python: FreshPython,
) -> None:
    followed, called, advice, layer, rest = fresh_python(DEFAULT).stdout.splitlines()
    assert followed == "pass"
    assert called == "inconclusive low-precision"
    assert advice.endswith('jax.config.update("jax_enable_x64", True) where the program begins')
    assert layer == "pass not-traced"  # a sort is linear, so that float32 does
    assert rest == "float32 False"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_missing_mean_in_a_custom_vjp_is_named(dtype: Any) -> None:
    result = fc.jax.check_gradients(lambda p: entropy(scores(p, X), Y), draw(dtype))
    assert result.verdict == "fail"
    (diagnosis,) = result.diagnosis
    assert (diagnosis.kind, diagnosis.constant) == ("sum-for-mean", 8.0)
    assert len(diagnosis.tensors) == 4


def test_a_missing_factor_before_a_layer_is_named() -> None:
    result = fc.jax.check_gradients(lambda p: jnp.sum(jnp.tanh(scores(p, X, square))), draw())
    (diagnosis,) = result.diagnosis
    assert (diagnosis.kind, diagnosis.constant) == ("delta-factor", 0.5)
    assert {*diagnosis.tensors} == {"W1", "b1"}


def test_a_wrong_entry_is_found_at_its_address() -> None:
    grads = jax.tree_util.tree_map(np.array, jax.grad(loss)(draw()))
    grads["W1"][2, 1] *= 1.5
    result = fc.jax.check_gradients(loss, draw(), grads)
    assert [m.index for m in result.tensors["W1"].mismatches] == [(2, 1)]


def test_a_large_network_is_checked_in_full() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 784)).astype("f4"), rng.integers(10, size=100)
    p = {"W1": rng.normal(size=(784, 50)) / 28, "b1": np.ones(50),
         "W2": rng.normal(size=(50, 10)) / 7, "b2": np.ones(10)}  # fmt: skip
    p = jax.tree_util.tree_map(lambda a: jnp.asarray(a, jnp.float32), p)
    result = fc.jax.check_gradients(
        lambda p: -jnp.mean(jax.nn.log_softmax(scores(p, x))[jnp.arange(100), y]), p
    )
    assert result.passed
    assert result.coverage.n_checked == 39_760


# ------------------------------------------------------------ in all shapes


class Affine(NamedTuple):
    W: Any
    b: Any


@jax.tree_util.register_dataclass
@dataclass
class Model:
    layers: list[Affine]
    scale: Any
    n_steps: int


def test_parameters_are_any_pytree() -> None:
    model = Model([Affine(RNG.normal(size=(6, 4)), RNG.normal(size=4))], jnp.array(0.5), 3)

    def evaluate(model: Model) -> Any:
        (layer,) = model.layers
        return jnp.mean(jnp.tanh(X @ layer.W + layer.b) ** 2) * model.scale * model.n_steps, "more"

    result = fc.jax.check_gradients(evaluate, model)
    assert result.passed
    assert [*result.tensors] == ["layers.0.W", "layers.0.b", "scale"]


def test_one_array_has_the_usual_name() -> None:
    result = fc.jax.check_gradients(lambda w: jnp.sum(jnp.sin(w)), np.ones(3))
    assert [*result.tensors] == ["theta"]


def test_value_and_grad_is_checked() -> None:
    both = jax.value_and_grad(loss)
    assert fc.jax.check_value_and_grad(both, draw()).passed
    more = jax.value_and_grad(lambda p: (loss(p), {"n": 3}), has_aux=True)
    assert fc.jax.check_value_and_grad(more, draw()).passed
    wrong = fc.jax.check_value_and_grad(
        lambda p: (loss(p), jax.tree_util.tree_map(lambda g: 3 * g, jax.grad(loss)(p))), draw()
    )
    assert (wrong.diagnosis[0].kind, wrong.diagnosis[0].constant) == ("factor", 3.0)


def test_gradients_by_name_may_lack_what_is_constant() -> None:
    params = {"w": jnp.ones(3), "mask": np.array([1, 0, 1])}
    result = fc.jax.check_gradients(
        lambda p: jnp.sum(jnp.exp(p["w"]) * p["mask"]),
        params,
        {"dw": jnp.exp(1.0) * params["mask"]},
    )
    assert result.passed
    assert [*result.tensors] == ["w"]


def test_jitter_moves_the_point() -> None:
    result = fc.jax.check_gradients(lambda w: jnp.sum(jnp.exp(w)), np.zeros(9), jitter=0.1)
    assert result.passed
    assert result.loss != 9.0


# ------------------------------------------------------------ what cannot be followed


def sorted_loss(w: Any) -> Any:
    return jnp.sum(jnp.sort(w) * jnp.arange(1.0, 1.0 + w.size))


def test_what_cannot_be_followed_is_called_in_float64() -> None:
    w = RNG.normal(size=12).astype("f4")
    result = fc.jax.check_gradients(sorted_loss, w)
    assert result.passed, str(result)
    assert result.engine == "black box"
    assert "JAX's sort has no counterpart" in str([f.message for f in result.findings])
    assert "low-precision" not in kinds(result)
    wrong = fc.jax.check_gradients(sorted_loss, w, jax.grad(sorted_loss)(w).at[4].mul(1.01))
    assert [m.index for m in wrong.tensors["theta"].mismatches] == [(4,)]


def test_python_that_needs_values_is_called_without_compiling() -> None:
    def evaluate(w: Any) -> Any:
        return jnp.sum(w**2) if w[0] > 0 else jnp.sum(w)

    result = fc.jax.check_gradients(evaluate, np.ones(4))
    assert result.passed
    assert "JAX cannot trace it" in str([f.message for f in result.findings])


def test_numbers_that_numpy_draws_are_noticed_and_may_be_seeded() -> None:
    def evaluate(w: Any) -> Any:
        return jnp.sum(w * np.random.rand(4))  # noqa: NPY002

    result = fc.jax.check_gradients(evaluate, np.ones(4))
    assert result.verdict == "inconclusive"
    assert "loss-not-repeatable" in kinds(result)

    def seed() -> None:
        np.random.seed(0)  # noqa: NPY002

    assert fc.jax.check_gradients(evaluate, np.ones(4), before_each=seed).passed
    assert fc.jax.check_layer(evaluate, np.ones(4), before_each=seed).passed


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_a_coarse_type_on_the_way_is_named(kind: str) -> None:
    w = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)), jnp.float32)
    result = fc.jax.check_gradients(
        lambda w: jnp.sum(jnp.square(w.astype(kind))).astype(jnp.float32), w
    )
    assert result.verdict == "inconclusive"
    advice = next(f.message for f in result.findings if "gradients of" in f.message)
    assert f"because gradients of {kind} are not precise enough" in advice
    assert f"without {kind} on the way: give parameters and data of float64" in advice


def test_a_type_that_is_written_down_leaves_float32() -> None:
    data = jnp.ones((3, 3), jnp.float32)

    def evaluate(w: Any) -> Any:  # a sum that does not mix types
        return jnp.sum(jnp.sort(jax.lax.add(data, w)) ** 2)

    result = fc.jax.check_gradients(evaluate, np.eye(3, dtype=np.float32))
    assert result.verdict != "fail"
    assert sum(t.n_disagree for t in result.tensors.values()) == 0
    assert {"not-traced", "low-precision"} <= {*kinds(result)}


def test_a_slow_loss_is_looked_at_along_directions() -> None:
    w = RNG.normal(size=(200, 100))
    result = fc.jax.check_gradients(lambda w: jnp.mean(jnp.sort(w, axis=0)[3] ** 2), w, budget=0.2)
    assert result.passed
    assert result.plan == "directions"


# ------------------------------------------------------------ layers


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_custom_vjp_is_checked_as_a_layer(dtype: Any) -> None:
    x = RNG.normal(size=(4, 3)).astype(dtype)
    result = fc.jax.check_layer(square, x)
    assert result.verdict == "fail"
    (diagnosis,) = result.diagnosis
    assert (diagnosis.kind, diagnosis.tensor, diagnosis.constant) == ("factor", "x", 0.5)
    assert fc.jax.check_layer(lambda x: x * x, x).passed


def test_inputs_and_outputs_of_a_layer_are_pytrees() -> None:
    def layer(params: Any, x: Any, n: int = 2) -> Any:
        h = jnp.tanh(x @ params["W"])
        return {"h": h, "more": [h.sum(0) * n, jnp.argmax(h, 1)]}

    inputs = {"params": {"W": RNG.normal(size=(3, 2))}, "x": RNG.normal(size=(4, 3)), "n": 3}
    result = fc.jax.check_layer(layer, inputs)
    assert result.passed
    assert [*result.tensors] == ["params.W", "x"]
    given = fc.jax.check_layer(layer, inputs, cotangent=(np.ones((4, 2)), np.zeros(2)))
    assert given.passed


def test_a_layer_that_cannot_be_followed_is_called() -> None:
    result = fc.jax.check_layer(jnp.sort, RNG.normal(size=(4, 3)).astype("f4"))
    assert result.passed
    assert {"not-traced", "widened"} <= {*kinds(result)}
    with pytest.raises(fc.TraceError, match="sort"):
        fc.jax.check_layer(jnp.sort, np.ones(3), engine="trace")


# ------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("function", "params", "message"),
    [
        (lambda p: p["n"], {"n": 3}, "`params` must hold an array of floating point, got n; pass"),
        (lambda p: jnp.sum(p), jnp.ones(2, jnp.bfloat16), "float64, float32 or float16, got bfloa"),
        (lambda p: p * 2.0, np.ones(3), r"`loss` must return one real number, got shape \(3,\)"),
        (
            jnp.sum,
            {"a": {"b": np.ones(2)}, "a.b": np.ones(2)},
            "different names, got a.b more than",
        ),
        (lambda p: 1, np.ones(3), "the loss must return an array of floating point, got none"),
    ],
)
def test_a_wrong_argument_is_refused(function: Any, params: Any, message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        fc.jax.check_gradients(function, params)


def test_jitter_needs_a_gradient_function() -> None:
    with pytest.raises(
        fc.InputError, match=r"`grads` must be a function with jitter=.*got ndarray"
    ):
        fc.jax.check_gradients(jnp.sum, np.ones(3), np.ones(3), jitter=0.1)
