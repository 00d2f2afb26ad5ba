"""The layout of the package's own HDF5 files.

==================  ==========================================================================
``schema``          root attribute, ``b"fastcheck.dataset"``
``schema_version``  root attribute, int64, 1
``created_by``      root attribute, ``b"fastcheck"``
``generator``       root attribute, the algorithm that wrote the file and its version
``seed``            root attribute, int64, of that algorithm; empty if it has none
``title``           root attribute, what the data are
``synthetic``       root attribute, bool
``origin``          root attribute, optional: the files these were made from, with sha256
``classes``         the names of the classes, UTF-8 bytes of fixed length, shape (n_classes,)
``SPLIT/x``         uint8, float32 or float64, shape (n, ...), the examples
``SPLIT/y``         integers, shape (n,), the labels, from 0 to n_classes - 1
==================  ==========================================================================

All numbers are little-endian; there are no links, no objects and no times. ``created_by`` does
not name the version of the package, so that a release does not change the sha256 of files.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from fastcheck.datasets.dataset import Dataset
from fastcheck.datasets.hdf5 import members, read_attribute
from fastcheck.datasets.parts import open_split, read_classes
from fastcheck.errors import DataError
from fastcheck.files import written_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["SCHEMA", "SCHEMA_VERSION", "is_own", "open_own", "write_attributes", "write_own"]

SCHEMA = "fastcheck.dataset"
SCHEMA_VERSION = 1
CHUNK_BYTES = 2**14
GZIP_LEVEL = 4
LIBVER = ("earliest", "v110")
"""Every HDF5 from 1.10 on reads these files, and every newer one writes them alike."""


def is_own(file: Any) -> bool:
    """Return whether a file claims this layout."""
    return "schema_version" in file.attrs


def open_own(file: Any, path: Path) -> Dataset:
    """Return the data set in a file of this layout.

    Parameters
    ----------
    file : h5py.File
        Opened for reading.
    path : Path
        Of the file.

    Raises
    ------
    DataError
        If the schema is another or a newer one, or anything is not as the schema says.
    """
    version = _check_schema(file, path)
    names = [name for name in members(file, path) if isinstance(file[name], h5py.Group)]
    if not names:
        raise DataError(f"{path}: has no split, only {list(file)}; write the file again")
    classes = read_classes(file, "classes", path)
    splits = {}
    for name in sorted(names, key=lambda name: name != "train"):
        members(file[name], path)
        splits[name] = open_split(file, name, (f"{name}/x", f"{name}/y"), len(classes), path)
    return Dataset(
        path=path,
        layout=f"{SCHEMA}, schema_version {version}",
        title=read_attribute(file, "title", str, path) or path.name,
        synthetic=bool(read_attribute(file, "synthetic", bool, path)),
        classes=classes,
        splits=splits,
        generator=read_attribute(file, "generator", str, path) or "",
        origin=read_attribute(file, "origin", str, path) or "",
        seed=read_attribute(file, "seed", int, path),
    )


def _check_schema(file: Any, path: Path) -> int:
    """Return the version of the schema if it can be read."""
    schema = read_attribute(file, "schema", str, path)
    if schema != SCHEMA:
        raise DataError(
            f"{path}: attribute `schema` must be {SCHEMA!r}, got {schema!r}; name a data set"
        )
    version: int | None = read_attribute(file, "schema_version", int, path)
    if version is None or version < 1:
        raise DataError(
            f"{path}: attribute `schema_version` must be 1 or more, got {version}; write the file "
            "again"
        )
    if version > SCHEMA_VERSION:
        raise DataError(
            f"{path}: has {SCHEMA} schema_version {version}, this fastcheck reads up to "
            f"{SCHEMA_VERSION}; install a newer fastcheck"
        )
    return version


def write_own(
    path: Path,
    splits: Mapping[str, tuple[NDArray[Any], NDArray[np.integer[Any]]]],
    classes: Sequence[str],
    *,
    title: str,
    generator: str,
    seed: int | None = None,
    synthetic: bool = False,
    origin: str = "",
    overwrite: bool = False,
) -> None:
    """Write a data set; the file appears whole or not at all.

    Parameters
    ----------
    path : Path
        The file to write.
    splits : mapping of str to (x, y)
        `x` of uint8, float32 or float64 and shape (n, ...); `y` of integers and shape (n,).
    classes : sequence of str
        The names of the classes.
    title, generator, seed, synthetic, origin
        The attributes of the same names.
    overwrite : bool, default False
        Whether an existing file is replaced.

    Raises
    ------
    DataError
        If the file exists and may not be replaced, or cannot be written.

    Notes
    -----
    The same arguments give the same bytes, as long as h5py comes with the same HDF5 and zlib.
    """
    with (
        written_whole(path, overwrite=overwrite) as temporary,
        h5py.File(temporary, "x", libver=LIBVER) as file,
    ):
        write_attributes(
            file, title=title, generator=generator, seed=seed, synthetic=synthetic, origin=origin
        )
        file.attrs["schema"] = np.bytes_(SCHEMA.encode())
        file.attrs["schema_version"] = np.int64(SCHEMA_VERSION)
        file["classes"] = np.array([name.encode("utf-8") for name in classes])
        for name, (x, y) in splits.items():
            write_array(file, f"{name}/x", x)
            write_array(file, f"{name}/y", y.astype("<i8"))


def write_attributes(
    file: Any, *, title: str, generator: str, seed: int | None, synthetic: bool, origin: str = ""
) -> None:
    """Write the attributes that say what a file is and what made it."""
    file.attrs["created_by"] = np.bytes_(b"fastcheck")
    file.attrs["generator"] = np.bytes_(generator.encode("utf-8"))
    file.attrs["seed"] = h5py.Empty("<i8") if seed is None else np.int64(seed)
    file.attrs["synthetic"] = np.bool_(synthetic)
    file.attrs["title"] = np.bytes_(title.encode("utf-8"))
    if origin:
        file.attrs["origin"] = np.bytes_(origin.encode("utf-8"))


def write_array(file: Any, place: str, array: NDArray[Any]) -> None:
    """Write an array in chunks of few examples, so that a minibatch reads few bytes."""
    row = array.dtype.itemsize * prod(array.shape[1:])
    n_rows = min(len(array), max(1, CHUNK_BYTES // row))
    file.create_dataset(
        place,
        data=array.astype(array.dtype.newbyteorder("<"), copy=False),
        chunks=(n_rows, *array.shape[1:]),
        compression="gzip",
        compression_opts=GZIP_LEVEL,
        track_times=False,
    )
