"""HDF5 files that say in their first 512 bytes what the digest of the others is.

HDF5 leaves room for a block of the user's in front of its own signature. With the digest there,
any damage is noticed before a byte is interpreted: neither a flipped byte in numbers, of which HDF5
would notice nothing, nor one in its own structures, on which it may crash.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import h5py

from fastcheck.datasets.digest import stamp_of
from fastcheck.datasets.hdf5 import open_hdf5
from fastcheck.errors import DataError
from fastcheck.files import reason_of
from fastcheck.nightly.archive.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["checked_digest", "new_hdf5", "open_sealed"]

BLOCK: Final = 512
TITLE: Final = b"fastcheck archive\n"


@contextmanager
def new_hdf5(path: Path) -> Iterator[Any]:
    """Make a file, and seal it when the block ends well.

    Yields
    ------
    h5py.File
        To be filled.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    disk = Disk(path)
    try:
        with h5py.File(disk, "w", userblock_size=BLOCK) as file:
            yield file
            file.flush()
            disk.check()
    finally:
        disk.close()
    with path.open("r+b") as sealed:
        sealed.write(_block(_digest(sealed)))


@contextmanager
def open_sealed(path: Path, digest: str = "") -> Iterator[Any]:
    """Open a file for reading, after comparing it with its seal, and that with a digest.

    Yields
    ------
    h5py.File

    Raises
    ------
    DataError
        If it is missing, damaged, truncated, or no such file.
    """
    found = checked_digest(path)
    if digest and found != digest:
        raise DataError(f"{path}: has the sha256 {found[:12]}..., not {digest[:12]}...; restore it")
    with open_hdf5(path) as file:
        yield file


def checked_digest(path: Path) -> str:
    """Return the sha256 in the seal of a file, which is that of the file.

    Raises
    ------
    DataError
        If it is not, or there is no seal.
    """
    size = stamp_of(path).size
    try:
        with path.open("rb") as file:
            block = file.read(BLOCK)
            if not block.startswith(TITLE):
                kind = "is empty" if not size else "does not begin as a file of an archive does"
                raise DataError(
                    f"{path}: {kind}; name the file of a run, or restore it from a copy"
                )
            digest = _digest(file)
    except OSError as problem:
        raise DataError(
            f"{path}: cannot be read ({reason_of(problem)}); check its rights"
        ) from problem
    if block != _block(digest):
        raise DataError(
            f"{path}: is damaged or truncated, its {size} bytes do not have the sha256 that it "
            "says; restore it from a copy, or run the suite again"
        )
    return digest


def _block(digest: str) -> bytes:
    """Return the first bytes of a file, of which the others have this digest."""
    text = TITLE + f"schema 1\nsha256 {digest}\nof the HDF5 file from byte {BLOCK} on\n".encode()
    return text.ljust(BLOCK - 1) + b"\n"


def _digest(file: Any) -> str:
    """Return the sha256 of an open file without the block of the user's."""
    file.seek(BLOCK)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return digest
