from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from fastcheck.datasets import embedded, make_synthetic, open_dataset
from fastcheck.datasets.faces import faces
from fastcheck.datasets.strokes import digits
from fastcheck.errors import DataError, InputError
from tests.conftest import ROOT

pytestmark = pytest.mark.interpreted


def test_two_runs_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first, again = make_synthetic(tmp_path / "1"), make_synthetic(tmp_path / "2", 0)
    other = make_synthetic(tmp_path / "3", 1)
    for a, b, c in zip(first, again, other, strict=True):
        assert a.read_bytes() == b.read_bytes() != c.read_bytes()
        assert (open_dataset(a).seed, open_dataset(c).seed) == (0, 1)


def test_the_files_are_of_todays_algorithm(tmp_path: Path) -> None:
    for path, name in zip(make_synthetic(tmp_path), ("mnist", "catvnoncat"), strict=True):
        new, kept = open_dataset(path), open_dataset(embedded(name))
        assert (new.title, new.generator, new.seed) == (kept.title, kept.generator, kept.seed)
        for split in new.splits:
            rows = range(len(new.splits[split]))
            a, b = new.take(rows, split), kept.take(rows, split)
            np.testing.assert_array_equal(a.x, b.x)
            np.testing.assert_array_equal(a.y, b.y)


def test_the_readme_has_the_sha256_of_the_files_which_are_small() -> None:
    table = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+\.h5)` \|.*\| ([0-9a-f]{64}) \|$", table, re.MULTILINE))
    files = {path.name: path.read_bytes() for path in (ROOT / "data").glob("*_synthetic.h5")}
    assert {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} == listed
    assert len(files) == 2
    assert max(len(content) for content in files.values()) < 700_000


def test_the_digits_have_the_form_of_mnist() -> None:
    dataset = open_dataset(embedded("mnist"))
    assert dataset.synthetic
    assert {name: split.rows.shape for name, split in dataset.splits.items()} == {
        "train": (300, 28, 28),
        "test": (100, 28, 28),
    }
    batch = dataset.take(range(300), scaled=False)
    assert np.bincount(batch.y.astype(int)).tolist() == [30] * 10
    assert 0.79 < np.mean(batch.x == 0.0) < 0.83
    assert (batch.x.min(), batch.x.max()) == (0.0, 255.0)
    assert len(np.unique(batch.x, axis=0)) == 300


def test_the_pictures_have_the_form_of_the_published_ones() -> None:
    with h5py.File(embedded("catvnoncat")) as file:
        assert sorted(file) == ["list_classes", "train_set_x", "train_set_y"]
        assert (file["train_set_x"].dtype, file["train_set_x"].shape) == ("u1", (120, 64, 64, 3))
        assert (file["train_set_y"].dtype, file["train_set_y"].shape) == ("i8", (120,))
        assert file["list_classes"][()].tolist() == [b"non-cat", b"cat"]
        assert np.bincount(file["train_set_y"][()]).tolist() == [80, 40]
    assert open_dataset(embedded("catvnoncat")).synthetic


def test_the_digits_can_be_told_apart_by_their_means() -> None:
    dataset = open_dataset(embedded("mnist"))
    known, unknown = dataset.take(range(300)), dataset.take(range(100), "test")
    means = np.stack([known.x[known.y == k].mean(axis=0) for k in range(10)])
    distances = ((unknown.x[:, None] - means) ** 2).sum(axis=-1)
    assert np.mean(distances.argmin(axis=1) == unknown.y) > 0.8


def test_training_and_test_images_differ_and_longer_series_are_possible() -> None:
    train, test = digits(50, 3, part=0)[0], digits(50, 3, part=1)[0]
    assert not np.any(np.all(train == test, axis=(1, 2)))
    assert faces(7, seed=2)[0].shape == (7, 64, 64, 3)


def test_existing_files_are_kept(tmp_path: Path) -> None:
    (tmp_path / "mnist_synthetic.h5").write_text("mine")
    with pytest.raises(DataError, match=r"mnist_synthetic\.h5: exists already"):
        make_synthetic(tmp_path)
    assert (tmp_path / "mnist_synthetic.h5").read_text() == "mine"
    assert len(make_synthetic(tmp_path, overwrite=True)) == 2


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/data: cannot be made \(Not a directory\)"):
        make_synthetic(tmp_path / "file" / "data")


@pytest.mark.parametrize("seed", [-1, 2**63, 1.0, True])
def test_the_seed_must_fit_into_the_file(tmp_path: Path, seed: Any) -> None:
    with pytest.raises(InputError, match=rf"`seed` must be an integer from 0 .* got {seed!r}"):
        make_synthetic(tmp_path, seed)
