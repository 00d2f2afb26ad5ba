import numpy as np
import pytest

from fastcheck.directions.boxes import Box
from fastcheck.directions.decode import SPREAD, digits_for, find_index
from fastcheck.directions.reading import Reading
from tests.directions.simulated import Faults, Simulated

SHAPE = (37, 1000)
WHOLE = Box.whole("W", SHAPE)


@pytest.mark.parametrize("n", [2, 3, 10, 1000, 65536, 10**6])
@pytest.mark.parametrize("ratio", [4.0, 30.0, 1e3, 1e9])
def test_digits_reach_every_index_and_are_told_apart(n: int, ratio: float) -> None:
    base, n_digits = digits_for(n, ratio)
    assert base**n_digits >= n
    assert SPREAD * (base - 1) <= ratio
    if n_digits > 1:  # with one digit less the base would be too large for the ratio
        assert (base + 1) ** (n_digits - 1) <= n or SPREAD * (n ** (1 / (n_digits - 1)) - 1) > ratio


def test_no_digit_is_read_where_nothing_stands_out() -> None:
    assert digits_for(100, SPREAD - 0.01) == (0, 0)


def read(faults: Faults, noise: float, seed: int) -> tuple[list[int | None], int]:
    """Return the indices along both axes, and the number of probes."""
    oracle = Simulated({"W": SHAPE}, faults, noise, seed)
    rng = np.random.default_rng(seed)
    move = rng.uniform(0.5, 1.5, SHAPE) * rng.choice([-1.0, 1.0], SHAPE)
    whole = oracle.quick([(WHOLE, move)])
    found = [find_index(oracle, WHOLE, move, whole, axis) for axis in (0, 1)]
    return found, oracle.n_probes


@pytest.mark.parametrize(("noise", "most"), [(1e-9, 3), (1e-4, 5), (1e-2, 14)])
@pytest.mark.parametrize("seed", range(10))
def test_the_indices_of_one_wrong_entry_are_read_off(noise: float, most: int, seed: int) -> None:
    where = tuple(int(i) for i in np.random.default_rng(seed).integers(SHAPE))
    found, n_probes = read({("W", where): 1.0}, noise, seed)
    assert tuple(found) == where
    assert n_probes <= most


def test_of_a_wrong_row_only_the_row_is_read() -> None:
    rng = np.random.default_rng(0)
    faults = {("W", (23, j)): float(e) for j, e in enumerate(rng.standard_normal(1000))}
    assert read(faults, 1e-9, 0)[0] == [23, None]


def test_two_wrong_entries_are_hardly_ever_taken_for_one() -> None:
    n_taken = 0
    for seed in range(200):
        i, j = np.random.default_rng(seed).integers(SHAPE, size=(2, 2))
        if i[0] == j[0]:
            continue
        found, _ = read({("W", tuple(i)): 1.0, ("W", tuple(j)): 1.0}, 1e-9, seed)
        n_taken += found[0] is not None
    assert n_taken <= 12  # 4 % of numbers are within 0.02 of a whole one, some are in range


def test_a_probe_that_says_nothing_gives_no_digit() -> None:
    class Left(Simulated):
        """The loss is not finite wherever weights are."""

        def quick(self, move: list) -> Reading:
            return Reading(0.0, np.inf)

    move = np.ones(SHAPE)
    oracle = Left({"W": SHAPE}, {}, 1e-9, 0)
    assert find_index(oracle, WHOLE, move, Reading(1.0, 1e-6), 0) is None
