"""What a loss is to its outputs is recognised; each formula is that of a literal backward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastcheck.diagnose.backward.layers import Anatomy
from fastcheck.diagnose.backward.outputs import Output, Role, find_outputs, find_role
from fastcheck.graph import reference
from fastcheck.graph.state import reevaluated
from tests.diagnose.backward.common import Mlp, softmax

HEADS: dict[str, dict[str, Any]] = {
    "softmax of indices": {"head": "softmax"},
    "softmax, one-hot": {"head": "softmax", "one_hot": True},
    "softmax, guarded": {"head": "softmax", "guard": 1e-3},
    "softmax, guarded, one-hot": {"head": "softmax", "guard": 1e-7, "one_hot": True},
    "sigmoid": {"head": "sigmoid"},
    "sigmoid, guarded": {"head": "sigmoid", "guard": 1e-4},
    "one sigmoid": {"head": "sigmoid", "widths": (6, 5, 1)},
    "linear": {"head": "linear"},
    "one linear": {"head": "linear", "widths": (6, 5, 1)},
}
EVERY_HEAD = pytest.mark.parametrize("options", HEADS.values(), ids=HEADS)
LAYOUTS = pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])


def outputs_of(net: Mlp) -> tuple[Anatomy, Any, np.ndarray]:
    """Return the anatomy, the node of the outputs, and its cotangent."""
    anatomy = net.anatomy
    node = anatomy.layers[0].node
    z = net.forward[f"z{net.n}"]
    value = anatomy.state.value(node)
    if not np.allclose(value, z.T if net.columns else z):  # z - y is where it is probed
        node = next(i for i in node.inputs if i.depends)
    cotangents = reference.backward(anatomy.graph, anatomy.state.values)
    return anatomy, node, cotangents[node.index]


def role_of(net: Mlp) -> tuple[Role, np.ndarray]:
    anatomy, node, delta = outputs_of(net)
    role = find_role(anatomy, anatomy.layers[0], node, delta)
    assert role is not None
    return role, delta


def rows(net: Mlp, value: np.ndarray) -> np.ndarray:
    return value.T if net.columns else value


@EVERY_HEAD
@LAYOUTS
def test_predictions_targets_and_factor_are_found(options: dict[str, Any], columns: bool) -> None:
    net = Mlp(**options, columns=columns)
    role, delta = role_of(net)
    assert role.function == {"softmax": "softmax", "sigmoid": "sigmoid"}.get(net.head, "")
    assert (role.samples, role.classes) == ((1, 0) if columns else (0, 1))
    np.testing.assert_allclose(rows(net, role.p), net.forward["p"], rtol=1e-13)
    np.testing.assert_allclose(rows(net, role.y), net.y, rtol=1e-13)
    assert role.c == pytest.approx(1 / net.m, rel=1e-9)
    assert role.guard == pytest.approx(net.guard, rel=1e-9, abs=0)
    np.testing.assert_allclose(role.delta(role.p, role.y), delta, rtol=1e-9, atol=1e-15)


@EVERY_HEAD
@LAYOUTS
def test_the_formula_is_the_central_difference_of_the_loss(
    options: dict[str, Any], columns: bool
) -> None:
    net = Mlp(**options, columns=columns)
    anatomy, node, _ = outputs_of(net)
    role, _ = role_of(net)
    u, h = anatomy.state.value(node), 1e-5
    found = np.zeros(u.shape)
    for place in np.ndindex(u.shape):
        bump = np.zeros(u.shape)
        bump[place] = h
        up, down = (reevaluated(anatomy.state, node, u + s * bump) for s in (1, -1))
        found[place] = (up - down) / (2 * h)
    np.testing.assert_allclose(role.delta(role.p, role.y), found, rtol=1e-6, atol=1e-9)


@EVERY_HEAD
@LAYOUTS
def test_no_mistake_is_the_right_delta(options: dict[str, Any], columns: bool) -> None:
    role, delta = role_of(Mlp(**options, columns=columns))
    for output in find_outputs(role, delta):
        off = np.abs(output.value - delta).max() / np.abs(delta).max()
        assert off > 1e-9, output.kind


def output(net: Mlp, kind: str, constant: float | None = None) -> list[np.ndarray]:
    role, delta = role_of(net)
    found: list[Output] = [
        o
        for o in find_outputs(role, delta)
        if o.kind == kind and (constant is None or o.constant == constant)
    ]
    return [rows(net, o.value) for o in found]


def is_among(wanted: np.ndarray, found: list[np.ndarray]) -> bool:
    return any(np.allclose(f, wanted, rtol=1e-8, atol=1e-14) for f in found)


@EVERY_HEAD
@LAYOUTS
def test_targets_that_are_shifted_reordered_or_ignored(
    options: dict[str, Any], columns: bool
) -> None:
    net = Mlp(**options, columns=columns)
    p, y, m = net.forward["p"], net.y, net.m
    assert is_among(p / m, output(net, "labels-ignored"))
    for shift in (1, -1):
        if y.shape[1] > 1:
            wrong = net.output_delta(np.roll(y, shift, 1))
            assert is_among(wrong, output(net, "labels-shifted", shift))
        wrong = net.output_delta(np.roll(y, shift, 0))
        assert is_among(wrong, output(net, "labels-reordered", shift))


@pytest.mark.parametrize("guard", [0.0, 1e-3])
@LAYOUTS
def test_the_mistakes_of_a_softmax(guard: float, columns: bool) -> None:
    net = Mlp(guard=guard, columns=columns)
    p, y, m = net.forward["p"], net.y, net.m
    right = net.output_delta()
    twice = p * (right - (right * p).sum(axis=1, keepdims=True))
    assert is_among(twice, output(net, "double-derivative"))
    assert is_among(right * p * (1 - p), output(net, "double-derivative"))
    u = -y / (p + guard) / m
    assert is_among(u * p * (1 - p), output(net, "diagonal-softmax"))
    assert is_among(u, output(net, "slope-missing"))
    if not guard:
        assert is_among((softmax(p) - y) / m, output(net, "double-softmax"))


@pytest.mark.parametrize("guard", [0.0, 1e-3])
@LAYOUTS
def test_the_mistakes_of_a_sigmoid(guard: float, columns: bool) -> None:
    net = Mlp(head="sigmoid", guard=guard, columns=columns)
    p, right = net.forward["p"], net.output_delta()
    assert is_among(right * p * (1 - p), output(net, "double-derivative"))
    assert is_among(right / (p * (1 - p)), output(net, "slope-missing"))


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@LAYOUTS
def test_a_guard_that_is_ignored(head: str, columns: bool) -> None:
    net = Mlp(head=head, guard=1e-3, columns=columns)
    wrong = (net.forward["p"] - net.y) / net.m
    assert is_among(wrong, output(net, "guard-ignored", 1e-3))
    assert output(Mlp(head=head, columns=columns), "guard-ignored") == []


def test_another_loss_has_no_role() -> None:
    net = Mlp()
    anatomy, node, delta = outputs_of(net)
    rng = np.random.default_rng(0)
    other = delta * rng.uniform(0.9, 1.1, delta.shape)
    assert find_role(anatomy, anatomy.layers[0], node, other) is None
    assert find_role(anatomy, anatomy.layers[0], node, 0.0 * delta) is None


def test_one_entry_off_by_a_millionth_is_another_loss() -> None:
    net = Mlp()
    anatomy, node, delta = outputs_of(net)
    delta = delta.copy()
    delta[2, 1] *= 1 + 1e-5
    assert find_role(anatomy, anatomy.layers[0], node, delta) is None


def test_saturated_probabilities_are_no_trouble() -> None:
    net = Mlp(head="sigmoid", guard=1e-3)
    net.params["W3"] *= 1e2
    assert np.any(net.forward["p"] == 1.0)
    role, delta = role_of(net)
    assert all(np.isfinite(o.value).all() for o in find_outputs(role, delta))
