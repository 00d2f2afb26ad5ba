"""Functions that can only be called and work entry by entry, as they come in by tracing."""

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.graph.ops.entrywise import Entrywise, is_entrywise

RNG = np.random.default_rng(4)
X, W = RNG.normal(size=(100, 5)), RNG.normal(size=(5, 60))


def bessel_slope(z):
    """Return the derivative of I0, by the midpoint rule for its integral: exact to rounding."""
    angles = (np.arange(64) + 0.5) * np.pi / 64
    return np.mean(np.exp(z[..., None] * np.cos(angles)) * np.cos(angles), axis=-1)


def bessel(params, x):
    """Return a loss with a function for which there is no operation."""
    return np.mean(np.i0(x @ params["W"]))


def test_any_number_of_entries_is_followed_sample_by_sample():
    objective = fc.trace(bessel, {"W": W}, X, batch_axis=0)
    (node,) = (n for n in objective.graph.nodes if type(n.op).__name__ == "Entrywise")
    assert (node.size, node.batch_axis) == (6000, 0)
    z = X @ W
    right = {"W": X.T @ bessel_slope(z) / z.size}
    found = objective.gradient({"W": W})["W"]
    np.testing.assert_allclose(found, right["W"], rtol=0, atol=1e-11 * np.abs(right["W"]).max())
    for plan in ("exhaustive", "units"):
        result = fc.check_gradients(objective, {"W": W}, right, plan=plan)
        assert result.passed, str(result)
        numerical = fc.numerical_gradient(objective, {"W": W}, plan=plan)
        error = np.abs(numerical.values["W"] - right["W"])
        assert (error <= numerical.bounds["W"]).all()
        assert numerical.bounds["W"].max() < 1e-8 * np.abs(right["W"]).max()
        wrong = right["W"].copy()
        wrong[2, 3] += 1e-4 * np.abs(wrong).max()
        result = fc.check_gradients(objective, {"W": W}, {"W": wrong}, plan=plan)
        assert result.tensors["W"].worst.index == (2, 3)
        assert result.verdict == "fail"


def own(function, x):
    """Return an objective that adds a function of the parameter `w`."""
    graph = fc.Graph()
    graph.set_loss(fc.ops.sum(graph.apply(Entrywise(function), graph.param("w", x.shape))))
    return fc.GraphObjective(graph)


def test_few_evaluations_are_enough():
    calls = []

    def counted(x):
        calls.append(1)
        return np.tanh(x)

    x = RNG.normal(size=(60, 100))
    assert fc.check_gradients(own(counted, x), {"w": x}, {"w": 1 - np.tanh(x) ** 2}).passed
    assert len(calls) < 200


def test_a_kink_is_no_mistake():
    x = np.array([0.0, 1.0, -2.0, 1e-6, 3.0])
    for slope in (-1.0, 0.0, 1.0):
        grads = {"w": np.array([slope, 1.0, -1.0, 1.0, 1.0])}
        tensor = fc.check_gradients(own(np.abs, x), {"w": x}, grads).tensors["w"]
        assert (tensor.n_agree, tensor.n_kink, tensor.n_disagree) == (4, 1, 0)
        wrong = {"w": grads["w"] * [1, 1.001, 1, 1, 1]}
        assert fc.check_gradients(own(np.abs, x), {"w": x}, wrong).tensors["w"].worst.index == (1,)


def test_single_precision_inside_is_no_mistake():
    def single(x):
        return np.tanh(x.astype(np.float32)).astype(np.float64)

    x = RNG.normal(size=50)
    right = 1 - np.tanh(x) ** 2
    assert not fc.check_gradients(own(single, x), {"w": x}, {"w": right}).tensors["w"].n_disagree
    assert fc.check_gradients(own(single, x), {"w": x}, {"w": 1.5 * right}).verdict == "fail"


def test_a_function_that_works_otherwise_elsewhere_is_refused_there():
    def partly(x):
        return x if x.max() < 5 else x - x.mean()

    x = RNG.normal(size=4)
    assert fc.check_gradients(own(partly, x), {"w": x}, {"w": np.ones(4)}).passed
    with pytest.raises(fc.InputError, match="`partly` must work entry by entry here"):
        fc.check_gradients(own(partly, x), {"w": x + 9}, {"w": np.ones(4)})


ALONE = {
    "hyperbolic": np.tanh, "constant": np.ones_like,
    "with constants": lambda x: x * np.arange(x.size), "undefined in part": lambda x: np.log(x),
}  # fmt: skip
TOGETHER = {
    "sum": lambda x: x + x.sum(), "sort": np.sort, "roll": lambda x: np.roll(x, 1),
    "cumulative": np.cumsum, "softmax": lambda x: np.exp(x) / np.exp(x).sum(),
    "another shape": lambda x: x[:1], "reversed": lambda x: x[::-1],
}  # fmt: skip


@pytest.mark.parametrize("name", [*ALONE, *TOGETHER])
def test_what_works_entry_by_entry_is_recognised(name):
    function = (ALONE | TOGETHER)[name]
    for size in (2, 3, 50, 1000):
        x = np.sort(RNG.normal(size=size))[::-1]  # else sorting changes nothing nearby
        assert is_entrywise(function, x) == (name in ALONE)
