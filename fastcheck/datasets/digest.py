"""The identity of a file: its stamp (size and time), which is cheap, and its sha256."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastcheck.errors import DataError
from fastcheck.files import reason_of

__all__ = ["Stamp", "sha256_of", "stamp_of"]


@dataclass(frozen=True)
class Stamp:
    """What changes when a file is written.

    Attributes
    ----------
    path : str
        The absolute path.
    size : int
        In bytes.
    mtime_ns : int
        The time of the last modification, in nanoseconds.
    """

    path: str
    size: int
    mtime_ns: int


def stamp_of(path: str | Path) -> Stamp:
    """Return the stamp of a regular file.

    Raises
    ------
    DataError
        If there is no such file, or it is a folder or a device.
    """
    path = Path(path)
    try:
        status = path.stat()
    except OSError as problem:
        raise DataError(f"{path}: {reason_of(problem)}; check the name of the file") from problem
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "neither a file nor a folder"
        raise DataError(f"{path}: is {kind}; name a file")
    return Stamp(str(path.resolve()), status.st_size, status.st_mtime_ns)


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits.

    It is computed once per process for each path, size and time of modification.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    return _sha256(stamp_of(path))


@lru_cache(maxsize=256)
def _sha256(stamp: Stamp) -> str:
    """Return the sha256 of the file with this stamp."""
    try:
        with Path(stamp.path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise DataError(
            f"{stamp.path}: {reason_of(problem)}; check the rights of the file"
        ) from problem
