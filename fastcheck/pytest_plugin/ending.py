"""The end of a session: the reports of all checks, and a few lines in the terminal."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from fastcheck.nightly.beginning import surroundings
from fastcheck.nightly.records import STATUSES, Record, Run
from fastcheck.nightly.report import write_reports
from fastcheck.nightly.report.text import clipped
from fastcheck.result.wording import count, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    Told = Mapping[str, Any]

__all__ = ["summary", "write"]

MOST: Final = 10
"""Checks that are listed in the terminal."""
EXPECTED: Final = {"expected": "fail as expected"}
"""What a status is called where it is counted, if not by itself."""
LABEL: Final = 14
"""Width of the column of statuses."""


def write(
    folder: Path, root: Path, checks: Iterable[Told], started: datetime, *, is_finished: bool
) -> Path:
    """Write the reports of all checks, and return the page.

    Parameters
    ----------
    folder : Path
        Where; it exists.
    root : Path
        The folder of the project, after which the run is called.
    checks : iterable of dict
        What was told of each, in full.
    started : datetime
        When the session began.
    is_finished : bool
        Whether it came to its end.

    Raises
    ------
    DataError
        If a file cannot be written.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    run = Run(
        id=f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        suite=root.name or "pytest",
        suite_sha256="",
        started=started.isoformat(timespec="milliseconds"),
        finished=now if is_finished else "",
        provenance=surroundings(root),
        records=tuple(Record.from_dict(json.loads(check["record"])) for check in checks),
    )
    return write_reports(folder, run)[0]


def summary(checks: Iterable[Told], *, is_verbose: bool) -> Iterator[str]:
    """Yield lines for the terminal: what did not pass, the worst first, and how many did.

    Parameters
    ----------
    checks : iterable of dict
        What was told of each.
    is_verbose : bool
        Whether those are listed, too, that passed, and no line ends early.
    """
    every = sorted(checks, key=lambda check: STATUSES.index(check["status"]))
    listed = [check for check in every if is_verbose or not check["passes"]]
    most = len(listed) if is_verbose else MOST
    for check in listed[:most]:
        text = check["text"] if is_verbose else clipped(check["text"])
        yield f"{check['status']:<{LABEL}}{check['name']}: {text}"
    if len(listed) > most:
        yield f"and {count(len(listed) - most)} more"
    counts = [(sum(c["status"] == status for c in every), status) for status in STATUSES]
    parts = ", ".join(f"{count(n)} {EXPECTED.get(s, s)}" for n, s in counts if n)
    yield f"{quantity(len(every), 'check')}: {parts}" if every else "nothing was checked"
