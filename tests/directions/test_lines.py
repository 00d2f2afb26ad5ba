"""Directional derivatives of losses whose derivatives are known in closed form."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from fastcheck.blackbox import BlackBox
from fastcheck.blackbox.noise import find_noise
from fastcheck.directions.boxes import Box
from fastcheck.directions.lines import Lines, foreseen

UNIT = 2.0**-53
SHAPE = (30, 20)
WHOLE = Box.whole("w", SHAPE)


def lines(
    function: Callable[[np.ndarray], float], slope: Callable, seed: int = 0, **more: object
) -> tuple[Lines, np.ndarray]:
    """Return lines through a random point, calibrated, and the array."""
    rng = np.random.default_rng(seed)
    w = rng.standard_normal(SHAPE)
    box = BlackBox(lambda: function(w), {"w": w})
    loss = box.loss()
    noise = find_noise(box, loss, seed, n_directions=1).size
    found = Lines(box, loss, noise, {"w": slope(w)}, {"w": UNIT}, **more)
    found.calibrate(["w"], np.random.default_rng(seed))
    return found, w


def drawn(found: Lines, seed: int) -> list[tuple[Box, np.ndarray]]:
    rng = np.random.default_rng([seed, 3])
    weights = rng.uniform(0.5, 1.5, SHAPE) * rng.choice([-1.0, 1.0], SHAPE)
    return [(WHOLE, found.step("w") * weights)]


SMOOTH = {
    "sines": (lambda w: float(np.sin(w).sum() + 40.0), np.cos),
    "quadratic": (lambda w: 0.5 * float(np.vdot(w, w)), lambda w: w.copy()),
    "steep": (lambda w: float(np.exp(3.0 * w).sum()), lambda w: 3.0 * np.exp(3.0 * w)),
    "tiny": (lambda w: 1e-9 * float(np.tanh(w).sum()) + 1.0, lambda w: 1e-9 / np.cosh(w) ** 2),
}


@pytest.mark.parametrize("kind", SMOOTH)
@pytest.mark.parametrize("seed", range(6))
def test_a_right_gradient_is_silent(kind: str, seed: int) -> None:
    found, w = lines(*SMOOTH[kind], seed)
    before = w.tobytes()
    for k in range(10):
        assert not found.quick(drawn(found, k)).is_loud
        assert not found.careful(drawn(found, k)).is_loud
    assert w.tobytes() == before


@pytest.mark.parametrize("kind", SMOOTH)
@pytest.mark.parametrize("seed", range(6))
def test_a_reading_is_the_error_along_the_direction(kind: str, seed: int) -> None:
    found, _ = lines(*SMOOTH[kind], seed)
    error = np.random.default_rng(seed).standard_normal(SHAPE) * found.visible("w")
    found.analytic["w"] += error
    for k in range(5):
        move = drawn(found, k)
        wanted = float(np.vdot(error, move[0][1]))
        for reading in (found.quick(move), found.careful(move)):
            assert abs(reading.value - wanted) <= reading.tolerance
            assert reading.tolerance < found.visible("w") * found.step("w")


@pytest.mark.parametrize("kind", SMOOTH)
@pytest.mark.parametrize("seed", range(6))
def test_a_single_entry_that_is_off_by_what_is_visible_is_seen(kind: str, seed: int) -> None:
    found, _ = lines(*SMOOTH[kind], seed)
    index = tuple(np.random.default_rng(seed).integers(SHAPE))
    found.analytic["w"][index] += 1.01 * found.visible("w")
    assert all(found.careful(drawn(found, k)).is_loud for k in range(5))


def test_what_is_foreseen_is_about_what_is_visible() -> None:
    found, _ = lines(*SMOOTH["sines"])
    assert 0.1 < found.visible("w") / foreseen(found.noise, found.loss) < 10.0


def test_steps_are_powers_of_two_and_probes_are_counted() -> None:
    found, _ = lines(*SMOOTH["sines"])
    assert math.frexp(found.step("w"))[0] == 0.5
    before = found.n_probes
    found.quick(drawn(found, 0))
    assert found.n_probes == before + 1


@pytest.mark.parametrize("seed", range(10))
def test_kinks_make_no_false_alarm_and_hide_no_large_error(seed: int) -> None:
    rng = np.random.default_rng([seed, 5])
    offset = rng.uniform(1e-7, 2e-7, SHAPE) * rng.choice([-1.0, 1.0], SHAPE)
    offset[3:] += 1.0  # 60 entries are close to their kink
    w = rng.standard_normal(SHAPE)
    w0 = w.copy()
    box = BlackBox(lambda: float(np.abs(w - w0 + offset).sum()), {"w": w})
    loss = box.loss()
    found = Lines(box, loss, UNIT * loss, {"w": np.sign(offset)}, {"w": UNIT})
    found.calibrate(["w"], np.random.default_rng(seed))
    assert not any(found.careful(drawn(found, k)).is_loud for k in range(5))
    assert found.visible("w") < 1e-3
    found.analytic["w"][20, 7] *= -1.0
    assert all(found.careful(drawn(found, k)).is_loud for k in range(5))


@pytest.mark.parametrize("problem", ["nan", "raise"])
def test_a_loss_that_cannot_be_evaluated_says_nothing_and_is_restored(problem: str) -> None:
    def fragile(w: np.ndarray) -> float:
        if np.array_equal(w, w0):
            return 1.0
        if problem == "raise":
            raise ArithmeticError("outside")
        return math.nan

    w0 = np.random.default_rng(0).standard_normal(SHAPE)
    w = w0.copy()
    box = BlackBox(lambda: fragile(w), {"w": w})
    found = Lines(box, 1.0, UNIT, {"w": np.zeros(SHAPE)}, {"w": UNIT})
    found.calibrate(["w"], np.random.default_rng(0))
    for reading in (found.quick(drawn(found, 0)), found.careful(drawn(found, 0))):
        assert not reading.is_loud
        assert reading.tolerance == math.inf
    assert w.tobytes() == w0.tobytes()


@pytest.mark.parametrize("kind", ["sines", "steep"])
def test_a_single_entry_costs_one_probe_if_right_and_two_at_least_if_not(kind: str) -> None:
    found, _ = lines(*SMOOTH[kind])
    before = found.n_probes
    right = found.single("w", (4, 5))
    assert not right.is_wrong
    assert found.n_probes == before + 1
    exact = float(found.analytic["w"][4, 5])
    found.analytic["w"][4, 5] += 1e-4 * abs(exact)
    before = found.n_probes
    wrong = found.single("w", (4, 5))
    assert wrong.is_wrong
    assert found.n_probes >= before + 2
    assert abs(wrong.error - 1e-4 * abs(exact)) <= wrong.bound
    assert wrong.minus <= exact + wrong.bound + 1e-3 * abs(exact)
    assert 0.5 * (wrong.minus + wrong.plus) == pytest.approx(exact, abs=wrong.bound)


def test_the_rounding_of_a_float32_gradient_is_allowed_for() -> None:
    rng = np.random.default_rng(0)
    w = rng.standard_normal(SHAPE)
    c = rng.standard_normal(SHAPE)
    box = BlackBox(lambda: float(np.vdot(c, w)), {"w": w})
    noise = find_noise(box, box.loss(), 0).size
    rounded = c.astype(np.float32).astype(np.float64)
    verdicts = []
    for unit in (UNIT, 2.0**-24):
        found = Lines(box, box.loss(), noise, {"w": rounded}, {"w": unit})
        found.calibrate(["w"], np.random.default_rng(0))
        verdicts.append([found.careful(drawn(found, k)).is_loud for k in range(10)])
    assert all(verdicts[0])
    assert not any(verdicts[1])
