"""MNIST, and what is published in the same form: IDX files of images and of labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastcheck.datasets.dataset import Dataset, Split
from fastcheck.datasets.digest import sha256_of
from fastcheck.datasets.idx import read_idx
from fastcheck.datasets.own import write_own
from fastcheck.datasets.parts import check_labels
from fastcheck.datasets.rows import ArrayRows
from fastcheck.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Pair",
    "find_pairs",
    "import_mnist",
    "is_idx_name",
    "open_idx",
    "open_pairs",
    "write_pairs",
]

CLASSES = tuple(str(digit) for digit in range(10))
EXAMPLE_SHAPE = (28, 28)
IMAGES = re.compile(r"(?:.*-)?(?P<part>train|t10k|test)-images[-.]idx3-ubyte(?:\.gz)?")
SPLITS = {"train": "train", "t10k": "test", "test": "test"}


@dataclass(frozen=True)
class Pair:
    """The two files of a split."""

    images: Path
    labels: Path

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return images (n, 28, 28) and labels (n,), both read-only, which fit together."""
        images, labels = read_idx(self.images, 3), read_idx(self.labels, 1)
        if images.shape[1:] != EXAMPLE_SHAPE:
            raise DataError(
                f"{self.images}: must have images of 28 x 28 pixels, got shape {images.shape}; "
                "name a file of MNIST"
            )
        if len(labels) != len(images):
            raise DataError(
                f"{self.labels}: has {len(labels)} labels for the {len(images)} images of "
                f"{self.images.name}; fetch both again"
            )
        return images, check_labels(labels, len(CLASSES), f"{self.labels}: the content")

    def origin(self) -> str:
        """Return the names and sha256 of both files."""
        return "; ".join(f"{p.name} sha256 {sha256_of(p)}" for p in (self.images, self.labels))


def is_idx_name(path: Path) -> bool:
    """Return whether a file is named as the images of MNIST are."""
    return IMAGES.fullmatch(path.name) is not None


def find_pairs(source: str | Path) -> dict[str, Pair]:
    """Return the pairs of images and labels in a folder, or of one file of images.

    Parameters
    ----------
    source : path
        A folder with ``train-images-idx3-ubyte``, ``t10k-images-idx3-ubyte`` or both, or one
        such file. Names may end in ``.gz``, have a dot before ``idx3``, and begin with another
        word and a hyphen; labels stand beside, with ``labels`` and ``idx1`` in their names.

    Returns
    -------
    dict of str to Pair
        By split, ``"train"`` before ``"test"``; empty if a folder has none.

    Raises
    ------
    DataError
        If labels are missing, two files claim the same split, or a single file has another name.
    """
    source = Path(source)
    if source.is_dir():
        files = sorted(path for path in source.iterdir() if is_idx_name(path) and path.is_file())
    elif is_idx_name(source):
        files = [source]
    else:
        raise DataError(
            f"{source}: must be a folder, or be named as t10k-images-idx3-ubyte.gz is; rename it"
            if source.exists()
            else f"{source}: there is no such file or folder; check the name"
        )
    pairs: dict[str, Pair] = {}
    for images in files:
        split = _split_of(images)
        before = pairs.get(split)
        if before is not None and images.name != f"{before.images.name}.gz":
            raise DataError(
                f"{images}: and {before.images.name} both are the images of split {split!r}; name "
                "one of them"
            )
        pairs.setdefault(split, Pair(images, _labels_of(images)))
    return {split: pairs[split] for split in ("train", "test") if split in pairs}


def open_idx(source: str | Path) -> Dataset:
    """Return a data set of IDX files, which are held in memory and not written to.

    Parameters
    ----------
    source : path
        As for :func:`find_pairs`.

    Raises
    ------
    DataError
        If there are none, or one is not what it must be.
    """
    return open_pairs(_some_pairs(source))


def open_pairs(pairs: Mapping[str, Pair]) -> Dataset:
    """Return a data set of these pairs of IDX files, by split.

    Raises
    ------
    DataError
        If one is not what it must be.
    """
    splits = {}
    for name, pair in pairs.items():
        images, labels = pair.read()
        rows = ArrayRows(images, "IDX")
        splits[name] = Split(name, pair.images, "images", rows, labels)
    return Dataset(
        path=next(iter(splits.values())).path,
        layout="IDX",
        title="MNIST",
        synthetic=False,
        classes=CLASSES,
        splits=splits,
        origin="; ".join(pair.origin() for pair in pairs.values()),
    )


def import_mnist(source: str | Path, dest: str | Path, *, overwrite: bool = False) -> Path:
    """Write the images and labels of IDX files to one HDF5 file.

    Parameters
    ----------
    source : path
        As for :func:`find_pairs`.
    dest : path
        The file to write, or a folder, in which it becomes ``mnist.h5``.
    overwrite : bool, default False
        Whether an existing file is replaced.

    Returns
    -------
    Path
        The file, with the splits that were found: ``train``, ``test`` or both.

    Raises
    ------
    DataError
        If a source is not what it must be, or the file exists or cannot be written.
    """
    pairs = _some_pairs(source)
    path = Path(dest)
    path = path / "mnist.h5" if path.is_dir() else path
    write_pairs(pairs, path, overwrite=overwrite)
    return path


def write_pairs(pairs: Mapping[str, Pair], path: Path, *, overwrite: bool = False) -> None:
    """Write what pairs of IDX files hold, by split, to one HDF5 file.

    Raises
    ------
    DataError
        If a pair is not what it must be, or the file exists or cannot be written.
    """
    write_own(
        path,
        {name: pair.read() for name, pair in pairs.items()},
        CLASSES,
        title="MNIST",
        generator="import_mnist 1",
        origin="; ".join(pair.origin() for pair in pairs.values()),
        overwrite=overwrite,
    )


def _some_pairs(source: str | Path) -> dict[str, Pair]:
    """Return the pairs in a source that must have one."""
    pairs = find_pairs(source)
    if not pairs:
        raise DataError(
            f"{source}: has no file named as train-images-idx3-ubyte or t10k-images-idx3-ubyte "
            "are, with or without .gz; name the folder that has"
        )
    return pairs


def _split_of(images: Path) -> str:
    """Return the split that a file of images is named after."""
    match = IMAGES.fullmatch(images.name)
    if match is None:
        raise ValueError(images)
    return SPLITS[match["part"]]


def _labels_of(images: Path) -> Path:
    """Return the file of labels beside a file of images."""
    name = images.name.replace("-images", "-labels").replace("idx3", "idx1").removesuffix(".gz")
    for candidate in (images.with_name(name), images.with_name(f"{name}.gz")):
        if candidate.is_file():
            return candidate
    raise DataError(f"{images}: there are no labels beside it; put {name} or {name}.gz there")
