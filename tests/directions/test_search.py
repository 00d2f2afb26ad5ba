"""What a search finds, with an oracle that knows the errors exactly."""

import numpy as np
import pytest

from fastcheck.directions.boxes import Box, merged
from fastcheck.directions.reading import Reading, Single
from fastcheck.directions.search import MOST_LOCATED, MOST_PROBES, N_SILENT, Search
from tests.directions.simulated import Faults, Simulated

SHAPES = {"W": (78, 100), "b": (100,), "V": (100, 10), "s": (), "K": (8, 4, 3, 3)}
NOISE = 1e-9
Places = set[tuple[str, tuple[int, ...]]]


def searched(faults: Faults, seed: int = 0, noise: float = NOISE, **more: object) -> Search:
    search = Search(Simulated(SHAPES, faults, noise, seed), SHAPES, seed, **more)
    search.run(list(SHAPES))
    return search


def wrong_in(search: Search) -> Places:
    return {key for key, single in search.known.singles.items() if single.is_wrong}


def scattered(n: int, seed: int, size: float = 1.0) -> Faults:
    rng = np.random.default_rng([seed, n])
    names, sizes = list(SHAPES), [int(np.prod(s)) for s in SHAPES.values()]
    owners = np.repeat(np.arange(len(sizes)), sizes)
    faults: Faults = {}
    for place in rng.choice(sum(sizes), n, replace=False):
        k = int(owners[place])
        index = np.unravel_index(int(place) - sum(sizes[:k]), SHAPES[names[k]])
        faults[names[k], tuple(map(int, index))] = size * float(rng.choice([-1.0, 1.0]))
    return faults


def filled(box: Box, seed: int, share: float = 1.0) -> Faults:
    rng = np.random.default_rng([seed, 99])
    ranges = [np.arange(lo, hi) for lo, hi in box.bounds]
    places = np.stack(np.meshgrid(*ranges, indexing="ij"), -1).reshape(-1, len(ranges))
    return {
        (box.name, tuple(map(int, place))): float(rng.uniform(0.5, 1.5) * rng.choice([-1.0, 1.0]))
        for place in places
        if rng.random() < share
    }


@pytest.mark.parametrize("seed", range(20))
def test_silence_is_believed_after_two_directions(seed: int) -> None:
    search = searched({}, seed)
    assert search.oracle.n_probes == N_SILENT
    assert not search.known.singles
    assert 0.0 < search.tolerance < 1e-8


@pytest.mark.parametrize(("n", "most"), [(1, 20), (2, 35), (3, 50), (10, 130)])
@pytest.mark.parametrize("size", [1.0, 1e-4])
@pytest.mark.parametrize("seed", range(8))
def test_single_wrong_entries_are_all_found_and_nothing_else(
    n: int, most: int, size: float, seed: int
) -> None:
    faults = scattered(n, seed, size)
    search = searched(faults, seed)
    assert wrong_in(search) == set(faults)
    assert not search.known.regions
    assert search.oracle.n_probes <= most


@pytest.mark.parametrize("seed", range(10))
def test_entries_that_hardly_stand_out_are_found_or_named_silent(seed: int) -> None:
    faults = scattered(3, seed, 60.0 * NOISE)
    search = searched(faults, seed)
    assert wrong_in(search) <= set(faults)
    visible = 4.0 * search.tolerance
    missed = set(faults) - wrong_in(search)
    assert not missed or visible > 60.0 * NOISE or search.loud


BOXES = [
    Box("W", ((3, 4), (0, 100))),
    Box("W", ((77, 78), (0, 100))),
    Box("W", ((0, 78), (0, 1))),
    Box("W", ((0, 78), (99, 100))),
    Box("W", ((10, 17), (0, 100))),
    Box("W", ((0, 78), (0, 100))),
    Box("W", ((70, 78), (92, 100))),
    Box("W", ((42, 71), (6, 57))),
    Box("W", ((3, 72), (23, 50))),
    Box("V", ((51, 81), (2, 9))),
    Box("b", ((0, 100),)),
    Box("b", ((5, 93),)),
    Box("b", ((63, 94),)),
    Box("K", ((2, 3), (0, 4), (0, 3), (0, 3))),
    Box("K", ((0, 8), (0, 4), (1, 2), (0, 3))),
    Box("K", ((0, 8), (0, 4), (0, 3), (0, 3))),
]


@pytest.mark.parametrize("box", BOXES, ids=lambda b: f"{b.name} {b.text(SHAPES[b.name])}")
@pytest.mark.parametrize("seed", range(4))
def test_a_box_of_wrong_entries_is_named_to_the_entry(box: Box, seed: int) -> None:
    search = searched(filled(box, seed), seed)
    assert merged(search.known.regions) == [box]
    assert all(box.has(index) for _, index in wrong_in(search))
    assert search.oracle.n_probes < 200


def test_a_box_that_is_too_small_to_be_named_is_located_entry_by_entry() -> None:
    faults = filled(Box("W", ((40, 41), (7, 10))), 0)
    search = searched(faults)
    assert wrong_in(search) == set(faults)
    assert not search.known.regions


def test_a_wrong_row_and_entries_elsewhere_are_told_apart() -> None:
    row = Box("W", ((12, 13), (0, 100)))
    others: Faults = {("W", (50, 3)): 0.5, ("b", (17,)): -2.0, ("s", ()): 1.0}
    search = searched(filled(row, 1) | others, 1)
    assert search.known.regions == [row]
    assert {key for key in wrong_in(search) if key in others} == set(others)
    assert all(key in others or row.has(key[1]) for key in wrong_in(search))


def test_everything_wrong_is_named_tensor_by_tensor() -> None:
    faults: Faults = {}
    for name, shape in SHAPES.items():
        faults |= filled(Box.whole(name, shape), 2) if shape else {(name, ()): 1.0}
    search = searched(faults)
    whole = {box.name for box in search.known.regions if box.shape == SHAPES[box.name]}
    assert whole == {"W", "b", "V", "K"}
    assert ("s", ()) in wrong_in(search)
    assert search.oracle.n_probes < 100


@pytest.mark.parametrize("seed", range(3))
def test_a_diagonal_is_located_until_it_is_enough(seed: int) -> None:
    faults: Faults = {("W", (i, i)): 1.0 for i in range(78)}
    search = searched(faults, seed)
    assert wrong_in(search) <= set(faults)
    assert search.stopped == {"W"}
    assert MOST_LOCATED <= len(wrong_in(search)) <= MOST_LOCATED + 8
    assert search.oracle.n_probes < 400


def test_what_is_stopped_does_not_hide_other_tensors() -> None:
    faults: Faults = {("W", (i, i)): 1.0 for i in range(78)} | {("V", (9, 9)): 1.0}
    search = searched(faults)
    assert ("V", (9, 9)) in wrong_in(search)


def test_an_entry_that_may_not_be_moved_is_probed_alone_and_in_no_direction() -> None:
    oracle = Simulated(SHAPES, {("W", (3, 3)): 1e6}, NOISE, 0)
    search = Search(oracle, SHAPES, 0)
    search.exclude("W", (3, 3))
    search.run(["W"])
    assert oracle.n_probes == 2 + N_SILENT


def test_time_that_is_up_ends_the_search_and_says_what_remains() -> None:
    oracle = Simulated(SHAPES, scattered(10, 0), NOISE, 0)
    search = Search(oracle, SHAPES, 0, is_late=lambda: oracle.n_probes > 20)
    search.run(list(SHAPES))
    assert oracle.n_probes < 40
    found = wrong_in(search)
    left = set(scattered(10, 0)) - found
    assert left
    assert set(search.loud) == {name for name, _ in left}


def test_wrong_entries_are_kept_as_they_are_found() -> None:
    kept: dict[tuple[str, tuple[int, ...]], Single] = {}

    def keep(name: str, index: tuple[int, ...], single: Single) -> None:
        kept[name, index] = single

    search = searched(scattered(5, 3), 3, keep=keep)
    assert set(kept) == wrong_in(search) == set(scattered(5, 3))


def test_an_error_that_no_entry_shows_ends_in_a_loud_tensor() -> None:
    class Haunted(Simulated):
        """Directions over W are loud, single entries are not: noise that is not understood."""

        def quick(self, move: list) -> Reading:
            self.n_probes += 1
            size = sum(float(abs(d).sum()) for box, d in move if box.name == "W")
            return Reading(size, 1e-3)

    search = Search(Haunted(SHAPES, {}, NOISE, 0), SHAPES, 0)
    search.run(list(SHAPES))
    assert set(search.loud) == {"W"}
    assert not wrong_in(search)
    assert not search.known.regions
    assert search.oracle.n_probes < MOST_PROBES + 50


@pytest.mark.parametrize("share", [0.6, 0.8])
@pytest.mark.parametrize("seed", range(4))
def test_a_box_with_right_entries_in_it_is_covered(share: float, seed: int) -> None:
    faults = filled(Box("W", ((20, 60), (30, 70))), seed, share)
    search = searched(faults, seed)
    left = [key for key in faults if not any(b.name == "W" and b.has(key[1])
            for b in search.known.regions) and key not in wrong_in(search)]  # fmt: skip
    assert not left or "W" in search.stopped or "W" in search.loud
    assert search.known.regions
    assert all(20 <= i < 60 and 30 <= j < 70 for _, (i, j) in wrong_in(search))


def test_zeros_of_the_gradient_are_no_examples_where_there_are_others() -> None:
    """Half of the units are dead: their derivatives are zero and so is what a factor does."""
    alive = np.random.default_rng(0).random(100) < 0.5
    gradient = {name: np.ones(shape) for name, shape in SHAPES.items()}
    gradient["W"][:, ~alive] = 0.0
    faults = {key: e for key, e in filled(Box.whole("W", SHAPES["W"]), 0).items()
              if alive[key[1][1]]}  # fmt: skip
    search = searched(faults, analytic=gradient)
    assert search.known.regions == [Box.whole("W", SHAPES["W"])]
    assert search.oracle.n_probes < 60


@pytest.mark.slow
def test_random_boxes_are_named_to_the_entry_over_many_seeds() -> None:
    for seed in range(300):
        rng = np.random.default_rng(seed)
        a, b = sorted(int(i) for i in rng.choice(79, 2, replace=False))
        c, d = sorted(int(i) for i in rng.choice(101, 2, replace=False))
        box = Box("W", ((a, b), (c, d)))
        faults = filled(box, seed)
        search = searched(faults, seed)
        found = merged(search.known.regions)
        assert all(part.bounds[k][0] >= box.bounds[k][0] and part.bounds[k][1] <= box.bounds[k][1]
                   for part in found for k in (0, 1))  # fmt: skip
        assert wrong_in(search) <= set(faults)
        assert found == [box] or box.size < 40
