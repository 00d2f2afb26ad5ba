from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import h5py
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcheck.datasets import Batch, open_dataset, write_own
from fastcheck.errors import InputError
from tests.conftest import FreshPython
from tests.datasets.building import IMAGES, LABELS, cat_file, own_file

pytestmark = pytest.mark.interpreted


def test_the_own_layout_is_read_as_it_was_written(tmp_path: Path) -> None:
    dataset = open_dataset(own_file(tmp_path / "trees.h5"))
    assert dataset.title == "Trees"
    assert dataset.synthetic is True
    assert (dataset.generator, dataset.seed) == ("building", 5)
    assert dataset.classes == ("ash", "birch", "cedar")
    assert dataset.n_classes == 3
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 60, "test": 6}
    batch = dataset.take(range(60), scaled=False)
    np.testing.assert_array_equal(batch.x, IMAGES.reshape(60, 16))
    np.testing.assert_array_equal(batch.y, LABELS)


def test_the_published_layout_is_read_without_any_attribute(tmp_path: Path) -> None:
    path = cat_file(tmp_path / "test_catvnoncat.h5", part="test")
    dataset = open_dataset(str(path))
    assert (dataset.title, dataset.synthetic, dataset.seed) == ("Cat-vs-noncat", False, None)
    assert dataset.classes == ("non-cat", "cat")
    batch = dataset.sample(8)
    assert (batch.split, batch.x.shape) == ("test", (8, 12288))
    assert batch.y.tolist() == [0, 1, 1, 0, 0, 1, 0, 0]
    with h5py.File(path) as file:
        np.testing.assert_array_equal(batch.x, file["test_set_x"][()].reshape(8, -1) / 255.0)


def test_a_batch_says_where_it_comes_from(tmp_path: Path) -> None:
    path = own_file(tmp_path / "trees.h5")
    batch = open_dataset(path).sample(4, seed=9, split="test")
    assert isinstance(batch, Batch)
    assert batch.source == str(path)
    assert batch.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (batch.seed, batch.split, batch.n_classes) == (9, "test", 3)
    assert (batch.classes, batch.synthetic, batch.title) == (
        ("ash", "birch", "cedar"),
        True,
        "Trees",
    )
    assert len(batch) == 4
    assert "split='test', seed=9" in repr(batch)
    assert "named" in repr(open_dataset(path).take([0]))
    with pytest.raises(AttributeError, match="seed"):
        batch.seed = 3  # type: ignore[misc]


def test_a_batch_is_float64_and_contiguous_and_belongs_to_its_caller(tmp_path: Path) -> None:
    dataset = open_dataset(own_file(tmp_path / "trees.h5"))
    batch = dataset.sample(7)
    assert batch.x.dtype == np.float64
    assert batch.y.dtype == batch.indices.dtype == np.int64
    assert batch.x.flags.c_contiguous
    before = batch.x.copy()
    batch.x[:] = -1.0
    batch.y[:] = 0
    np.testing.assert_array_equal(dataset.sample(7).x, before)
    np.testing.assert_array_equal(dataset.sample(7).y, LABELS[batch.indices])


def test_bytes_are_scaled_by_a_255th_or_left_as_they_are(tmp_path: Path) -> None:
    dataset = open_dataset(own_file(tmp_path / "trees.h5"))
    raw, scaled = dataset.sample(9, scaled=False), dataset.sample(9)
    assert raw.x.max() > 1.0
    np.testing.assert_array_equal(scaled.x, raw.x / 255.0)
    np.testing.assert_array_equal(dataset.sample(9, flatten=False).x.reshape(9, 16), scaled.x)


def test_features_that_are_floating_point_numbers_are_never_scaled(tmp_path: Path) -> None:
    path, x = tmp_path / "f.h5", np.linspace(-300, 300, 12, dtype=np.float32).reshape(6, 2)
    write_own(path, {"all": (x, np.arange(6))}, list("abcdef"), title="f", generator="g")
    for scaled in (True, False):
        np.testing.assert_array_equal(open_dataset(path).take(range(6), scaled=scaled).x, x)


def test_labels_are_integers_or_one_hot(tmp_path: Path) -> None:
    dataset = open_dataset(own_file(tmp_path / "trees.h5"))
    integers, rows = dataset.sample(11).y, dataset.sample(11, labels="one_hot").y
    assert rows.shape == (11, 3)
    assert rows.dtype == np.float64
    np.testing.assert_array_equal(rows.sum(axis=1), 1.0)
    np.testing.assert_array_equal(rows.argmax(axis=1), integers)
    with pytest.raises(InputError, match="`labels` must be 'integer' or 'one_hot', got 'onehot'"):
        dataset.sample(11, labels="onehot")  # type: ignore[arg-type]


def test_reading_does_not_change_the_file(tmp_path: Path) -> None:
    for path in (own_file(tmp_path / "a.h5"), cat_file(tmp_path / "b.h5")):
        path.chmod(0o444)
        before, status = path.read_bytes(), path.stat()
        open_dataset(path).sample(5)
        assert path.read_bytes() == before
        assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "b.h5"]


def test_a_data_set_can_be_sent_to_another_process(tmp_path: Path) -> None:
    dataset = open_dataset(own_file(tmp_path / "trees.h5"))
    there = pickle.loads(pickle.dumps(dataset))  # noqa: S301
    np.testing.assert_array_equal(there.sample(5).x, dataset.sample(5).x)


def test_hard_links_are_allowed(tmp_path: Path) -> None:
    def add_hard_link(file: h5py.File) -> None:
        file["copy"] = file["train"]

    assert "copy" in open_dataset(own_file(tmp_path / "a.h5", add_hard_link)).splits


def test_the_package_does_not_import_h5py(fresh_python: FreshPython) -> None:
    code = "import fastcheck, sys; print('h5py' in sys.modules)"
    assert fresh_python(code).stdout.strip() == "False"


@given(
    x=st.sampled_from([np.uint8, np.float32, np.float64]).flatmap(
        lambda kind: arrays.arrays(
            kind,
            arrays.array_shapes(min_dims=2, max_dims=4, max_side=5),
            elements={} if kind is np.uint8 else {"allow_nan": False, "allow_infinity": False},
        )
    ),
    seed=st.integers(0, 2**63 - 1),
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, x: np.ndarray, seed: int
) -> None:
    path = tmp_path_factory.mktemp("round") / "trip.h5"
    y = np.arange(len(x)) % 2
    write_own(path, {"part": (x, y)}, ["no", "yés"], title="tïtle", generator="test", seed=seed)
    dataset = open_dataset(path)
    assert (dataset.title, dataset.classes, dataset.seed) == ("tïtle", ("no", "yés"), seed)
    batch = dataset.take(range(len(x)), scaled=False, flatten=False)
    np.testing.assert_array_equal(batch.x, x)
    np.testing.assert_array_equal(batch.y, y)
