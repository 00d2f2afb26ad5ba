"""The published cat-vs-noncat layout: images, labels and names under fixed keys.

``train_set_x`` is uint8 of shape (n, 64, 64, 3), ``train_set_y`` int64 of shape (n,), the test
file says ``test`` instead, and ``list_classes`` holds the two names as bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastcheck.datasets.dataset import Dataset
from fastcheck.datasets.hdf5 import members, read_attribute
from fastcheck.datasets.parts import open_split, read_classes
from fastcheck.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["EXAMPLE_SHAPE", "is_catvnoncat", "open_catvnoncat"]

EXAMPLE_SHAPE = (64, 64, 3)
PARTS = ("train", "test")


def is_catvnoncat(file: Any) -> bool:
    """Return whether a file has one of the keys of this layout."""
    return any(f"{part}_set_{array}" in file for part in PARTS for array in "xy")


def open_catvnoncat(file: Any, path: Path) -> Dataset:
    """Return the data set in a file of this layout, which has one split or both.

    Parameters
    ----------
    file : h5py.File
        Opened for reading.
    path : Path
        Of the file.

    Raises
    ------
    DataError
        If a key is missing, or an array is not as published.
    """
    names = members(file, path)
    classes = read_classes(file, "list_classes", path)
    splits = {}
    for part in PARTS:
        places = (f"{part}_set_x", f"{part}_set_y")
        if any(place in names for place in places):
            split = open_split(file, part, places, len(classes), path, dtypes=("uint8",))
            if split.rows.shape[1:] != EXAMPLE_SHAPE:
                raise DataError(
                    f"{path}: `{places[0]}` must have shape (n, 64, 64, 3), got "
                    f"{split.rows.shape}; store other data in the layout of fastcheck"
                )
            splits[part] = split
    return Dataset(
        path=path,
        layout="cat-vs-noncat, as published",
        title=read_attribute(file, "title", str, path) or "Cat-vs-noncat",
        synthetic=bool(read_attribute(file, "synthetic", bool, path)),
        classes=classes,
        splits=splits,
        generator=read_attribute(file, "generator", str, path) or "",
        seed=read_attribute(file, "seed", int, path),
    )
