"""The rounding of a loss is found, whatever its precision, and kinks are not taken for it."""

from __future__ import annotations

import numpy as np
import pytest

from fastcheck.blackbox import BlackBox
from fastcheck.blackbox.noise import find_noise, noise_of
from tests.blackbox.networks import dense
from tests.blackbox.zoo import MEMBERS


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
        assert 0.2 * scatter.std() < find_noise(box, loss, seed).size < 20 * scatter.std()
        assert 4.5 * find_noise(box, loss, seed).size > np.abs(scatter).max()


def test_noise_below_the_precision_of_the_result_is_found() -> None:
    """A float32 somewhere inside makes a float64 loss as rough as float32."""
    w = np.random.default_rng(0).standard_normal(50)
    box = BlackBox(lambda: float(np.exp(w.astype(np.float32)).sum()), [w])
    assert find_noise(box, box.loss(), 0).size > 1e-9 * box.loss()


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


@pytest.mark.parametrize("name", ["kinks_at_every_distance", "two_kinks_inside_one_step"])
def test_kinks_are_not_taken_for_noise(name: str) -> None:
    for seed in range(4):
        net = MEMBERS[name].make(seed)
        box = BlackBox(net.loss, net.params)
        assert find_noise(box, box.loss(), seed).size < 30 * 2.0**-53 * abs(box.loss())


@pytest.mark.parametrize("distance", [2.0**-42, 2.0**-36, 2.0**-30, 2.0**-24])
def test_rounding_of_the_points_is_not_taken_for_noise(distance: float) -> None:
    """Where slopes are huge, points that are not stored as meant would look like noise."""
    x = 2.0**-7 + distance * np.array([1.1, 1.4, 1.9])
    box = BlackBox(lambda: float(np.log(x - 2.0**-7).sum()), [x])
    assert find_noise(box, box.loss(), 0).size < 4 * 2.0**-53 * abs(box.loss())
