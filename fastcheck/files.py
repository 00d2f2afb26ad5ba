"""Writing a file so that it appears whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastcheck.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["make_folder", "write_text", "written_whole"]


@contextmanager
def written_whole(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield the name of a temporary file that becomes `path` when the block ends well.

    The temporary file stands in the same folder, so that renaming it is one step, and is
    removed if the block fails.

    Parameters
    ----------
    path : Path
        The file to write.
    overwrite : bool, default False
        Whether an existing file is replaced.

    Raises
    ------
    DataError
        If `path` exists and may not be replaced, or its folder cannot be written to.
    """
    temporary = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        _check_target(path, overwrite)
        try:
            yield temporary
            _sync(temporary)
            _check_target(path, overwrite)
            temporary.replace(path)
            _sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as problem:
        reason = os.strerror(problem.errno) if problem.errno else str(problem)
        raise DataError(f"{path}: cannot be written ({reason}); choose another place") from problem


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all; an older one is replaced.

    Half a character, as in names of files that are not UTF-8, is escaped, as JSON does it.

    Raises
    ------
    DataError
        If it cannot be written.
    """
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def make_folder(path: Path) -> None:
    """Make a folder with those above it; one that is there already stays as it is.

    Raises
    ------
    DataError
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise DataError(
            f"{path}: cannot be made ({problem.strerror}); choose another place"
        ) from problem


def _check_target(path: Path, overwrite: bool) -> None:
    """Refuse a target that is a folder, has no folder, or would be lost."""
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name a file")
    if not path.parent.is_dir():
        raise DataError(f"{path}: there is no folder {path.parent}; make it first")
    if path.exists() and not overwrite:
        raise DataError(f"{path}: exists already; choose another name, or overwrite it explicitly")


def _sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
