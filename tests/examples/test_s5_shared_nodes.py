"""Two-dimensional nodes in decimal arithmetic, and nodes that share one array of weights."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

import fastcheck as fc
from tests.examples.loading import load

s5 = load("s5_shared_nodes")
APART = list(s5.cases())[:3]
SHARED = list(s5.cases())[3]
FIVE = [f"layer1[{i},0]" for i in range(5)]


def checked(net, grads=None, **options):
    return fc.check_gradients(
        net.loss, net.weights, net.gradient() if grads is None else grads, **options
    )


def aliased(result):
    (finding,) = (f for f in result.findings if f.kind == "aliased")
    return finding


# ------------------------------------------------------------ the published recipe


@pytest.mark.parametrize("name", APART)
def test_the_recipe_passes_the_first_three_networks(name: str) -> None:
    worst, _ = s5.worst_difference(s5.cases()[name])
    assert Decimal("1e-4") < worst <= s5.TOLERANCE


def test_the_recipe_fails_the_fourth_where_nodes_share() -> None:
    worst, place = s5.worst_difference(s5.cases()[SHARED])
    assert worst > s5.TOLERANCE
    assert place.startswith("layer1[")


def test_with_other_weights_the_step_alone_makes_the_recipe_fail() -> None:
    inputs = [[Decimal(k) / 10 for k in range(-9, 11, 2)]]
    net = s5.network([(3, 3), (1, 1)], inputs, [[Decimal(1)]], seed=0)
    assert s5.worst_difference(net)[0] > s5.TOLERANCE
    assert checked(net).passed


def test_arithmetic_is_decimal_with_28_digits_around_a_sigmoid_of_float64() -> None:
    net = s5.cases()[APART[1]]
    assert isinstance(net.loss(), Decimal)
    (first, *_) = s5.flat(net.gradient()["layer1[0,0]"])
    assert len(first.as_tuple().digits) > 20
    assert s5.sigmoid(Decimal(0)) == Decimal("0.5")


# ------------------------------------------------------------ fastcheck


@pytest.mark.parametrize("name", APART)
def test_without_sharing_all_entries_pass(name: str) -> None:
    net = s5.cases()[name]
    result = checked(net, strict=True)
    assert result.passed, str(result)
    assert result.coverage.n_resolved == sum(len(s5.flat(w)) for w in net.weights.values())
    assert [f.kind for f in result.findings] == ["not-traced"]


@pytest.mark.parametrize("name", [*APART, SHARED])
def test_the_weights_are_the_very_objects_afterwards(name: str) -> None:
    net = s5.cases()[name]
    before = {name: [id(w) for w in s5.flat(weights)] for name, weights in net.weights.items()}
    checked(net)
    after = {name: [id(w) for w in s5.flat(weights)] for name, weights in net.weights.items()}
    assert after == before


@pytest.mark.parametrize("name", APART)
def test_a_delta_without_its_slope_fails_in_that_node_alone(name: str) -> None:
    net = s5.cases()[name]
    grads = net.gradient()
    grads["layer1[0,0]"] = [[5 * g for g in row] for row in grads["layer1[0,0]"]]
    result = checked(net, grads)
    assert [n for n, t in result.tensors.items() if t.verdict == "fail"] == ["layer1[0,0]"]


# ------------------------------------------------------------ five nodes that are one


def test_shared_weights_are_told_by_themselves_and_the_gradient_is_right() -> None:
    result = checked(s5.cases()[SHARED])
    assert result.passed, str(result)
    finding = aliased(result)
    assert finding.severity == "warning"
    names = "layer1[0,0], layer1[1,0], layer1[2,0], layer1[3,0] and layer1[4,0]"
    assert finding.message.startswith(f"{names} share memory (5 numbers, each in up to 5 places)")
    assert "its numerical derivative is the sum over them" in finding.message
    assert "layer2" not in finding.message
    text = str(result)
    assert text.index("share memory") < text.index("norm ratio"), "said before any number"


def test_they_are_told_before_any_number_is_compared() -> None:
    """Whatever the gradient is, and if there is none of these nodes."""
    net = s5.cases()[SHARED]
    zeros = {n: [[Decimal(0) for _ in row] for row in w] for n, w in net.weights.items()}
    said = aliased(checked(net)).message
    assert aliased(checked(net, zeros)).message == said
    none = dict.fromkeys(FIVE) | {"layer2[0,0]": net.gradient()["layer2[0,0]"]}
    assert "share memory" in aliased(checked(net, none)).message


def test_made_apart_the_same_nodes_are_not_tied() -> None:
    inputs = [[Decimal("-0.2")] * 5]
    net = s5.network([(5, 1), (1, 1)], inputs, [[Decimal(1)]])
    result = checked(net, strict=True)
    assert result.passed
    assert [f.kind for f in result.findings] == ["not-traced"]


def test_shared_weights_have_the_sum_of_the_derivatives_of_their_nodes() -> None:
    net = s5.cases()[SHARED]
    parts = net.gradient()
    weights = {"common": net.layers[0][0][0].weights}
    total = np.sum([np.array(parts[name], float) for name in FIVE], axis=0)
    assert fc.check_gradients(net.loss, weights, {"common": total}, strict=True).passed
    wrong = fc.check_gradients(net.loss, weights, {"common": parts[FIVE[0]]})
    assert wrong.tensors["common"].n_disagree == 5


def test_a_wrong_derivative_of_one_node_is_found_although_its_weights_are_shared() -> None:
    net = s5.cases()[SHARED]
    grads = net.gradient()
    grads["layer1[3,0]"][0][2] *= 2
    result = checked(net, grads)
    assert result.verdict == "fail"
    assert {e.index for t in result.tensors.values() for e in t.mismatches} == {(0, 2)}


# ------------------------------------------------------------ the step


def test_a_step_of_a_whole_weight_is_told_to_be_far_too_large() -> None:
    result = checked(s5.cases()[APART[1]], step=float(s5.STEP))
    (message,) = (f.message for f in result.findings if f.kind == "step-too-large")
    assert message.startswith("step=0.99399 is too large: with it the derivative of layer")
    assert "% off where rtol=1e-05 is asked for" in message


def test_its_truncation_error_is_a_million_times_our_bound() -> None:
    net = s5.cases()[APART[1]]
    right = net.gradient()
    near = fc.numerical_gradient(net.loss, net.weights)
    for name, exact in right.items():
        assert np.all(np.abs(near.values[name] - np.array(exact, float)) <= near.bounds[name])
    row = net.weights["layer2[0,0]"][1]
    kept, ends = row[1], []
    for row[1] in (kept + s5.STEP, kept - s5.STEP):
        ends.append(net.loss())
    row[1] = kept
    far = (ends[0] - ends[1]) / (2 * s5.STEP)
    off = float(abs(far - right["layer2[0,0]"][1][1]))
    assert off > 1e6 * near.bounds["layer2[0,0]"][1, 1]
