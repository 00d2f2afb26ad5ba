"""Opening a data set, whatever its layout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fastcheck.datasets.catvnoncat import is_catvnoncat, open_catvnoncat
from fastcheck.datasets.hdf5 import members, open_hdf5
from fastcheck.datasets.mnist import is_idx_name, open_idx
from fastcheck.datasets.own import is_own, open_own
from fastcheck.errors import DataError

if TYPE_CHECKING:
    from fastcheck.datasets.dataset import Dataset

__all__ = ["open_dataset"]


def open_dataset(path: str | Path) -> Dataset:
    """Open a data set for reading; the file is never written to.

    Parameters
    ----------
    path : path
        An HDF5 file in the layout of fastcheck or in the published cat-vs-noncat layout, or a
        file of images in IDX format with its labels beside it.

    Returns
    -------
    Dataset
        With all labels read and checked, and no example read yet (IDX is read as a whole).

    Raises
    ------
    DataError
        If the file is missing, damaged, of another layout, or breaks a rule of its layout. The
        message begins with the path and names the place in the file.

    Examples
    --------
    >>> from fastcheck.datasets import embedded
    >>> dataset = open_dataset(embedded("mnist"))
    >>> dataset.sample(100, seed=0).x.shape
    (100, 784)
    """
    path = Path(path)
    if is_idx_name(path):
        return open_idx(path)
    with open_hdf5(path) as file:
        if is_own(file):
            return open_own(file, path)
        if is_catvnoncat(file):
            return open_catvnoncat(file, path)
        found = ", ".join(members(file, path)[:10]) or "nothing"
        raise DataError(
            f"{path}: is of no known layout: the attribute `schema_version` is missing, and so "
            f"are `train_set_x` and `test_set_x`; it holds {found}. Write the arrays with "
            "fastcheck.datasets.write_own"
        )
