"""Writing files and folders that are on the disk, whole, or not there at all."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from fastcheck.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "check_target",
    "make_folder",
    "make_synced",
    "reason_of",
    "sync",
    "write_text",
    "written_whole",
]


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
        check_target(path, overwrite=overwrite)
        try:
            yield temporary
            sync(temporary)
            check_target(path, overwrite=overwrite)
            temporary.replace(path)
            sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as problem:
        raise DataError(
            f"{path}: cannot be written ({reason_of(problem)}); choose another place"
        ) from problem


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


def make_folder(path: Path, remedy: str = "choose another place") -> None:
    """Make a folder as :func:`make_synced` does, and say in one sentence why it cannot be made.

    Parameters
    ----------
    path : Path
        The folder.
    remedy : str
        What to do if it cannot be made, for the message.

    Raises
    ------
    DataError
        If it cannot be made.
    """
    try:
        make_synced(path)
    except OSError as problem:
        raise DataError(f"{path}: cannot be made ({reason_of(problem)}); {remedy}") from problem


def make_synced(path: Path) -> None:
    """Make a folder with those above it; one that is there already stays as it is.

    All that were made are on the disk when this returns.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        with suppress(PermissionError):  # one may write in a folder and not read it
            sync(folder.parent)


def reason_of(problem: BaseException) -> str:
    """Return why the system refused something, in its usual words.

    Examples
    --------
    >>> reason_of(FileNotFoundError(2, "whatever a library says", "a path")), reason_of(OSError())
    ('No such file or directory', 'OSError')
    """
    errno = getattr(problem, "errno", None)
    return os.strerror(errno) if errno else str(problem) or type(problem).__name__


def check_target(path: Path, *, overwrite: bool = True) -> None:
    """Refuse a target that is a folder, has no folder, or would be lost.

    Parameters
    ----------
    path : Path
        The file to be written.
    overwrite : bool, default True
        Whether an existing file is replaced.

    Raises
    ------
    DataError
        If it cannot be written for one of these reasons.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name a file")
    if not path.parent.is_dir():
        raise DataError(f"{path}: there is no folder {path.parent}; make it first")
    if path.exists() and not overwrite:
        raise DataError(f"{path}: exists already; choose another name, or overwrite it explicitly")


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
