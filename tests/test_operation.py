"""Operations of the user's own."""

import numpy as np
import pytest

import fastcheck as fc

RNG = np.random.default_rng(1)
X = RNG.normal(size=(6, 4))
W = RNG.normal(size=(4, 3))


def tanh_change(d, x):
    """Return the change of tanh by the addition theorem."""
    t = np.tanh(x)
    return (1 - t * t) * np.tanh(d) / (1 + t * np.tanh(d))


def tanh_vjp(g, x):
    return g * (1 - np.tanh(x) ** 2)


OPERATIONS = {
    "by its values": fc.op(np.tanh),
    "with a difference": fc.op(np.tanh, tanh_change),
    "with both": fc.op(np.tanh, tanh_change, tanh_vjp),
    "sample by sample": fc.op(np.tanh, independent=True),
    "sample by sample, with both": fc.op(np.tanh, tanh_change, tanh_vjp, independent=True),
}


def objective(operation, batch_axis=0):
    graph = fc.Graph()
    z = graph.data(X, batch_axis) @ graph.param("W", (4, 3)) + graph.param("b", (3,))
    graph.set_loss(fc.ops.mean(fc.ops.square(operation(z))))
    return fc.GraphObjective(graph)


PARAMS = {"W": W, "b": np.array([0.1, -0.2, 0.3])}
RIGHT = objective(fc.ops.tanh).gradient(PARAMS)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("batch_axis", [0, None])
@pytest.mark.parametrize("plan", ["exhaustive", "units"])
def test_a_right_gradient_passes_and_wrong_ones_fail(name, batch_axis, plan):
    own = objective(OPERATIONS[name], batch_axis)
    result = fc.check_gradients(own, PARAMS, RIGHT, plan=plan)
    assert result.passed, str(result)
    assert all(t.n_agree == t.n_entries for t in result.tensors.values())
    numerical = fc.numerical_gradient(own, PARAMS, plan=plan)
    for tensor, right in RIGHT.items():
        error = np.abs(numerical.values[tensor] - right)
        assert (error <= numerical.bounds[tensor]).all()
        assert (error <= 1e-10 * np.abs(right).max()).all()
        wrong = RIGHT | {tensor: right * (1 + 1e-4)}
        assert fc.check_gradients(own, PARAMS, wrong, plan=plan).verdict == "fail"


def test_exact_rules_keep_all_digits():
    bounds = {
        name: fc.numerical_gradient(objective(OPERATIONS[name]), PARAMS).bounds["W"].max()
        for name in ("by its values", "with both")
    }
    assert bounds["with both"] < 1e-13 < bounds["by its values"] < 1e-7


def inverse(a):
    return np.linalg.inv(a + 4 * np.eye(3))


def test_a_function_that_nobody_knows():
    graph = fc.Graph()
    a = graph.param("A", (3, 3))
    graph.set_loss(fc.ops.sum(fc.ops.square(fc.op(inverse)(a))))
    base = RNG.normal(size=(3, 3))
    inv = inverse(base)
    right = {"A": -2 * inv.T @ inv @ inv.T}
    result = fc.check_gradients(fc.GraphObjective(graph), {"A": base}, right)
    assert result.passed, str(result)
    right["A"][1, 2] *= 1.001
    assert fc.check_gradients(fc.GraphObjective(graph), {"A": base}, right).verdict == "fail"


def test_an_unknown_function_in_traced_code_is_kept_and_called_again():
    def loss(params, x):
        a = params["A"] @ params["A"].T + np.eye(3)
        return np.mean(np.tanh(x @ params["W"]) @ np.linalg.inv(a) @ np.ones(3))

    params = {"A": RNG.normal(size=(3, 3)), "W": W}
    traced = fc.trace(loss, params, X)
    assert any(type(n.op).__name__ == "Opaque" for n in traced.graph.nodes)
    result = fc.check_gradients(traced, params, traced.gradient(params))
    assert result.passed, str(result)
    step = 1e-6
    moved = params | {"A": params["A"] + step * np.eye(3)[[0, 0, 0]]}
    slope = (loss(moved, X) - loss(params, X)) / step
    assert slope == pytest.approx(traced.gradient(params)["A"][:, 0].sum(), rel=1e-3)


def test_an_own_operation_in_traced_code_keeps_its_rules():
    own = OPERATIONS["with both"]

    def loss(params, x):
        return np.mean(own(x @ params["W"] + params["b"]) ** 2)

    traced = fc.trace(loss, PARAMS, X)
    (node,) = (n for n in traced.graph.nodes if type(n.op).__name__ == "Opaque")
    assert node.op.rule is tanh_change
    assert fc.check_gradients(traced, PARAMS, RIGHT).passed


def test_plain_arrays_are_just_handed_on():
    np.testing.assert_array_equal(OPERATIONS["with both"](X), np.tanh(X))


def test_rules_are_compared_with_the_function():
    fc.op(np.tanh, tanh_change, tanh_vjp).check(X)
    with pytest.raises(fc.InputError, match=r"`difference` .*0\.1.*in place of"):
        fc.op(np.tanh, lambda d, x: d * (1 - np.tanh(x) ** 2)).check(X)
    with pytest.raises(fc.InputError, match=r"`vjp` .*input 0.*in place of"):
        fc.op(np.tanh, vjp=lambda g, x: g * (1 + np.tanh(x) ** 2)).check(X)
    with pytest.raises(fc.InputError, match=r"`vjp` must have shape \(3,\)"):
        fc.op(lambda x, b: x + b, vjp=lambda g, x, b: (g, g)).check(W, np.ones(3))


def test_a_large_input_needs_both_rules():
    graph = fc.Graph()
    with pytest.raises(fc.InputError, match=r"`tanh` must have difference= and vjp=.*5000"):
        fc.op(np.tanh)(graph.param("w", (5000,)))
    fc.op(np.tanh, tanh_change, tanh_vjp)(graph.param("v", (5000,)))


def test_only_functions_are_taken():
    with pytest.raises(fc.InputError, match="`f` must be a function"):
        fc.op(3)


def test_two_inputs_of_the_same_size():
    graph = fc.Graph()
    a, b = graph.param("a", (3,)), graph.param("b", (3,))
    graph.set_loss(fc.ops.sum(fc.op(lambda p, q: p * q**2)(a, b)))
    p, q = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 2.0])
    right = {"a": q**2, "b": 2 * p * q}
    assert fc.check_gradients(fc.GraphObjective(graph), {"a": p, "b": q}, right).passed
