"""The parts of a run become one HDF5 file, which has its name only after it has been compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import DataError
from fastcheck.files import written_whole
from fastcheck.nightly.archive import layout
from fastcheck.nightly.archive.documents import dumped
from fastcheck.nightly.archive.reading import arrays_digest, part_arrays, read_parts
from fastcheck.nightly.archive.store import each_arrays, read_file, write_file

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from fastcheck.nightly.records import Run

    Arrays = dict[str, dict[str, NDArray[Any]]]

__all__ = ["check_folder", "finished_file", "join", "write_joined"]


def join(folder: str | os.PathLike[str], target: str | os.PathLike[str]) -> Path:
    """Write a run in progress to an HDF5 file, as it is now, and leave its parts alone.

    Parameters
    ----------
    folder : path-like
        The folder of its parts; another process may be adding to it.
    target : path-like
        The file, which must not exist.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DataError
        If a part is damaged, or the file exists or cannot be written.
    """
    folder, target = Path(folder), Path(target)
    check_folder(folder)
    write_joined(target, read_parts(folder), folder)
    return target


def write_joined(target: Path, run: Run, folder: Path) -> None:
    """Write a run to a file, read it, compare the two, and only then let it have its name.

    Parameters
    ----------
    target : Path
        The file, which must not exist.
    run : Run
        What is written.
    folder : Path
        The parts of the run, where its arrays are.

    Raises
    ------
    DataError
        If it cannot be written, or reads back as something else.
    """
    digests = [arrays_digest(folder, number) for number in range(len(run.records))]
    with written_whole(target) as temporary:
        write_file(temporary, run, lambda number: part_arrays(folder, number, digests[number]))
        is_same = dumped(read_file(temporary).to_dict()) == dumped(run.to_dict())
        if any(digests):
            for number, found in enumerate(each_arrays(temporary)):
                is_same &= _equal(found, part_arrays(folder, number, digests[number]))
        if not is_same:
            raise DataError(
                f"{target}: what was written reads back as something else; check the disk"
            )


def _equal(some: Arrays, others: Arrays) -> bool:
    """Return whether arrays are the same in every bit."""

    def bits(arrays: Arrays) -> dict[tuple[str, str], tuple[Any, ...]]:
        return {
            (kind, name): (array.dtype, array.shape, np.ascontiguousarray(array).tobytes())
            for kind, found in arrays.items()
            for name, array in found.items()
        }

    return bits(some) == bits(others)


def check_folder(folder: Path) -> None:
    """Refuse what is not the folder of a run in progress, or was not until it ended."""
    if folder.suffix != layout.PARTS or not (folder.is_dir() or finished_file(folder).exists()):
        raise DataError(
            f"{folder}: is not the folder of a run in progress, which ends in {layout.PARTS}"
        )


def finished_file(folder: Path) -> Path:
    """Return the file that the parts in `folder` become."""
    return folder.with_suffix(layout.FINISHED)
