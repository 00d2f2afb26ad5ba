"""Two-dimensional nodes in decimal arithmetic, and nodes that share one array of weights."""

from __future__ import annotations

import numpy as np
import pytest

import fastcheck as fc
from tests.blackbox.grids import GridNetwork, Node

ONE = np.array([[1.0]])
TEN = np.linspace(-0.5, 0.4, 10).reshape(1, 10)
CASES = {
    "one node per layer": ([(1, 1), (1, 1)], np.array([[0.35]]), np.array([[0.7]])),
    "3 × 3 hidden, one output": ([(3, 3), (1, 1)], TEN, ONE),
    "3 × 3 hidden, three outputs": ([(3, 3), (1, 3)], TEN, np.array([[0.0, 1.0, 0.5]])),
    "5 × 1 hidden, one output": ([(5, 1), (1, 1)], np.full((1, 5), -0.2), ONE),
}


def sharing() -> GridNetwork:
    """Return the last case with five hidden nodes made from one and the same array."""
    rng = np.random.default_rng(0)
    common = rng.uniform(-1, 1, (1, 5))
    hidden = [[Node(common)] for _ in range(5)]
    output = [[Node(rng.uniform(-1, 1, (5, 1)))]]
    return GridNetwork([hidden, output], np.full((1, 5), -0.2), ONE)


def checked(net: GridNetwork, **options: object) -> fc.CheckResult:
    return fc.check_gradients(
        net.loss, net.weights, net.gradient(), engine="black box", strict=True, **options
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_without_sharing_all_entries_pass(case: tuple) -> None:
    net = GridNetwork.drawn(*case)
    result = checked(net)
    assert result.passed, str(result)
    assert result.coverage.n_resolved == sum(w.size for w in net.weights.values())
    assert [f for f in result.findings if f.severity != "note"] == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_delta_without_its_slope_fails_in_that_layer_alone(case: tuple) -> None:
    net = GridNetwork.drawn(*case)
    grads = net.gradient()
    grads["layer1[0,0]"] = grads["layer1[0,0]"] / 0.2
    result = fc.check_gradients(net.loss, net.weights, grads, engine="black box")
    assert [n for n, t in result.tensors.items() if t.verdict == "fail"] == ["layer1[0,0]"]


def test_shared_weights_have_the_sum_of_the_derivatives_of_their_nodes() -> None:
    net = sharing()
    parts = net.gradient()
    total = sum(parts[f"layer1[{i},0]"] for i in range(5))
    weights = {"common": net.layers[0][0][0].weights}
    assert fc.check_gradients(
        net.loss, weights, {"common": total}, engine="black box", strict=True
    ).passed
    wrong = fc.check_gradients(
        net.loss, weights, {"common": parts["layer1[0,0]"]}, engine="black box"
    )
    assert wrong.tensors["common"].n_disagree == 5


def test_shared_weights_are_reported_as_such_and_pass_when_tied() -> None:
    net = sharing()
    result = checked(net)
    assert result.passed, str(result)
    (finding,) = (f for f in result.findings if f.kind == "aliased")
    assert finding.severity == "warning"
    for i in range(5):
        assert f"layer1[{i},0]" in finding.message
    assert "layer2[0,0]" not in finding.message


def test_a_wrong_derivative_of_one_node_is_found_although_its_weights_are_shared() -> None:
    net = sharing()
    grads = net.gradient()
    right = fc.check_gradients(net.loss, net.weights, grads, engine="black box")
    grads["layer1[3,0]"][0, 2] *= 2
    result = fc.check_gradients(net.loss, net.weights, grads, engine="black box")
    assert right.verdict == "pass"
    assert result.verdict == "fail"
    failed = {e.index for t in result.tensors.values() for e in t.mismatches}
    assert failed == {(0, 2)}


def test_a_step_as_large_as_a_weight_says_little() -> None:
    """The step of 0.994 is off by far more than the bound of a step that was chosen."""
    net = GridNetwork.drawn(*CASES["3 × 3 hidden, one output"])
    right = net.gradient()
    near = fc.numerical_gradient(net.loss, net.weights, engine="black box")
    for name, exact in right.items():
        assert np.all(np.abs(near.values[name] - exact) <= near.bounds[name])
    name, place = "layer2[0,0]", (1, 1)
    W = net.weights[name]
    kept = W[place]
    ends = []
    for move in (0.99399, -0.99399):
        W[place] = kept + move
        ends.append(net.loss())
    W[place] = kept
    far = (ends[0] - ends[1]) / (2 * 0.99399)
    assert abs(far - right[name][place]) > 1e6 * near.bounds[name][place]
