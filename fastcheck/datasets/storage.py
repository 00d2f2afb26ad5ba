"""What an array in an HDF5 file must be before one byte of it is read."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING, Any

import h5py

from fastcheck.datasets.limits import (
    MAX_CHUNK_BYTES,
    MAX_DATASET_BYTES,
    MAX_DEFLATE_RATIO,
    MAX_EXAMPLE_BYTES,
    MAX_EXAMPLES,
    human_bytes,
)
from fastcheck.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_storage", "describe_storage", "find_array", "is_deflated"]

FILTERS = {
    h5py.h5z.FILTER_DEFLATE: "gzip",
    h5py.h5z.FILTER_SHUFFLE: "shuffle",
    h5py.h5z.FILTER_FLETCHER32: "fletcher32",
}


def find_array(file: Any, place: str, dtypes: tuple[str, ...], path: Path) -> Any:
    """Return an array of a file whose type, size and storage can be trusted.

    Parameters
    ----------
    file : h5py.File
        Opened for reading; the groups on the way to `place` hold hard links only.
    place : str
        Such as ``"train/x"``.
    dtypes : tuple of str
        The types that are accepted, as ``numpy.dtype.name``.
    path : Path
        For messages.

    Returns
    -------
    h5py.Dataset
        Not yet read.

    Raises
    ------
    DataError
        If it is missing, no array, of another type, too large, kept outside of the file, only
        partly there, or compressed by a filter that is not built in.
    """
    array = file.get(place)
    if array is None:
        raise DataError(f"{path}: `{place}` is missing; write the file again")
    if not isinstance(array, h5py.Dataset):
        raise DataError(
            f"{path}: `{place}` must be an array, got a {type(array).__name__.lower()}; write the "
            "file again"
        )
    _check_size(array, f"{path}: `{place}`")
    check_storage(array, dtypes, path)
    return array


def check_storage(array: Any, dtypes: tuple[str, ...], path: Path) -> None:
    """Refuse an array of whatever shape that cannot be trusted.

    Parameters
    ----------
    array : h5py.Dataset
        Not yet read.
    dtypes : tuple of str
        The types that are accepted, as ``numpy.dtype.name``.
    path : Path
        The file.

    Raises
    ------
    DataError
        If it is of another type, kept outside of the file, only partly there, or compressed by a
        filter that is not built in.
    """
    where = f"{path}: `{array.name.lstrip('/')}`"
    _check_dtype(array, dtypes, where)
    _check_home(array, where)
    _check_filters(array, where)
    _check_presence(array, where, path.stat().st_size)


def is_deflated(array: Any) -> bool:
    """Return whether an array is compressed by gzip."""
    return h5py.h5z.FILTER_DEFLATE in _filters(array)


def describe_storage(array: Any) -> str:
    """Return how an array is kept, for people."""
    if array.chunks is None:
        return "contiguous"
    names = "+".join(FILTERS[code] for code in _filters(array)) or "not compressed"
    return f"{names}, chunks of {array.chunks[0]}"


def _check_dtype(array: Any, dtypes: tuple[str, ...], where: str) -> None:
    """Refuse types other than those that are expected, in little-endian order."""
    kind = array.dtype
    wanted = f"must be {' or '.join(dtypes)}"
    if kind.hasobject or not (kind.name in dtypes or (kind.kind == "S" and "bytes" in dtypes)):
        raise DataError(f"{where} {wanted}, got {kind} of shape {array.shape}; convert it")
    if kind.byteorder == ">":
        raise DataError(f"{where} {wanted}, little-endian, got {kind.str}; convert it")


def _check_home(array: Any, where: str) -> None:
    """Refuse arrays whose bytes are not in this file."""
    if array.is_virtual:
        raise DataError(
            f"{where} is a virtual dataset, put together from other files; store the array itself"
        )
    if array.id.get_create_plist().get_external_count():
        raise DataError(
            f"{where} is kept in another file ({array.external[0][0]}); store the array itself"
        )


def _check_size(array: Any, where: str) -> None:
    """Refuse arrays that claim an unreasonable size, or nothing at all."""
    shape = array.shape
    if not shape or not prod(shape):
        raise DataError(f"{where} must hold examples, got shape {shape}; write the file again")
    size, row = array.dtype.itemsize * prod(shape), array.dtype.itemsize * prod(shape[1:])
    chunk = array.dtype.itemsize * prod(array.chunks or (0,))
    for what, n, limit in (
        ("the whole", size, MAX_DATASET_BYTES),
        ("one example", row, MAX_EXAMPLE_BYTES),
        ("one chunk", chunk, MAX_CHUNK_BYTES),
    ):
        if n > limit:
            raise DataError(
                f"{where} claims shape {shape}, {human_bytes(n)} for {what}, the limit is "
                f"{human_bytes(limit)}; split the data, or store them in smaller chunks"
            )
    if shape[0] > MAX_EXAMPLES:
        raise DataError(
            f"{where} claims {shape[0]} examples, the limit is {MAX_EXAMPLES}; split the data"
        )


def _check_filters(array: Any, where: str) -> None:
    """Refuse filters that would load foreign code, and stacks of filters."""
    codes = _filters(array)
    for code in codes:
        if code not in FILTERS:
            raise DataError(
                f"{where} is compressed by filter {code}, only {', '.join(FILTERS.values())} are "
                "read; run `h5repack -f GZIP=4` on the file"
            )
    if len(set(codes)) < len(codes):
        raise DataError(
            f"{where} is compressed {len(codes)} times over; run `h5repack -f GZIP=4` on the file"
        )


def _check_presence(array: Any, where: str, file_size: int) -> None:
    """Refuse arrays that are not there in full: the rest would be read as zeros."""
    size, stored = array.dtype.itemsize * prod(array.shape), array.id.get_storage_size()
    if array.chunks is None:
        offset = array.id.get_offset() or 0
        is_there = stored >= size and offset + size <= file_size
    else:
        n_chunks = prod(ceil(n / c) for n, c in zip(array.shape, array.chunks, strict=True))
        least = size // MAX_DEFLATE_RATIO if is_deflated(array) else size
        is_there = array.id.get_num_chunks() == n_chunks and least <= stored <= file_size
    if not is_there:
        raise DataError(
            f"{where} claims shape {array.shape}, {human_bytes(size)}, of which only "
            f"{human_bytes(stored)} in a file of {human_bytes(file_size)} can be there; fetch or "
            "make it again"
        )


def _filters(array: Any) -> list[int]:
    """Return the numbers of the filters of an array, in the order of writing."""
    properties = array.id.get_create_plist()
    return [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
