import itertools

import numpy as np
import pytest

from fastcheck.directions.boxes import Box, merged, next_axis


@pytest.mark.parametrize(
    ("bounds", "shape", "text"),
    [
        (((0, 7), (0, 5)), (7, 5), "the whole tensor"),
        (((3, 4), (0, 5)), (7, 5), "row 3"),
        (((3, 6), (0, 5)), (7, 5), "rows 3 to 5"),
        (((0, 7), (4, 5)), (7, 5), "column 4"),
        (((0, 7), (1, 3)), (7, 5), "columns 1 to 2"),
        (((2, 4), (1, 3)), (7, 5), "the block [2:4, 1:3]"),
        (((2, 3), (1, 3)), (7, 5), "the block [2, 1:3]"),
        (((4, 9),), (20,), "the slice [4:9]"),
        (((0, 8), (1, 2), (0, 3)), (8, 4, 3), "the slice [:, 1, :]"),
        (((0, 8), (1, 2), (2, 3)), (8, 4, 3), "the block [:, 1, 2]"),
        ((), (), "the whole tensor"),
    ],
)
def test_a_box_is_called_what_people_call_it(
    bounds: tuple[tuple[int, int], ...], shape: tuple[int, ...], text: str
) -> None:
    assert Box("W", bounds).text(shape) == text


def test_a_box_gives_its_part_of_an_array_as_a_view() -> None:
    array = np.arange(24.0).reshape(4, 6)
    box = Box("W", ((1, 3), (2, 5)))
    box.of(array)[...] = -1.0
    assert np.array_equal(
        np.argwhere(array == -1.0), [[1, 2], [1, 3], [1, 4], [2, 2], [2, 3], [2, 4]]
    )
    assert (box.shape, box.size, box.origin, box.long_axes) == ((2, 3), 6, (1, 2), [0, 1])
    scalar = np.array(2.0)
    Box.whole("s", ()).of(scalar)[...] = 5.0
    assert scalar == 5.0


@pytest.mark.parametrize("n", range(2, 40))
def test_halves_split_at_a_power_of_two_and_lose_nothing(n: int) -> None:
    one, other = Box("W", ((5, 5 + n), (0, 2))).halves(0)
    assert one.bounds[0][0] == 5
    assert one.bounds[0][1] == other.bounds[0][0]
    assert other.bounds[0][1] == 5 + n
    assert n / 2 <= one.shape[0] < n
    assert one.shape[0].bit_count() == 1


def test_a_drawn_entry_lies_in_the_box_and_each_can_be_drawn() -> None:
    box = Box("W", ((1, 3), (4, 6)))
    rng = np.random.default_rng(0)
    drawn = {box.drawn(rng) for _ in range(200)}
    assert drawn == {(1, 4), (1, 5), (2, 4), (2, 5)}
    assert all(map(box.has, drawn))
    assert not box.has((0, 4))
    assert not box.has((1, 6))


def test_the_next_axis_is_one_that_can_be_split() -> None:
    box = Box("W", ((0, 3), (2, 3), (0, 4)))
    assert [next_axis(box, axis) for axis in range(3)] == [2, 2, 0]
    assert next_axis(Box("W", ((0, 1), (0, 9))), 1) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_neighbours_become_one_box_in_whatever_order(order: tuple[int, ...]) -> None:
    quarters = [Box("W", ((i, i + 2), (j, j + 3))) for i in (0, 2) for j in (0, 3)]
    assert merged([quarters[k] for k in order]) == [Box("W", ((0, 4), (0, 6)))]


def test_boxes_that_are_apart_or_of_other_tensors_stay_apart() -> None:
    apart = [Box("W", ((0, 2), (0, 3))), Box("W", ((3, 5), (0, 3)))]
    askew = [Box("W", ((0, 2), (0, 3))), Box("W", ((2, 4), (1, 4)))]
    others = [Box("V", ((0, 2), (0, 3))), Box("W", ((2, 4), (0, 3)))]
    for boxes in (apart, askew, others):
        assert merged(boxes) == boxes


def test_a_box_within_another_is_left_out() -> None:
    whole = Box("W", ((0, 5), (0, 3)))
    assert merged([Box("W", ((1, 2), (0, 3))), whole, whole]) == [whole]
