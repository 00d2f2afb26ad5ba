"""The IDX format of MNIST, read strictly.

Two zero bytes, the type of the elements (8 is uint8), the number of axes, then each length as a
big-endian 32-bit integer, then the elements in C order and nothing else. The whole may be
gzipped. See Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import struct
import zlib
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from fastcheck.datasets.digest import Stamp, stamp_of
from fastcheck.datasets.limits import MAX_DEFLATE_RATIO, MAX_IDX_BYTES, human_bytes
from fastcheck.errors import DataError
from fastcheck.files import reason_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_idx"]

UINT8 = 8
PIECE_BYTES = 2**20


def read_idx(path: str | Path, n_axes: int) -> NDArray[np.uint8]:
    """Return the array in an IDX file of bytes, gzipped or not.

    Parameters
    ----------
    path : path
        The file; whether it is gzipped is seen from its first bytes, not from its name.
    n_axes : int
        3 for images, 1 for labels.

    Returns
    -------
    ndarray of uint8, read-only
        The last few files are remembered as long as their size and time stay the same.

    Raises
    ------
    DataError
        If the file is missing, of another type or number of axes, claims an absurd size, or is
        shorter or longer than it claims. No more is read or allocated than it claims, and
        nothing before the claim is checked.
    """
    return _read(Path(path), stamp_of(path), n_axes)


@lru_cache(maxsize=4)
def _read(path: Path, stamp: Stamp, n_axes: int) -> NDArray[np.uint8]:
    """Return the array in the file with this stamp."""
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not zipped:
                return _parse(raw, path, n_axes, stamp.size)
            with gzip.GzipFile(fileobj=raw) as file:
                limit = stamp.size * MAX_DEFLATE_RATIO
                return _parse(cast("BinaryIO", file), path, n_axes, limit)
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise DataError(f"{path}: gzip is damaged or truncated ({problem}); fetch it again") from (
            problem
        )
    except OSError as problem:
        raise DataError(f"{path}: {reason_of(problem)}; check the rights of the file") from problem


def _parse(file: BinaryIO, path: Path, n_axes: int, available: int) -> NDArray[np.uint8]:
    """Return the array in an open file that cannot hold more than `available` bytes."""
    shape = _read_header(file, path, n_axes)
    size, header = prod(shape), 4 + 4 * n_axes
    if size == 0:
        raise DataError(f"{path}: the header claims shape {shape}, no element; fetch it again")
    if size > MAX_IDX_BYTES or header + size > available:
        limit = min(MAX_IDX_BYTES, available - header)
        raise DataError(
            f"{path}: the header claims shape {shape}, {human_bytes(size)}, and "
            f"{human_bytes(limit)} can be there at most; it is truncated or no IDX file, fetch it "
            "again"
        )
    data = _read_exactly(file, size)
    if len(data) < size:
        raise DataError(
            f"{path}: is truncated, {len(data)} of the {size} bytes that its header claims are "
            "there; fetch it again"
        )
    if file.read(1):
        raise DataError(
            f"{path}: goes on after the {size} bytes that its header claims; fetch it again"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)


def _read_header(file: BinaryIO, path: Path, n_axes: int) -> tuple[int, ...]:
    """Return the shape that the header claims."""
    length = 4 + 4 * n_axes
    head = file.read(length)
    magic = bytes((0, 0, UINT8, n_axes))
    if head[:4] != magic:
        raise DataError(
            f"{path}: must begin with {magic.hex(' ')} (IDX, uint8, axes: {n_axes}), got "
            f"{head[:4].hex(' ') or 'nothing'}; name another file"
        )
    if len(head) < length:
        raise DataError(
            f"{path}: is truncated, {len(head)} of the {length} bytes of its header are there; "
            "fetch it again"
        )
    return struct.unpack(f">{n_axes}I", head[4:])


def _read_exactly(file: BinaryIO, size: int) -> bytes:
    """Return `size` bytes, or fewer if the file ends; memory grows with what is there."""
    data = bytearray()
    while len(data) < size:
        piece = file.read(min(PIECE_BYTES, size - len(data)))
        if not piece:
            break
        data += piece
    return bytes(data)
