"""Files for the tests, written with h5py and struct directly: independent of the writers."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

N = 60
IMAGES = (np.arange(N * 16, dtype=np.uint64) * 7 % 251).astype(np.uint8).reshape(N, 4, 4)
LABELS = np.arange(N) % 3
CLASSES = np.array([b"ash", b"birch", b"cedar"])


def own_file(path: Path, edit: Callable[[Any], object] | None = None) -> Path:
    """Write a valid file of the own layout, after which `edit` may spoil it."""
    with h5py.File(path, "w") as file:
        file.attrs["schema"] = np.bytes_("fastcheck.dataset")
        file.attrs["schema_version"] = 1
        file.attrs["created_by"] = np.bytes_("a test")
        file.attrs["generator"] = np.bytes_("building")
        file.attrs["seed"] = 5
        file.attrs["title"] = np.bytes_("Trees")
        file.attrs["synthetic"] = True
        file["classes"] = CLASSES
        file.create_dataset("train/x", data=IMAGES, chunks=(10, 4, 4), compression="gzip")
        file["train/y"] = LABELS
        file["test/x"] = IMAGES[:6, ::-1]
        file["test/y"] = LABELS[:6]
        if edit is not None:
            edit(file)
    return path


def replace(place: str, **options: Any) -> Callable[[Any], None]:
    """Return an edit that puts another array in the place of one."""

    def edit(file: Any) -> None:
        del file[place]
        file.create_dataset(place, **options)

    return edit


def cat_file(path: Path, edit: Callable[[Any], object] | None = None, part: str = "train") -> Path:
    """Write a valid file of the published cat-vs-noncat layout, without attributes."""
    with h5py.File(path, "w") as file:
        pixels = np.arange(8 * 64 * 64 * 3, dtype=np.uint64) * 11 % 256
        file[f"{part}_set_x"] = pixels.astype(np.uint8).reshape(8, 64, 64, 3)
        file[f"{part}_set_y"] = np.array([0, 1, 1, 0, 0, 1, 0, 0])
        file["list_classes"] = np.array([b"non-cat", b"cat"])
        if edit is not None:
            edit(file)
    return path


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """Return the bytes of an IDX file."""
    head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


def digits(n: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return images of 28 x 28 pixels and labels below 10."""
    images = (np.arange(n * 784) % 255).astype(np.uint8).reshape(n, 28, 28)
    return images, (np.arange(n) * 3 % 10).astype(np.uint8)


def idx_pair(folder: Path, part: str = "t10k", n: int = 12, zipped: bool = True) -> Path:
    """Write images and labels of a part to a folder and return the file of images."""
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = digits(n)
    suffix, pack = (".gz", gzip.compress) if zipped else ("", bytes)
    (folder / f"{part}-labels-idx1-ubyte{suffix}").write_bytes(pack(idx_bytes(labels)))
    path = folder / f"{part}-images-idx3-ubyte{suffix}"
    path.write_bytes(pack(idx_bytes(images)))
    return path
