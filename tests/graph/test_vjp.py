"""The vjps of all operations against complex steps and 50-digit arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from fastcheck.graph import Graph, Node, ops
from fastcheck.graph.ops import pointwise
from fastcheck.graph.reference import Noise, gradient, gradient_and_terms, shaken_values
from fastcheck.graph.state import State, evaluate

pytestmark = pytest.mark.interpreted

Arrays = tuple[np.ndarray, ...]
RNG = np.random.default_rng(20)
A, B, C = RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4)), RNG.standard_normal((4, 2))
STACK, ROW, COLUMN = RNG.standard_normal((2, 3, 4)), B[0], B[:, :1]
PLUS, UNIT_INTERVAL = np.abs(B) + 0.3, 1 / (1 + np.exp(-A))
SOFT = PLUS / PLUS.sum(axis=1, keepdims=True)


def soft(z: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(z)
    return e / e.sum(axis=axis, keepdims=True)


# what builds the operation, the same for complex arrays, the inputs
CASES: dict[str, tuple[Callable[..., Node], Callable[..., Any], Arrays]] = {
    "add": (ops.add, np.add, (A, B)),
    "add a row": (ops.add, np.add, (A, ROW)),
    "subtract from a column": (ops.subtract, np.subtract, (COLUMN, A)),
    "multiply": (ops.multiply, np.multiply, (A, B)),
    "multiply by a column": (ops.multiply, np.multiply, (STACK, COLUMN)),
    "divide": (ops.divide, np.divide, (A, PLUS)),
    "divide by negative numbers": (ops.divide, np.divide, (A, -PLUS)),
    "divide a row": (ops.divide, np.divide, (ROW, STACK)),
    "scale": (lambda a: ops.scale(a, -2.5), lambda a: -2.5 * a, (A,)),
    "matmul": (ops.matmul, np.matmul, (A, C)),
    "matmul of a stack": (ops.matmul, np.matmul, (STACK, C)),
    "matmul of vectors": (ops.matmul, np.matmul, (ROW, ROW)),
    "contract": (lambda a, b: ops.contract("bik,bjk->bij", a, b),
                 lambda a, b: np.einsum("bik,bjk->bij", a, b), (STACK, STACK[:, :2])),
    "contract to a transposed result": (lambda a, b: ops.contract("bik,jk->jbi", a, b),
                                        lambda a, b: np.einsum("bik,jk->jbi", a, b), (STACK, B)),
    "outer": (lambda a, b: ops.contract("i,j->ji", a, b), lambda a, b: np.outer(b, a),
              (ROW, B[1])),
    "contract entry by entry": (lambda a, b: ops.contract("ij,ij->i", a, b),
                                lambda a, b: (a * b).sum(1), (A, B)),
    "sum": (ops.sum, np.sum, (A,)),
    "sum over an axis": (lambda a: ops.sum(a, axis=1), lambda a: a.sum(1), (STACK,)),
    "mean over two axes": (lambda a: ops.mean(a, axis=(0, -1), keepdims=True),
                           lambda a: a.mean((0, 2), keepdims=True), (STACK,)),
    "reshape": (lambda a: ops.reshape(a, (4, -1)), lambda a: a.reshape(4, 6), (STACK,)),
    "transpose": (lambda a: ops.transpose(a, (1, 2, 0)), lambda a: a.transpose(1, 2, 0), (STACK,)),
    "tanh": (ops.tanh, np.tanh, (A,)),
    "sigmoid": (ops.sigmoid, lambda z: 1 / (1 + np.exp(-z)), (A,)),
    "softplus": (ops.softplus, lambda z: np.log(1 + np.exp(z)), (A,)),
    "exp": (ops.exp, np.exp, (A,)),
    "log": (ops.log, np.log, (PLUS,)),
    "sqrt": (ops.sqrt, np.sqrt, (PLUS,)),
    "square": (ops.square, np.square, (A,)),
    "reciprocal": (ops.reciprocal, np.reciprocal, (A,)),
    "relu": (ops.relu, lambda z: np.where(z.real > 0, z, 0), (A,)),
    "leaky relu": (lambda z: ops.leaky_relu(z, 0.2), lambda z: np.where(z.real > 0, z, 0.2 * z),
                   (A,)),
    "softmax": (ops.softmax, lambda z: soft(z, -1), (A,)),
    "softmax over the first axis": (lambda z: ops.softmax(z, 0), lambda z: soft(z, 0), (STACK,)),
    "softmax cross-entropy": (lambda z: ops.softmax_cross_entropy(z, SOFT),
                              lambda z: -(SOFT * np.log(soft(z, 1))).sum(1), (A,)),
    "softmax cross-entropy over the first axis, guarded": (
        lambda z: ops.softmax_cross_entropy(z, SOFT, 0.1, axis=0),
        lambda z: -(SOFT * np.log(soft(z, 0) + 0.1)).sum(0), (A,)),
    "cross-entropy": (lambda p: ops.cross_entropy(p, SOFT, 1e-3),
                      lambda p: -SOFT * np.log(p + 1e-3), (UNIT_INTERVAL,)),
    "binary cross-entropy": (
        lambda a: ops.binary_cross_entropy(a, SOFT, 1e-7),
        lambda a: -SOFT * np.log(a + 1e-7) - (1 - SOFT) * np.log(1 - a + 1e-7), (UNIT_INTERVAL,)),
    "binary cross-entropy of hard labels": (
        lambda a: ops.binary_cross_entropy(a, (B > 0) * 1.0),
        lambda a: -np.where(B > 0, np.log(a), np.log(1 - a)), (UNIT_INTERVAL,)),
    "binary cross-entropy from logits": (
        lambda z: ops.binary_cross_entropy_with_logits(z, SOFT),
        lambda z: np.log(1 + np.exp(z)) - SOFT * z, (A,)),
}  # fmt: skip


def applied(build: Callable[..., Node], inputs: Arrays) -> tuple[Node, tuple[Any, ...], Any]:
    """Return the node of an operation, the values of its inputs and its value."""
    graph = Graph()
    leaves = [graph.param(f"p{k}", a.shape) for k, a in enumerate(inputs)]
    node = build(*leaves)
    values = evaluate(graph, {f"p{k}": a for k, a in enumerate(inputs)})
    return node, tuple(values[i.index] for i in node.inputs), values[node.index]


@pytest.mark.parametrize("name", CASES)
def test_the_value_is_that_of_the_formula(name: str) -> None:
    build, formula, inputs = CASES[name]
    node, _, value = applied(build, inputs)
    expected = np.asarray(formula(*(a.astype(complex) for a in inputs))).real
    assert node.shape == expected.shape
    np.testing.assert_allclose(value, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_the_vjp_is_that_of_complex_steps(name: str) -> None:
    build, formula, inputs = CASES[name]
    node, values, output = applied(build, inputs)
    cotangent = np.random.default_rng(1).standard_normal(output.shape)
    found = node.op.vjp(cotangent, values, output)
    for k, a in enumerate(inputs):
        expected = np.empty(a.shape)
        for place in np.ndindex(a.shape):
            moved = [b.astype(complex) for b in inputs]
            moved[k][place] += 1e-30j
            expected[place] = (cotangent * np.imag(formula(*moved))).sum() / 1e-30
        scale = np.abs(expected).max()
        assert found[k].shape == a.shape
        np.testing.assert_allclose(found[k], expected, rtol=1e-13, atol=1e-14 * scale)


@pytest.mark.parametrize("name", CASES)
def test_the_absolute_vjp_bounds_the_vjp(name: str) -> None:
    build, _, inputs = CASES[name]
    node, values, output = applied(build, inputs)
    cotangent = np.random.default_rng(2).standard_normal(output.shape)
    signed = node.op.vjp(cotangent, values, output)
    bounds = node.op.vjp_abs(np.abs(cotangent), values, output)
    for one, bound in zip(signed, bounds, strict=True):
        assert one.shape == bound.shape
        assert np.all(bound >= np.abs(one) * (1 - 1e-14))


@pytest.mark.parametrize(
    "name", ["add", "add a row", "multiply", "multiply by a column", "matmul", "contract", "sum",
             "mean over two axes", "reshape", "transpose", "exp", "sqrt", "square",
             "outer", "contract entry by entry", "softplus", "relu"],
)  # fmt: skip
def test_the_absolute_vjp_is_the_vjp_where_no_sign_is_negative(name: str) -> None:
    build, _, inputs = CASES[name]
    node, values, output = applied(build, tuple(np.abs(a) for a in inputs))
    cotangent = np.random.default_rng(3).random(output.shape)
    for one, bound in zip(
        node.op.vjp(cotangent, values, output), node.op.vjp_abs(cotangent, values, output),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(one, bound)


@pytest.mark.parametrize("z", [0.0, 0.5, -3.0, 20.0])
def test_the_absolute_vjps_of_tanh_and_sigmoid_cover_what_textbook_derivatives_lose(
    z: float,
) -> None:
    for op in (pointwise.Tanh(), pointwise.Sigmoid()):
        x = np.array([z])
        a = op.value(x)
        textbook = 1.0 + a * a if isinstance(op, pointwise.Tanh) else a + a * a
        (bound,) = op.vjp_abs(np.array([3.0]), (x,), a)
        assert bound[0] >= 3.0 * textbook[0] * (1 - 1e-15)


def test_the_absolute_vjp_of_a_product_adds_what_may_cancel() -> None:
    node, values, output = applied(ops.matmul, (np.array([[1.0, 1.0]]), np.array([[2.0], [-2.0]])))
    left, right = node.op.vjp_abs(np.ones((1, 1)), values, output)
    assert left.tolist() == [[2.0, 2.0]]
    assert right.tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize("z", [0.0, 0.5, -3.0, 19.0, -19.0, 40.0, -40.0])
@pytest.mark.parametrize(
    ("op", "f"),
    [(pointwise.Tanh(), mpmath.tanh),
     (pointwise.Sigmoid(), lambda z: 1 / (1 + mpmath.exp(-z))),
     (pointwise.Softplus(), lambda z: mpmath.log(1 + mpmath.exp(z)))],
    ids=["tanh", "sigmoid", "softplus"],
)  # fmt: skip
def test_derivatives_keep_their_digits_where_functions_saturate(
    op: pointwise.Pointwise, f: Callable[[Any], Any], z: float
) -> None:
    with mpmath.workdps(80):
        h = mpmath.mpf(10) ** -25
        expected = float((f(mpmath.mpf(z) + h) - f(mpmath.mpf(z) - h)) / (2 * h))
    x = np.array([z])
    (found,) = op.vjp(np.ones(1), (x,), op.value(x))
    assert found[0] == pytest.approx(expected, rel=2e-15, abs=0)


@pytest.mark.parametrize("z", [0.0, -0.0])
def test_the_vjp_of_relu_at_zero_takes_the_slope_below(z: float) -> None:
    x = np.array([z])
    assert pointwise.Bend().vjp(np.ones(1), (x,), x)[0][0] == 0.0
    assert pointwise.Bend(low=0.1).vjp(np.ones(1), (x,), x)[0][0] == 0.1


def two_layers() -> tuple[Graph, dict[str, np.ndarray]]:
    graph = Graph()
    w = graph.param("w", (4, 4))
    h = ops.tanh(graph.data(A, 0) @ w)
    graph.param("unused", (2,))
    graph.set_loss(ops.sum(ops.square(h @ w.T)))
    return graph, {"w": RNG.standard_normal((4, 4)), "unused": np.ones(2)}


def test_the_gradient_adds_all_uses_of_a_parameter() -> None:
    graph, params = two_layers()
    found = gradient(graph, State(graph, params).values)
    expected = np.empty((4, 4))
    for place in np.ndindex(4, 4):
        w = params["w"].astype(complex)
        w[place] += 1e-30j
        expected[place] = np.imag((np.square(np.tanh(A @ w) @ w.T)).sum()) / 1e-30
    np.testing.assert_allclose(found["w"], expected, rtol=1e-12)
    assert found["unused"].tolist() == [0.0, 0.0]


def test_the_absolute_terms_bound_the_gradient() -> None:
    graph, params = two_layers()
    values = State(graph, params).values
    signed, bound = gradient_and_terms(graph, values)
    np.testing.assert_array_equal(signed["w"], gradient(graph, values)["w"])
    assert np.all(bound["w"] >= np.abs(signed["w"]) * (1 - 1e-15))


def test_noise_moves_the_gradient_by_about_its_size() -> None:
    graph, params = two_layers()
    values = State(graph, params).values
    plain = gradient(graph, values)["w"]
    one, same, other = (
        gradient(graph, values, None, Noise(s, 2.0**-20, values))["w"] for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    terms = gradient_and_terms(graph, values)[1]["w"]
    assert np.all(np.abs(one - plain) <= 8 * 2.0**-20 * terms.max())
    assert np.any(np.abs(one - plain) >= 0.1 * 2.0**-20 * terms)


def test_shaken_values_differ_by_the_size_asked_for_and_repeat_by_seed() -> None:
    graph, params = two_layers()
    values = State(graph, params).values
    one, same, other = (shaken_values(graph, values, seed, 2.0**-20) for seed in (1, 1, 2))
    product = next(n.index for n in graph.nodes if n.op is not None)
    ratio = one[product] / values[product] - 1.0
    np.testing.assert_allclose(np.abs(ratio), 2.0**-20, rtol=1e-6)
    assert (ratio > 0).any()
    assert (ratio < 0).any()
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[product], other[product])
    assert one[0] is values[0]
