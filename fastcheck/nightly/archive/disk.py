"""A file for HDF5 to write to that never fails while HDF5 is at work.

HDF5 crashes the interpreter when a disk is full while it closes a file. What it cannot write is
therefore kept in memory, as if it had been written, until somebody asks what went wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Disk"]


class Disk:
    """A file that is open for reading and writing, as h5py wants one.

    Parameters
    ----------
    path : Path
        A new file, or one to be overwritten.

    Attributes
    ----------
    problem : BaseException or None
        The first thing that went wrong.

    Raises
    ------
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._place = 0
        self._end = 0
        self._kept: list[tuple[int, bytes]] = []
        self.problem: BaseException | None = None

    def check(self) -> None:
        """Raise what went wrong, if something did."""
        if self.problem is not None:
            raise self.problem

    def close(self) -> None:
        """Close the file, and raise what went wrong with it, if something did."""
        self._file.close()
        self.check()

    def seek(self, place: int, whence: int = 0) -> int:
        """Go to a place, as that of a file does."""
        self._place = place + (0, self._place, self._end)[whence]
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def truncate(self, size: int) -> int:
        """Let the file end at a place."""
        self._end = size
        self._attempt(lambda: self._file.truncate(size))
        return size

    def write(self, data: bytes | memoryview) -> int:
        """Write all of `data`, here or in memory."""
        content, place = bytes(data), self._place

        def write() -> None:
            done = 0
            self._file.seek(place)
            while done < len(content):  # a disk that is nearly full takes a part
                done += self._file.write(content[done:])

        if not self._attempt(write):
            self._kept.append((place, content))
        self._place += len(content)
        self._end = max(self._end, self._place)
        return len(content)

    def read(self, size: int) -> bytes:
        """Return what was written; h5py knows a file by this method."""
        buffer = bytearray(size)
        self.readinto(buffer)
        return bytes(buffer)

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Fill `buffer` with what was written, zeros where nothing was."""
        view, place = memoryview(buffer).cast("B"), self._place
        view[:] = bytes(len(view))

        def read() -> None:
            self._file.seek(place)
            found = self._file.read(len(view))
            view[: len(found)] = found

        self._attempt(read, again=True)
        for start, content in self._kept:
            low, high = max(start, place), min(start + len(content), place + len(view))
            if low < high:
                view[low - place : high - place] = content[low - start : high - start]
        self._place += len(view)
        return len(view)

    def _attempt(self, action: Callable[[], Any], *, again: bool = False) -> bool:
        """Call `action`, unless something went wrong before; return whether all is well."""
        if self.problem is not None and not again:
            return False
        try:
            action()
        except BaseException as problem:  # also an interruption: HDF5 must not see any
            self.problem = self.problem or problem
            return False
        return True
