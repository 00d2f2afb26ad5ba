"""Small stand-ins for MNIST and for the cat-vs-noncat pictures, made from a seed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from fastcheck.datasets import faces, strokes
from fastcheck.datasets.own import LIBVER, write_array, write_attributes, write_own
from fastcheck.errors import InputError
from fastcheck.files import make_folder, written_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CATVNONCAT_FILE", "MNIST_FILE", "make_synthetic"]

MNIST_FILE = "mnist_synthetic.h5"
CATVNONCAT_FILE = "catvnoncat_synthetic.h5"
N_TRAIN, N_TEST, N_PICTURES = 300, 100, 120
MAX_SEED = 2**63 - 1


def make_synthetic(
    folder: str | Path, seed: int = 0, *, overwrite: bool = False
) -> tuple[Path, Path]:
    """Write the two synthetic data files.

    Parameters
    ----------
    folder : path
        It is made if it does not exist.
    seed : int, default 0
        From 0 to 2⁶³ - 1. The same seed gives the same arrays everywhere, and the same bytes
        where h5py comes with the same HDF5 and zlib.
    overwrite : bool, default False
        Whether existing files are replaced.

    Returns
    -------
    tuple of Path
        ``mnist_synthetic.h5``, with 300 training and 100 test images of ten digits in the
        layout of fastcheck, and ``catvnoncat_synthetic.h5``, with 120 pictures of two classes
        in the published layout.

    Raises
    ------
    InputError
        If the seed is out of range.
    DataError
        If a file exists, or cannot be written.
    """
    if type(seed) is not int or not 0 <= seed <= MAX_SEED:
        raise InputError(f"`seed` must be an integer from 0 to {MAX_SEED}, got {seed!r}")
    folder = Path(folder)
    make_folder(folder)
    mnist, catvnoncat = folder / MNIST_FILE, folder / CATVNONCAT_FILE
    _make_mnist(mnist, seed, overwrite)
    _make_catvnoncat(catvnoncat, seed, overwrite)
    return mnist, catvnoncat


def _make_mnist(path: Path, seed: int, overwrite: bool) -> None:
    """Write digits in the layout of fastcheck."""
    splits: dict[str, tuple[NDArray[Any], NDArray[np.int64]]] = {
        "train": strokes.digits(N_TRAIN, seed, part=0),
        "test": strokes.digits(N_TEST, seed, part=1),
    }
    write_own(
        path,
        splits,
        strokes.CLASSES,
        title="Synthetic digits in the form of MNIST",
        generator="strokes 1",
        seed=seed,
        synthetic=True,
        overwrite=overwrite,
    )


def _make_catvnoncat(path: Path, seed: int, overwrite: bool) -> None:
    """Write pictures under the published keys; the attributes are ours."""
    pictures, labels = faces.faces(N_PICTURES, seed)
    with (
        written_whole(path, overwrite=overwrite) as temporary,
        h5py.File(temporary, "x", libver=LIBVER) as file,
    ):
        write_attributes(
            file,
            title="Synthetic pictures in the form of cat-vs-noncat",
            generator="faces 1",
            seed=seed,
            synthetic=True,
        )
        write_array(file, "train_set_x", pictures)
        write_array(file, "train_set_y", labels.astype("<i8"))
        file["list_classes"] = np.array([name.encode() for name in faces.CLASSES])
