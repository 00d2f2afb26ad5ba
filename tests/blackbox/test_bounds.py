"""Bounds of black-box derivatives hold, against closed forms, 50 digits and the graph engine."""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import numpy as np
import pytest

import fastcheck as fc
from fastcheck.blackbox import BlackBox
from fastcheck.blackbox.noise import find_noise, noise_of
from tests.blackbox.networks import KINDS as NETWORKS
from tests.blackbox.networks import SLOPES, dense
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


# ------------------------------------------------------------ noise


@pytest.mark.parametrize("kind", ["f8", "f4"])
def test_the_noise_is_that_of_the_loss(kind: str) -> None:
    """Compared with the scatter about a cubic fitted to 61 losses in a row."""
    net = dense(0, "tanh", kind)
    box = BlackBox(net.loss, net.params)
    loss = box.loss()
    h = 3e-8 if kind == "f8" else 1e-3
    found = [box.losses("W2", np.array([5]), h * k / 30) for k in range(1, 31)]
    x = np.concatenate([side for one in found for side in (one.above, one.below)]) / h
    y = np.concatenate([side for one in found for side in (one.up, one.down)]) - loss
    scatter = y - np.polyval(np.polyfit(x, y, 3), x)
    for seed in range(5):
        assert 0.2 * scatter.std() < find_noise(box, loss, seed) < 20 * scatter.std()
        assert 4.5 * find_noise(box, loss, seed) > np.abs(scatter).max()


def test_noise_below_the_precision_of_the_result_is_found() -> None:
    """A float32 somewhere inside makes a float64 loss as rough as float32."""
    w = np.random.default_rng(0).standard_normal(50)
    box = BlackBox(lambda: float(np.exp(w.astype(np.float32)).sum()), [w])
    assert find_noise(box, box.loss(), 0) > 1e-9 * box.loss()


def test_noise_of_made_up_errors_is_recovered() -> None:
    rng = np.random.default_rng(0)
    x = np.arange(8) / 10
    found = [noise_of(np.exp(1e-3 * x) + 1e-9 * rng.standard_normal(8)) for _ in range(200)]
    certain = [noise for noise, advice in found if advice == 0]
    assert len(certain) > 150
    assert np.median(certain) == pytest.approx(1e-9, rel=0.2)


@pytest.mark.parametrize(("values", "advice"), [(np.ones(8), 1), (np.arange(8.0), -1)])
def test_points_too_near_or_too_far_are_noticed(values: np.ndarray, advice: int) -> None:
    assert noise_of(values) == (0.0, advice)
