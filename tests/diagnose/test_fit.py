"""Intervals of constants, and the numbers in them."""

import math

import numpy as np
import pytest

from fastcheck.diagnose.constants import named_factor, round_number
from fastcheck.diagnose.evidence import Length
from fastcheck.diagnose.fit import interval_of, inverse, is_narrow

SAMPLES = Length(7, "the number of samples", is_samples=True, is_data=True)


def around(value: float, width: float = 1e-12) -> tuple[float, float]:
    return value * (1 - math.copysign(width, value)), value * (1 + math.copysign(width, value))


def test_the_interval_is_the_intersection_over_entries() -> None:
    direction = np.array([1.0, -2.0, 0.0])
    low, high = interval_of(
        np.array([3.0, -6.0, 0.0]), direction, np.array([1e-3, 1e-4, 1e-9])
    ) or (0.0, 0.0)
    assert low == pytest.approx(3 - 5e-5)
    assert high == pytest.approx(3 + 5e-5)


@pytest.mark.parametrize(
    ("target", "direction"),
    [
        ([3.0, 6.1], [1.0, 2.0]),
        ([3.0, 1e-6], [1.0, 0.0]),
        ([0.0, 0.0], [0.0, 0.0]),
        ([1e-9, 1e-9], [1.0, 1.0]),
    ],
)
def test_one_entry_that_does_not_fit_is_enough(target: list[float], direction: list[float]) -> None:
    assert interval_of(np.array(target), np.array(direction), np.full(2, 1e-8)) is None


def test_a_wide_interval_or_one_around_zero_holds_no_constant() -> None:
    assert is_narrow((1.0, 1.0005))
    assert not is_narrow((1.0, 1.1))
    assert not is_narrow((-1e-9, 1e-9))
    assert not is_narrow((2.0, 1.0))
    assert not is_narrow((math.nan, 1.0))
    assert inverse((2.0, 4.0)) == (0.25, 0.5)


@pytest.mark.parametrize(
    ("value", "form"),
    [(7.0, "m"), (1 / 7, "1/m"), (2 / 7, "2/m"), (3.5, "m/2"), (6 / 7, "(m-1)/m"), (-7.0, "m")],
)
def test_numbers_of_samples_are_recognised(value: float, form: str) -> None:
    named = named_factor(around(value), [SAMPLES])
    assert named is not None
    assert (named.value, named.form, named.length) == (pytest.approx(value), form, SAMPLES)
    assert named_factor(around(value * (1 + 1e-9)), [SAMPLES]) is None


def test_in_a_wide_interval_only_usual_numbers_are_found() -> None:
    assert named_factor(around(2.0, 4e-3), []) is not None
    assert named_factor(around(1 / 7, 4e-3), [SAMPLES]) is not None
    assert named_factor(around(2 / 7, 4e-3), [SAMPLES]) is None
    assert named_factor(around(11.0, 4e-3), []) is None
    assert round_number(around(0.1, 4e-3)) is None


def test_small_whole_numbers_are_simple_and_others_are_not() -> None:
    assert named_factor(around(11.0), []) is not None
    assert named_factor(around(1 / 11), []) is not None
    assert named_factor(around(13.0), []) is None
    assert named_factor(around(2.5), []) is None


def test_a_variance_is_of_samples_only() -> None:
    length = Length(7, "the length of axis 1 of W")
    assert named_factor(around(6 / 7), [length]) is None
    assert named_factor(around(7.0), [length]) is not None


def test_round_numbers_have_two_digits() -> None:
    found = round_number(around(0.012))
    assert found is not None
    assert found.value == 0.012
    assert round_number(around(0.01234)) is None
