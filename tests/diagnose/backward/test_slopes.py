"""What people write in place of a derivative, against differences and literal formulas."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck import ops
from fastcheck.diagnose.backward.chain import Step
from fastcheck.diagnose.backward.slopes import (
    OF_A,
    OF_Z,
    Slope,
    elsewhere,
    find_masks,
    find_slopes,
    name_of,
)
from tests.diagnose.backward.common import LEAK, RATE, SLOPES, VALUES, Mlp
from tests.diagnose.backward.test_chain import chain_of

OWN = {"tanh": "tanh", "sigmoid": "sigmoid", "relu": "ReLU", "softplus": "softplus"}


def step_of(activation: str) -> tuple[Mlp, Step]:
    net = Mlp(activation=activation)
    return net, chain_of(net.anatomy, "W2").steps[0]


def slopes_of(activation: str) -> tuple[np.ndarray, np.ndarray, list[Slope]]:
    net, step = step_of(activation)
    return net.forward["z2"], net.forward["a2"], [*find_slopes(net.anatomy.state, step)]


def has(found: list[Slope], kind: str, value: np.ndarray) -> bool:
    return any(
        s.kind == kind and np.allclose(s.value, value, rtol=1e-13, atol=1e-15) for s in found
    )


@pytest.mark.parametrize("activation", OWN)
def test_derivatives_of_z_and_of_a_are_those_of_differences(activation: str) -> None:
    z = np.array([-2.1, -0.7, 0.3, 1.9])
    h = 1e-6
    value = VALUES[activation]
    difference = (value(z + h) - value(z - h)) / (2 * h)
    name = OWN[activation]
    np.testing.assert_allclose(OF_Z[name](z), difference, rtol=1e-8, atol=1e-12)
    if name in OF_A:
        np.testing.assert_allclose(OF_A[name][1](value(z)), difference, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("activation", SLOPES)
def test_each_activation_can_lack_its_slope_have_it_twice_or_its_value_for_it(
    activation: str,
) -> None:
    z, a, found = slopes_of(activation)
    assert has(found, "slope-missing", np.ones_like(z))
    assert has(found, "slope-squared", SLOPES[activation](z) ** 2)
    assert has(found, "value-for-slope", a)
    assert has(found, "slope-of-value", SLOPES[activation](a))


def test_tanh_without_the_square() -> None:
    _, a, found = slopes_of("tanh")
    assert has(found, "slope-without-square", 1 - a)


@pytest.mark.parametrize(
    ("activation", "formula"),
    [("tanh", lambda z: 1 - z**2), ("sigmoid", lambda z: z * (1 - z))],
)
def test_a_formula_of_a_that_is_given_z(activation: str, formula: Any) -> None:
    z, _, found = slopes_of(activation)
    assert has(found, "slope-of-value", formula(z))


@pytest.mark.parametrize("activation", ["relu", "leaky"])
def test_a_mask_that_is_inverted(activation: str) -> None:
    z, _, found = slopes_of(activation)
    assert has(found, "mask-inverted", SLOPES[activation](-z))


@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("other", ["tanh", "sigmoid", "relu", "softplus"])
def test_the_slope_of_another_activation(activation: str, other: str) -> None:
    if other != activation:
        z, _, found = slopes_of(activation)
        assert has(found, "slope-of-other", SLOPES[other](z))


def test_a_leaky_slope_for_a_rectifier() -> None:
    z, _, found = slopes_of("relu")
    assert has(found, "slope-of-other", np.where(z > 0, 1.0, 0.01))


@pytest.mark.parametrize("activation", SLOPES)
def test_the_missing_slope_is_the_first_thought(activation: str) -> None:
    _, _, found = slopes_of(activation)
    assert min(found, key=lambda s: s.complexity).kind == "slope-missing"
    assert all(s.complexity > 0 for s in found)


@pytest.mark.parametrize("activation", SLOPES)
def test_messages_name_the_activation(activation: str) -> None:
    name = {"leaky": f"leaky ReLU ({LEAK:g})"} | OWN
    net, step = step_of(activation)
    assert name_of(step) == name[activation]
    assert all(name[activation] in s.text for s in find_slopes(net.anatomy.state, step))


def test_values_of_another_layer() -> None:
    net, step = step_of("tanh")
    z1 = net.forward["z1"]
    found = [*elsewhere(step, [("W1", z1, SLOPES["tanh"](z1))])]
    assert has(found, "slope-elsewhere", 1 - np.tanh(z1) ** 2)
    assert all("W1" in s.text for s in found)


def test_masks_of_dropout() -> None:
    net = Mlp(dropout=True)
    mask, found = net.mask, [*find_masks(chain_of(net.anatomy, "W1").steps[1])]
    assert has(found, "dropout-missing", np.ones_like(mask))
    assert has(found, "dropout-unscaled", 1.0 * (mask > 0))
    assert has(found, "dropout-twice", mask**2)
    assert has(found, "dropout-inverted", 1.0 * (mask == 0))
    (unscaled,) = [s for s in found if s.kind == "dropout-unscaled"]
    assert f"{1 / (1 - RATE):.6g}" in unscaled.text


@pytest.mark.parametrize(
    ("op", "name"),
    [
        (ops.silu, "SiLU (swish)"), (ops.gelu, "GELU"), (ops.elu, "ELU"), (ops.mish, "Mish"),
        (ops.softsign, "softsign"), (partial(ops.gelu, approximate="tanh"), "GELU"),
    ],
)  # fmt: skip
def test_other_activations_have_their_usual_names(op: Any, name: str) -> None:
    source = fc.Graph().param("z", (3,))
    assert name_of(Step(op(source), source, np.ones(3), is_mask=False)) == name
