from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from fastcheck.datasets import download_data, find_data, open_dataset
from fastcheck.datasets.published import PUBLISHED
from tests.datasets.download import mirror as mirrors
from tests.datasets.download.mirror import CATS, Publish, mirror


def test_the_known_digests_are_those_of_the_real_files(data_folder: Path) -> None:
    found = {
        path.name: (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in data_folder.rglob("*")
        if path.is_file()
    }
    known = {
        file.name: (file.size, file.sha256)
        for published in PUBLISHED.values()
        for file in published.files
    }
    both = known.keys() & found.keys()
    if not both:
        pytest.skip("the folder has none of the published files")
    assert {name: known[name] for name in both} == {name: found[name] for name in both}


def test_every_published_file_has_a_size_and_a_digest_and_a_mirror_that_is_safe() -> None:
    for known in PUBLISHED.values():
        assert all(address.startswith("https://") for address in known.mirrors)
        assert len(set(known.mirrors)) == len(known.mirrors) >= 2
        for file in known.files:
            assert file.size > 1000
            assert len(bytes.fromhex(file.sha256)) == 32
            assert "/" not in file.name


def test_the_real_cats_are_downloaded_as_they_are(
    data_folder: Path, cache: Path, pooch: ModuleType
) -> None:
    files = {path.name: path.read_bytes() for path in (data_folder / "catvnoncat").glob("*.h5")}
    if not {file.name for file in PUBLISHED["catvnoncat"].files} <= files.keys():
        pytest.skip("the folder does not have both files of cats")
    with mirror(files) as served:
        train, test = download_data("catvnoncat", url=served.address)
    assert [open_dataset(path).split().labels.size for path in (train, test)] == [209, 50]
    original = open_dataset(data_folder / "catvnoncat" / CATS)
    a, b = (dataset.sample(100, seed=3) for dataset in (original, find_data("catvnoncat")))
    np.testing.assert_array_equal(a.x, b.x)
    np.testing.assert_array_equal(a.y, b.y)
    assert (a.sha256, b.source) == (b.sha256, str(train))


def test_the_real_digits_are_downloaded_as_they_are(
    data_folder: Path, cache: Path, publish: Publish
) -> None:
    real = {path.name: path.read_bytes() for path in (data_folder / "mnist").glob("t10k-*.gz")}
    if len(real) != 2:
        pytest.skip("the folder does not have the gzipped test files of MNIST")
    with mirror({**mirrors.mnist_files(), **real}) as served:
        publish("mnist", served.files, served.address)
        download_data("mnist")
    original = open_dataset(data_folder / "mnist" / "t10k-images-idx3-ubyte.gz")
    found = find_data("mnist")
    rows = np.arange(10_000)
    a, b = (dataset.split("test") for dataset in (original, found))
    np.testing.assert_array_equal(a.rows.read(rows), b.rows.read(rows))
    np.testing.assert_array_equal(a.labels, b.labels)
