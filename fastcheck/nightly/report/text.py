"""A run as text: what changed, what broke, what could not be decided, what was not run."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from fastcheck.nightly.report.digest import digest
from fastcheck.report.lists import limited
from fastcheck.report.page import Page, print_fitted, width_of
from fastcheck.report.text import render

if TYPE_CHECKING:
    from typing import IO

    from fastcheck.nightly.records import Record, Run
    from fastcheck.nightly.report.changes import Compared

__all__ = ["print_summary", "record_text", "summary"]

STYLES: Final = {"incomplete": "inconclusive", "interrupted": "inconclusive"}
"""Of words for a run that the page has no style for."""
MOST: Final = 5
"""Cases listed under one label, so that all labels are on the first screen."""
LONGEST: Final = 240
"""Characters of one line about a case; its own report says all."""


def summary(
    run: Run,
    comparison: Compared | None = None,
    *,
    width: int | None = None,
    color: bool = False,
    unicode: bool = True,
) -> str:
    """Return a run as text, regressions first.

    Parameters
    ----------
    run : Run
        The run, finished or not.
    comparison : Comparison, optional
        With the run before.
    width : int, optional
        Columns, at least 60. By default those of the terminal, or 100 if there is none.
    color : bool
        Whether the text has ANSI colours.
    unicode : bool
        Whether it may have characters beyond ASCII.

    Returns
    -------
    str
        Lines without a newline at the end. Five cases are listed under each label; the others
        are counted.
    """
    page = Page(width_of(sys.stdout) if width is None else width, color, unicode)
    told = digest(run, comparison)
    spelled = _plain if not unicode else str
    page.add(told.word.upper(), f"{run.suite}: {told.headline}", STYLES.get(told.word, told.word))
    since = [f"since {told.before}: {told.changed}", told.environment] if told.changed else []
    page.add("changed", [spelled(line) for line in since if line], "note")
    for section in told.sections:
        lines = [f"{item.name}: {clipped(spelled(item.text))}" for item in section.items]
        page.add(section.label, limited(lines, len(lines), MOST), section.style)
    page.add("coverage", told.coverage)
    page.add("run", f"{run.id}, {told.when}")
    return page.text()


def _plain(text: str) -> str:
    return text.replace("→", "->")


def clipped(text: str, most: int = LONGEST) -> str:
    r"""Return a text on one line, its end left out where it is long, between words if it can be.

    Examples
    --------
    >>> clipped("one line\n  and another", 12), clipped("short"), clipped("x" * 100, 8)
    ('one line …', 'short', 'xxxxxx …')
    """
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    head = line[: most - 1]
    words, _, rest = head.rpartition(" ")
    return f"{words if words and len(rest) < most // 2 else head[:-1]} …"


def record_text(record: Record, width: int = 100, *, unicode: bool = True) -> str:
    """Return all that is known of a case: its message, the traceback, and the report of its check.

    Parameters
    ----------
    record : Record
        What became of the case.
    width : int
        Columns of the report, at least 60.
    unicode : bool
        Whether it may have characters beyond ASCII.
    """
    report = "" if record.result is None else render(record.result, width=width, unicode=unicode)
    return "\n\n".join(filter(None, [record.message, record.traceback, report]))


def print_summary(
    run: Run, comparison: Compared | None = None, file: IO[str] | None = None
) -> None:
    """Print a run, in colour on a terminal.

    Parameters
    ----------
    run : Run
        The run.
    comparison : Comparison, optional
        With the run before.
    file : text file, optional
        Standard output by default. Characters that it cannot encode are written in ASCII.
    """
    print_fitted(partial(summary, run, comparison), file)
