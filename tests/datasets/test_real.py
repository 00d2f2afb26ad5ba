"""The real data, where they are; the digests are those that were published with them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from fastcheck.datasets import describe, find_data, import_mnist, open_dataset

IMAGES = "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
CATS = {
    "train": (209, "fbe56ab67c3ae28d564e3a644189117976d6b31af0a3ce9bb17dbf22908af242"),
    "test": (50, "6a9d39ce52fa85953c5834695b8534a30ed8cfd54971fb2f080b5a24d002b951"),
}


def test_mnist_is_found_and_read(data_folder: Path) -> None:
    dataset = find_data("mnist")
    assert (dataset.title, dataset.synthetic, dataset.note) == ("MNIST", False, "")
    batch = dataset.sample(100, seed=0, split="test", scaled=False)
    assert batch.x.shape == (100, 784)
    assert batch.x.max() == 255.0
    assert dataset.take(range(5), "test").y.tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(dataset.split("test").labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip


def test_mnist_is_imported_and_reads_like_the_original(data_folder: Path, tmp_path: Path) -> None:
    images = data_folder / "mnist" / "t10k-images-idx3-ubyte.gz"
    if not images.is_file():
        pytest.skip("the folder has no IDX files")
    path = import_mnist(images, tmp_path / "mnist.h5")
    assert path.stat().st_size < 3_000_000
    assert IMAGES in describe(path)
    original, imported = open_dataset(images), open_dataset(path)
    a, b = (dataset.sample(500, seed=7, balanced=True) for dataset in (original, imported))
    np.testing.assert_array_equal(a.indices, b.indices)
    np.testing.assert_array_equal(a.x, b.x)
    np.testing.assert_array_equal(a.y, b.y)
    assert np.bincount(b.y.astype(int)).tolist() == [50] * 10
    assert a.sha256 == IMAGES


@pytest.mark.parametrize("part", ["train", "test"])
def test_the_cats_are_read_and_left_alone(data_folder: Path, part: str) -> None:
    path = data_folder / "catvnoncat" / f"{part}_catvnoncat.h5"
    n, digest = CATS[part]
    dataset = open_dataset(path)
    batch = dataset.take(range(n), scaled=False)
    assert batch.x.shape == (n, 12288)
    assert (batch.split, batch.classes, batch.sha256) == (part, ("non-cat", "cat"), digest)
    assert batch.x.min() == 0.0
    assert batch.x.max() == 255.0
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_the_cats_are_found(data_folder: Path) -> None:
    dataset = find_data("catvnoncat")
    assert (dataset.title, dataset.synthetic) == ("Cat-vs-noncat", False)
    assert np.bincount(dataset.split("train").labels).tolist() == [137, 72]
