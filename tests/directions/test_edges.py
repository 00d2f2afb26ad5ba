from collections.abc import Callable

import numpy as np
import pytest

from fastcheck.directions.boxes import Box
from fastcheck.directions.edges import edge_of


def looking(wrong: np.ndarray, hidden: np.ndarray | None = None) -> Callable[[Box], bool | None]:
    """Return a look at what is wrong; where all is `hidden` and right, nothing shows."""

    def look(box: Box) -> bool | None:
        if box.of(wrong).any():
            return True
        return None if hidden is not None and box.of(hidden).all() else False

    return look


def extent(box: Box, example: tuple[int, ...], wrong: np.ndarray, **more: np.ndarray) -> list[int]:
    look = looking(wrong, **more)
    return [edge_of(box, example, wrong.shape, 0, sign, look) for sign in (-1, 1)]


@pytest.mark.parametrize("lo", [0, 1, 20, 63])
@pytest.mark.parametrize("hi", [64, 65, 90, 99])
@pytest.mark.parametrize("bounds", [(0, 100), (60, 70), (64, 65)])
def test_a_range_is_found_from_any_box_that_meets_it(
    lo: int, hi: int, bounds: tuple[int, int]
) -> None:
    wrong = np.zeros((100, 3), bool)
    wrong[lo : hi + 1] = True
    box = Box("W", (bounds, (0, 3)))
    assert extent(box, (64, 1), wrong) == [lo, hi]


@pytest.mark.parametrize("n_wrong", [1, 4, 7])
def test_right_entries_at_the_end_are_not_named(n_wrong: int) -> None:
    wrong = np.zeros((9, 2), bool)
    wrong[1 : 1 + n_wrong] = True
    assert extent(Box.whole("W", wrong.shape), (1, 0), wrong) == [1, n_wrong]


def test_a_last_entry_that_shows_nothing_goes_with_those_before_it() -> None:
    wrong = np.ones(50, bool)
    wrong[[0, 49]] = False
    hidden = ~wrong  # a dead unit: its gradient is zero, right or not
    box = Box.whole("b", (50,))
    assert extent(box, (20,), wrong, hidden=hidden) == [0, 49]
    assert extent(box, (20,), wrong) == [1, 48]


def test_the_whole_axis_costs_one_look_an_end() -> None:
    calls = []

    def look(box: Box) -> bool:
        calls.append(box)
        return True

    box = Box.whole("W", (1000, 3))
    assert [edge_of(box, (500, 0), (1000, 3), 0, sign, look) for sign in (-1, 1)] == [0, 999]
    assert len(calls) == 2
