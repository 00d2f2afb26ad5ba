"""Rows of an array in an HDF5 file: only the chunks that hold them are read."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from fastcheck.datasets.digest import Stamp, stamp_of
from fastcheck.datasets.hdf5 import open_hdf5
from fastcheck.datasets.limits import MAX_CHUNK_BYTES, human_bytes
from fastcheck.datasets.storage import find_array, is_deflated
from fastcheck.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

__all__ = ["FileRows", "check_chunks", "read_rows"]

CONTIGUOUS_BLOCK_BYTES = 2**16
"""How much of an array without chunks is read at a time."""


@dataclass(frozen=True, eq=False)
class FileRows:
    """Rows of an array in an HDF5 file, which is open only while they are read.

    Attributes
    ----------
    path : Path
        The file.
    stamp : Stamp
        Its stamp when it was opened; another one later is an error.
    place : str
        The array in it.
    shape, dtype, storage
        As the file said when it was opened.
    """

    path: Path
    stamp: Stamp
    place: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    storage: str

    def read(self, indices: Ints) -> NDArray[Any]:
        """Return the rows at ascending, different `indices`.

        Raises
        ------
        DataError
            If the file is damaged there, or is not the one that was opened.
        """
        if stamp_of(self.path) != self.stamp:
            raise DataError(f"{self.path}: has changed since it was opened; open it again")
        with open_hdf5(self.path) as file:
            array = find_array(file, self.place, (self.dtype.name,), self.path)
            return read_rows(array, indices, f"{self.path}: `{self.place}`")


def read_rows(array: Any, indices: Ints, where: str) -> NDArray[Any]:
    """Return some rows of an array that was checked by ``find_array``.

    The array is read block by block, and a block without any of the rows is skipped. A block
    is as long as a chunk, so that each chunk is inflated once.

    Parameters
    ----------
    array : h5py.Dataset
        In a file that is open.
    indices : ndarray of int64, shape (n,)
        Ascending and different.
    where : str
        The beginning of a message.

    Returns
    -------
    ndarray, shape (n, ...)
        Of the type of the array.

    Raises
    ------
    DataError
        If a chunk is damaged, or inflates to more than it claims.
    """
    n_rows = _block_length(array)
    out = np.empty((indices.size, *array.shape[1:]), array.dtype)
    blocks = indices // n_rows
    edges = [0, *(np.flatnonzero(np.diff(blocks)) + 1).tolist(), indices.size]
    for first, last in pairwise(edges):
        wanted = indices[first:last]
        start, stop = int(wanted[0]), int(wanted[-1]) + 1
        check_chunks(array, start, stop, where)
        out[first:last] = _slab(array, start, stop, where)[wanted - start]
    return out


def _slab(array: Any, start: int, stop: int, where: str) -> NDArray[Any]:
    """Return the rows from `start` to `stop`."""
    try:
        return np.asarray(array[start:stop])
    except OSError as problem:
        raise DataError(
            f"{where} is damaged between rows {start} and {stop - 1}; fetch or make it again"
        ) from problem


def _block_length(array: Any) -> int:
    """Return how many rows are read at a time."""
    row: int = array.dtype.itemsize * prod(array.shape[1:])
    if array.chunks is None:
        return max(1, CONTIGUOUS_BLOCK_BYTES // row)
    return max(1, min(int(array.chunks[0]), MAX_CHUNK_BYTES // row))


def check_chunks(array: Any, start: int, stop: int, where: str) -> None:
    """Refuse chunks that inflate to more than a chunk holds.

    HDF5 lets its buffer grow for as long as the compressed stream goes on.

    Parameters
    ----------
    array : h5py.Dataset
        In a file that is open, and checked by ``check_storage``.
    start, stop : int
        The rows that are to be read.
    where : str
        The beginning of a message.

    Raises
    ------
    DataError
        If one does.
    """
    if not is_deflated(array):
        return
    size = array.dtype.itemsize * prod(array.chunks)
    rows = range(start - start % array.chunks[0], stop, array.chunks[0])
    others = (range(0, n, c) for n, c in zip(array.shape[1:], array.chunks[1:], strict=True))
    for corner in product(rows, *others):
        if _inflates_beyond(array, corner, size):
            raise DataError(
                f"{where} has a chunk at row {corner[0]} that inflates to more than the "
                f"{human_bytes(size)} of a chunk; do not use this file"
            )


def _inflates_beyond(array: Any, corner: tuple[int, ...], size: int) -> bool:
    """Return whether the chunk that begins at `corner` is larger than `size` bytes."""
    slack = 4  # a fletcher32 checksum
    if array.id.get_chunk_info_by_coord(corner).size > size + size // 100 + 2**10:
        return True
    skipped, raw = array.id.read_direct_chunk(corner)
    if skipped & 1 << _deflate_position(array):
        return False
    try:
        return len(zlib.decompressobj().decompress(raw, size + slack + 1)) > size + slack
    except zlib.error:
        return False  # damaged, as reading it will show


def _deflate_position(array: Any) -> int:
    """Return the place of gzip among the filters, which is its bit in a chunk's mask."""
    properties = array.id.get_create_plist()
    codes = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
    return codes.index(h5py.h5z.FILTER_DEFLATE)
