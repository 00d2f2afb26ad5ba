"""Derivatives beside the edge of what a loss can evaluate: a bound holds or there is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.blackbox import BlackBox
from fastcheck.blackbox.stencil import Stencil

EDGES: dict[str, tuple[Callable, Callable]] = {
    "root": (np.sqrt, lambda t: 0.5 / np.sqrt(t)),
    "fourth root": (lambda t: t**0.25, lambda t: 0.25 * t**-0.75),
    "logarithm": (np.log, lambda t: 1 / t),
    "entropy": (lambda t: t * np.log(t), lambda t: np.log(t) + 1),
    "power": (lambda t: t**1.5, lambda t: 1.5 * np.sqrt(t)),
}
SHIFT = 2.0**-7
"""Where the domain ends: no number is nearer than 2**-60."""


def at_distance(distances: np.ndarray, value: Callable, slope: Callable) -> tuple:
    """Return entries at some distances from the edge, the loss, and the derivatives."""
    x = SHIFT + distances

    def loss() -> float:
        with np.errstate(all="ignore"):
            return float(value(x - SHIFT).sum())

    return x, loss, slope(x - SHIFT)


@pytest.mark.parametrize("size", [1.0, 1e3])
@pytest.mark.parametrize("edge", EDGES)
def test_bounds_hold_beside_an_edge_at_every_distance(edge: str, size: float) -> None:
    rng = np.random.default_rng(0)
    for k in range(-46, -2):
        x, loss, truth = at_distance(2.0**k * rng.uniform(1, 2, 3) * size, *EDGES[edge])
        found = fc.numerical_gradient(loss, [x], engine="black box")
        error, bound = np.abs(found.values["0"] - truth), found.bounds["0"]
        assert not np.any(error > bound), k
        assert np.all(bound <= 1e-3 * np.abs(truth)) or k < -36


@pytest.mark.parametrize("edge", EDGES)
def test_a_bound_from_one_side_holds_however_far_the_step_is_beyond_the_edge(edge: str) -> None:
    x, loss, truth = at_distance(np.array([1e-9]), *EDGES[edge])
    box = BlackBox(loss, {"x": x})
    known = []
    for k in range(-4, 11):
        step = 1e-9 * 2.0**k
        stencil = Stencil(box, "x", 0, loss=box.loss(), step=step, noise=1e-22)
        found = stencil.one_sided(0)
        known.append(np.isfinite(found.bound))
        assert not abs(found.value - truth[0]) > found.bound, k
    assert all(known[:4])
    assert not all(known) or edge == "entropy"  # differences of a logarithm stay small


@pytest.mark.parametrize("edge", EDGES)
def test_a_right_gradient_beside_an_edge_is_not_accused_and_a_wrong_one_is(edge: str) -> None:
    x, loss, truth = at_distance(2.0 ** np.arange(-26.0, -1.0, 4.0), *EDGES[edge])
    right = fc.check_gradients(loss, [x], [truth], engine="black box").tensors["0"]
    assert right.n_disagree == 0
    assert right.n_agree == 7
    wrong = fc.check_gradients(loss, [x], [2 * truth], engine="black box").tensors["0"]
    assert wrong.n_disagree >= 6


def test_an_entry_exactly_at_an_edge_is_taken_from_one_side() -> None:
    x = np.array([0.0, 0.5])

    def loss() -> float:
        return float(np.where(x < 0, np.nan, np.sin(x)).sum())

    assert fc.check_gradients(loss, [x], [np.cos(x)], engine="black box").passed
    wrong = fc.check_gradients(loss, [x], [1.001 * np.cos(x)], engine="black box")
    assert wrong.tensors["0"].n_disagree == 2
