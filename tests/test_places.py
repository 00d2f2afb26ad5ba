"""Where in a tensor entries are wrong: cells, their edges, and what is known of each."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from fastcheck.judge import judge_tensor
from fastcheck.result import find_places
from fastcheck.result.places import FEW, LEVELS, MOST_COLUMNS, MOST_ROWS, edges, split_axes

SHAPES = [
    (784, 512), (50, 10), (11, 1), (1, 300), (40,), (1000,), (16, 3, 5, 5), (5, 5, 3, 16),
    (10, 7, 20), (2, 3, 4, 5, 6), (1, 1, 12), (64, 1, 3, 3),
]  # fmt: skip
EACH_SHAPE = pytest.mark.parametrize("shape", SHAPES, ids=str)


def nothing(shape: tuple[int, ...]) -> np.ndarray:
    return np.zeros(shape, bool)


@EACH_SHAPE
def test_cells_cover_each_axis_once_and_are_few(shape: tuple[int, ...]) -> None:
    k = split_axes(shape)
    for lengths, most in ((shape[:k], MOST_ROWS), (shape[k:], MOST_COLUMNS)):
        cuts = edges(lengths, most)
        assert cuts[0] == 0
        assert cuts[-1] == math.prod(lengths)
        assert 1 <= len(cuts) - 1 <= most
        assert (np.diff(cuts) > 0).all()


@pytest.mark.parametrize("lengths", [(16, 3), (3, 16), (5, 5), (2, 30, 7), (100, 2, 2)])
def test_cells_hold_whole_indices_of_one_axis(lengths: tuple[int, ...]) -> None:
    cuts = edges(lengths, 12)
    for start, stop in pairwise(cuts):
        index = np.array(np.unravel_index(np.arange(start, stop), lengths))
        ends = [(axis.min(), axis.max()) for axis in index]
        box = math.prod(int(high - low) + 1 for low, high in ends)
        assert box == stop - start, "a cell is a box of the tensor"


def test_a_tensor_is_read_as_the_matrix_that_is_closest_to_a_square() -> None:
    assert [split_axes(s) for s in SHAPES[:6]] == [1, 1, 1, 1, 0, 0]
    assert split_axes((16, 3, 5, 5)) == 2
    assert split_axes((5, 5, 3, 16)) == 2
    assert split_axes((10, 7, 20)) == 2
    assert split_axes((64, 1, 3, 3)) == 2


@EACH_SHAPE
def test_every_single_wrong_entry_shows_in_the_cell_that_holds_it(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    everything = np.ones(shape, bool)
    k = split_axes(shape)
    rows, columns = edges(shape[:k], MOST_ROWS), edges(shape[k:], MOST_COLUMNS)
    for _ in range(5):
        places = rng.choice(everything.size, 2, replace=False)
        wrong = nothing(shape)
        wrong.flat[places] = True
        grid = find_places(wrong, everything, nothing(shape))
        found = {(r, c) for r, row in enumerate(grid) for c, level in enumerate(row) if level > "0"}
        pairs = [divmod(int(place), columns[-1]) for place in places]
        assert found == {
            (np.searchsorted(rows, r, "right") - 1, np.searchsorted(columns, c, "right") - 1)
            for r, c in pairs
        }


def test_levels_are_shares_of_what_is_known_and_not_zero() -> None:
    """A 12 by 40 grid of cells of 2 by 5 entries; the first cells hold one case each."""
    shape = (24, 200)
    wrong, decided, zero = nothing(shape), np.ones(shape, bool), nothing(shape)

    def cell(array: np.ndarray, k: int, n: int) -> None:
        block = array[:2, 5 * k : 5 * k + 5]
        block[np.unravel_index(np.arange(n), block.shape)] = True

    for k, n in enumerate([0, 1, 3, 4, 6, 7, 9, 10]):
        cell(wrong, k, n)
    cell(wrong, 8, 4)
    zero[:2, 40:45] = ~wrong[:2, 40:45]  # all others are zero: all that tell are wrong
    decided[:2, 45:50] = False
    decided[:2, 50:54] = False
    wrong[0, 54] = True  # one of two that are known
    (first, *rest) = find_places(wrong, decided, zero)
    assert first[:11] == "01122334"[:8] + "4" + " " + "2"
    assert set(first[11:] + "".join(rest)) == {"0"}
    assert set(first) <= set(LEVELS)


def test_no_grid_where_it_would_say_nothing() -> None:
    shape = (6, 5)
    everything, none = np.ones(shape, bool), nothing(shape)
    one, some = none.copy(), none.copy()
    one[2, 3] = True
    some[2] = True
    assert find_places(none, everything, none) == ()
    assert find_places(one, everything, none) == ()
    assert find_places(everything, everything, none) == ()
    assert find_places(some, some, none) == (), "all that is known is wrong"
    assert find_places(some, everything, ~some) == (), "all that is not zero is wrong"
    assert find_places(some, everything, none) == tuple("4" * 5 if r == 2 else "0" * 5
                                                        for r in range(6))  # fmt: skip
    few = np.arange(FEW) < 3
    assert find_places(few, np.ones(FEW, bool), np.zeros(FEW, bool)) == ()
    assert find_places(nothing(()), nothing(()), nothing(())) == ()
    assert find_places(nothing((0, 3)), nothing((0, 3)), nothing((0, 3))) == ()


def test_judging_keeps_places_of_what_fails_only() -> None:
    rng = np.random.default_rng(0)
    numerical = rng.normal(size=(6, 5))
    bound = np.full((6, 5), 1e-12)
    numerical[0] = 0.0
    wrong = numerical.copy()
    wrong[3] += 1.0
    assert judge_tensor("W", numerical, numerical, bound).places == ()
    places = judge_tensor("W", wrong, numerical, bound).places
    assert places == ("00000", "00000", "00000", "44444", "00000", "00000")
    close = numerical.copy()
    close[4] *= 1 + 1e-8
    assert judge_tensor("W", close, numerical, bound).places == ()
    assert judge_tensor("W", close, numerical, bound, strict=True).places[4] == "44444"
    nearly = numerical + 1.0 * (numerical != 0.0)
    nearly[4] = close[4]
    assert judge_tensor("W", nearly, numerical, bound).places == (), "all are off, some by little"
    checked = np.arange(30).reshape(6, 5) % 5 != 2
    assert judge_tensor("W", wrong, numerical, bound, checked=checked).places == (
        "00 00", "00 00", "00 00", "44 44", "00 00", "00 00",
    )  # fmt: skip
    kink = np.arange(30).reshape(6, 5) % 5 == 2
    assert judge_tensor("W", wrong, numerical, bound, kink=kink).places[3] == "44 44"
