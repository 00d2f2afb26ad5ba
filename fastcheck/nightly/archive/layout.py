"""The names of files and folders of an archive; none leads out of it.

``<archive>/<suite>/<run id>.h5``
    A finished run.
``<archive>/<suite>/<run id>.parts/``
    A run in progress: ``run.json``, ``00007.json`` for each record, and ``00007.<digest>.h5`` with
    its arrays if they are kept.
``<archive>/.lock``, ``<archive>/.holder``
    Held by the process that writes, and who that is.
"""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING, Final

from fastcheck.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from fastcheck.nightly.records import Run

__all__ = [
    "FINISHED",
    "HEAD",
    "PARTS",
    "arrays_name",
    "file_of",
    "folder_of",
    "is_digest",
    "is_run_id",
    "is_suite",
    "record_name",
    "record_number",
    "suite_folder",
    "temporary_in",
]

FINISHED: Final = ".h5"
PARTS: Final = ".parts"
HEAD: Final = "run.json"
RUN_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
SUITE: Final = re.compile(r"\w[\w +()@=,.-]*")
LONGEST: Final = 200
"""Bytes of the name of a suite; file systems take 255."""
RECORD: Final = re.compile(r"(\d{5,9})\.json")


def is_run_id(text: str) -> bool:
    """Return whether a text can be the name of a run."""
    return RUN_ID.fullmatch(text) is not None


def is_suite(name: str) -> bool:
    """Return whether a text can be the name of a suite."""
    is_short = len(os.fsencode(name)) <= LONGEST
    return is_short and SUITE.fullmatch(name) is not None and not name.endswith((".", " "))


def suite_folder(archive: Path, suite: str) -> Path:
    """Return the folder of the runs of a suite.

    Raises
    ------
    InputError
        If the name of the suite cannot be that of a folder.
    """
    if not is_suite(suite):
        raise InputError(
            "`suite` must be a name of letters, digits and any of `_ +()@=,.-`, begin with a "
            f"letter or digit, and have at most {LONGEST} bytes, got {suite!r}; name it otherwise"
        )
    return archive / suite


def file_of(archive: Path, run: Run) -> Path:
    """Return the file of a finished run."""
    return _named(archive, run, FINISHED)


def folder_of(archive: Path, run: Run) -> Path:
    """Return the folder of a run in progress."""
    return _named(archive, run, PARTS)


def _named(archive: Path, run: Run, ending: str) -> Path:
    if not is_run_id(run.id):
        raise InputError(
            f"`run.id` must be letters, digits and any of `_-`, got {run.id!r}; give it such a name"
        )
    return suite_folder(archive, run.suite) / f"{run.id}{ending}"


def record_name(number: int) -> str:
    """Return the name of the part of a record, by the place of its case in the run."""
    return f"{number:05d}.json"


def record_number(name: str) -> int | None:
    """Return the place that :func:`record_name` wrote, None if it is no such name."""
    found = RECORD.fullmatch(name)
    return int(found[1]) if found and record_name(int(found[1])) == name else None


def is_digest(text: str) -> bool:
    """Return whether a text is a sha256."""
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


def arrays_name(number: int, digest: str) -> str:
    """Return the name of the arrays of a record; other content has another name."""
    return f"{number:05d}.{digest[:16]}.h5"


def temporary_in(folder: Path) -> Path:
    """Return a name for what is not whole yet, such as `fastcheck.files` uses."""
    return folder / f".{secrets.token_hex(8)}.tmp"
