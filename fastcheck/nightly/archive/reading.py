"""Reading the parts of a run in progress; another process may be adding to them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastcheck.errors import DataError
from fastcheck.files import reason_of
from fastcheck.nightly.archive import layout
from fastcheck.nightly.archive.arrays import read_arrays, with_arrays
from fastcheck.nightly.archive.decoding import decoded_record, decoded_run
from fastcheck.nightly.archive.documents import read_document
from fastcheck.nightly.archive.seal import open_sealed

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fastcheck.nightly.records import Record, Run

    Arrays = dict[str, dict[str, NDArray[Any]]]

__all__ = ["arrays_digest", "part_arrays", "read_parts"]


def read_parts(folder: Path, *, arrays: bool = False) -> Run:
    """Return the run in a folder of parts.

    Parameters
    ----------
    folder : Path
        The folder. What is not a part, such as a file that was not written to its end, is ignored.
    arrays : bool, default False
        Whether arrays are read, too.

    Raises
    ------
    DataError
        If a part is damaged or missing.
    """
    head = read_document(folder / layout.HEAD, "restore it from a copy, or begin a new run")
    run = decoded_run(head, str(folder / layout.HEAD))
    records = list(run.records)
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as problem:
        raise DataError(f"{folder}: cannot be read ({reason_of(problem)})") from problem
    for name in names:
        number = layout.record_number(name)
        if number is not None and number < len(records):
            records[number] = _read_record(folder, number, records[number], arrays)
    return replace(run, records=tuple(records))


def arrays_digest(folder: Path, number: int) -> str:
    """Return by which digest a record names its arrays; empty if it has none or is missing."""
    path = folder / layout.record_name(number)
    return str(read_document(path, "resume the run").get("arrays", "")) if path.exists() else ""


def part_arrays(folder: Path, number: int, digest: str) -> Arrays:
    """Return the arrays that a record names by a digest."""
    if not digest:
        return {}
    path = folder / layout.arrays_name(number, digest)
    with open_sealed(path, digest) as file:
        return read_arrays(file, path)


def _read_record(folder: Path, number: int, asked: Record, arrays: bool) -> Record:
    """Return the record at a place, which must be of the case that the head names there."""
    path = folder / layout.record_name(number)
    remedy = "remove this file and resume the run: its case is run again"
    part = read_document(path, remedy)
    record = decoded_record(part.get("record"), str(path))
    if (record.case.name, record.case.key) != (asked.case.name, asked.case.key):
        raise DataError(
            f"{path}: is of the case {record.case.name!r}, not {asked.case.name!r}; {remedy}"
        )
    digest = str(part.get("arrays", ""))
    if digest and not layout.is_digest(digest):
        raise DataError(f"{path}: `arrays` must be a sha256, got {digest[:80]!r}; {remedy}")
    return with_arrays(record, part_arrays(folder, number, digest)) if arrays else record
