"""Published data, fetched once and kept where :func:`find_data` finds them."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.datasets.digest import sha256_of
from fastcheck.datasets.find import check_name
from fastcheck.datasets.folders import cache_folder, download_folder
from fastcheck.datasets.limits import human_bytes
from fastcheck.datasets.mnist import Pair, open_pairs, write_pairs
from fastcheck.datasets.opening import open_dataset
from fastcheck.datasets.published import PUBLISHED
from fastcheck.datasets.transfer import check_address, fetch, require_pooch, shown
from fastcheck.errors import DataError
from fastcheck.files import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from fastcheck.datasets.dataset import Dataset
    from fastcheck.datasets.published import PublishedFile

    Bar = Callable[[str], AbstractContextManager[Callable[[int, int], object] | None]]

__all__ = ["download_data"]


def download_data(
    name: str,
    folder: str | Path | None = None,
    *,
    url: str | None = None,
    force: bool = False,
    tell: Callable[[str], object] | None = None,
    progress: Bar | None = None,
) -> list[Path]:
    """Fetch a published data set, unless it is there, and return its files.

    Nothing that arrives is used, or stays, before its sha256 is found right. Files appear whole
    or not at all.

    Parameters
    ----------
    name : {"mnist", "catvnoncat"}
        Which one.
    folder : path, optional
        Where it is kept; made if there is none. By default the folder that the environment
        variable ``FASTCHECK_DATA`` names, else the cache folder of the platform.
    url : str, optional
        The address of a folder that is asked instead of the known mirrors.
    force : bool, default False
        Whether it is fetched although it is there, and other data in its place are replaced. In
        the cache folder, which is nobody's own, they are replaced in any case.
    tell : callable, optional
        Called with a sentence for whatever happens.
    progress : callable, optional
        ``progress(title)`` is a context manager around the transfer of one file; what it yields
        is called as ``report(received, size)``, in bytes, unless it is None.

    Returns
    -------
    list of Path
        ``mnist.h5``, made from the four files in ``mnist/raw``, or the two files in
        ``catvnoncat``, training examples first.

    Raises
    ------
    InputError
        If there is no such data set, `url` is not the address of a folder, or pooch is missing.
    DataError
        If no mirror sends a file as it was published, a file cannot be written, or other data
        are in its place.

    Notes
    -----
    What is there is read as a whole, and ``mnist.h5`` compared with the files it was made from,
    which takes some seconds and 300 MiB.
    """
    check_name(name)
    published = PUBLISHED[name]
    mirrors = published.mirrors if url is None else (check_address(url),)
    require_pooch()
    place = download_folder() if folder is None else Path(folder)
    replace = force or place.resolve() == cache_folder().resolve()
    home = _made(place / published.folder)
    fetching = _Fetching(mirrors, force, tell or _silent, progress or _unwatched)
    if name != "mnist":
        return [fetching.fetched(file, home, replace=replace) for file in published.files]
    for file in published.files:
        fetching.fetched(file, home, replace=True)
    return [fetching.converted(home, place / "mnist.h5", replace=replace)]


@dataclass(frozen=True)
class _Fetching:
    """What is the same for all files of a data set; its fields are those of `download_data`."""

    mirrors: Sequence[str]
    force: bool
    tell: Callable[[str], object]
    progress: Bar

    def fetched(self, file: PublishedFile, home: Path, *, replace: bool) -> Path:
        """Return the path of a file that is in a folder from now on."""
        path = home / file.name
        if os.access(path, os.F_OK):
            is_whole = sha256_of(path) == file.sha256
            if is_whole and not self.force:
                self.tell(f"{path}: is there and whole")
                return path
            if not is_whole and not replace:
                raise DataError(
                    f"{path}: is another file, sha256 {sha256_of(path)} instead of {file.sha256}; "
                    "move it away, or replace it with --force"
                )
        with self.progress(file.name) as report:
            mirror = fetch(file, path, self.mirrors, self.tell, report)
        self.tell(f"{path}: fetched, {human_bytes(file.size)} from {shown(mirror)}")
        return path

    def converted(self, raw: Path, path: Path, *, replace: bool) -> Path:
        """Return the HDF5 file that from now on has what the IDX files of a folder have."""
        pairs = {
            split: Pair(raw / f"{part}-images-idx3-ubyte.gz", raw / f"{part}-labels-idx1-ubyte.gz")
            for split, part in (("train", "train"), ("test", "t10k"))
        }
        if os.access(path, os.F_OK):
            is_whole = _is_same(path, open_pairs(pairs))
            if is_whole and not self.force:
                self.tell(f"{path}: is there and whole")
                return path
            if not is_whole and not replace:
                raise DataError(
                    f"{path}: has other examples than the files in {raw}, or is damaged; move it "
                    "away, or replace it with --force"
                )
        write_pairs(pairs, path, overwrite=True)
        self.tell(f"{path}: written")
        return path


def _is_same(path: Path, original: Dataset) -> bool:
    """Return whether a file has the splits, examples and labels of a data set, bit for bit."""
    try:
        found = open_dataset(path)
        return list(found.splits) == list(original.splits) and all(
            _has_same_split(found, original, name) for name in original.splits
        )
    except DataError:
        return False


def _has_same_split(found: Dataset, original: Dataset, name: str) -> bool:
    """Return whether one split is the same."""
    ours, theirs = found.split(name), original.split(name)
    rows = np.arange(len(theirs))
    return (
        ours.rows.dtype == theirs.rows.dtype
        and np.array_equal(ours.labels, theirs.labels)
        and np.array_equal(ours.rows.read(rows), theirs.rows.read(rows))
    )


def _made(folder: Path) -> Path:
    """Return a folder that exists from now on."""
    make_folder(folder, "choose another place with --to")
    return folder


def _silent(_: str) -> None:
    """Tell nobody."""


def _unwatched(_: str) -> AbstractContextManager[None]:
    """Show nobody how far a transfer is."""
    return nullcontext()
