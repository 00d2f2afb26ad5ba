"""What the HDF5 layouts have in common: a split of examples and labels, names of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.datasets.dataset import Split
from fastcheck.datasets.digest import stamp_of
from fastcheck.datasets.filerows import FileRows, read_rows
from fastcheck.datasets.limits import MAX_CLASSES, MAX_NAME_BYTES
from fastcheck.datasets.storage import describe_storage, find_array
from fastcheck.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FEATURES", "check_labels", "open_split", "read_classes"]

FEATURES = ("uint8", "float32", "float64")
INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))


def open_split(
    file: Any,
    name: str,
    places: tuple[str, str],
    n_classes: int,
    path: Path,
    dtypes: tuple[str, ...] = FEATURES,
) -> Split:
    """Return a split whose labels are read and checked, and whose examples are not read yet.

    Parameters
    ----------
    file : h5py.File
        Opened for reading.
    name : str
        Of the split.
    places : tuple of two str
        Of the examples and of the labels in the file.
    n_classes : int
        Labels must be below it.
    path : Path
        Of the file.
    dtypes : tuple of str
        The types of examples that are accepted.

    Raises
    ------
    DataError
        If anything about the two arrays is not as it must be.
    """
    x = find_array(file, places[0], dtypes, path)
    y = find_array(file, places[1], INTEGERS, path)
    if x.ndim < 2:
        raise DataError(
            f"{path}: `{places[0]}` must have examples along its first axis and features along "
            f"others, got shape {x.shape}; write the file again"
        )
    if y.ndim != 1 or len(y) != len(x):
        raise DataError(
            f"{path}: `{places[1]}` must have one label for each of the {len(x)} examples of "
            f"`{places[0]}`, got shape {y.shape}; write the file again"
        )
    raw = read_rows(y, np.arange(len(y)), f"{path}: `{places[1]}`")
    labels = check_labels(raw, n_classes, f"{path}: `{places[1]}`")
    rows = FileRows(path, stamp_of(path), places[0], x.shape, x.dtype, describe_storage(x))
    return Split(name, path, places[0], rows, labels)


def check_labels(raw: NDArray[Any], n_classes: int, where: str) -> NDArray[np.int64]:
    """Return labels as read-only int64, all of which are below `n_classes`.

    Raises
    ------
    DataError
        If a label is negative or too large; the first one is named.
    """
    outside = np.flatnonzero((raw < 0) | (raw >= n_classes))
    if outside.size:
        i = int(outside[0])
        raise DataError(
            f"{where} must be labels from 0 to {n_classes - 1}, got {raw[i]} at {i} and "
            f"{outside.size} such in all; correct the labels, or the list of classes"
        )
    labels = raw.astype(np.int64)
    labels.flags.writeable = False
    return labels


def read_classes(file: Any, place: str, path: Path) -> tuple[str, ...]:
    """Return the names of the classes, which are stored as bytes of fixed length.

    Raises
    ------
    DataError
        If they are missing, too many, or no text.
    """
    array = find_array(file, place, ("bytes",), path)
    if array.ndim != 1 or len(array) > MAX_CLASSES or array.dtype.itemsize > MAX_NAME_BYTES:
        raise DataError(
            f"{path}: `{place}` must be a list of {MAX_CLASSES} names at most, of "
            f"{MAX_NAME_BYTES} bytes at most, got {array.dtype} of shape {array.shape}; write the "
            "file again"
        )
    names = read_rows(array, np.arange(len(array)), f"{path}: `{place}`")
    try:
        return tuple(name.decode("utf-8") for name in names.tolist())
    except UnicodeDecodeError as problem:
        raise DataError(
            f"{path}: `{place}` must be UTF-8, got {problem.object!r}; write the file again"
        ) from problem
