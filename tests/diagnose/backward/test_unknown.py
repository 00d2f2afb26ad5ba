"""Where no known mistake fits, weights and deltas are solved for only if they can be known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastcheck.diagnose.backward.constants import Constants
from fastcheck.diagnose.backward.proposal import Surroundings
from fastcheck.diagnose.backward.unknown import (
    find_dense,
    find_factors,
    find_recovered,
    find_weights,
)
from fastcheck.diagnose.backward.view import Subject
from fastcheck.diagnose.evidence import Evidence
from tests.diagnose.backward.common import Arrays, Mlp, claims, named
from tests.diagnose.backward.test_layers import through

LAYOUTS = pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])


def subjects_of(net: Mlp, given: Arrays, k: int) -> dict[str, Subject]:
    anatomy, found = net.anatomy, {}
    placed, right, params = net.placed(given), net.placed(net.right), net.placed(net.params)
    for name in (f"W{k}", f"b{k}"):
        if name in placed:
            g = placed[name]
            evidence = Evidence(
                name, g, right[name], np.full(g.shape, 1e-14), np.ones(g.shape, bool),
                params[name], True,
            )  # fmt: skip
            found[name] = Subject(evidence, anatomy.direct.get(name))
    return found


def around(net: Mlp, k: int) -> Surroundings:
    anatomy = net.anatomy
    layer = anatomy.home[f"W{k}"]
    return Surroundings(anatomy, layer, anatomy.arrive(layer, through(anatomy)))


def constants(net: Mlp) -> Constants:
    return Constants(net.m, net.widths[-1])


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, 9]).standard_normal(shape)


# ------------------------------------------------------------ dense layers


@LAYOUTS
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_a_dense_layer_is_its_input_and_the_part_from_data(columns: bool, l2: float) -> None:
    net = Mlp(columns=columns, l2=l2)
    dense = find_dense(around(net, 2), subjects_of(net, net.right, 2))
    assert dense is not None
    assert (dense.weight, dense.is_turned) == ("W2", columns)
    np.testing.assert_allclose(dense.x, net.forward["x2"], rtol=1e-13)
    np.testing.assert_allclose(
        dense.given, net.right["W2"] - l2 * net.params["W2"], rtol=1e-12, atol=1e-14
    )
    np.testing.assert_allclose(dense.bias, net.right["b2"], rtol=1e-13)


def test_what_is_not_one_product_is_no_dense_layer() -> None:
    from fastcheck.diagnose.backward.layers import Anatomy
    from tests.objectives import KINDS

    for kind in ("recurrence", "tied_autoencoder", "residual"):
        objective, params = KINDS[kind](0)
        anatomy = Anatomy(objective.state(params))
        layer = anatomy.layers[-1]
        place = Surroundings(anatomy, layer, anatomy.arrive(layer, through(anatomy)))
        assert find_dense(place, {}) is None


# ------------------------------------------------------------ deltas


@LAYOUTS
def test_a_delta_is_recovered_where_a_gradient_determines_it(columns: bool) -> None:
    net = Mlp(widths=(9, 8, 8, 3), m=4, columns=columns)
    seen: list[np.ndarray] = []
    given = net.grads(delta2=lambda d: seen.append(d + 0.1 * noise(d.shape)) or seen[0])
    found = find_recovered(around(net, 2), subjects_of(net, given, 2), constants(net))
    assert found is not None
    reason, deltas = found
    (delta,) = deltas.values()
    np.testing.assert_allclose(delta.T if columns else delta, seen[0], rtol=1e-9, atol=1e-12)
    assert (reason.kind, reason.is_exact, reason.passes_on) == ("unexplained", False, True)
    assert set(reason.tensors) == {"W2", "b2"}


def test_a_delta_is_not_recovered_where_many_would_do() -> None:
    net = Mlp(widths=(9, 8, 8, 3), m=10)
    given = net.grads(delta2=lambda d: d + noise(d.shape))
    assert find_recovered(around(net, 2), subjects_of(net, given, 2), constants(net)) is None


def test_a_delta_is_not_recovered_without_a_bias_to_confirm_it() -> None:
    net = Mlp(widths=(9, 8, 8, 3), m=4, bias=False)
    given = net.grads(delta2=lambda d: d + noise(d.shape))
    assert find_recovered(around(net, 2), subjects_of(net, given, 2), constants(net)) is None


def test_a_delta_is_not_recovered_if_the_bias_says_otherwise() -> None:
    net = Mlp(widths=(9, 8, 8, 3), m=4)
    given = net.grads(delta2=lambda d: d + noise(d.shape), bias2=lambda g: 1.01 * g)
    assert find_recovered(around(net, 2), subjects_of(net, given, 2), constants(net)) is None


def test_mistakes_before_a_recovered_delta_are_named() -> None:
    net = Mlp(widths=(9, 8, 8, 3), m=4)
    given = net.grads(delta2=lambda d: d + 0.1 * noise(d.shape), slope1=np.ones_like)
    found = net.said(given)
    assert [d.kind for d in found] == ["unexplained", "slope-missing"]
    assert found[0].tensor in ("W2", "b2")
    assert found[1].tensor == "W1"


# ------------------------------------------------------------ weights


@LAYOUTS
@pytest.mark.parametrize("l2", [0.0, 0.2])
def test_other_weights_are_solved_for_where_they_can_be_known(columns: bool, l2: float) -> None:
    net = Mlp(widths=(9, 8, 7, 3), m=12, columns=columns, l2=l2)
    stale = net.params["W3"] + 0.1 * noise((7, 3))
    (found,) = net.said(net.grads(back3=stale))
    assert (found.kind, found.tensor, found.is_exact) == ("stale-weights", "W2", False)
    change = stale - net.params["W3"]
    change -= change.mean(axis=1, keepdims=True)  # errors add up to zero: this much is known
    off = np.linalg.norm(change) / np.linalg.norm(net.params["W3"])
    assert found.constant == pytest.approx(off, rel=1e-6)
    assert f"{off:.1%}" in found.message
    assert set(found.tensors) == {"W1", "b1", "W2", "b2"}


@LAYOUTS
def test_weights_are_not_solved_for_where_any_delta_comes_from_some(columns: bool) -> None:
    net = Mlp(widths=(9, 8, 7, 6), m=4, columns=columns)  # fewer samples than units
    place = around(net, 2)
    given = net.grads(delta2=lambda d: d + noise(d.shape))
    assert find_weights(place, subjects_of(net, given, 2), constants(net)) is None
    assert all(d.kind != "stale-weights" for d in net.said(given))


@pytest.mark.parametrize("n_in", [1, 6])
def test_factors_of_units_need_more_entries_than_units(n_in: int) -> None:
    """Of one input a factor for each unit is nothing but what each entry is off by."""
    net = Mlp(widths=(n_in, 5, 5, 3), bias=False)
    given = dict(net.right)
    given["W1"] = given["W1"] * np.array([1.0, 0.3, 1.0, 1.7, 1.0])
    found = find_factors(around(net, 1), subjects_of(net, given, 1), constants(net))
    assert (found is None) == (n_in == 1)


def test_weights_are_not_blamed_for_noise() -> None:
    net = Mlp(widths=(9, 8, 7, 3), m=12)
    found = net.said(net.grads(delta2=lambda d: d + 0.1 * noise(d.shape)))
    assert claims(found) == []
    assert all(d.kind == "unexplained" for d in found)


@LAYOUTS
@pytest.mark.parametrize("rate", [1e-3, 0.1, 2.0])
def test_the_rate_of_an_early_update_is_told(columns: bool, rate: float) -> None:
    net = Mlp(columns=columns)
    found = net.only(net.grads(back3=net.params["W3"] - rate * net.right["W3"]))
    assert (found.kind, found.tensor, found.is_exact) == ("stale-weights", "W2", True)
    assert found.constant == pytest.approx(rate, rel=1e-5)


def test_an_early_update_with_a_wrong_gradient() -> None:
    """The weights moved by the gradient that the code has, which is wrong itself."""
    net = Mlp()
    wrong: dict[str, Any] = {"weight3": lambda g: 2 * g}
    W = net.grads(**wrong)["W3"]
    found = net.said(net.grads(**wrong, back3=net.params["W3"] - 0.1 * W))
    assert named(found) == [("factor", "W3"), ("stale-weights", "W2")]
    assert found[1].constant == pytest.approx(0.1, rel=1e-5)
