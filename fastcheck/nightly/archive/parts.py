"""A run in progress: a folder to which one file is added for each record.

Each file is written under another name, brought to the disk, and renamed; whatever happens to the
process, a file that has its name is whole. At the end the parts become one HDF5 file, and only when
that has been read and compared are they removed.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fastcheck.errors import DataError, InputError
from fastcheck.files import make_folder, reason_of, sync, written_whole
from fastcheck.nightly.archive import layout
from fastcheck.nightly.archive.arrays import arrays_of, without_arrays, write_arrays
from fastcheck.nightly.archive.changed import check_unchanged
from fastcheck.nightly.archive.documents import write_document
from fastcheck.nightly.archive.joining import check_folder, finished_file, write_joined
from fastcheck.nightly.archive.lock import Lock
from fastcheck.nightly.archive.reading import read_parts
from fastcheck.nightly.archive.seal import checked_digest, new_hdf5

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.nightly.records import Record, Run

    Arrays = dict[str, dict[str, NDArray[Any]]]

__all__ = ["Parts"]


class Parts:
    """A run in progress, which no other process writes to.

    Made by :meth:`create` or :meth:`open`; as a context manager it closes itself.

    Attributes
    ----------
    folder : Path
        The folder of the parts.
    """

    def __init__(self, folder: Path, lock: Lock, run: Run) -> None:
        self.folder = folder
        self._lock = lock
        self._run = run
        self._numbers = {record.case.name: k for k, record in enumerate(run.records)}

    @classmethod
    def create(cls, folder: str | os.PathLike[str], run: Run) -> Self:
        """Begin a run in an archive.

        Parameters
        ----------
        folder : path-like
            The archive; it is made if it is missing.
        run : Run
            With one record for each case, in order; those that have been run already are kept.

        Raises
        ------
        DataError
            If another process writes to the archive, it cannot be written to, or it has a run of
            this id.
        InputError
            If the name of the suite or the id cannot be those of files, or two cases have one name.
        """
        archive = Path(folder)
        target = layout.folder_of(archive, run)
        if len({record.case.name for record in run.records}) < len(run.records):
            raise InputError("`run` must have one record for each case; two cases have one name")
        lock = Lock(archive)
        try:
            if target.exists() or layout.file_of(archive, run).exists():
                raise DataError(f"{target.parent}: has a run {run.id} already; use another id")
            _make(target, run)
        except BaseException:
            lock.release()
            raise
        return cls(target, lock, _bare(run))

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, expected: Run | None = None) -> Self:
        """Continue a run that was interrupted.

        Parameters
        ----------
        folder : path-like
            The folder of its parts, which ends in ``.parts``.
        expected : Run, optional
            What a new run would be, of which nothing has been run. If the suite, its cases, the
            seed, or a data set is another than it was, nothing is opened.

        Raises
        ------
        DataError
            If another process writes to the archive, a part is damaged, the run has ended, or
            something it rests on has changed. Nothing is lost.
        """
        folder = Path(folder)
        check_folder(folder)
        lock = Lock(_archive_of(folder))
        try:
            if finished_file(folder).exists():
                _remove(folder)
                raise DataError(f"{finished_file(folder)}: this run has ended; begin a new one")
            run = read_parts(folder)
            check_unchanged(folder, run, expected)
            _sweep(folder)
            _sweep(folder.parent)
        except BaseException:
            lock.release()
            raise
        return cls(folder, lock, run)

    @property
    def run(self) -> Run:
        """The run with all records that are on the disk, without arrays."""
        return self._run

    def add(self, record: Record) -> None:
        """Add the record of a case; it is on the disk when this returns.

        Parameters
        ----------
        record : Record
            It takes the place of an older one of that case. Arrays are kept where the case says
            so.

        Raises
        ------
        DataError
            If it cannot be written; all others stay.
        InputError
            If the run has no such case, or it has other settings.
        """
        number = self._numbers.get(record.case.name)
        if number is None:
            raise InputError(
                f"`record` must be of a case of run {self._run.id}, got {record.case.name!r}"
            )
        if record.case.key != self._run.records[number].case.key:
            raise InputError(
                f"`record` must be of the case {record.case.name!r} as run {self._run.id} has it, "
                "got one with other settings"
            )
        content = record.to_dict(arrays=False)
        kept = arrays_of(record)
        digest = _write_arrays(self.folder, number, kept) if kept else ""
        path = self.folder / layout.record_name(number)
        write_document(path, {"record": content, "arrays": digest})
        self._run = self._run.with_record(without_arrays(record))
        _remove_older(self.folder, number, digest)

    def finish(self, finished: str) -> Path:
        """Join the parts to one file, and remove them.

        Parameters
        ----------
        finished : str
            When the run ended: UTC, ISO 8601.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        DataError
            If it cannot be written; the parts stay.
        """
        target = finished_file(self.folder)
        run = replace(self._run, finished=finished)
        try:
            write_joined(target, run, self.folder)
        except DataError as problem:
            raise DataError(
                f"{problem}; nothing is lost, all parts are in {self.folder}: remove the cause "
                "and resume the run"
            ) from problem
        self._run = run
        _remove(self.folder)
        self.close()
        return target

    def close(self) -> None:
        """Let others write to the archive. What was added stays."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _archive_of(folder: Path) -> Path:
    """Return the archive of a folder of parts, also of ``x.parts`` and ``../x.parts``.

    Links are not followed: the archive that `create` locked is the one above the suite's name.
    """
    return Path(os.path.abspath(folder)).parents[1]  # noqa: PTH100 (resolve follows links)


def _make(target: Path, run: Run) -> None:
    """Make the folder of parts with its head in it, in one step."""
    make_folder(target.parent)
    _sweep(target.parent)
    temporary = layout.temporary_in(target.parent)
    try:
        make_folder(temporary)
        write_document(temporary / layout.HEAD, _bare(run).to_dict())
        temporary.rename(target)
        sync(target.parent)
    except OSError as problem:
        raise DataError(f"{target}: cannot be made ({reason_of(problem)})") from problem
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_arrays(folder: Path, number: int, kept: Arrays) -> str:
    """Write the arrays of a record; return the digest that the record names them by."""
    temporary = layout.temporary_in(folder)
    try:
        try:
            with new_hdf5(temporary) as file:
                write_arrays(file, kept)
        except OSError as problem:
            raise DataError(
                f"{folder}: the arrays of a record cannot be written ({reason_of(problem)}); free "
                "some space"
            ) from problem
        digest = checked_digest(temporary)
        with written_whole(folder / layout.arrays_name(number, digest), overwrite=True) as other:
            temporary.rename(other)
        return digest
    finally:
        temporary.unlink(missing_ok=True)


def _remove_older(folder: Path, number: int, digest: str) -> None:
    """Remove arrays of a record that it no longer names."""
    named = layout.arrays_name(number, digest) if digest else ""
    for path in folder.glob(f"{number:05d}.*.h5"):
        if path.name != named:
            path.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what other processes did not write or remove to its end; nobody else writes now."""
    for path in folder.glob(f"*{layout.PARTS}"):
        if finished_file(path).exists():
            _remove(path)
    for path in folder.glob(".*.tmp"):
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _remove(folder: Path) -> None:
    """Remove a folder of parts; one that is half removed is not taken for a run."""
    with suppress(OSError):  # the run is whole elsewhere, and the next writer tries again
        trash = layout.temporary_in(folder.parent)
        folder.rename(trash)
        shutil.rmtree(trash)


def _bare(run: Run) -> Run:
    return replace(run, records=tuple(map(without_arrays, run.records)))
