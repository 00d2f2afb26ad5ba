"""What is known of a run before its first case."""

from __future__ import annotations

import platform
import secrets
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fastcheck.nightly.records import Record, Run
from fastcheck.nightly.work.basis import files_of, machine, versions

if TYPE_CHECKING:
    from pathlib import Path

    from fastcheck.nightly.suite import Suite

__all__ = ["MemoryParts", "new_run", "now", "provenance", "surroundings"]


class MemoryParts:
    """A run in progress that is kept in memory only, for those who want no archive.

    Parameters
    ----------
    run : Run
        As it begins.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    def add(self, record: Record) -> None:
        """Put a record in the place of an older one of the same case."""
        self.run = self.run.with_record(record)

    def finish(self, finished: str) -> None:
        """Note when the run ended: UTC, ISO 8601."""
        self.run = replace(self.run, finished=finished)

    def close(self) -> None:
        """Do nothing: no file is open."""


def now() -> str:
    """Return the time in UTC, to a millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_run(suite: Suite, *, seed: int = 0, **options: Any) -> Run:
    """Return a run of a suite in which no case was run yet.

    Parameters
    ----------
    suite : Suite
        The suite.
    seed : int
        What is added to the seeds of the cases.
    **options
        What else the command was given; None is left out.
    """
    now = datetime.now(UTC)
    given = {"seed": seed} | {k: v for k, v in options.items() if v is not None}
    return Run(
        id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        suite=suite.name,
        suite_sha256=suite.sha256,
        started=now.isoformat(timespec="milliseconds"),
        provenance=provenance(suite),
        options=given,
        records=tuple(Record(case) for case in suite.with_seed(seed).cases),
    )


def provenance(suite: Suite) -> dict[str, str]:
    """Return what the results of a suite depend on besides its file.

    Returns
    -------
    dict of str to str
        Versions (``python``, ``fastcheck``, ``numpy``, …), ``machine``, ``git`` (commit of the
        folder of the suite, and whether something is changed), and the sha256 of each file of code
        (``code net.py``), those that it imports from near included, and of data (``data mnist``).
    """
    return {**surroundings(suite.folder), **files_of(suite.cases, suite.folder)}


def surroundings(folder: Path) -> dict[str, str]:
    """Return versions, the machine, and the commit of a folder."""
    return {
        **versions(),
        "machine": machine(),
        "system": platform.platform(),
        "git": _git(folder),
    }


def _git(folder: Path) -> str:
    """Return the commit of a folder, and whether files are changed; empty outside of git."""

    def call(*arguments: str) -> str | None:
        command = ["git", "-C", str(folder), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = call("rev-parse", "HEAD")
    if commit is None:
        return ""
    changed = call("status", "--porcelain", "--untracked-files=no", "--", ".")
    return f"{commit}, files changed" if changed else commit
