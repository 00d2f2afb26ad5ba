import math

from fastcheck.directions.reading import Reading


def test_what_is_loud_is_outside_its_tolerance() -> None:
    assert Reading(-3.0, 2.0).is_loud
    assert not Reading(2.0, 2.0).is_loud
    assert not Reading(math.nan, 2.0).is_loud  # the loss is not finite: nothing is known
    assert not Reading(0.0, math.inf).is_loud


def test_the_rest_of_a_reading_is_as_uncertain_as_both() -> None:
    left = Reading(5.0, 0.5).less(Reading(2.0, 0.25))
    assert (left.value, left.tolerance) == (3.0, 0.75)
    assert left.ratio == 4.0
    assert Reading(1.0, 0.0).ratio == math.inf
