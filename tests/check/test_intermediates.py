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
    result = fc.check_gradients(objective, params, grads)
    assert result.verdict == result.tensors["z1"].verdict == "inconclusive"
    assert all(t.passed for name, t in result.tensors.items() if name != "z1")
    assert "z1: its gradient has shape (5, 7), the parameter (7, 5)" in str(result)


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


# ------------------------------------------------------------ harder graphs


def normalised():
    """Return a network with batch normalisation of its hidden layer, and parameters."""
    graph = fc.Graph()
    x = graph.mark("x", graph.data(RNG.normal(size=(8, 5)), batch_axis=0))
    z = graph.mark("z", x @ graph.param("W", (5, 4)))
    gap = z - fc.ops.mean(z, axis=0, keepdims=True)
    spread = fc.ops.mean(fc.ops.square(gap), axis=0, keepdims=True) + 1e-5
    h = graph.mark("h", gap / fc.ops.sqrt(spread))
    graph.set_loss(fc.ops.mean(fc.ops.square(fc.ops.tanh(h @ graph.param("V", (4, 2))))))
    params = {"W": RNG.normal(size=(5, 4)), "V": RNG.normal(size=(4, 2))}
    return fc.GraphObjective(graph), params


def normalised_by_hand(x, w, v):
    """Return the gradients by the formulas of the paper on batch normalisation."""
    z = x @ w
    spread = np.sqrt(((z - z.mean(0)) ** 2).mean(0) + 1e-5)
    h = (z - z.mean(0)) / spread
    t = np.tanh(h @ v)
    ds = 2 * t * (1 - t * t) / t.size
    dh = ds @ v.T
    dz = (dh - dh.mean(0) - h * (dh * h).mean(0)) / spread
    return {"W": x.T @ dz, "V": h.T @ ds, "x": dz @ w.T, "z": dz, "h": dh}


@pytest.mark.parametrize("plan", ["exhaustive", "units"])
def test_where_samples_are_coupled(plan):
    objective, params = normalised()
    x = objective.graph.constants[objective.graph.intermediates["x"].index]
    right = normalised_by_hand(x, params["W"], params["V"])
    result = fc.check_gradients(objective, params, right, plan=plan)
    assert result.passed, str(result)
    assert list(result.tensors) == ["W", "V", "x", "z", "h"]
    for name in ("x", "z", "h"):
        wrong = right | {name: right[name].copy()}
        wrong[name][3, 1] += 1e-3 * np.abs(right[name]).max()
        found = fc.check_gradients(objective, params, wrong, plan=plan)
        assert [n for n, t in found.tensors.items() if not t.passed] == [name]
        assert found.tensors[name].worst.index == (3, 1)


def test_tied_weights():
    graph = fc.Graph()
    x, w = RNG.normal(size=(6, 4)), RNG.normal(size=(4, 3))
    data, tied = graph.data(x, batch_axis=0), graph.param("W", (4, 3))
    code = graph.mark("code", fc.ops.tanh(data @ tied))
    graph.set_loss(fc.ops.mean(fc.ops.square(code @ tied.T - data)))
    h = np.tanh(x @ w)
    dout = 2 * (h @ w.T - x) / x.size
    dh = dout @ w
    right = {"W": dout.T @ h + x.T @ (dh * (1 - h * h)), "dcode": dh}
    objective = fc.GraphObjective(graph)
    assert fc.check_gradients(objective, {"W": w}, right).passed
    right["dcode"][5, 2] *= 1.001
    result = fc.check_gradients(objective, {"W": w}, right)
    assert [t.verdict for t in result.tensors.values()] == ["pass", "fail"]
    assert result.tensors["code"].worst.index == (5, 2)


def test_an_intermediate_exactly_at_a_kink():
    graph = fc.Graph()
    x, w = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[2.0], [-1.0]])
    z = graph.mark("z", graph.data(x, batch_axis=0) @ graph.param("W", (2, 1)))
    graph.set_loss(fc.ops.sum(fc.ops.relu(z)))  # z is 0 and 7
    objective = fc.GraphObjective(graph)
    for slope in (0.0, 1.0):
        grads = {"z": np.array([[slope], [1.0]])}
        tensor = fc.check_gradients(objective, {"W": w}, grads, only="z").tensors["z"]
        assert (tensor.n_agree, tensor.n_kink, tensor.n_disagree) == (1, 1, 0)


def test_a_value_that_the_loss_does_not_need_has_the_gradient_zero():
    graph = fc.Graph()
    h = graph.data(np.ones((3, 2)), batch_axis=0) @ graph.param("W", (2, 2))
    graph.mark("aside", fc.ops.tanh(h))
    graph.set_loss(fc.ops.sum(fc.ops.square(h)))
    numerical = fc.numerical_gradient(fc.GraphObjective(graph), {"W": np.eye(2)}, only="aside")
    assert not numerical.values["aside"].any()


def test_a_large_batch_of_intermediates_is_probed_exhaustively():
    net = fc.Network([fc.Dense(20, 128), fc.Tanh(), fc.Dense(128, 3)], fc.SoftmaxCrossEntropy())
    params = net.init_params(seed=1)
    objective = net.objective(RNG.normal(size=(64, 20)), RNG.integers(0, 3, 64))
    grads = objective.gradient(params, ["z1", "a1"])
    result = fc.check_gradients(objective, params, grads, only=["z1", "a1"])
    assert result.passed
    assert result.tensors["z1"].n_checked == 64 * 128


def test_a_result_says_what_is_an_intermediate():
    objective, params = network()
    grads = objective.gradient(params, ["z1", *objective.shapes])
    result = fc.check_gradients(objective, params, grads)
    assert list(result.tensors) == [*objective.shapes, "z1"]
    assert str(result.tensors["z1"]).startswith("z1 (7, 5), intermediate: pass")
    again = type(result).from_json(result.to_json())
    assert [n for n, t in again.tensors.items() if t.is_intermediate] == ["z1"]
    lines = str(result).splitlines()
    assert any(line.startswith("z1") and "intermediate" in line for line in lines)
    assert any(line.startswith("W1") and "parameter" in line for line in lines)
    assert "kind" not in str(fc.check_gradients(objective, params, objective.gradient(params)))


def test_names_that_belong_to_nothing_are_listed_with_what_there_is():
    objective, params = network()
    grads = objective.gradient(params) | {"dZ1": np.zeros((7, 5))}
    note = fc.check_gradients(objective, params, grads).findings[0]
    assert note.message.endswith(
        "ignored: dZ1; named intermediate values are x, z1, a1, z2, a2 and z3 (did you mean z1?)"
    )
    with pytest.raises(fc.InputError, match=r"must be among W1.*z3, got Z3 \(did you mean z3\?\)"):
        objective.gradient(params, ["Z3"])


def test_names_are_given_once():
    graph = fc.Graph()
    w = graph.param("W", (2,))
    h = graph.mark("h", fc.ops.tanh(w))
    with pytest.raises(fc.InputError, match=r"no name yet, got <W: .*'v'"):
        graph.mark("v", w)
    with pytest.raises(fc.InputError, match=r"no name yet, got <h: .*'g'"):
        graph.mark("g", h)
    with pytest.raises(fc.InputError, match="'h' twice"):
        graph.param("h", (2,))
    with pytest.raises(fc.InputError, match="non-empty"):
        graph.mark("", fc.ops.square(h))
