"""What stands between a layer and the next is read entry by entry, and no further."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.diagnose.backward.chain import Chain, find_chain
from fastcheck.diagnose.backward.layers import Anatomy
from tests.diagnose.backward.common import LEAK, RATE, SLOPES, Mlp


def chain_of(anatomy: Anatomy, name: str) -> Chain:
    layer = anatomy.home[name]
    region = {node.index for node in layer.region} - layer.seeds
    return find_chain(anatomy, layer.node, region)


@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("columns", [False, True])
def test_the_slope_is_that_of_the_activation(activation: str, columns: bool) -> None:
    net = Mlp(activation=activation, columns=columns)
    chain = chain_of(net.anatomy, "W2")
    (step,) = chain.steps
    assert not step.is_mask
    expected = SLOPES[activation](net.forward["z2"])
    np.testing.assert_allclose(chain.slope, expected.T if columns else expected, rtol=1e-13)
    assert chain.end is step.node
    assert step.source is chain.origin


def test_dropout_after_an_activation_is_one_mask() -> None:
    net = Mlp(dropout=True)
    first, second = chain_of(net.anatomy, "W1").steps
    assert (first.is_mask, second.is_mask) == (False, True)
    np.testing.assert_allclose(second.slope, net.mask)
    chain = chain_of(net.anatomy, "W1")
    expected = SLOPES["tanh"](net.forward["z1"]) * net.mask
    np.testing.assert_allclose(chain.slope, expected, rtol=1e-13)
    np.testing.assert_allclose(chain.without(chain.steps[0]), net.mask)
    np.testing.assert_allclose(
        chain.without(chain.steps[1]), SLOPES["tanh"](net.forward["z1"]), rtol=1e-13
    )


def test_the_last_layer_of_a_softmax_has_no_chain() -> None:
    chain = chain_of(Mlp().anatomy, "W3")
    assert chain.steps == []
    assert chain.end is chain.origin
    assert np.all(chain.slope == 1.0)


def traced(h: Any, *, n: int = 4) -> Anatomy:
    """Return ``sum((h(x W) V)**2)``."""
    rng = np.random.default_rng(5)
    params = {"W": rng.standard_normal((3, n)), "V": rng.standard_normal((n, 2))}
    x, mask = rng.standard_normal((5, 3)), 1.0 * (rng.random((5, n)) < 0.7)

    def loss(p: Any, x: Any, mask: Any) -> Any:
        return np.sum((h(x @ p["W"], mask) @ p["V"]) ** 2)

    return Anatomy(fc.trace(loss, params, x, mask).state(params))


def test_a_mask_and_its_scale_are_one_step_as_people_write_them() -> None:
    anatomy = traced(lambda z, mask: np.tanh(z) * mask / (1 - RATE))
    first, second = chain_of(anatomy, "W").steps
    assert not first.is_mask
    assert second.is_mask
    assert set(np.unique(second.slope)) == {0.0, 1 / (1 - RATE)}


def test_a_leak_written_as_a_choice_is_an_activation() -> None:
    anatomy = traced(lambda z, mask: np.where(z > 0, z, LEAK * z))
    chain = chain_of(anatomy, "W")
    z = anatomy.state.value(chain.origin)
    np.testing.assert_allclose(chain.slope, np.where(z > 0, 1.0, LEAK))


@pytest.mark.parametrize(
    "h",
    [
        lambda z, mask: z * np.tanh(z),  # two readers
        lambda z, mask: z - np.mean(z, axis=0, keepdims=True),
        lambda z, mask: z[:, ::-1] + z,
        lambda z, mask: z * z[:, :1],
    ],
)
def test_a_value_that_is_read_twice_or_mixed_ends_the_chain(h: Any) -> None:
    assert chain_of(traced(h), "W").steps == []


def test_the_chain_stops_where_the_value_is_read_twice() -> None:
    def h(z: Any, mask: Any) -> Any:
        a = np.tanh(z)
        return a + a * mask

    anatomy = traced(h)
    chain = chain_of(anatomy, "W")
    assert len(chain.steps) == 1
    np.testing.assert_allclose(
        chain.slope, 1 - np.tanh(anatomy.state.value(chain.origin)) ** 2, rtol=1e-13
    )


def test_slopes_that_are_not_finite_end_the_chain() -> None:
    anatomy = traced(lambda z, mask: np.sqrt(np.abs(z) * 0.0))
    assert all(np.isfinite(step.slope).all() for step in chain_of(anatomy, "W").steps)
