"""A sample holds what it promises, and what it says it may have missed is right."""

import math
from itertools import combinations, product

import numpy as np
import pytest

from fastcheck.sampling import FEWEST, draw, most_missed, needed, shares


def indices(shape: tuple[int, ...], n: int, seed: int, analytic: np.ndarray | None = None) -> tuple:
    sample = draw(shape, n, analytic, seed)
    return sample, np.stack(np.unravel_index(sample.places, shape), axis=1)


# ------------------------------------------------------------ which entries


@pytest.mark.parametrize("shape", [(50, 30), (30, 50), (7, 300), (12, 5, 3), (9, 4, 3, 3)])
@pytest.mark.parametrize("seed", range(5))
def test_every_index_and_every_corner_is_in_a_sample_of_the_needed_size(
    shape: tuple[int, ...], seed: int
) -> None:
    analytic = np.random.default_rng(seed).standard_normal(shape)
    sample, found = indices(shape, needed(shape), seed, analytic)
    assert sample.strength >= 1
    assert sample.places.size == needed(shape) < math.prod(shape)
    for axis, length in enumerate(shape):
        assert set(found[:, axis]) == set(range(length))
    rows = {tuple(row) for row in found.tolist()}
    assert rows >= set(product(*({0, length - 1} for length in shape)))


@pytest.mark.parametrize("shape", [(32, 16, 3, 3), (8, 3, 5, 5), (6, 5, 4), (4, 4, 4, 4)])
def test_the_smallest_sample_that_says_so_holds_every_pair_of_indices(
    shape: tuple[int, ...],
) -> None:
    sizes = range(16, math.prod(shape), 8)
    n = next(n for n in sizes if draw(shape, n, None, 0).strength == 2)
    sample, found = indices(shape, n, 0)
    assert n < 0.8 * math.prod(shape)
    structured = sample.places.size - sample.n_uniform
    assert structured >= math.prod(sorted(shape)[-2:])
    for a, b in combinations(range(len(shape)), 2):
        assert len({(i, j) for i, j in found[:, [a, b]].tolist()}) == shape[a] * shape[b]


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_values_are_in_the_sample_and_those_that_are_not_finite(seed: int) -> None:
    analytic = np.random.default_rng(seed).standard_normal((40, 25))
    analytic[3, 4], analytic[17, 20] = np.nan, -np.inf
    places = set(draw((40, 25), 200, analytic, seed).places.tolist())
    magnitude = np.nan_to_num(np.abs(analytic.reshape(-1)), nan=np.inf)
    assert set(np.argsort(-magnitude)[:25].tolist()) <= places
    assert {3 * 25 + 4, 17 * 25 + 20} <= places


@pytest.mark.parametrize("n", [1, 7, 32, 100, 599])
def test_a_sample_has_as_many_entries_as_were_asked_for_each_once(n: int) -> None:
    sample = draw((20, 30), n, None, 0)
    assert sample.places.size == np.unique(sample.places).size == n
    assert np.array_equal(sample.places, np.sort(sample.places))
    assert 0 <= sample.places[0] <= sample.places[-1] < 600
    assert sample.n_left == 600 - (n - sample.n_uniform)
    assert not sample.is_whole


def test_all_and_nothing_are_samples_too() -> None:
    assert draw((4, 5), 20, None, 0).is_whole
    assert draw((4, 5), 99, None, 0).places.tolist() == list(range(20))
    assert draw((), 1, None, 0).places.tolist() == [0]
    assert draw((4, 5), 0, None, 0).places.size == 0
    assert draw((4, 5), 20, None, 0).missable == 0.0


def test_a_sample_depends_on_the_seed_only() -> None:
    one, same, other = (draw((60, 50), 300, None, seed).places for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_the_uniform_part_meets_all_entries_equally_often() -> None:
    shape, n, n_seeds = (20, 15), 40, 3000
    counts = np.zeros(300)
    for seed in range(n_seeds):
        counts[draw(shape, n, None, seed).places] += 1
    corners = [0, 14, 285, 299]
    inner = np.delete(counts, corners) / n_seeds
    assert np.all(np.abs(inner - inner.mean()) < 6.0 * np.sqrt(inner.mean() / n_seeds))


PLANTED = {
    "row": lambda wrong, rng: wrong.__setitem__(int(rng.integers(784)), True),
    "last row": lambda wrong, rng: wrong.__setitem__(-1, True),
    "column": lambda wrong, rng: wrong.__setitem__((slice(None), int(rng.integers(128))), True),
    "tile at the end": lambda wrong, rng: wrong.__setitem__((slice(-8, None),) * 2, True),
    "corner": lambda wrong, rng: wrong.__setitem__((0, -1), True),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_structured_mistakes_are_always_hit_where_chance_would_miss_many(kind: str) -> None:
    n = needed((784, 128))
    by_chance = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        wrong = np.zeros((784, 128), bool)
        PLANTED[kind](wrong, rng)
        assert wrong.flat[draw((784, 128), n, None, seed).places].any()
        by_chance += bool(wrong.flat[rng.choice(wrong.size, n, replace=False)].any())
    assert by_chance < 20 or kind == "column"  # a column is so long that chance meets it too


# ------------------------------------------------------------ how many of each tensor


def test_each_tensor_has_its_least_and_small_vectors_are_complete() -> None:
    shapes = {"W1": (784, 50), "b1": (50,), "W2": (50, 10), "b2": (10,), "long": (5000,)}
    for total in (0, 100, 500, 2000, 10_000):
        counts = shares(shapes, total)
        sizes = {name: math.prod(shape) for name, shape in shapes.items()}
        assert all(min(sizes[n], FEWEST) <= counts[n] <= sizes[n] for n in shapes)
        assert sum(counts.values()) <= max(total, 4 * FEWEST + 10)
    counts = shares(shapes, 2000)
    assert (counts["b1"], counts["b2"]) == (50, 10)
    assert all(counts[name] >= needed(shapes[name]) for name in shapes)


def test_a_budget_for_all_takes_all() -> None:
    shapes = {"W": (30, 20), "b": (20,)}
    assert shares(shapes, 10_000) == {"W": 600, "b": 20}


# ------------------------------------------------------------ what may be missed


def hypergeometric(n: int, k: int, m: int) -> float:
    """Return the probability that m draws of n meet none of k, from the definition."""
    return math.comb(n - k, m) / math.comb(n, m)


@pytest.mark.parametrize("n", [33, 100, 1000, 20_000])
@pytest.mark.parametrize("m", [1, 2, 10, 30, 33])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_the_guarantee_is_the_hypergeometric_one(n: int, m: int, confidence: float) -> None:
    k = most_missed([(n, m)], confidence)
    assert hypergeometric(n, k + 1, m) <= (1.0 - confidence) * (1.0 + 1e-9)
    assert k == 0 or hypergeometric(n, k, m) > (1.0 - confidence) * (1.0 - 1e-9)


@pytest.mark.parametrize(
    ("m", "percent"), [(30, 9.5), (60, 4.9), (100, 2.95), (300, 0.99), (1000, 0.30), (3000, 0.10)]
)
def test_the_guarantee_tends_to_the_binomial_one(m: int, percent: float) -> None:
    share = most_missed([(10_000_000, m)]) / 10_000_000
    assert 100.0 * share == pytest.approx(percent, abs=0.06)
    assert share == pytest.approx(1.0 - 0.05 ** (1.0 / m), rel=1e-3)


def escape(strata: list[tuple[int, int]], split: tuple[int, ...]) -> float:
    return math.prod(hypergeometric(n, k, m) for (n, m), k in zip(strata, split, strict=True))


@pytest.mark.parametrize(
    "strata", [[(12, 3), (9, 2)], [(10, 5), (10, 1)], [(15, 4), (7, 7)], [(6, 2), (5, 1), (8, 3)]]
)
@pytest.mark.parametrize("confidence", [0.51, 0.81, 0.951])  # no ties
def test_of_several_tensors_the_worst_split_is_the_one_that_counts(
    strata: list[tuple[int, int]], confidence: float
) -> None:
    def easiest(k: int) -> float:
        ranges = (range(min(n, k) + 1) for n, _ in strata)
        return max((escape(strata, s) for s in product(*ranges) if sum(s) == k), default=0.0)

    total = sum(n for n, _ in strata)
    wanted = max(k for k in range(total + 1) if easiest(k) > (1.0 - confidence) * (1.0 + 1e-12))
    assert most_missed(strata, confidence) == wanted


def test_a_tensor_of_which_nothing_was_drawn_can_be_wrong_everywhere() -> None:
    assert most_missed([(500, 0)]) == 500
    assert most_missed([(500, 0), (100, 100)]) == 500
    assert most_missed([(50, 50)]) == 0
    assert most_missed([]) == 0


def test_what_is_stated_holds_in_simulation_and_is_not_much_too_careful() -> None:
    shape, n = (60, 50), 150
    worst = round(draw(shape, n, None, 0).missable * 3000)
    escaped = {worst + 1: 0, worst // 2: 0}
    for seed in range(2000):
        rng = np.random.default_rng([seed, 1])
        places = draw(shape, n, None, seed).places
        for k in escaped:
            wrong = np.zeros(3000, bool)
            wrong[rng.choice(3000, k, replace=False)] = True
            escaped[k] += not wrong[places].any()
    assert escaped[worst + 1] <= 0.05 * 2000
    assert escaped[worst // 2] > 0.05 * 2000 * 0.2
