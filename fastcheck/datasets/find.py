"""Finding data by name: real ones where there are any, else the synthetic ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fastcheck.datasets.folders import VARIABLE, data_folders, named_folder
from fastcheck.datasets.mnist import find_pairs, open_idx
from fastcheck.datasets.opening import open_dataset
from fastcheck.errors import DataError, InputError

if TYPE_CHECKING:
    from fastcheck.datasets.dataset import Dataset

__all__ = ["TITLES", "check_name", "embedded", "find_data"]

TITLES = {"mnist": "MNIST", "catvnoncat": "cat-vs-noncat"}
REAL_FILES = {
    "mnist": ("mnist.h5", "mnist/mnist.h5"),
    "catvnoncat": ("catvnoncat/train_catvnoncat.h5", "train_catvnoncat.h5"),
}


def embedded(name: str) -> Path:
    """Return the synthetic file of a data set, which comes with the package.

    Parameters
    ----------
    name : {"mnist", "catvnoncat"}
        Which one.

    Raises
    ------
    InputError
        If there is no such data set.
    DataError
        If the installation is incomplete.
    """
    check_name(name)
    package = Path(__file__).resolve().parents[1]
    file = f"{name}_synthetic.h5"
    for folder in (package / "_data", package.parent / "data"):
        if (folder / file).is_file():
            return folder / file
    raise DataError(
        f"{package / '_data' / file}: is missing; install fastcheck again, or run "
        "`fastcheck data make` in a checkout"
    )


def find_data(name: str) -> Dataset:
    """Return a data set by name, real if possible.

    It is looked for in the folder that the environment variable ``FASTCHECK_DATA`` names, then
    in the folder ``data`` of the current folder, then among the downloaded data in the cache
    folder of the platform, and then the synthetic one is taken. Imported files (``mnist.h5``)
    come before raw ones (IDX files in ``mnist/``), which are read into memory.

    Parameters
    ----------
    name : {"mnist", "catvnoncat"}
        Which one.

    Returns
    -------
    Dataset
        Its ``title`` and ``synthetic`` say what it is, and its ``note`` is not empty where it
        is not what was asked for.

    Raises
    ------
    InputError
        If there is no such data set.
    DataError
        If a file that is found is bad: it is not passed over in silence.
    """
    check_name(name)
    named = named_folder()
    missed = "" if named is None else f"{VARIABLE}={named} has no {TITLES[name]} data; "
    for folder in data_folders():
        found = _look_in(folder, name)
        if found is not None:
            is_second = missed and folder != named
            return replace(found, note=f"{missed}{found.path} is used") if is_second else found
    remedy = (
        f"set {VARIABLE} to the folder of the real data, or run `fastcheck data download {name}`"
    )
    note = f"{missed}synthetic data stand in for {TITLES[name]}; {remedy}"
    return replace(open_dataset(embedded(name)), note=note)


def _look_in(folder: Path, name: str) -> Dataset | None:
    """Return the real data set of this name in a folder, None if there is none."""
    for file in REAL_FILES[name]:
        if (folder / file).is_file():
            return open_dataset(folder / file)
    if name == "mnist":
        for raw in (folder / "mnist", folder):
            if raw.is_dir() and find_pairs(raw):
                return open_idx(raw)
    return None


def check_name(name: str) -> None:
    """Refuse a name that no data set has.

    Raises
    ------
    InputError
        With the names that there are.
    """
    if name not in TITLES:
        choices = " or ".join(repr(known) for known in TITLES)
        raise InputError(f"`name` must be {choices}, got {name!r}")
