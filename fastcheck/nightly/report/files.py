"""Writing reports of a run to files that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastcheck.errors import InputError
from fastcheck.files import make_folder, write_text
from fastcheck.nightly.report.jobpage import markdown
from fastcheck.nightly.report.junitxml import junit
from fastcheck.nightly.report.numbers import run_json
from fastcheck.nightly.report.text import summary
from fastcheck.nightly.report.webpage import html
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from fastcheck.nightly.records import Run
    from fastcheck.nightly.report.changes import Compared

    Runs = Sequence[Run]
    Writer = Callable[[Run, Compared | None, Runs], str]

__all__ = ["NAMES", "write_report", "write_reports"]

WRITERS: Final[dict[str, Writer]] = {
    ".html": html,
    ".md": lambda run, comparison, _: markdown(run, comparison),
    ".xml": lambda run, *_: junit(run),
    ".json": lambda run, *_: run_json(run),
    ".txt": lambda run, comparison, _: summary(run, comparison, width=100) + "\n",
}
NAMES: Final = ("run.html", "run.md", "run.xml", "run.json")
"""The files that :func:`write_reports` writes."""


def write_report(
    path: str | os.PathLike[str],
    run: Run,
    comparison: Compared | None = None,
    history: Sequence[Run] = (),
) -> None:
    """Write a report of the kind that the end of its name says; an older file is replaced.

    Parameters
    ----------
    path : path-like
        The file: ``.html``, ``.md``, ``.xml`` (JUnit), ``.json`` or ``.txt``.
    run : Run
        The run, finished or not.
    comparison : Comparison, optional
        With the run before.
    history : sequence of Run
        Earlier runs of the suite, for the page.

    Raises
    ------
    InputError
        If the name ends in something else.
    DataError
        If the file cannot be written. Nothing is left behind, and an older file stays.
    """
    target = Path(path)
    writer = WRITERS.get(target.suffix.lower())
    if writer is None:
        raise InputError(
            f"`path` must end in {listing([*WRITERS], len(WRITERS)).replace(' and ', ' or ')}, "
            f"got {str(target)!r}; the end of the name says which report it is"
        )
    write_text(target, writer(run, comparison, history))


def write_reports(
    folder: str | os.PathLike[str],
    run: Run,
    comparison: Compared | None = None,
    history: Sequence[Run] = (),
) -> list[Path]:
    """Write `NAMES` into a folder, which is made if it is missing, and return their paths.

    The parameters and what is raised are those of :func:`write_report`.
    """
    make_folder(Path(folder))
    paths = [Path(folder) / name for name in NAMES]
    for path in reversed(paths):  # the page last, which has most that may go wrong
        write_report(path, run, comparison, history)
    return paths
