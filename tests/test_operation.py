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


def scored(operation, n, batch_axis=0, seed=0):
    """Return a check's objective around `operation`, and parameters."""
    rng = np.random.default_rng(seed)
    graph = fc.Graph()
    z = graph.data(rng.normal(size=(n, 8)), batch_axis) @ graph.param("W", (8, 5))
    z = z + graph.param("b", (5,))
    graph.set_loss(fc.ops.mean(fc.ops.square(operation(z) + 0.3)))
    return fc.GraphObjective(graph), {"W": rng.normal(size=(8, 5)), "b": rng.normal(size=5)}


HARD = {
    "kinks near the point": (lambda x: np.maximum(x, 0.0), fc.ops.relu, 400),
    "many samples": (np.tanh, fc.ops.tanh, 3000),
    "fast": (lambda x: np.sin(300 * x), lambda z: fc.ops.sin(300.0 * z), 40),
    "very fast": (lambda x: np.sin(3000 * x), lambda z: fc.ops.sin(3000.0 * z), 40),
    "poles": (lambda x: np.log(x * x), lambda z: fc.ops.log(fc.ops.square(z)), 40),
    "a small change": (lambda x: 1 + 1e-6 * np.tanh(x), lambda z: fc.ops.tanh(z) * 1e-6 + 1.0, 40),
    "layer normalisation": (
        lambda x: (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5),
        lambda z: fc.ops.normalise(z, 1, 1e-5), 40,
    ),
}  # fmt: skip


@pytest.mark.parametrize("independent", [True, False])
@pytest.mark.parametrize("name", HARD)
def test_hard_functions_are_as_good_as_the_native_ones(name, independent):
    function, native, n = HARD[name]
    n = n if independent else min(n, 800)  # 4096 entries at most, all samples together
    right = (pair := scored(native, n))[0].gradient(pair[1])
    own, params = scored(fc.op(function, independent=independent), n)
    result = fc.check_gradients(own, params, right)
    assert result.passed, str(result)
    numerical = fc.numerical_gradient(own, params)
    for tensor, exact in right.items():
        assert (np.abs(numerical.values[tensor] - exact) <= numerical.bounds[tensor]).all()
        wrong = right | {tensor: exact * (1 + 1e-4)}
        assert fc.check_gradients(own, params, wrong).verdict == "fail"


def test_noise_is_never_read_as_disagreement():
    def single(x):
        return np.tanh(x.astype(np.float32)).astype(np.float64)

    objective, params = scored(fc.ops.tanh, 40)
    right = objective.gradient(params)
    own, _ = scored(fc.op(single), 40)
    result = fc.check_gradients(own, params, right)
    assert result.verdict != "fail"
    assert all(t.n_disagree == 0 for t in result.tensors.values())
    numerical = fc.numerical_gradient(own, params)
    for tensor, exact in right.items():
        assert (np.abs(numerical.values[tensor] - exact) <= numerical.bounds[tensor]).all()
    wrong = {name: 1.5 * g for name, g in right.items()}
    assert fc.check_gradients(own, params, wrong).verdict == "fail"


@pytest.mark.parametrize("operation", [fc.ops.relu, fc.op(lambda x: np.maximum(x, 0.0))])
@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_a_kink_at_the_point_is_no_mistake(operation, slope):
    graph = fc.Graph()
    graph.set_loss(fc.ops.sum(operation(graph.param("z", (3,)))))
    params = {"z": np.array([0.0, 1.0, -2.0])}
    result = fc.check_gradients(fc.GraphObjective(graph), params, {"z": np.array([slope, 1, 0])})
    assert result.tensors["z"].n_kink == 1
    assert result.tensors["z"].n_disagree == 0


@pytest.mark.parametrize("independent", [True, False])
@pytest.mark.parametrize("rules", [True, False])
@pytest.mark.parametrize("n", [6, 700])
def test_an_input_may_be_shared_by_all_samples(independent, rules, n):
    def change(dx, dw, x, w):
        return dx * w + x * dw + dx * dw

    def vjp(g, x, w):
        return g * w, (g * x).sum(0)

    own = fc.op(lambda x, w: x * w, *((change, vjp) if rules else ()), independent=independent)
    x, w, scale = RNG.normal(size=(n, 4)), RNG.normal(size=(4, 4)), RNG.normal(size=4)
    graph = fc.Graph()
    z = graph.data(x, 0) @ graph.param("W", (4, 4))
    graph.set_loss(fc.ops.sum(fc.ops.square(own(z, graph.param("s", (4,))))))
    y = x @ w
    right = {"W": x.T @ (2 * y * scale**2), "s": (2 * y**2 * scale).sum(0)}
    result = fc.check_gradients(fc.GraphObjective(graph), {"W": w, "s": scale}, right)
    assert result.passed, str(result)
    wrong = right | {"s": right["s"] * 1.0001}
    assert not fc.check_gradients(fc.GraphObjective(graph), {"W": w, "s": scale}, wrong).passed


def test_samples_may_lie_along_another_axis():
    own = fc.op(lambda x: np.cumsum(np.sin(x), axis=0), independent=True)
    graph = fc.Graph()
    z = (graph.data(X, 0) @ graph.param("W", (4, 3))).T  # samples along axis 1
    graph.set_loss(fc.ops.sum(fc.ops.square(own(z))))
    y = X @ W
    out = np.cumsum(np.sin(y), axis=1)
    back = np.cumsum((2 * out)[:, ::-1], axis=1)[:, ::-1] * np.cos(y)
    result = fc.check_gradients(fc.GraphObjective(graph), {"W": W}, {"W": X.T @ back})
    assert result.passed, str(result)


def test_a_determinant_in_traced_code_passes_and_mistakes_fail():
    def loss(params):
        return np.linalg.det(params["A"] @ params["A"].T + np.eye(4))

    a = np.random.default_rng(5).normal(size=(4, 4))
    s = a @ a.T + np.eye(4)
    right = {"A": 2 * np.linalg.det(s) * np.linalg.inv(s) @ a}
    traced = fc.trace(loss, {"A": a})
    assert any(type(n.op).__name__ == "Opaque" for n in traced.graph.nodes)
    result = fc.check_gradients(traced, {"A": a}, right)
    assert result.passed, str(result)
    wrong = {"A": right["A"] * (1 + 1e-4)}
    assert fc.check_gradients(traced, {"A": a}, wrong).verdict == "fail"


def test_a_sample_with_too_many_entries_is_refused_with_a_remedy():
    graph = fc.Graph()
    w = graph.param("w", (1,))
    x = graph.data(np.ones((2, 5000)), 0) * w
    graph.set_loss(fc.ops.sum(fc.op(np.tanh, independent=True)(x)))
    with pytest.raises(fc.InputError, match=r"5000 entries for each sample.*4096"):
        fc.GraphObjective(graph).gradient({"w": [1.0]})


def test_slopes_do_not_depend_on_threads():
    own, params = scored(OPERATIONS["sample by sample"], 500)
    one, two = (fc.numerical_gradient(own, params, n_jobs=n) for n in (1, 2))
    for name in params:
        np.testing.assert_array_equal(one.values[name], two.values[name])


def test_rules_wrong_by_little_are_found_and_right_ones_are_not():
    fc.op(np.tanh, tanh_change, tanh_vjp, independent=True).check(X)
    with pytest.raises(fc.InputError, match=r"`difference` must be that of the function"):
        fc.op(np.tanh, lambda d, x: (1 + 1e-8) * tanh_change(d, x)).check(X)
    one_off = 1 + 1e-7 * (np.arange(24).reshape(6, 4) == 14)
    with pytest.raises(fc.InputError, match=r"`vjp` .*input 0.*in place of.* at \[3, 2\]"):
        fc.op(np.tanh, vjp=lambda g, x: one_off * tanh_vjp(g, x)).check(X)
    for relu_slope in (0.0, 0.5, 1.0):
        slope = lambda g, x, s=relu_slope: g * np.where(x == 0, s, x > 0)  # noqa: E731
        fc.op(lambda x: np.maximum(x, 0.0), vjp=slope).check(np.array([0.0, 1.0, -1.0]))
    inverted = lambda g, x: -np.linalg.inv(x).T @ g @ np.linalg.inv(x).T  # noqa: E731
    fc.op(np.linalg.inv, vjp=inverted).check(RNG.normal(size=(5, 5)))


def test_a_rule_that_subtracts_is_found():
    with pytest.raises(fc.InputError, match="do not subtract two values that nearly agree"):
        fc.op(np.tanh, lambda d, x: np.tanh(x + d) - np.tanh(x)).check(X)


def test_samples_that_meet_are_found():
    with pytest.raises(fc.InputError, match=r"`independent` must be False.* sample [1-5] by"):
        fc.op(lambda x: x - x.mean(axis=0), independent=True).check(X)


def test_wrong_shapes_of_rules_are_named():
    with pytest.raises(fc.InputError, match=r"must return shape \(6, 4, 1\) .* got \(6, 4\)"):
        fc.op(np.tanh, lambda d, x: tanh_change(d, x)[..., 0]).check(X)
    with pytest.raises(fc.InputError, match=r"`vjp` must return 2 arrays.* got 1"):
        fc.op(np.add, vjp=lambda g, x, y: g).check(X, X)
    with pytest.raises(fc.InputError, match=r"at most 4096 entries.* got 5000"):
        fc.op(np.tanh, vjp=tanh_vjp).check(np.ones(5000))


@pytest.mark.parametrize("function", [np.linalg.inv, np.linalg.cholesky, np.linalg.slogdet])
def test_the_shape_is_found_on_matrices_that_can_be_inverted(function):
    own = fc.op(function if function is not np.linalg.slogdet else lambda a: function(a)[1])
    node = own(fc.Graph().param("A", (2, 3, 3)))
    assert node.shape == ((2,) if function is np.linalg.slogdet else (2, 3, 3))


def test_functions_that_cannot_be_used_say_why():
    w = fc.Graph().param("w", (3, 3))
    with pytest.raises(fc.InputError, match=r"must return real numbers, got complex128"):
        fc.op(np.fft.fft)(w)
    with pytest.raises(fc.InputError, match=r"arrays of shape \(3, 3\), got ValueError: matmul"):
        fc.op(lambda x: x @ np.ones((7, 2)))(w)


def test_a_function_that_writes_to_its_input_changes_nothing_else():
    def lowered(x):
        x -= 1.0
        return x * x

    graph = fc.Graph()
    w = graph.param("w", (3,))
    graph.set_loss(fc.ops.sum(fc.op(lowered)(w) + w))
    base = np.array([1.5, 2.0, 3.0])
    right = {"w": 2 * (base - 1.0) + 1.0}
    assert fc.check_gradients(fc.GraphObjective(graph), {"w": base}, right).passed


def test_a_false_claim_of_independence_never_passes():
    graph = fc.Graph()
    z = graph.data(X, 0) @ graph.param("W", (4, 3))
    own = fc.op(lambda z: z - z.mean(axis=0), independent=True)
    graph.set_loss(fc.ops.sum(fc.ops.square(own(z))))
    objective = fc.GraphObjective(graph)
    result = fc.check_gradients(objective, {"W": W}, objective.gradient({"W": W}))
    assert not result.passed


def test_what_a_saturated_function_hides_is_not_called_wrong():
    graph = fc.Graph()
    graph.set_loss(fc.ops.sum(fc.op(np.tanh)(graph.param("z", (3,)))))
    base = np.array([20.0, -19.5, 23.0])
    right = {"z": 1 / np.cosh(base) ** 2}
    result = fc.check_gradients(fc.GraphObjective(graph), {"z": base}, right)
    assert result.tensors["z"].n_disagree == 0


def test_a_function_may_refuse_values_far_from_the_point():
    a = RNG.normal(size=(3, 3))
    s = a @ a.T + np.eye(3)
    graph = fc.Graph()
    graph.set_loss(fc.ops.sum(fc.op(np.linalg.cholesky)(graph.param("S", (3, 3)))))
    objective = fc.GraphObjective(graph)
    found = objective.gradient({"S": s})["S"]
    lower = np.tril(RNG.normal(size=(3, 3)))  # a direction; NumPy reads the lower triangle only
    step = 1e-5
    up, down = (np.linalg.cholesky(s + k * step * lower).sum() for k in (1, -1))
    assert np.sum(found * lower) == pytest.approx((up - down) / (2 * step), rel=1e-6)
    assert fc.check_gradients(objective, {"S": s}, {"S": found}).passed


@pytest.mark.parametrize("function", [np.tanh, lambda z: z - np.tanh(z).sum(axis=1)[:, None]])
def test_samples_stay_apart_in_traced_code_too(function):
    own = fc.op(function, independent=True)

    def loss(params, x):
        return np.mean(own(x @ params["W"] + params["b"]) ** 2)

    def written_out(params, x):
        return np.mean(function(x @ params["W"] + params["b"]) ** 2)

    traced = fc.trace(loss, PARAMS, X)
    (node,) = (n for n in traced.graph.nodes if type(n.op).__name__ == "Opaque")
    assert node.batch_axis == 0
    right = fc.trace(written_out, PARAMS, X).gradient(PARAMS)
    assert fc.check_gradients(traced, PARAMS, right).passed
    numerical = fc.numerical_gradient(traced, PARAMS)
    for name, exact in right.items():
        assert (np.abs(numerical.values[name] - exact) <= numerical.bounds[name]).all()
        wrong = right | {name: exact * (1 + 1e-4)}
        assert fc.check_gradients(traced, PARAMS, wrong).verdict == "fail"
