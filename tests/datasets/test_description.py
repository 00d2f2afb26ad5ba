from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastcheck.datasets import describe, embedded, open_dataset, write_own
from fastcheck.errors import DataError
from tests.datasets.building import LABELS, idx_pair, own_file, replace

pytestmark = pytest.mark.interpreted


def test_a_description_has_every_fact(tmp_path: Path) -> None:
    path = own_file(tmp_path / "trees.h5")
    lines = describe(path).splitlines()
    assert lines[0] == str(path)
    assert [line.split(maxsplit=1)[1] for line in lines[1:7]] == [
        "Trees",
        "fastcheck.dataset, schema_version 1",
        "yes",
        "building, seed 5",
        f"{path.stat().st_size / 1024:.1f} KiB",
        open_dataset(path).sha256,
    ]
    assert lines[7] == "split train (default), 60 examples"
    assert lines[8].split(maxsplit=1)[1] == "uint8 (60, 4, 4), gzip, chunks of 10"
    assert lines[9].split(maxsplit=1)[1] == "0 to 250, 0.4 % exactly zero"
    assert lines[10].split(maxsplit=1)[1] == "3 classes, 0 to 2"
    assert lines[11].split(maxsplit=1)[1] == "ash: 20, birch: 20, cedar: 20"
    assert lines[12] == "split test, 6 examples"
    assert lines[13].split(maxsplit=1)[1] == "uint8 (6, 4, 4), contiguous"


def test_a_description_of_idx_files_names_both(tmp_path: Path) -> None:
    text = describe(idx_pair(tmp_path))
    assert "layout      IDX" in text
    assert "\n              t10k-labels-idx1-ubyte.gz sha256 " in text


def test_features_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    x = np.linspace(-1.5, 2.5, 120).reshape(60, 2)
    x[:2] = np.nan
    path = own_file(tmp_path / "a.h5", replace("train/x", data=x))
    assert "-1.36555 to 2.5, 0.0 % exactly zero, 4 not finite" in describe(path)


def test_a_long_list_of_classes_is_cut(tmp_path: Path) -> None:
    path, names = tmp_path / "a.h5", [f"c{k}" for k in range(33)]
    write_own(path, {"all": (np.ones((60, 2)), LABELS)}, names, title="t", generator="g")
    assert "c0: 20, c1: 20, c2: 20, c3: 0, " in describe(path)
    assert describe(path).endswith(", c19: 0, and 13 more")


def test_only_the_beginning_of_large_data_is_scanned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fastcheck.datasets.description.SCAN_BYTES", 784 * 30)
    assert "% exactly zero (the first 30 examples)" in describe(embedded("mnist"))


def test_a_bad_file_is_not_described(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.h5: No such file"):
        describe(tmp_path / "none.h5")
