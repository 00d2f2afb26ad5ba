"""Gradients of named intermediate values are checked like those of parameters."""

import numpy as np
import pytest

import fastcheck as fc

RNG = np.random.default_rng(3)


def network():
    net = fc.Network(
        [fc.Dense(6, 5), fc.Tanh(), fc.Dense(5, 4), fc.ReLU(), fc.Dense(4, 3)],
        fc.SoftmaxCrossEntropy(),
    )
    params = net.init_params(seed=1)
    objective = net.objective(RNG.normal(size=(7, 6)), RNG.integers(0, 3, 7))
    return objective, params


NAMES = ("x", "z1", "a1", "z2", "a2", "z3")


def test_a_network_names_its_intermediates():
    objective, _ = network()
    assert objective.intermediates == {
        "x": (7, 6), "z1": (7, 5), "a1": (7, 5), "z2": (7, 4), "a2": (7, 4), "z3": (7, 3),
    }  # fmt: skip


@pytest.mark.parametrize("plan", ["exhaustive", "units"])
def test_right_gradients_pass(plan):
    objective, params = network()
    grads = objective.gradient(params, [*objective.shapes, *NAMES])
    result = fc.check_gradients(objective, params, grads, plan=plan)
    assert result.passed, str(result)
    assert set(result.tensors) == set(objective.shapes) | set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_found_at_its_address(name):
    objective, params = network()
    grads = objective.gradient(params, [*objective.shapes, name])
    place = np.unravel_index(np.argmax(np.abs(grads[name])), grads[name].shape)
    grads[name][place] *= 1.01
    result = fc.check_gradients(objective, params, grads)
    assert [n for n, t in result.tensors.items() if t.verdict == "fail"] == [name]
    assert result.tensors[name].worst.index == tuple(int(i) for i in place)


def test_a_missing_mean_is_seen_in_the_intermediates():
    objective, params = network()
    grads = objective.gradient(params, [*objective.shapes, "z1"])
    grads["z1"] = grads["z1"] * 7  # of each sample's own loss
    result = fc.check_gradients(objective, params, grads)
    assert result.tensors["z1"].verdict == "fail"
    assert result.tensors["W1"].verdict == "pass"


def test_what_is_not_given_is_not_checked_and_not_missing():
    objective, params = network()
    result = fc.check_gradients(objective, params, objective.gradient(params))
    assert set(result.tensors) == set(objective.shapes)
    assert "left out" not in str(result)


def test_the_prefix_d_is_understood():
    objective, params = network()
    grads = objective.gradient(params, [*objective.shapes, "z1"])
    grads["dz1"] = grads.pop("z1")
    assert "z1" in fc.check_gradients(objective, params, grads).tensors


def test_one_intermediate_alone():
    objective, params = network()
    grads = objective.gradient(params, ["a1"])
    result = fc.check_gradients(objective, params, grads, only="a1")
    assert result.passed
    assert list(result.tensors) == ["a1"]
    numerical = fc.numerical_gradient(objective, params, only=["a1"])
    np.testing.assert_allclose(numerical.values["a1"], grads["a1"], rtol=1e-10, atol=1e-15)


def test_skip_leaves_an_intermediate_out():
    objective, params = network()
    grads = objective.gradient(params, [*objective.shapes, "z1", "a1"])
    result = fc.check_gradients(objective, params, grads, skip="z1")
    assert "z1" not in result.tensors
    assert "a1" in result.tensors


def test_a_wrong_shape_is_refused():
    objective, params = network()
    grads = objective.gradient(params) | {"z1": np.zeros((5, 7))}
    with pytest.raises(fc.InputError, match=r"grads\['z1'\].*\(7, 5\).*\(5, 7\)"):
        fc.check_gradients(objective, params, grads)


def test_an_unknown_name_is_refused_by_the_reference_gradient():
    objective, params = network()
    with pytest.raises(fc.InputError, match=r"z9"):
        objective.gradient(params, ["z9"])


def convolution(params, x):
    """Convolve by columns, whose rows are samples and positions."""
    columns = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1).reshape(len(x) * 4, 3)
    z = fc.mark("z", columns @ params["K"])
    return np.mean(np.tanh(z).reshape(len(x), -1) @ params["W"])


def test_intermediates_of_traced_code_have_the_shape_that_the_code_sees():
    params = {"K": RNG.normal(size=(3, 2)), "W": RNG.normal(size=8)}
    objective = fc.trace(convolution, params, RNG.normal(size=(5, 6)))
    assert objective.intermediates == {"z": (20, 2)}
    grads = objective.gradient(params, ["K", "W", "z"])
    assert fc.check_gradients(objective, params, grads).passed
    grads["z"][7, 1] += 0.1
    result = fc.check_gradients(objective, params, grads)
    assert result.tensors["z"].worst.index == (7, 1)


def test_the_input_of_traced_code():
    def loss(params, x):
        x = fc.mark("x", x)
        return np.sum(np.tanh(x @ params["W"]) ** 2)

    params, x = {"W": RNG.normal(size=(6, 4))}, RNG.normal(size=(5, 6))
    objective = fc.trace(loss, params, x)
    z = x @ params["W"]
    dz = 2 * np.tanh(z) * (1 - np.tanh(z) ** 2)
    grads = {"W": x.T @ dz, "x": dz @ params["W"].T}
    result = fc.check_gradients(objective, params, grads)
    assert result.passed
    assert set(result.tensors) == {"W", "x"}


def test_a_value_inside_a_composition_keeps_its_name():
    """A softmax is recognised as a whole, unless something in it has a name."""

    def loss(params, x, y):
        scores = x @ params["W"]
        e = fc.mark("e", np.exp(scores - scores.max(axis=1, keepdims=True)))
        p = e / e.sum(axis=1, keepdims=True)
        return -np.log(p[np.arange(len(y)), y]).mean()

    params, x = {"W": RNG.normal(size=(6, 4))}, RNG.normal(size=(5, 6))
    y = RNG.integers(0, 4, 5)
    objective = fc.trace(loss, params, x, y)
    scores = x @ params["W"]
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    de = (1 / e.sum(axis=1, keepdims=True) - np.eye(4)[y] / e) / 5
    result = fc.check_gradients(objective, params, {"e": de}, only="e")
    assert result.passed, str(result)
