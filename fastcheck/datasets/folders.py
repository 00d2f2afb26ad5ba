"""Where data are looked for, and where downloaded ones are kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import platformdirs

__all__ = ["VARIABLE", "cache_folder", "data_folders", "download_folder", "named_folder"]

VARIABLE: Final = "FASTCHECK_DATA"
"""The environment variable that names the folder of the user's data."""


def named_folder() -> Path | None:
    """Return the folder that the environment variable names, None where it is not set."""
    name = os.environ.get(VARIABLE, "")
    return Path(name) if name else None


def cache_folder() -> Path:
    """Return the folder of the platform for what can be fetched again.

    It is what ``pooch.os_cache("fastcheck")`` says, and does not need pooch, so that data that
    were downloaded are found where it is not installed.
    """
    return platformdirs.user_cache_path("fastcheck")


def data_folders() -> tuple[Path, ...]:
    """Return the folders in which data are looked for, in this order."""
    named, cache = named_folder(), cache_folder()
    folders = [Path("data")] if named is None else [named, Path("data")]
    # Nobody asked for the cache: where its owner is another user, it is as if it were empty.
    return (*folders, cache) if os.access(cache, os.R_OK | os.X_OK) else tuple(folders)


def download_folder() -> Path:
    """Return the folder that downloaded data go to: the user's own, else the cache."""
    return named_folder() or cache_folder()
