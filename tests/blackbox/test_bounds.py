"""Bounds of black-box derivatives hold, against closed forms, 50 digits and the graph engine."""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import numpy as np
import pytest

import fastcheck as fc
from tests.blackbox.networks import KINDS as NETWORKS
from tests.blackbox.networks import SLOPES
from tests.objectives import KINDS, relu_only

Arrays = dict[str, np.ndarray]


def misses(numerical: Arrays, bounds: Arrays, truth: Arrays, kinks: Arrays) -> tuple[int, int]:
    """Return how many entries are outside their bound, and how many there are."""
    outside = [
        int(np.sum((np.abs(numerical[n] - t) > bounds[n]) & ~kinks[n])) for n, t in truth.items()
    ]
    return sum(outside), sum(t.size for t in truth.values())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [*KINDS.values(), relu_only], ids=lambda make: make.__name__)
def test_bounds_hold_and_are_small_without_an_analytic_gradient(make: Callable, seed: int) -> None:
    objective, params = make(seed)
    truth = fc.numerical_gradient(objective, params).values  # errors near 1e-14
    found = fc.numerical_gradient(objective.loss, params, engine="black box", seed=seed)
    outside, total = misses(found.values, found.bounds, truth, found.kinks)
    assert outside <= 1e-3 * total
    assert not any(kink.any() for kink in found.kinks.values())
    for name, right in truth.items():
        assert np.median(found.bounds[name]) <= 1e-7 * np.sqrt(np.mean(right**2))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [*KINDS.values(), relu_only], ids=lambda make: make.__name__)
def test_bounds_hold_with_one(make: Callable, seed: int) -> None:
    objective, params = make(seed)
    truth = fc.numerical_gradient(objective, params).values
    result = fc.check_gradients(
        objective.loss, params, truth, engine="black box", seed=seed, strict=True
    )
    assert result.passed
    none = {name: np.zeros(t.shape, bool) for name, t in truth.items()}
    assert misses(result.numerical, result.bounds, truth, none)[0] == 0


SCALARS = {
    "exp": (np.exp, mpmath.exp),
    "tanh": (np.tanh, mpmath.tanh),
    "log1p": (lambda w: np.log1p(w * w), lambda w: mpmath.log1p(w * w)),
    "wave": (lambda w: np.sin(40 * w), lambda w: mpmath.sin(40 * w)),
    "tail": (lambda w: np.exp(-(w**2)), lambda w: mpmath.exp(-(w**2))),
}


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("stretch", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("name", SCALARS)
def test_bounds_hold_against_fifty_digits(name: str, stretch: float, size: float) -> None:
    """The parameters may be tiny or huge, and so may the loss."""
    f, exact = SCALARS[name]
    w = np.random.default_rng(0).uniform(-2, 2, 12) * stretch
    with mpmath.workdps(50):
        truth = [
            float(size / mpmath.mpf(stretch) * mpmath.diff(exact, mpmath.mpf(v) / stretch))
            for v in w.tolist()
        ]
    loss = lambda: float(size * f(w / stretch).sum())  # noqa: E731
    found = fc.numerical_gradient(loss, [w], engine="black box")
    assert (np.abs(found.values["0"] - truth) <= found.bounds["0"]).all()
    assert (found.bounds["0"] <= 1e-5 * np.abs(truth).max()).all()


@pytest.mark.parametrize("factor", [1 + 1.2e-5, 1 - 1e-3, -1.0])
@pytest.mark.parametrize("size", [1e-6, 1e6])
@pytest.mark.parametrize("kind", NETWORKS)
def test_one_wrong_entry_is_found_whatever_the_size_of_the_loss(
    kind: str, size: float, factor: float
) -> None:
    rng = np.random.default_rng(0)
    for activation in SLOPES:
        net = NETWORKS[kind](1, activation, size=size)
        for name, right in net.grads.items():
            wrong = right.copy()
            resolvable = np.flatnonzero(np.abs(right) > 0.01 * np.sqrt(np.mean(right**2)))
            place = rng.choice(resolvable)
            wrong.flat[place] *= factor
            result = fc.check_gradients(
                net.loss, net.params, {name: wrong}, engine="black box", only=name
            )
            tensor = result.tensors[name]
            assert tensor.n_disagree == 1
            assert tensor.worst.index == np.unravel_index(place, right.shape)
