"""What directions say of each tensor of a loss that can only be called."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from fastcheck.blackbox import BlackBox
from fastcheck.directions import Seen, look_along
from fastcheck.directions.survey import MOST_BROKEN

UNIT = 2.0**-53
Arrays = dict[str, np.ndarray]


def point(seed: int = 0) -> tuple[Arrays, Callable[[], float], Arrays]:
    """Return parameters, a loss ``sum(exp(0.3 p)) / 1000`` over all, and its gradient."""
    rng = np.random.default_rng(seed)
    p = {"W": rng.standard_normal((40, 30)), "b": rng.standard_normal(30), "s": np.array(0.4)}
    p["none"] = np.empty((0, 3))

    def loss() -> float:
        return float(sum(np.exp(0.3 * a).sum() for a in p.values())) / 1000.0

    return p, loss, {name: 0.3e-3 * np.exp(0.3 * a) for name, a in p.items()}


def seen(
    p: Arrays, loss: Callable[[], float], grads: Arrays, seed: int = 0, **more: object
) -> tuple[dict[str, Seen], int]:
    box = BlackBox(loss, p)
    value = box.loss()
    units = dict.fromkeys(grads, UNIT)
    more = {"is_noisy": False} | more
    return look_along(box, value, 2.0 * UNIT * value, grads, units, seed=seed, **more)


@pytest.mark.parametrize("seed", range(10))
def test_a_right_gradient_is_resolved_in_few_probes(seed: int) -> None:
    found, n_probes = seen(*point(seed), seed)
    assert list(found) == ["W", "b", "s"]  # what is empty has nothing to say
    assert all(one.is_resolved and not one.singles and not one.regions for one in found.values())
    assert all(one.visible < 1e-5 * one.typical for one in found.values())
    assert n_probes <= 12


@pytest.mark.parametrize("seed", range(10))
def test_an_error_just_above_what_is_visible_is_found(seed: int) -> None:
    p, loss, grads = point(seed)
    visible = seen(p, loss, grads, seed)[0]["W"].visible
    index = tuple(int(i) for i in np.random.default_rng(seed).integers((40, 30)))
    grads["W"][index] += 2.0 * visible
    found = seen(p, loss, grads, seed)[0]
    assert set(found["W"].singles) == {index}
    assert found["W"].singles[index].error == pytest.approx(2.0 * visible, rel=0.5)
    assert not found["b"].singles


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_entries_that_are_not_finite_are_probed_on_their_own(bad: float) -> None:
    p, loss, grads = point()
    exact = float(grads["W"][3, 4])
    grads["W"][3, 4] = bad
    found, _ = seen(p, loss, grads)
    single = found["W"].singles[3, 4]
    assert 0.0 - single.error == pytest.approx(exact, rel=1e-6)
    assert found["W"].is_resolved
    assert math.isnan(grads["W"][3, 4]) or math.isinf(grads["W"][3, 4])  # not written to


def test_a_tensor_that_is_not_finite_anywhere_is_not_searched() -> None:
    p, loss, grads = point()
    grads["W"][...] = np.nan
    found, n_probes = seen(p, loss, grads)
    assert found["W"].is_stopped
    assert not found["W"].is_resolved
    assert len(found["W"].singles) == MOST_BROKEN
    assert found["b"].is_resolved
    assert n_probes < 50


def test_a_step_that_is_given_is_taken() -> None:
    p, loss, grads = point()
    largest = 0.0
    before = {name: a.copy() for name, a in p.items()}

    def watched() -> float:
        nonlocal largest
        largest = max(largest, float(np.abs(p["W"] - before["W"]).max()))
        return loss()

    found, _ = seen(p, watched, grads, step=1e-5)
    assert 1.4e-5 < largest <= 3e-5  # and twice of it, where a reading is confirmed
    assert found["W"].is_resolved


def test_time_that_is_up_leaves_tensors_unresolved_that_are_off() -> None:
    p, loss, grads = point()
    grads["W"] *= 1.01
    found, n_probes = seen(p, loss, grads, is_late=lambda: True)
    assert found["W"].off == pytest.approx(0.01, rel=2.0)
    assert not found["W"].is_resolved
    assert not found["W"].is_settled
    assert found["b"].off == 0.0
    assert n_probes < 15


def test_tensors_of_very_different_scales_are_each_resolved() -> None:
    p = point()[0]
    scales = {"W": 1e-3, "b": 1.0, "s": 1e3}

    def scaled() -> float:
        return float(sum(scales[n] * np.sin(p[n]).sum() for n in scales))

    grads = {name: scales.get(name, 0.0) * np.cos(a) for name, a in p.items()}
    found, _ = seen(p, scaled, grads)
    assert all(one.is_resolved for one in found.values())
    grads["W"][7, 7] += 1e-4
    found, _ = seen(p, scaled, grads)
    assert set(found["W"].singles) == {(7, 7)}


def test_a_tensor_full_of_kinks_does_not_hide_the_others() -> None:
    rng = np.random.default_rng(0)
    p = {"smooth": rng.standard_normal((30, 20)), "kinks": rng.standard_normal(200)}
    near = p["kinks"] + 1e-10 * rng.choice([-1.0, 1.0], 200)

    def loss() -> float:
        return float(1e-3 * np.sin(p["smooth"]).sum() + np.abs(p["kinks"] - near).sum()) + 1.0

    grads = {"smooth": 1e-3 * np.cos(p["smooth"]), "kinks": np.sign(p["kinks"] - near)}
    found, _ = seen(p, loss, grads)
    assert found["smooth"].visible < 1e-4 * found["smooth"].typical
    assert found["smooth"].is_resolved


def test_all_arrays_are_restored_when_the_search_is_interrupted() -> None:
    p, loss, grads = point()
    grads["W"][3] *= 2.0
    kept = {name: a.tobytes() for name, a in p.items()}
    n_calls = 0

    def interrupted() -> float:
        nonlocal n_calls
        n_calls += 1
        if n_calls > 30:
            raise KeyboardInterrupt
        return loss()

    with pytest.raises(KeyboardInterrupt):
        seen(p, interrupted, grads)
    assert {name: a.tobytes() for name, a in p.items()} == kept
