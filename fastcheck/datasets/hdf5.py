"""Opening an HDF5 file without trusting it: the signature, the links, the attributes."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from fastcheck.datasets.digest import stamp_of
from fastcheck.datasets.limits import MAX_NAME_BYTES
from fastcheck.errors import DataError, FastcheckError
from fastcheck.files import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["has_signature", "members", "open_hdf5", "read_attribute"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LINKS = {h5py.h5l.TYPE_SOFT: "a soft link", h5py.h5l.TYPE_EXTERNAL: "an external link"}


def has_signature(path: Path) -> bool:
    """Return whether a file begins as HDF5 does (also behind a user block)."""
    size, place = stamp_of(path).size, 0
    with path.open("rb") as file:
        while place + len(SIGNATURE) <= size:
            file.seek(place)
            if file.read(len(SIGNATURE)) == SIGNATURE:
                return True
            place = 2 * place or 512
    return False


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open a file for reading only, and turn whatever HDF5 objects to into a `DataError`.

    Yields
    ------
    h5py.File

    Raises
    ------
    DataError
        If the file is missing, no HDF5, truncated, or damaged where it is read.
    """
    try:
        if not has_signature(path):
            raise DataError(f"{path}: is not an HDF5 file ({_looks_like(path)})")
        with h5py.File(path, "r") as file:
            yield file
    except FastcheckError:
        raise
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as problem:
        raise DataError(f"{path}: {_reason(problem)}") from problem


def members(group: Any, path: Path) -> list[str]:
    """Return the names in a group, all of which must be hard links.

    Parameters
    ----------
    group : h5py.Group
        A file is one.
    path : Path
        For messages.

    Raises
    ------
    DataError
        If a member is a soft, external or user-defined link: what it leads to is not, or need
        not be, in this file.
    """
    names = []
    for raw in group.id:
        name = raw.decode("utf-8", "replace")
        kind = group.id.links.get_info(raw).type
        if kind != h5py.h5l.TYPE_HARD:
            place = f"{group.name.rstrip('/')}/{name}"
            raise DataError(
                f"{path}: `{place}` is {LINKS.get(kind, 'a user-defined link')}, which may lead "
                "out of the file; store the array itself in its place"
            )
        names.append(name)
    return names


def read_attribute(group: Any, name: str, kind: type, path: Path) -> Any:
    """Return a scalar attribute of a group as `kind`, None if it is absent or empty.

    Parameters
    ----------
    group : h5py.Group
        A file is one.
    name : str
        The attribute.
    kind : {str, int, bool}
        What it must be.
    path : Path
        For messages.

    Raises
    ------
    DataError
        If it is anything else, or an unreasonably long text.
    """
    if name not in group.attrs:
        return None
    handle = group.attrs.get_id(name)
    if handle.get_space().get_simple_extent_type() == h5py.h5s.NULL:
        return None
    value: Any = None
    # Text of variable length is not read: where its heap is damaged, HDF5 crashes.
    is_plain = handle.shape == () and not handle.dtype.hasobject
    if is_plain and handle.get_storage_size() <= MAX_NAME_BYTES:
        value = group.attrs[name]
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    accepted = {str: str, int: np.integer, bool: np.bool_ | np.integer}[kind]
    if not isinstance(value, accepted):
        wanted = f"text of fixed length (`np.bytes_`), {MAX_NAME_BYTES} bytes at most"
        found = "variable-length text" if handle.dtype.hasobject else str(handle.dtype)
        raise DataError(
            f"{path}: attribute `{name}` must be one {wanted if kind is str else kind.__name__}, "
            f"got {found} of shape {handle.shape}; write the file again"
        )
    return kind(value)


def _looks_like(path: Path) -> str:
    """Say what a file that is not HDF5 seems to be, and what to do."""
    with path.open("rb") as file:
        head = file.read(4)
    if not head:
        return "it is empty; fetch or make it again"
    if head[:2] == b"\x1f\x8b":
        return "it begins as gzip does; unpack it, or for IDX run `fastcheck data import mnist`"
    if head[:2] == b"\x00\x00" and head[2:] in (b"\x08\x03", b"\x08\x01"):
        return "it begins as IDX does; run `fastcheck data import mnist`"
    return f"its first bytes are {head.hex(' ')}; fetch or make it again"


def _reason(problem: Exception) -> str:
    """Return the sentence for a failure that h5py reports."""
    if isinstance(problem, OSError) and problem.errno:
        return f"{reason_of(problem)}; check the rights of the file"
    text = str(problem.args[0]) if problem.args else type(problem).__name__
    sizes = re.search(r"truncated file: eof = (\d+).*stored_eof = (\d+)", text)
    if sizes:
        return f"is truncated: {sizes[1]} of {sizes[2]} bytes are there; fetch or make it again"
    return f"is damaged, HDF5 says: {' '.join(text.split())[:300]}; fetch or make it again"
