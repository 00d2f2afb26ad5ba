"""Digests, and files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from fastcheck import files
from fastcheck.datasets import digest, write_own
from fastcheck.datasets.limits import human_bytes
from fastcheck.errors import DataError
from fastcheck.files import make_folder, written_whole

pytestmark = pytest.mark.interpreted


def test_a_digest_is_computed_once_and_again_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, usual = tmp_path / "a", hashlib.file_digest
    path.write_bytes(b"one")
    count = Mock(side_effect=usual)
    monkeypatch.setattr(hashlib, "file_digest", count)
    for _ in range(3):
        assert digest.sha256_of(path) == hashlib.sha256(b"one").hexdigest()
    assert count.call_count == 1
    path.write_bytes(b"three")
    assert digest.sha256_of(str(path)) == hashlib.sha256(b"three").hexdigest()
    os.utime(path, ns=(0, 0))
    digest.sha256_of(path)
    assert count.call_count == 3


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match=r"pipe: is neither a file nor a folder; name a file"):
        digest.stamp_of(tmp_path / "pipe")


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with written_whole(path) as temporary:
        temporary.write_bytes(b"all")
        assert not path.exists()
        assert temporary.parent == tmp_path
    assert path.read_bytes() == b"all"
    assert list(tmp_path.iterdir()) == [path]
    usual = tmp_path / "usual"
    usual.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)


def write(path: Path, *, overwrite: bool, fail: bool = False) -> None:
    """Write a file, or fail half way."""
    with written_whole(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(b"new")
        if fail:
            raise RuntimeError("half way")


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_failure_leaves_nothing_behind(tmp_path: Path, overwrite: bool) -> None:
    path = tmp_path / "a"
    if overwrite:
        path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="half way"):
        write(path, overwrite=overwrite, fail=True)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([b"old"] if overwrite else [])


def test_an_existing_file_is_replaced_only_on_demand(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(DataError, match=rf"^{path}: exists already; choose another name, or over"):
        write(path, overwrite=False)
    assert path.read_bytes() == b"old"
    write(path, overwrite=True)
    assert path.read_bytes() == b"new"


def test_a_file_that_appears_meanwhile_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "a"

    def race() -> None:
        with written_whole(path) as temporary:
            temporary.write_bytes(b"mine")
            path.write_bytes(b"theirs")

    with pytest.raises(DataError, match="exists already"):
        race()
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"theirs"]


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"none/a: there is no folder {tmp_path}/none; make it"):
        write(tmp_path / "none" / "a", overwrite=False)
    with pytest.raises(DataError, match=rf"^{tmp_path}: is a folder; name a file"):
        write(tmp_path, overwrite=True)
    name = "x" * 300
    with pytest.raises(DataError, match=rf"{name}: cannot be written \(File name too long\)"):
        write(tmp_path / name, overwrite=True)


def test_the_same_arrays_give_the_same_bytes(tmp_path: Path) -> None:
    content = set()
    for name in ("a.h5", "b.h5"):
        x, y = np.arange(800.0).reshape(20, 40), np.arange(20) % 3
        write_own(tmp_path / name, {"train": (x, y)}, list("abc"), title="t", generator="g", seed=4)
        content.add((tmp_path / name).read_bytes())
    assert len(content) == 1


@pytest.mark.parametrize(
    ("n", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (2**30, "1.0 GiB"), (2**60, "1048576.0 TiB")],
)
def test_sizes_are_said_in_words(n: int, text: str) -> None:
    assert human_bytes(n) == text


def test_all_folders_that_were_made_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync", synced.append)
    (tmp_path / "a").mkdir()
    for _ in range(2):
        make_folder(tmp_path / "a/b/c")
    assert sorted(synced) == [tmp_path / "a", tmp_path / "a/b"]
