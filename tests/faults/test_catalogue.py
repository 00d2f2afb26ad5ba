from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.faults import MOST_PLACES, Fault, Point, catalogue
from tests.faults.planted import CASE, CATALOGUE, FAULTS, MADE, POINT, point_of

pytestmark = pytest.mark.interpreted


def named(faults: list[Fault], title: str) -> Fault:
    return next(fault for fault in faults if fault.title == title)


def alone(**tensors: np.ndarray) -> list[Fault]:
    """Return the catalogue of a function that can only be called."""
    return catalogue(Point(tensors, {n: np.ones(g.shape) for n, g in tensors.items()}))


def test_the_catalogue_is_long_and_most_of_it_changes_something() -> None:
    assert len({fault.name for fault in CATALOGUE}) >= 60
    assert len(FAULTS) >= 0.95 * len(MADE)


def test_a_fault_leaves_what_it_does_not_change_as_it_is() -> None:
    for fault, wrong in MADE.values():
        assert wrong.keys() == CASE.right.keys()
        for name, right in CASE.right.items():
            assert wrong[name].shape == right.shape
            assert wrong[name].dtype == np.float64
            if fault.tensor and name != fault.tensor:
                assert wrong[name] is right


def test_making_faults_changes_neither_gradient_nor_parameters() -> None:
    before = {n: g.tobytes() for n, g in CASE.right.items()}
    params = {n: v.tobytes() for n, v in CASE.params.items()}
    values = [value.tobytes() for value in POINT.values]
    for fault in catalogue(POINT):
        fault.make()
    assert before == {n: g.tobytes() for n, g in CASE.right.items()}
    assert params == {n: v.tobytes() for n, v in CASE.params.items()}
    assert values == [value.tobytes() for value in POINT.values]


def test_each_fault_says_what_it_is_and_by_what_it_is_named() -> None:
    for fault in CATALOGUE:
        assert fault.name
        assert fault.description
        assert fault.kinds
        assert all(np.isfinite(fault.constants))


def test_the_same_seed_draws_the_same_entries_and_another_one_others() -> None:
    def places(seed: int) -> list[str]:
        return [f.description for f in catalogue(point_of(CASE, seed)) if "entry" in f.name]

    assert places(3) == places(3)
    assert places(3) != places(4)


def test_a_fault_is_planted_in_a_few_places_the_first_and_last_with_them() -> None:
    rng = np.random.default_rng(0)
    found = alone(**{f"t{k}": rng.normal(size=7) for k in range(30)})
    places = Counter(fault.name for fault in found if fault.place)
    assert max(places.values()) == MOST_PLACES
    zero = [fault.place for fault in found if fault.name == "zero"]
    assert zero[0] == "t0"
    assert zero[-1] == "t29"


def test_without_a_graph_only_what_needs_none_is_planted() -> None:
    found = {fault.name for fault in alone(W=np.ones((3, 3)), b=np.ones(3))}
    assert "transposed" in found
    assert "weight decay" in found
    assert not {"slope missing", "labels shifted", "stale weights", "sum for mean"} & found


def test_a_transpose_is_planted_only_where_it_has_the_right_shape() -> None:
    titles = {fault.title for fault in alone(W=np.eye(4), V=np.ones((3, 4)))}
    assert "transposed W" in titles
    assert "transposed V" not in titles
    assert "memory order V" in titles
    assert "memory order W" not in titles  # that is the transpose


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "doubled V": lambda g: 2 * g,
    "halved V": lambda g: g / 2,
    "negated V": lambda g: -g,
    "zero V": lambda g: 0 * g,
    "memory order V": lambda g: g.reshape(g.shape, order="F"),
    "rolled rows V": lambda g: g[[2, 0, 1]],
    "rolled columns V": lambda g: g[:, [3, 0, 1, 2]],
    "reversed V": lambda g: g[:, ::-1],
    "without sign V": lambda g: g * np.sign(g),
    "summed over all b": lambda g: np.full(3, sum(g)),
    "rolled entries b": lambda g: g[[2, 0, 1]],
}


@pytest.mark.parametrize("title", CHANGES)
def test_a_fault_of_one_tensor_is_what_it_says(title: str) -> None:
    rng = np.random.default_rng(1)
    right = {"V": rng.normal(size=(3, 4)), "b": rng.normal(size=3)}
    wrong = named(alone(**right), title).make()
    name = title[-1]
    expected = CHANGES[title](right[name])
    if title.startswith("memory"):  # rows in place of columns
        expected = right[name].T.reshape(3, 4)
    np.testing.assert_allclose(wrong[name], expected, rtol=1e-15)


def test_one_entry_is_off_and_it_is_not_a_tiny_one() -> None:
    rng = np.random.default_rng(2)
    right = rng.normal(size=(20, 30)) * (rng.random((20, 30)) < 0.1)
    for title, factor in (("one entry off V", 1.001), ("one entry zero V", 0.0)):
        wrong = named(alone(V=right), title).make()["V"]
        (place,) = np.argwhere(wrong != right)
        assert wrong[tuple(place)] == right[tuple(place)] * factor
        assert abs(right[tuple(place)]) >= np.sqrt((right**2).mean())


def test_rows_and_columns_are_taken_from_those_that_hold_something() -> None:
    right = np.zeros((9, 9))
    right[3:5, 6:8] = 1.0
    for title in ("row zero V", "column zero V", "row doubled V"):
        assert (named(alone(V=right), title).make()["V"] != right).any()


def test_clipping_leaves_most_entries_and_gives_its_limits() -> None:
    rng = np.random.default_rng(3)
    right = {"V": rng.normal(size=(20, 20)), "b": rng.normal(size=20)}
    found = alone(**right)
    clipped = named(found, "clipped")
    wrong = clipped.make()
    (limit,) = clipped.constants
    assert max(np.abs(g).max() for g in wrong.values()) == limit
    n_off = sum(int((wrong[n] != g).sum()) for n, g in right.items())
    assert 1 <= n_off <= 0.06 * 420
    norm = named(found, "clipped norm")
    total = np.sqrt(sum((g**2).sum() for g in norm.make().values()))
    assert total == pytest.approx(norm.constants[0])
    assert total < np.sqrt(sum((g**2).sum() for g in right.values()))


def test_an_exchange_is_planted_between_tensors_of_one_shape() -> None:
    one, other = np.ones((2, 3)), np.zeros((2, 3))
    wrong = named(alone(W1=one, b=np.ones(3), W2=other), "exchanged W1, W2").make()
    assert np.array_equal(wrong["W1"], other)
    assert np.array_equal(wrong["W2"], one)


@pytest.mark.parametrize("shape", [(), (1,), (2,), (1, 1), (1, 5), (5, 1), (2, 3, 4), (0,), (0, 3)])
def test_tensors_of_any_shape_have_a_catalogue(shape: tuple[int, ...]) -> None:
    for right in (np.ones(shape), np.zeros(shape)):
        for fault in alone(V=right):
            assert fault.make()["V"].shape == shape


def test_an_objective_of_another_batch_has_its_own_factors() -> None:
    net = fc.Network([fc.Dense(2, 1)], fc.SquaredError())
    params = net.init_params(seed=0)
    for n, expected in ((2, set()), (7, {7.0, 1 / 7})):
        objective = net.objective(np.ones((n, 2)), np.ones((n, 1)))
        state = objective.state(params)
        right = objective.gradient(params)
        found = catalogue(Point(right, params, n, state.graph, state.values))
        factors = {f.constants[0] for f in found if f.name in ("sum for mean", "mean for sum")}
        assert factors == expected
