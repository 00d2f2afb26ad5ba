"""One writer per archive: a lock of the operating system, which ends with the process."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from fastcheck.errors import DataError
from fastcheck.files import make_synced, reason_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Lock"]


class Lock:
    """The right to write to an archive, from construction to :meth:`release`.

    Parameters
    ----------
    archive : Path
        The folder; it is made if it is missing.

    Raises
    ------
    DataError
        If another process writes to the archive, or the folder cannot be written to.

    Notes
    -----
    The lock is one of the operating system (``flock`` or its like) and not the existence of a
    file: whatever ends a process releases it. A child that was forked, without starting another
    program, would keep it.
    """

    def __init__(self, archive: Path) -> None:
        self._holder = archive / ".holder"
        self._lock = FileLock(archive / ".lock", thread_local=False)
        try:
            make_synced(archive)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise DataError(
                f"{archive}: is being written to by {_read(self._holder)}; wait until that run "
                "has ended, or keep this one in another archive"
            ) from None
        except (OSError, NotImplementedError) as problem:
            raise DataError(
                f"{archive}: cannot be written to ({reason_of(problem)}); choose another archive"
            ) from problem
        with suppress(OSError):  # it only makes a message better
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._holder.write_text(f"process {os.getpid()} on {socket.gethostname()} since {now}")

    def release(self) -> None:
        """Let others write; nothing happens if they may already."""
        if self._lock.is_locked:
            self._holder.unlink(missing_ok=True)
            self._lock.release()


def _read(holder: Path) -> str:
    """Return who wrote that file, in printable characters."""
    with suppress(OSError, UnicodeDecodeError):
        with holder.open(encoding="utf-8") as file:
            text = " ".join(file.read(200).split())
        if text and text.isprintable():
            return text
    return "another process"
