"""Which runs an archive holds, and reading one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fastcheck.errors import DataError
from fastcheck.nightly.archive import layout
from fastcheck.nightly.archive.reading import read_parts
from fastcheck.nightly.archive.store import read_file

if TYPE_CHECKING:
    from fastcheck.nightly.records import Run

__all__ = [
    "find_run",
    "last_run",
    "latest",
    "past_runs",
    "read_run",
    "runs",
    "suites",
    "unfinished",
]


def read_run(path: str | os.PathLike[str], *, arrays: bool = False) -> Run:
    """Return a run, finished or not.

    Parameters
    ----------
    path : path-like
        The HDF5 file of a run, or the folder of parts of one in progress.
    arrays : bool, default False
        Whether the arrays that were kept are read, too.

    Raises
    ------
    DataError
        If it is missing, damaged, not a run, or of another version.
    """
    path = Path(path)
    finished = path.with_suffix(layout.FINISHED)
    if path.suffix == layout.PARTS and not finished.exists():
        try:
            return read_parts(path, arrays=arrays)
        except DataError:
            if not finished.exists():  # else it has ended in the meantime
                raise
    if path.is_dir() and path.suffix != layout.PARTS:
        raise DataError(f"{path}: is a folder, not a run; name one in it")
    return read_file(finished if path.suffix == layout.PARTS else path, arrays=arrays)


def suites(folder: str | os.PathLike[str]) -> list[str]:
    """Return the names of the suites of which an archive holds runs.

    Raises
    ------
    DataError
        If there is no such folder.
    """
    archive = Path(folder)
    if not archive.is_dir():
        raise DataError(f"{archive}: there is no such archive; name one with --archive")
    names = sorted(p.name for p in archive.iterdir() if p.is_dir() and layout.is_suite(p.name))
    return [name for name in names if runs(archive, name)]


def runs(folder: str | os.PathLike[str], suite: str) -> list[Path]:
    """Return all runs of a suite in an archive, the oldest first: files, and folders of parts.

    Parameters
    ----------
    folder : path-like
        The archive. There are none where it is missing.
    suite : str
        The name of the suite.
    """
    where = layout.suite_folder(Path(folder), suite)
    found: dict[str, Path] = {}
    for ending in (layout.PARTS, layout.FINISHED):  # a file takes the place of its parts
        found |= {p.stem: p for p in where.glob(f"*{ending}") if layout.is_run_id(p.stem)}
    return [found[name] for name in sorted(found)]


def latest(folder: str | os.PathLike[str], suite: str, before: str | None = None) -> Path | None:
    """Return the last run of a suite, None if there is none.

    Parameters
    ----------
    folder : path-like
        The archive.
    suite : str
        The name of the suite.
    before : str, optional
        The id of a run; the last one before it is returned.
    """
    found = [path for path in runs(folder, suite) if before is None or path.stem < before]
    return found[-1] if found else None


def unfinished(folder: str | os.PathLike[str], suite: str) -> Path | None:
    """Return the parts of the last run of a suite that has not ended, None if there are none."""
    found = [path for path in runs(folder, suite) if path.suffix == layout.PARTS]
    return found[-1] if found else None


def past_runs(
    folder: str | os.PathLike[str], suite: str, before: str | None = None, most: int = 20
) -> tuple[list[Run], list[str]]:
    """Return the last runs of a suite, the oldest first, and what is wrong with others.

    Parameters
    ----------
    folder, suite, before
        As for :func:`latest`.
    most : int, default 20
        How many at most.

    Returns
    -------
    list of Run, list of str
        Those that can be read; a sentence about each that cannot.
    """
    found: list[Run] = []
    problems = []
    for path in reversed(runs(folder, suite)):
        if len(found) == most:
            break
        if before is not None and path.stem >= before:
            continue
        try:
            found.append(read_run(path))
        except DataError as problem:
            problems.append(str(problem))
    return found[::-1], problems


def last_run(archive: str | os.PathLike[str], suite: str) -> tuple[Path, Run, list[str]]:
    """Return where the last run of a suite is that can be read, the run, and what is wrong after.

    Parameters
    ----------
    archive : path-like
        The archive.
    suite : str
        The name of a suite that has runs there.

    Raises
    ------
    DataError
        If none can be read; it says why the last one cannot.
    """
    problems: list[str] = []
    for path in reversed(runs(archive, suite)):
        try:
            return path, read_run(path), problems
        except DataError as problem:
            problems.append(str(problem))
    raise DataError(problems[0])


def find_run(name: str | os.PathLike[str], archive: str | os.PathLike[str]) -> Path:
    """Return the run that somebody names.

    Parameters
    ----------
    name : str or path-like
        A file or folder of parts, the id of a run or its beginning, or the name of a suite for its
        last run.
    archive : path-like
        Where an id or a suite is looked for.

    Raises
    ------
    DataError
        If there is none, or there are several.

    See Also
    --------
    last_run : says which newer ones cannot be read.
    """
    path = Path(name)
    if path.suffix in (layout.PARTS, layout.FINISHED) and path.exists():
        return path
    text = os.fspath(name)
    known = suites(archive)
    if text in known:
        return last_run(archive, text)[0]
    found = [p for suite in known for p in runs(archive, suite) if p.stem.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(f"{archive}: {text!r} may be {len(found)} runs; name more of its id")
    raise DataError(
        f"{archive}: there is no run or suite {text!r}; the suites are {', '.join(known) or 'none'}"
    )
