from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcheck.datasets import Dataset, open_dataset, write_own
from fastcheck.datasets.draw import class_sizes, draw, draw_balanced
from fastcheck.errors import DataError, InputError
from tests.datasets.building import IMAGES, LABELS, own_file

pytestmark = pytest.mark.interpreted


@pytest.fixture
def trees(tmp_path: Path) -> Dataset:
    return open_dataset(own_file(tmp_path / "trees.h5"))


def test_a_sample_has_no_example_twice_and_ascends(trees: Dataset) -> None:
    for n in (1, 17, 60):
        indices = trees.sample(n, seed=4).indices
        assert np.all(np.diff(indices) > 0)
        assert indices.size == n


def test_the_same_seed_gives_the_same_examples_and_another_seed_others(trees: Dataset) -> None:
    first, again, other = (trees.sample(20, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.indices, again.indices)
    np.testing.assert_array_equal(first.x, again.x)
    assert set(first.indices.tolist()) != set(other.indices.tolist())


def test_the_examples_of_a_seed_are_the_same_for_ever() -> None:
    assert draw(6, 1000, seed=0).tolist() == [11, 269, 403, 850, 855, 921]


def test_a_larger_sample_contains_the_smaller_one(trees: Dataset) -> None:
    small, large = trees.sample(10, seed=3).indices, trees.sample(40, seed=3).indices
    assert set(small.tolist()) < set(large.tolist())


def test_every_example_is_drawn_equally_often() -> None:
    counts = np.zeros(30)
    for seed in range(3000):
        counts[draw(10, 30, seed)] += 1
    assert np.all(abs(counts - 1000) < 5 * np.sqrt(3000 * (1 / 3) * (2 / 3)))


def test_x_and_y_belong_to_the_indices(trees: Dataset) -> None:
    batch = trees.sample(25, seed=8, scaled=False)
    np.testing.assert_array_equal(batch.x, IMAGES[batch.indices].reshape(25, 16))
    np.testing.assert_array_equal(batch.y, LABELS[batch.indices])


def test_a_split_is_chosen_by_name_and_train_is_the_default(trees: Dataset) -> None:
    assert trees.sample(3).split == "train"
    batch = trees.sample(6, split="test", scaled=False)
    np.testing.assert_array_equal(batch.x, IMAGES[:6, ::-1].reshape(6, 16))
    with pytest.raises(DataError, match=r"has no split 'tset'; choose one of 'train', 'test'"):
        trees.sample(3, split="tset")


def test_a_balanced_sample_has_as_many_of_each_class(trees: Dataset) -> None:
    batch = trees.sample(30, seed=1, balanced=True)
    assert np.bincount(batch.y.astype(int)).tolist() == [10, 10, 10]
    assert np.all(np.diff(batch.indices) > 0)
    uneven = np.bincount(trees.sample(11, seed=1, balanced=True).y.astype(int))
    assert sorted(uneven.tolist()) == [3, 4, 4]


def test_which_class_has_one_more_is_decided_by_the_seed(trees: Dataset) -> None:
    single = {int(trees.sample(1, seed=seed, balanced=True).y[0]) for seed in range(30)}
    assert single == {0, 1, 2}


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    data=st.data(),
    seed=st.integers(0, 1000),
)
def test_any_balanced_draw_is_balanced(labels: list[int], data: Any, seed: int) -> None:
    y = np.array(labels)
    present = np.bincount(y, minlength=5)
    n = data.draw(st.integers(1, max(1, 5 * int(present.min()))))
    sizes = class_sizes(n, 5, seed)
    assert sizes.sum() == n
    assert sizes.max() - sizes.min() <= 1
    if np.all(sizes <= present):
        places = draw_balanced(sizes, y, seed)
        assert np.all(np.diff(places) > 0)
        np.testing.assert_array_equal(np.bincount(y[places], minlength=5), sizes)


def test_a_class_that_is_too_small_for_a_balanced_sample_is_named(tmp_path: Path) -> None:
    path = tmp_path / "few.h5"
    x, y = np.zeros((10, 2)), np.array([0] * 8 + [1] * 2)
    write_own(path, {"train": (x, y)}, ["many", "few"], title="t", generator="g")
    dataset = open_dataset(path)
    assert dataset.sample(4, balanced=True).y.sum() == 2
    with pytest.raises(DataError, match=r"class 1 \(few\) has 2 examples .* of 6 needs 3"):
        dataset.sample(6, balanced=True)


def test_a_sample_larger_than_the_split_is_refused(trees: Dataset) -> None:
    message = rf"^{trees.path}: split 'train' has 60 examples, 61 were asked for; .* 60 at most"
    with pytest.raises(DataError, match=message):
        trees.sample(61)


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "7", None])
def test_the_size_must_be_a_positive_integer(trees: Dataset, n: Any) -> None:
    with pytest.raises(InputError, match=rf"`n` must be an integer from 1 on, got {n!r}"):
        trees.sample(n)


def test_the_seed_must_be_an_integer_that_is_not_negative(trees: Dataset) -> None:
    assert trees.sample(3, seed=np.int64(5)).seed == 5  # type: ignore[arg-type]
    with pytest.raises(InputError, match="`seed` must be an integer from 0 on, got -4"):
        trees.sample(3, seed=-4)


def test_named_examples_come_in_the_given_order_and_may_repeat(trees: Dataset) -> None:
    batch = trees.take([50, 3, 3, 11], scaled=False)
    np.testing.assert_array_equal(batch.x, IMAGES[[50, 3, 3, 11]].reshape(4, 16))
    assert batch.y.tolist() == LABELS[[50, 3, 3, 11]].tolist()
    assert batch.indices.tolist() == [50, 3, 3, 11]
    assert batch.seed is None


@pytest.mark.parametrize("bad", [60, -1])
def test_an_index_outside_of_the_split_is_refused(trees: Dataset, bad: int) -> None:
    message = rf"`indices\[1\]` is {bad}; choose from 0 to 59"
    with pytest.raises(DataError, match=message):
        trees.take([4, bad])


@pytest.mark.parametrize("bad", [[], [[1]], [0.5], [True]])
def test_indices_must_be_a_flat_list_of_integers(trees: Dataset, bad: Any) -> None:
    got = np.asarray(bad)
    with pytest.raises(InputError, match=rf"got {got.dtype} of shape \({got.shape[0]},"):
        trees.take(bad)


def test_a_batch_that_would_fill_the_memory_is_refused(
    trees: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastcheck.datasets.dataset.MAX_BATCH_BYTES", 5 * 16 * 8)
    assert len(trees.sample(5)) == 5
    with pytest.raises(DataError, match=r"60 examples take 7\.5 KiB .* limit is 640 bytes"):
        trees.sample(60)
