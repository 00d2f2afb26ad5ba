"""A full disk, a folder that cannot be written to, and what HDF5 makes of them."""

from __future__ import annotations

import errno
import io
import os
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import h5py
import numpy as np
import pytest

from fastcheck.errors import DataError
from fastcheck.nightly.archive import Parts, read_run
from fastcheck.nightly.archive.disk import Disk
from fastcheck.nightly.records import Record
from tests.cli.conftest import ENVIRONMENT
from tests.nightly.nights import NAMES, done, full_night, night, small

END = "2026-01-31T04:00:00+00:00"


@contextmanager
def limited(size: int) -> Iterator[None]:
    """Let no file become larger, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def large(name: str) -> Record:
    """Return a record with an array of 16 kB that cannot be compressed much."""
    numbers = np.random.default_rng(0).normal(size=2000)
    return replace(
        done(name, changes={"keeps": "arrays"}), result=small("fail", numerical={"W1": numbers})
    )


@pytest.mark.parametrize("limit", [0, 3000, 12_000])
def test_a_full_disk_while_a_record_is_added_loses_no_other(tmp_path: Path, limit: int) -> None:
    with Parts.create(tmp_path, full_night()) as parts:
        parts.add(large(NAMES[0]))
        names = sorted(path.name for path in parts.folder.iterdir())
        record = large(NAMES[1])
        with limited(limit), pytest.raises(DataError, match="File too large") as full:
            parts.add(record)
        assert "\n" not in str(full.value)
        assert parts.run.count("not run") == len(NAMES) - 1
        assert sorted(path.name for path in parts.folder.iterdir()) == names
        parts.add(record)  # there is space again
        assert read_run(parts.folder).count("not run") == len(NAMES) - 2


@pytest.mark.parametrize("limit", [0, 100, 1000, 20_000, 60_000, 100_000])
def test_a_full_disk_at_the_end_keeps_all_parts(tmp_path: Path, limit: int) -> None:
    with Parts.create(tmp_path, full_night()) as parts:
        for name in NAMES:
            parts.add(large(name))
        folder = parts.folder
        with limited(limit), pytest.raises(DataError) as full:
            parts.finish(END)
    assert str(full.value) == (
        f"{folder.with_suffix('.h5')}: cannot be written (File too large); choose another place; "
        f"nothing is lost, all parts are in {folder}: remove the cause and resume the run"
    )
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    with Parts.open(folder) as parts:
        assert read_run(parts.finish(END), arrays=True).count("not run") == 0


def test_a_full_disk_at_the_beginning_leaves_nothing_behind(tmp_path: Path) -> None:
    with limited(10), pytest.raises(DataError, match="File too large"):
        Parts.create(tmp_path, night())
    assert list((tmp_path / "night").iterdir()) == []
    Parts.create(tmp_path, night()).close()


def test_a_full_file_system_is_told_from_a_large_file(tmp_path: Path) -> None:
    mount = shutil.which("mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [str(mount), "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be made here")
    try:
        with Parts.create(disk, full_night()) as parts:
            parts.add(large(NAMES[0]))
            known = parts.run.to_dict()
            with pytest.raises(OSError, match="No space left"):
                (disk / "filling").write_bytes(bytes(2**20))
            with pytest.raises(DataError, match="No space left on device") as full:
                parts.add(large(NAMES[1]))
            assert "\n" not in str(full.value)
            with pytest.raises(DataError, match=r"No space left on device.*nothing is lost"):
                parts.finish(END)
            assert parts.run.to_dict() == known
            (disk / "filling").unlink()
            assert read_run(parts.folder).to_dict() == known
            parts.finish(END)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_cannot_be_written_to_is_refused_in_one_sentence(tmp_path: Path) -> None:
    code = dedent(
        """
        import os, sys
        from pathlib import Path
        from fastcheck.errors import DataError
        from fastcheck.nightly.archive import Parts
        from fastcheck.nightly.records import Run
        if os.getuid() == 0:
            os.setuid(65534)
        try:
            Parts.create(Path(sys.argv[1]), Run("1", "night", "", ""))
        except DataError as problem:
            print(problem)
        """
    )
    archive = tmp_path / "archive"
    archive.mkdir()
    archive.chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IROTH | stat.S_IXOTH)
    for folder in (archive, archive / "deeper"):
        found = subprocess.run(
            [sys.executable, "-c", code, str(folder)],
            env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert found.stdout == (
            f"{folder}: cannot be written to (Permission denied); choose another archive\n"
        ), found.stderr


def test_an_archive_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DataError, match=r"file: cannot be written to \(File exists\)"):
        Parts.create(tmp_path / "file", night())
    (tmp_path / "night").write_text("mine")
    with pytest.raises(DataError, match=r"night: cannot be made \(File exists\)"):
        Parts.create(tmp_path, night())
    assert (tmp_path / "night").read_text() == "mine"


# ------------------------------------------------------------ the file that never fails


class Full(io.BytesIO):
    """A file on a disk that takes some bytes at a time, then no more."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: Any) -> int:
        """Write what there is room for."""
        taken = bytes(data)[: min(self.room, 700)]
        self.room -= len(taken)
        if not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(taken)


@pytest.mark.parametrize("room", [0, 1, 600, 5000, 40_000, 10**9])
def test_hdf5_reads_back_what_did_not_reach_the_disk(tmp_path: Path, room: int) -> None:
    disk = Disk(tmp_path / "x.h5")
    disk._file.close()
    disk._file = full = Full(room)  # type: ignore[assignment]
    arrays = [np.random.default_rng(k).normal(size=500) for k in range(20)]
    with h5py.File(disk, "w", userblock_size=512) as file:
        for k, array in enumerate(arrays):
            file.create_dataset(f"a{k}", data=array, chunks=(100,), compression="gzip")
        file.flush()
        for k, array in enumerate(arrays):
            assert np.array_equal(file[f"a{k}"][:], array)
    if full.room:
        disk.check()
        with h5py.File(io.BytesIO(full.getvalue()), "r") as file:
            assert np.array_equal(file["a19"][:], arrays[19])
    else:
        with pytest.raises(OSError, match="No space left on device"):
            disk.check()


def test_an_interruption_while_hdf5_writes_is_raised_afterwards(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "x.h5")

    def interrupt() -> None:
        raise KeyboardInterrupt

    assert not disk._attempt(interrupt)
    disk.write(b"abc")
    disk.seek(1)
    assert disk.read(4) == b"bc\0\0"
    with pytest.raises(KeyboardInterrupt):
        disk.close()
