from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from fastcheck.datasets import import_mnist, open_dataset, open_idx
from fastcheck.errors import DataError
from tests.datasets.building import digits, idx_bytes, idx_pair

pytestmark = pytest.mark.interpreted


@pytest.mark.parametrize("zipped", [True, False])
def test_a_folder_of_both_parts_becomes_one_file(tmp_path: Path, zipped: bool) -> None:
    idx_pair(tmp_path / "raw", "train", 30, zipped)
    idx_pair(tmp_path / "raw", "t10k", 12, zipped)
    path = import_mnist(tmp_path / "raw", tmp_path / "mnist.h5")
    dataset = open_dataset(path)
    assert (dataset.title, dataset.synthetic, dataset.seed) == ("MNIST", False, None)
    assert dataset.classes == tuple("0123456789")
    assert [len(split) for split in dataset.splits.values()] == [30, 12]
    assert list(dataset.splits) == ["train", "test"]
    for split, n in (("train", 30), ("test", 12)):
        images, labels = digits(n)
        batch = dataset.take(range(n), split, scaled=False, flatten=False)
        np.testing.assert_array_equal(batch.x, images)
        np.testing.assert_array_equal(batch.y, labels)


def test_one_file_of_images_becomes_one_split(tmp_path: Path) -> None:
    images = idx_pair(tmp_path / "raw", "train", 5)
    idx_pair(tmp_path / "raw", "t10k", 7)
    dataset = open_dataset(import_mnist(str(images), str(tmp_path)))
    assert dataset.path == tmp_path / "mnist.h5"
    assert list(dataset.splits) == ["train"]


def test_the_file_keeps_the_sha256_of_what_it_was_made_from(tmp_path: Path) -> None:
    images = idx_pair(tmp_path / "raw")
    digest = hashlib.sha256(images.read_bytes()).hexdigest()
    origin = open_dataset(import_mnist(images, tmp_path / "m.h5")).origin
    assert origin.startswith(f"t10k-images-idx3-ubyte.gz sha256 {digest}; t10k-labels-idx1-ubyte")


def test_images_are_stored_as_bytes_in_small_compressed_chunks(tmp_path: Path) -> None:
    with h5py.File(import_mnist(idx_pair(tmp_path, n=50), tmp_path / "m.h5")) as file:
        array = file["test/x"]
        assert (array.dtype, array.chunks) == (np.uint8, (20, 28, 28))
        assert (array.compression, array.compression_opts) == ("gzip", 4)
        assert file["test/y"].dtype.str == "<i8"


def test_idx_files_are_a_data_set_without_being_imported(tmp_path: Path) -> None:
    images = idx_pair(tmp_path, n=40)
    before = sorted(tmp_path.iterdir())
    imported = open_dataset(import_mnist(images, tmp_path / "x.h5"))
    (tmp_path / "x.h5").rename(tmp_path.parent / f"{tmp_path.name}.h5")
    for dataset in (open_idx(tmp_path), open_dataset(images)):
        batch = dataset.sample(20, seed=3)
        assert batch.source == str(images)
        assert batch.sha256 == hashlib.sha256(images.read_bytes()).hexdigest()
        assert imported.splits["test"].labels[batch.indices].tolist() == batch.y.tolist()
        np.testing.assert_array_equal(batch.x, digits(40)[0][batch.indices].reshape(20, -1) / 255)
    assert sorted(tmp_path.iterdir()) == before


def test_a_batch_of_idx_files_does_not_share_memory_with_the_next(tmp_path: Path) -> None:
    dataset = open_idx(idx_pair(tmp_path))
    dataset.sample(5).x[:] = 7.0
    assert dataset.sample(5).x.max() <= 1.0


@pytest.mark.parametrize(
    "name",
    ["train-images.idx3-ubyte", "emnist-digits-train-images-idx3-ubyte", "test-images-idx3-ubyte"],
)
def test_other_usual_names_are_understood(tmp_path: Path, name: str) -> None:
    images = idx_pair(tmp_path, "t10k", zipped=False)
    labels = tmp_path / "t10k-labels-idx1-ubyte"
    images.rename(tmp_path / name)
    labels.rename(tmp_path / name.replace("images", "labels").replace("idx3", "idx1"))
    expected = "train" if "train" in name else "test"
    assert list(open_idx(tmp_path).splits) == [expected]


def test_the_same_file_with_and_without_gzip_is_no_contradiction(tmp_path: Path) -> None:
    idx_pair(tmp_path, "t10k", zipped=True)
    plain = idx_pair(tmp_path, "t10k", zipped=False)
    assert open_idx(tmp_path).path == plain


def test_two_files_for_one_split_are_refused(tmp_path: Path) -> None:
    idx_pair(tmp_path, "t10k")
    idx_pair(tmp_path, "letters-test")
    message = "t10k-images-idx3-ubyte.gz: and letters-test-images-idx3-ubyte.gz both are the images"
    with pytest.raises(DataError, match=message):
        import_mnist(tmp_path, tmp_path / "m.h5")


def test_a_source_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"^{tmp_path}: has no file named as train-images-idx3"):
        import_mnist(tmp_path, tmp_path / "m.h5")
    with pytest.raises(DataError, match=r"nowhere: there is no such file or folder; check the na"):
        import_mnist(tmp_path / "nowhere", tmp_path / "m.h5")
    (tmp_path / "images.gz").touch()
    with pytest.raises(DataError, match=r"images\.gz: must be a folder, or be named as t10k-im"):
        import_mnist(tmp_path / "images.gz", tmp_path / "m.h5")


def test_missing_labels_are_named(tmp_path: Path) -> None:
    images = idx_pair(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(
        DataError, match=r"put t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte\.gz"
    ):
        import_mnist(images, tmp_path / "m.h5")


def test_missing_images_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "t10k-images-idx3-ubyte.gz"
    idx_pair(tmp_path)
    missing.unlink()
    with pytest.raises(DataError, match=rf"^{missing}: No such file or directory"):
        open_dataset(missing)


def test_images_and_labels_must_be_as_many(tmp_path: Path) -> None:
    idx_pair(tmp_path, n=12)
    labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(idx_bytes(digits(11)[1])))
    with pytest.raises(DataError, match=rf"^{labels}: has 11 labels for the 12 images of t10k-im"):
        import_mnist(tmp_path, tmp_path / "m.h5")


def test_a_label_above_nine_is_refused(tmp_path: Path) -> None:
    images = idx_pair(tmp_path, n=3, zipped=False)
    labels = np.array([4, 10, 26], np.uint8)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    with pytest.raises(DataError, match=r"labels from 0 to 9, got 10 at 1 and 2 such in all"):
        import_mnist(images, tmp_path / "m.h5")
    assert not (tmp_path / "m.h5").exists()


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    images = idx_pair(tmp_path, n=3, zipped=False)
    images.write_bytes(idx_bytes(np.zeros((3, 32, 32), np.uint8)))
    with pytest.raises(DataError, match=r"28 x 28 pixels, got shape \(3, 32, 32\); name a file"):
        import_mnist(images, tmp_path / "m.h5")
