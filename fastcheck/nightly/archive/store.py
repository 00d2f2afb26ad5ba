"""A run as one HDF5 file, and back.

``/json``
    The run without its records.
``/records``, ``/tensors``, ``/findings``, ``/diagnosis``, ``/provenance``
    Tables for other readers (`tables`).
``/cases/00007/json``
    The record of a case, from which it is read.
``/cases/00007/indices``
    The places of its examples in their data set.
``/cases/00007/arrays/numerical/W1``
    Its arrays, where they are kept (`arrays`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import h5py
import numpy as np

from fastcheck import __version__
from fastcheck.datasets.filerows import check_chunks
from fastcheck.datasets.hdf5 import members, read_attribute
from fastcheck.datasets.storage import find_array
from fastcheck.errors import DataError
from fastcheck.nightly.archive.arrays import read_arrays, with_arrays, write_arrays
from fastcheck.nightly.archive.decoding import decoded_record, decoded_run
from fastcheck.nightly.archive.documents import MAX_DOCUMENT_BYTES, dumped, loaded
from fastcheck.nightly.archive.seal import new_hdf5, open_sealed
from fastcheck.nightly.archive.tables import write_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from fastcheck.nightly.records import Record, Run

    Arrays = dict[str, dict[str, NDArray[Any]]]

__all__ = ["each_arrays", "read_file", "write_file"]

SCHEMA: Final = 1
"""Version of the layout of the file; the JSON in it has versions of its own."""
MAX_CASES: Final = 10**5


def write_file(path: Path, run: Run, arrays: Callable[[int], Arrays]) -> None:
    """Write a run to a new file, which is sealed at the end.

    Parameters
    ----------
    path : Path
        The file.
    run : Run
        The run, without arrays.
    arrays : callable
        Returns the arrays of the record at a place.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with new_hdf5(path) as file:
        file.attrs["schema_version"] = SCHEMA
        about = {
            "created_by": f"fastcheck {__version__}", "kind": "validation run", "id": run.id,
            "suite": run.suite, "suite_sha256": run.suite_sha256, "started": run.started,
            "finished": run.finished,
        }  # fmt: skip
        for name, text in about.items():
            file.attrs[name] = np.bytes_(text.encode("utf-8", "backslashreplace"))
        _write_json(file, replace(run, records=()).to_dict())
        write_tables(file, run)
        cases = file.create_group("cases")
        for number, record in enumerate(run.records):
            group = cases.create_group(f"{number:05d}")
            _write_json(group, record.to_dict(arrays=False))
            batch = record.result.batch if record.result is not None else None
            if batch is not None and batch.indices:
                group["indices"] = np.array(batch.indices, "<i8")
            kept = arrays(number)
            if kept:
                write_arrays(group.create_group("arrays"), kept)


def read_file(path: Path, *, arrays: bool = False) -> Run:
    """Return the run in a file.

    Parameters
    ----------
    path : Path
        The file.
    arrays : bool, default False
        Whether arrays that were kept are read, too.

    Raises
    ------
    DataError
        If the file is missing, damaged, not a run, or of another version.
    """
    with open_sealed(path) as file:
        version = read_attribute(file, "schema_version", int, path)
        if version != SCHEMA:
            raise DataError(
                f"{path}: must be of schema {SCHEMA}, got schema {version}; read it with the "
                "version of fastcheck that wrote it"
            )
        names = _cases(file, path)
        head = loaded(_json(file, "json", path), f"{path}: `json`")
        run = decoded_run(head, f"{path}: `json`")
        records = tuple(_read(file["cases"][name], path, arrays) for name in names)
        return replace(run, records=records)


def each_arrays(path: Path) -> Iterator[Arrays]:
    """Yield the arrays of each record, by kind and tensor; none where none were kept.

    Raises
    ------
    DataError
        As for :func:`read_file`.
    """
    with open_sealed(path) as file:
        for name in _cases(file, path):
            yield _arrays(file["cases"][name], path)


def _cases(file: Any, path: Path) -> list[str]:
    """Return the names of the groups of cases, in order."""
    found = set(members(file, path))
    if "cases" not in found or not isinstance(file["cases"], h5py.Group):
        raise DataError(f"{path}: `cases` is missing; it is not the file of a run")
    names = sorted(members(file["cases"], path))
    if len(names) > MAX_CASES or names != [f"{number:05d}" for number in range(len(names))]:
        raise DataError(f"{path}: `cases` must hold 00000, 00001 and so on; it is not of a run")
    for name in names:
        if not isinstance(file["cases"][name], h5py.Group):
            raise DataError(f"{path}: `cases/{name}` must be a group; it is not of a run")
        members(file["cases"][name], path)
    return names


def _read(group: Any, path: Path, arrays: bool) -> Record:
    place = f"{group.name.lstrip('/')}/json"
    where = f"{path}: `{place}`"
    record = decoded_record(loaded(_json(group.file, place, path), where), where)
    return with_arrays(record, _arrays(group, path)) if arrays else record


def _arrays(group: Any, path: Path) -> Arrays:
    if "arrays" not in group:
        return {}
    if not isinstance(group["arrays"], h5py.Group):
        raise DataError(f"{path}: `{group.name}/arrays` must be a group; it is not of a run")
    return read_arrays(group["arrays"], path)


def _write_json(group: Any, content: dict[str, Any]) -> None:
    text = dumped(content).encode()
    if len(text) > MAX_DOCUMENT_BYTES:
        raise OSError(f"a record has {len(text)} bytes of JSON, the limit is {MAX_DOCUMENT_BYTES}")
    kind = h5py.string_dtype("utf-8", len(text))
    group.create_dataset(
        "json", data=np.array([text], kind), dtype=kind, chunks=(1,), compression="gzip"
    )


def _json(file: Any, place: str, path: Path) -> bytes:
    array = find_array(file, place, ("bytes",), path)
    if array.shape != (1,):
        raise DataError(f"{path}: `{place}` must be one text, got shape {array.shape}")
    check_chunks(array, 0, 1, f"{path}: `{place}`")
    return bytes(array[0])
