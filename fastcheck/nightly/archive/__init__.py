"""The archive of runs: parts while a run is in progress, one HDF5 file afterwards."""

from __future__ import annotations

from fastcheck.nightly.archive.folder import (
    find_run,
    last_run,
    latest,
    past_runs,
    read_run,
    runs,
    unfinished,
)
from fastcheck.nightly.archive.joining import join
from fastcheck.nightly.archive.parts import Parts

__all__ = [
    "Parts",
    "find_run",
    "join",
    "last_run",
    "latest",
    "past_runs",
    "read_run",
    "runs",
    "unfinished",
]
