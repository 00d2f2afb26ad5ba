"""Ending what the process of a case started, wherever it went.

A process group is left by whatever begins a session of its own, and a parent by what outlives it; a
variable in the environment is inherited by all of them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MARK", "kill_marked", "new_mark"]

MARK: Final = "FASTCHECK_CASE"
"""Variable of the environment with the marks of a case, and of those in whose code it runs."""
PROCESSES: Final = Path("/proc")


def new_mark(environment: Mapping[str, str]) -> str:
    """Return marks of which the last is new, and the others are those of an environment."""
    return f"{environment.get(MARK, '')} {secrets.token_hex(16)}".strip()


def kill_marked(mark: str) -> None:
    """Kill all processes of this user that have the last mark; on Linux, elsewhere none.

    Parameters
    ----------
    mark : str
        What :func:`new_mark` returned.
    """
    last = mark.rpartition(" ")[2].encode()
    killed: set[int] = set()
    while new := _marked(last) - killed:  # one may have started another meanwhile
        for number in new:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGKILL)
        killed |= new


def _marked(mark: bytes) -> set[int]:
    found = set()
    with contextlib.suppress(OSError):
        for folder in PROCESSES.iterdir():
            if folder.name.isdecimal():
                with contextlib.suppress(OSError):  # it has ended, or is somebody else's
                    if mark in (folder / "environ").read_bytes():
                        found.add(int(folder.name))
    return found
