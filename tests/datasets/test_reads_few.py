"""Only the rows that a batch asks for are read from the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from fastcheck.datasets import open_dataset, write_own
from fastcheck.datasets.filerows import read_rows
from tests.datasets.building import IMAGES, cat_file

pytestmark = pytest.mark.interpreted


def test_the_other_chunks_may_be_rubbish(tmp_path: Path) -> None:
    path, x = tmp_path / "a.h5", np.arange(100 * 784, dtype=np.uint32).astype(np.uint8)
    x = x.reshape(100, 28, 28)
    write_own(path, {"train": (x, np.zeros(100, int))}, ["only"], title="t", generator="g")
    with h5py.File(path, "r+") as file:
        array = file["train/x"]
        assert array.chunks == (20, 28, 28)
        for row in (0, 20, 60, 80):
            array.id.write_direct_chunk((row, 0, 0), b"rubbish")
    batch = open_dataset(path).take([59, 41, 40], scaled=False)
    np.testing.assert_array_equal(batch.x, x[[59, 41, 40]].reshape(3, 784))


class Watched:
    """An array in a file that notes which rows are asked for."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.asked: list[tuple[int, int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.array, name)

    def __getitem__(self, rows: slice) -> Any:
        self.asked.append((rows.start, rows.stop))
        return self.array[rows]


def test_each_chunk_is_read_once_and_no_further_than_needed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=IMAGES, chunks=(10, 2, 4), compression="gzip")
        watched = Watched(file["x"])
        indices = np.array([3, 4, 8, 29, 30, 59])
        np.testing.assert_array_equal(read_rows(watched, indices, "x"), IMAGES[indices])
    assert watched.asked == [(3, 9), (29, 30), (30, 31), (59, 60)]


def test_an_array_without_chunks_is_read_in_small_pieces(tmp_path: Path) -> None:
    with h5py.File(cat_file(tmp_path / "a.h5"), "r") as file:
        watched = Watched(file["train_set_x"])
        rows = read_rows(watched, np.array([0, 7]), "x")
        np.testing.assert_array_equal(rows, file["train_set_x"][()][[0, 7]])
    assert watched.asked == [(0, 1), (7, 8)]


def test_opening_reads_no_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def watch(array: Any, indices: Any, where: str) -> Any:
        asked.append(array.name)
        return read_rows(array, indices, where)

    monkeypatch.setattr("fastcheck.datasets.parts.read_rows", watch)
    monkeypatch.setattr("fastcheck.datasets.filerows.read_rows", watch)
    dataset = open_dataset(cat_file(tmp_path / "a.h5"))
    assert asked == ["/list_classes", "/train_set_y"]
    dataset.sample(2)
    assert asked[2:] == ["/train_set_x"]
