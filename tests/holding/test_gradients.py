"""The analytic gradient in every shape, by the names of the parameters."""

from __future__ import annotations

import array
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.holding import named_gradients, taken
from fastcheck.holding.recovered import recovered
from tests.holding.shapes import Keras, Pair, Wrapped, drawn

G1, G2 = drawn(2, 3), drawn(3, seed=1)
LAYER = SimpleNamespace(dW=G1, db=G2, gw=G1, gb=G2, W_grad=G1, d_b=G2)
RAGGED = np.empty(2, object)
RAGGED[:] = [G1, G2]


def matched(grads: Any, *names: str) -> dict[str, Any]:
    return named_gradients(taken(grads, {}), names)


def same(found: Any, expected: Any) -> bool:
    return found is expected is None or np.array_equal(found, expected)


@pytest.mark.parametrize(
    "grads",
    [
        {"W": G1, "b": G2},
        {"b": G2, "W": G1},
        {"dW": G1, "db": G2},
        {"grad_W": G1, "b_grad": G2},
        {"g_W": G1, "d_b": G2},
        [G1, G2],
        (G1, G2),
        [[G1], [G2]],
        ({"x": G1}, [G2]),
        RAGGED,
        fc.attributes(LAYER, "dW", "db"),
        fc.attributes(LAYER, "d_b", "W_grad"),
        fc.attributes(LAYER, "gw", "gb"),  # no name fits: by the order
        fc.accessors(lambda: [G1, G2], print),
        [Wrapped(G1), Wrapped(G2)],
        {"W": memoryview(G1), "b": array.array("d", G2)},
        {"W": G1.tolist(), "b": tuple(G2.tolist())},
    ],
)
def test_all_of_these_are_the_gradients_of_two_parameters(grads: Any) -> None:
    found = matched(grads, "W", "b")
    assert same(found["W"], G1)
    assert same(found["b"], G2)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("grads", "names"),
    [
        ({"enc": [{"W": G1}, {"W": G2}]}, ("enc.0.W", "enc.1.W")),
        ({"enc": [{"dW": G1}, {"dW": G2}]}, ("enc.0.W", "enc.1.W")),
        ({"enc.0.W": G1, "enc.1.W": G2}, ("enc.0.W", "enc.1.W")),
        ({"dW": [G1, G2]}, ("W.0", "W.1")),
        ({"weights": {1: G1, 2: G2}}, ("weights.1", "weights.2")),
        ([G1, G2], ("enc.0.W", "enc.1.W")),
        ([[G1, G2]], ("enc.0.W", "enc.1.W")),
        ({"a": fc.attributes(LAYER, "dW", "db")}, ("a.W", "a.b")),
        ({"a": fc.attributes(LAYER, "gw", "gb")}, ("a.W", "a.b")),
        ({"a": [Pair(G1, G2)]}, ("a.0.w", "a.0.b")),
        (Pair(G1, G2), ("W", "b")),
        (Pair(G1, G2), ("b", "W")[::-1]),
        ([[G1, G2], None], ("0.0", "0.1")),
        ([{"W": G1}, None, {"W": G2}], ("0.W", "2.W")),
    ],
)
def test_nested_gradients_find_nested_parameters(grads: Any, names: tuple[str, str]) -> None:
    found = matched(grads, *names)
    assert same(found[names[0]], G1)
    assert same(found[names[1]], G2)


@pytest.mark.parametrize(
    ("grads", "name", "expected"),
    [
        (G1, "theta", G1),
        (G1, "W", G1),
        ([G1], "theta", G1),
        (G2.tolist(), "theta", G2.tolist()),
        ([0.5], "0", 0.5),
        (0.5, "s", 0.5),
        (Decimal("0.5"), "s", 0.5),
        ({"s": Fraction(1, 2)}, "s", 0.5),
        ([[1.0, 2.0]], "theta", [[1.0, 2.0]]),
        (np.array([Decimal(1), Decimal(2)], object), "theta", [1.0, 2.0]),
    ],
)
def test_one_gradient_belongs_to_one_parameter(grads: Any, name: str, expected: Any) -> None:
    found = matched(grads, name)
    assert same(found[name], expected)


def test_none_stays_none() -> None:
    assert matched({"W": G1, "b": None}, "W", "b")["b"] is None
    assert matched([None, G2], "W", "b")["W"] is None
    assert matched([None, G2], "0", "1")["0"] is None
    assert matched({"dW": None}, "W") == {"W": None}


def test_what_belongs_to_no_parameter_keeps_its_name() -> None:
    found = matched({"dW": G1, "dA": G2, "cache": {"x": [G1]}, "b3": None, 7: G2}, "W")
    assert [*found] == ["W", "dA", "cache", "b3", "7"]


def test_a_name_that_is_a_parameter_is_not_read_as_a_derivative() -> None:
    found = matched({"W": G1, "dW": G2}, "W", "dW")
    assert same(found["W"], G1)
    assert same(found["dW"], G2)
    assert "W" not in matched({"dW": G2}, "W", "dW")
    assert [*matched({"W": G1, "dW": G2}, "W")] == ["W", "dW"]
    assert [*matched({"dW": G1, "grad_W": G2}, "W")] == ["W", "grad_W"]


@pytest.mark.parametrize(
    ("grads", "message"),
    [
        (
            [G1],
            "one gradient for each of 2 parameters, got 1; put them in the same order, W, b, or",
        ),
        ([G1, G2, G1], "each of 2 parameters, got 3"),
        (G1, r"each of 2 parameters, got one array of shape \(2, 3\); put"),
        (0.5, "each of 2 parameters, got float"),
    ],
)
def test_too_few_and_too_many_are_refused(grads: Any, message: str) -> None:
    with pytest.raises(fc.InputError, match=message):
        matched(grads, "W", "b")


def test_many_names_are_not_all_listed() -> None:
    with pytest.raises(fc.InputError, match="p0, p1, p2, p3, p4, p5, p6, p7 and 3 more, or give"):
        matched([G1], *(f"p{i}" for i in range(11)))


@pytest.mark.parametrize(
    "shape",
    [
        lambda g: {"w": g},
        lambda g: [g],
        lambda g: g,
        lambda g: {"w": Wrapped(g)},
        lambda g: fc.attributes(SimpleNamespace(w=g), "w"),
        lambda g: [memoryview(g)],
        lambda g: recovered(g, np.zeros(2)),
    ],
)
def test_gradients_are_copied_on_receipt(shape: Callable[[Any], Any]) -> None:
    """A loss that reuses the arrays of the gradient does not change what is checked."""
    w = np.array([0.3, 0.4])
    g = 2 * w

    def loss() -> float:
        g[:] = np.nan
        return float(w @ w)

    for engine in ("auto", "black box"):
        g[:] = 2 * w
        assert fc.check_gradients(loss, {"w": w}, shape(g), engine=engine).passed


def test_the_gradient_of_objects_is_read_from_them() -> None:
    p = {"w": Wrapped(drawn(3)), "s": Wrapped(0.5)}
    p["w"].grad, p["s"].grad = Wrapped(np.cos(p["w"].data)), 1.0

    def loss() -> Wrapped:
        return Wrapped(float(np.sin(p["w"].data).sum()) + p["s"].data)

    assert fc.check_gradients(loss, p, None).passed
    p["w"].grad.data[1] += 0.5
    wrong = fc.check_gradients(loss, p, None).tensors["w"].mismatches
    assert [m.index for m in wrong] == [(1,)]


def test_an_object_in_two_places_has_one_gradient() -> None:
    """Its ``.grad`` is the total already, and is not added up twice."""
    shared = Wrapped(drawn(3))
    shared.grad = 2 * np.cos(shared.data)

    def loss() -> float:
        return 2 * float(np.sin(shared.data).sum())

    result = fc.check_gradients(loss, {"encoder": shared, "decoder": shared}, None)
    assert result.passed
    assert "aliased" in [f.kind for f in result.findings]


def test_sparse_gradients_are_made_dense() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    E = drawn(4, 2)
    rows = sparse.csr_matrix(np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]))
    assert fc.check_gradients(lambda: float(E[1].sum()), {"E": E}, {"E": rows}).passed


def test_arrays_have_no_gradient_of_their_own() -> None:
    with pytest.raises(fc.InputError, match="got None, and not all parameters are objects with"):
        fc.check_gradients(lambda: 0.0, {"w": drawn(2)}, None)


# ------------------------------------------------------------ functions


def test_a_function_of_the_parameters_gets_them() -> None:
    w = drawn(3)
    seen = []

    def gradient(p: Any) -> Any:
        seen.append(p["w"])
        return {"w": np.cos(p["w"])}

    assert fc.check_gradients(lambda: np.sin(w).sum(), {"w": w}, gradient).passed
    assert fc.check_gradients(lambda p: np.sin(p["w"]).sum(), {"w": w}, gradient).passed
    assert all(x is w for x in seen[:3])
    assert not any(x is w for x in seen[3:])


def test_a_function_of_something_else_is_refused() -> None:
    w = drawn(3)
    with pytest.raises(fc.InputError, match=r"or the parameters, got .* \(p, x\); bind"):
        fc.check_gradients(lambda: np.sin(w).sum(), [w], lambda p, x: [x])


def test_a_function_without_a_signature_is_called_without_arguments() -> None:
    w = drawn(2)
    result = fc.check_gradients(lambda: float(w.sum()), [w], iter([[np.ones(2)]]).__next__)
    assert result.passed


# ------------------------------------------------------------ graphs


def test_a_graph_takes_gradients_in_these_shapes_too() -> None:
    net = fc.Network([fc.Dense(3, 2)], loss=fc.SquaredError())
    objective, params = net.objective(drawn(4, 3), drawn(4, 2)), net.init_params(seed=0)
    right = objective.gradient(params)
    W, b = right["W1"], right["b1"]
    other_order = {"b1": params["b1"], "W1": params["W1"]}
    for point, grads in (
        (params, {"dW1": W, "db1": b, "dz1": objective.gradient(params, ["z1"])["z1"]}),
        (params, [W, b]),
        (other_order, [b, W]),
        (params, lambda: right),
        (params, lambda p: objective.gradient(p)),
        (params, fc.attributes(SimpleNamespace(dW1=W, db1=b), "dW1", "db1")),
    ):
        result = fc.check_gradients(objective, point, grads)
        assert result.passed
        assert {"W1", "b1"} <= result.tensors.keys()
    with pytest.raises(fc.InputError, match="each of 2 parameters, got 1"):
        fc.check_gradients(objective, params, [W])


def test_a_pair_gives_gradients_by_position() -> None:
    model = Keras([drawn(2, 3), drawn(3)])
    params = fc.accessors(model.get_weights, model.set_weights)

    def loss() -> float:
        return sum(float(np.sin(w).sum()) for w in model._weights)

    assert fc.check_gradients(loss, params, [np.cos(w) for w in model._weights]).passed
