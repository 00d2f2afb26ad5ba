"""Numerical gradients, bounds and other arrays of a record, in a group of an HDF5 file.

One group per kind (``numerical``, ``bounds``, and what the record has beside its result, such as
``analytic`` and ``verdicts``), in it one array per tensor in the shape of the tensor.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

import h5py
import numpy as np

from fastcheck.datasets.filerows import check_chunks
from fastcheck.datasets.hdf5 import members
from fastcheck.datasets.limits import MAX_BATCH_BYTES, MAX_CHUNK_BYTES, human_bytes
from fastcheck.datasets.storage import check_storage
from fastcheck.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fastcheck.nightly.records import Record

    Arrays = Mapping[str, Mapping[str, NDArray[Any]]]

__all__ = ["arrays_of", "read_arrays", "with_arrays", "without_arrays", "write_arrays"]

OF_RESULT: Final = ("numerical", "bounds")
DTYPES: Final = ("float64", "uint8")
CHUNK: Final = 2**17
"""Entries of a chunk, a megabyte of float64."""
COMPRESSION: Final = {"compression": "gzip", "compression_opts": 4, "shuffle": True}


def arrays_of(record: Record) -> dict[str, dict[str, NDArray[Any]]]:
    """Return all arrays of a record that are to be kept, by kind and tensor."""
    if record.case.keeps != "arrays":
        return {}
    found = {kind: dict(getattr(record.result, kind, {})) for kind in OF_RESULT}
    found |= {kind: dict(arrays) for kind, arrays in record.arrays.items()}
    return {kind: arrays for kind, arrays in found.items() if arrays}


def without_arrays(record: Record) -> Record:
    """Return a record without its arrays."""
    result = record.result
    if result is not None:
        result = replace(result, numerical={}, bounds={})
    return replace(record, result=result, arrays={})


def with_arrays(record: Record, arrays: Arrays) -> Record:
    """Return a record with what :func:`arrays_of` returned."""
    result = record.result
    if result is not None:
        names = list(result.tensors)
        numerical, bounds = (_ordered(arrays.get(kind, {}), names) for kind in OF_RESULT)
        result = replace(result, numerical=numerical, bounds=bounds)
    others = {kind: dict(found) for kind, found in arrays.items() if kind not in OF_RESULT}
    return replace(record, result=result, arrays=others)


def _ordered(arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return arrays in the order of the tensors."""
    known = {name: arrays[name] for name in names if name in arrays}
    return known | {name: array for name, array in arrays.items() if name not in known}


def write_arrays(group: Any, arrays: Arrays) -> None:
    """Write what :func:`arrays_of` returned to a group: compressed, in chunks of a megabyte."""
    for kind, found in arrays.items():
        folder = group.create_group(_escaped(kind))
        for name, array in found.items():
            dtype = np.dtype("u1") if array.dtype == np.uint8 else np.dtype("<f8")
            content = np.asarray(array, dtype)
            storage = {"chunks": _chunks(content.shape), **COMPRESSION} if content.ndim else {}
            folder.create_dataset(_escaped(name), data=content, **(storage if content.size else {}))


def read_arrays(group: Any, path: Path) -> dict[str, dict[str, NDArray[Any]]]:
    """Return what :func:`write_arrays` wrote.

    Parameters
    ----------
    group : h5py.Group
        The group.
    path : Path
        The file, for messages.

    Raises
    ------
    DataError
        If something in it cannot be trusted.
    """
    found: dict[str, dict[str, NDArray[Any]]] = {}
    for kind in members(group, path):
        folder = group[kind]
        if not isinstance(folder, h5py.Group):
            raise DataError(f"{path}: `{folder.name}` must be a group; the file is not ours")
        names = members(folder, path)
        found[_unescaped(kind)] = {_unescaped(name): _read(folder[name], path) for name in names}
    return found


def _read(array: Any, path: Path) -> NDArray[Any]:
    if not isinstance(array, h5py.Dataset):
        raise DataError(f"{path}: `{array.name}` must be an array; the file is not ours")
    size = array.dtype.itemsize * prod(array.shape or ())
    chunk = array.dtype.itemsize * prod(array.chunks or (0,))
    if size > MAX_BATCH_BYTES or chunk > MAX_CHUNK_BYTES:
        raise DataError(
            f"{path}: `{array.name}` claims shape {array.shape}, {human_bytes(size)}, the limit is "
            f"{human_bytes(MAX_BATCH_BYTES)}, and {human_bytes(MAX_CHUNK_BYTES)} for a chunk"
        )
    check_storage(array, DTYPES, path)
    if array.ndim:
        check_chunks(array, 0, array.shape[0], f"{path}: `{array.name}`")
    return np.asarray(array[()])


def _chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a chunk: as many of the last axes as fit, in C order."""
    left, lengths = CHUNK, []
    for length in reversed(shape):
        lengths.append(max(1, min(length, left)))
        left //= lengths[-1]
    return tuple(reversed(lengths))


def _escaped(name: str) -> str:
    """Return a name for a member of a group: no slash, and not a dot alone."""
    text = quote(name, safe=" ()[],:=+@", errors="surrogatepass")
    return text.replace(".", "%2E") if text in (".", "..") else text or "%"


def _unescaped(text: str) -> str:
    return unquote(text, errors="surrogatepass")
