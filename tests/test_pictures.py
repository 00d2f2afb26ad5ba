"""What a report draws: a single wrong entry shows in any tensor, and steps tell the arithmetics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.result import CheckResult
from fastcheck.result.pictures import SIGNS, Picture, decades, make_picture


def picture(
    analytic: Any, numerical: Any, wrong: Any = None, checked: Any = None, name: str = "W1"
) -> Picture:
    """Return a picture of which all entries were checked and none is wrong, unless said."""
    shape = np.shape(numerical)
    flags = np.zeros(shape, bool) if wrong is None else wrong
    known = np.ones(shape, bool) if checked is None else checked
    return make_picture(
        name, np.asarray(analytic, float), np.asarray(numerical, float), flags, known
    )


@pytest.mark.parametrize(
    ("shape", "place", "grid"),
    [
        ((784, 512), (783, 511), (64, 64)),
        ((784, 50), (400, 3), (64, 50)),
        ((1000,), (999,), (1, 64)),
        ((16, 3, 5, 5), (15, 2, 4, 4), (48, 25)),
        ((3, 2), (0, 1), (3, 2)),
    ],
)
def test_one_wrong_entry_shows_in_the_cell_that_holds_it(
    shape: tuple[int, ...], place: tuple[int, ...], grid: tuple[int, int]
) -> None:
    numerical = np.random.default_rng(0).normal(size=shape)
    analytic, wrong = numerical * (1 + 1e-15), np.zeros(shape, bool)
    analytic[place] *= 1.1
    wrong[place] = True
    drawn = picture(analytic, numerical, wrong)
    values = decades(drawn)
    assert values.shape == grid
    assert np.sum(values > -2.0) == 1
    assert values.max() == pytest.approx(math.log10(0.1 / 1.1), abs=1 / 6)
    (marked,) = np.argwhere(np.array([[sign == "x" for sign in row] for row in drawn.wrong]))
    assert values[tuple(marked)] == values.max()
    assert drawn.n_wrong == 1


def test_each_deviation_is_read_back_within_a_sixth_of_a_decade() -> None:
    numerical = np.ones(19)
    off = 10.0 ** np.arange(-15.9, 3.0)
    values = decades(picture(numerical, numerical - off, name="b1"))[0]
    scale = np.maximum(1.0, np.abs(1.0 - off))
    np.testing.assert_allclose(values, np.log10(off / scale), atol=1 / 6 + 0.01)


def test_equal_unknown_and_not_finite_cells_are_told_apart() -> None:
    analytic = np.array([[1.0, math.nan], [2.0, 3.0]])
    checked = np.array([[True, True], [False, True]])
    drawn = picture(analytic, np.array([[1.0, 1.0], [2.0, 3.0]]), None, checked)
    assert drawn.deviations == ("0!", " 0")
    values = decades(drawn)
    assert values[0, 0] == -math.inf
    assert values[0, 1] == math.inf
    assert math.isnan(values[1, 0])
    assert drawn.wrong == ()
    assert len(SIGNS) == 64
    assert len(set(SIGNS)) == 64


def test_points_are_few_and_wrong_ones_come_first() -> None:
    numerical = np.arange(1.0, 10_001.0)
    wrong = np.arange(10_000) % 10 == 0
    drawn = picture(numerical + wrong, numerical, wrong)
    assert (len(drawn.analytic), len(drawn.numerical), drawn.n_wrong) == (240, 240, 120)
    off = np.array(drawn.analytic) != np.array(drawn.numerical)
    np.testing.assert_array_equal(off, np.arange(240) < 120)
    few = picture(numerical[:5] + 1.0, numerical[:5], np.ones(5, bool))
    assert (len(few.analytic), few.n_wrong) == (5, 5)


def check(fault: bool = True, **options: Any) -> CheckResult:
    """Return the check of a small network, with pictures."""
    rng = np.random.default_rng(3)
    net = fc.Network([fc.Dense(6, 8), fc.Tanh(), fc.Dense(8, 3)], fc.SoftmaxCrossEntropy())
    objective = net.objective(rng.normal(size=(5, 6)), rng.integers(3, size=5))
    params = net.init_params(seed=0)
    grads = {name: g.copy() for name, g in objective.gradient(params).items()}
    if fault:
        grads["W1"][2, 5] *= 1.5
    return fc.check_gradients(objective, params, grads, **{"pictures": True, **options})


def test_a_check_keeps_pictures_only_if_asked() -> None:
    assert check(pictures=False).pictures == {}
    assert check(pictures=False).steps is None
    result = check()
    assert list(result.pictures) == ["W1", "b1", "W2", "b2"]
    assert result.pictures["W1"].wrong[2] == "     x  "
    assert result.pictures["W2"].wrong == ()
    assert "pictures" in result.timings
    assert check(pictures=False).verdict == result.verdict == "fail"


def test_difference_arithmetic_holds_at_every_small_step_and_plain_differences_do_not() -> None:
    steps = check().steps
    assert steps is not None
    assert (steps.tensor, steps.index) == ("W1", (2, 5))
    right = check().numerical["W1"][2, 5]
    small = np.array(steps.steps) <= 1e-7
    off = np.abs(np.array(steps.difference) / right - 1.0)
    plain = np.abs(np.array(steps.plain) / right - 1.0)
    assert np.all(off[small] < 1e-12)
    assert plain[small].min() > 1e-12
    assert plain.max() > 0.5
    assert list(steps.steps) == sorted(steps.steps, reverse=True)


def test_the_steps_of_a_right_gradient_are_those_of_its_worst_entry() -> None:
    result = check(fault=False)
    worst = max((t.worst for t in result.tensors.values() if t.worst), key=lambda e: e.ratio)
    assert result.steps is not None
    assert (result.steps.tensor, result.steps.index) == (worst.tensor, worst.index)


def test_a_black_box_has_pictures_and_no_steps() -> None:
    a = np.arange(1.0, 4.0)
    p = {"w": a.copy()}
    grads = {"w": 2 * a + [0.0, 1.0, 0.0]}
    result = fc.check_gradients(
        lambda: float(p["w"] @ p["w"]), p, grads, engine="black box", pictures=True
    )
    assert result.steps is None
    assert result.pictures["w"].wrong == (" x ",)


def test_pictures_are_saved_with_a_result() -> None:
    before = check()
    after = CheckResult.from_json(before.to_json())
    assert after.pictures == before.pictures
    assert after.steps == before.steps
