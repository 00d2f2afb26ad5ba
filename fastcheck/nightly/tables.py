"""Comparisons and histories as text."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from fastcheck.nightly.compare import KINDS, Comparison
from fastcheck.nightly.records import BROKEN, NOT_RUN
from fastcheck.report.page import STYLES, Page, print_fitted, width_of
from fastcheck.report.table import ASCII_BOX, UNICODE_BOX
from fastcheck.result.wording import count, quantity, seconds, trimmed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from fastcheck.nightly.history import CaseHistory, Moment

__all__ = ["print_out", "render_comparison", "render_history"]

MOST_ROWS: Final = 30
"""How many changes of one kind are shown; the rest is counted."""
COLORS: Final = {
    "regressed": "bold red", "fixed": "bold green", "new-finding": "bold yellow",
    "diagnosis": "yellow", "worst": "yellow", "coverage": "yellow", "lost": "yellow",
    "not-run": "bold yellow", "flaky": "magenta", "slower": "cyan", "faster": "cyan",
}  # fmt: skip
SHOWN: Final = 36
"""Characters of a value of the environment."""


def render_comparison(
    comparison: Comparison, *, width: int | None = None, color: bool = False, unicode: bool = True
) -> str:
    """Return what changed as text: how much of what, then a table, the worst first.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    width : int, optional
        Columns, at least 60. By default those of the terminal, or 100 if there is none.
    color : bool
        Whether the text has ANSI colours.
    unicode : bool
        Whether it may have characters beyond ASCII.
    """
    page = Page(width_of(sys.stdout) if width is None else width, color, unicode)
    page.add("suite", f"{comparison.suite}, {quantity(comparison.n_cases, 'case')}")
    page.add("before", comparison.old)
    page.add("now", comparison.new)
    told = [f"{count(comparison.count(kind))} {kind}" for kind in KINDS if comparison.count(kind)]
    style = "fail" if comparison.is_worse else "label"
    page.add("changes", ", ".join(told) or "none", style)
    page.add("environment", [_changed(*change) for change in comparison.environment], "quiet")
    if comparison.changes:
        page.gap()
        page.draw(_changes(page, comparison))
    return page.text()


def _changed(name: str, before: str, after: str) -> str:
    return f"{name}: {_cut(before)} -> {_cut(after)}"


def _cut(text: str) -> str:
    shown = trimmed(text)
    return (shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}...") or "nothing"


def _changes(page: Page, comparison: Comparison) -> Table:
    rows = []
    for kind in KINDS:
        found = comparison.of(kind)
        color = COLORS.get(kind, "")
        rows += [((c.kind, color), (c.name, ""), (c.message, "")) for c in found[:MOST_ROWS]]
        if len(found) > MOST_ROWS:
            more = f"and {count(len(found) - MOST_ROWS)} more"
            rows.append(((kind, color), (more, STYLES["quiet"]), ("", "")))
    return _table(page, ("change", "case", "what"), rows)


def render_history(
    history: CaseHistory, *, width: int | None = None, color: bool = False, unicode: bool = True
) -> str:
    """Return what became of a case as text: a row for each run, the newest last.

    Parameters
    ----------
    history : CaseHistory
        The history.
    width, color, unicode
        As for :func:`render_comparison`.
    """
    page = Page(width_of(sys.stdout) if width is None else width, color, unicode)
    page.add("case", history.name)
    page.add("suite", history.suite)
    flips = sum(moment.is_flip for moment in history.moments)
    told = f"{quantity(len(history.moments), 'run')}, {quantity(flips, 'change')} of the verdict"
    page.add("history", f"{told}{'; flaky' if history.is_flaky else ''}")
    if history.moments:
        page.gap()
        rows = [_row(moment) for moment in history.moments]
        page.draw(_table(page, ("run", "status", "time", "worst off by", "what"), rows))
    return page.text()


def _row(moment: Moment) -> tuple[tuple[str, str], ...]:
    record, worst = moment.record, moment.worst
    style = STYLES.get(record.status, "")
    if record.status in (*BROKEN, *NOT_RUN):
        style = STYLES["error" if record.status in BROKEN else "quiet"]
    status = f"{record.status} {'<-' if moment.is_flip else ''}".strip()
    time = seconds(record.seconds) if record.seconds else "-"
    remark = "; ".join(
        filter(None, ["other settings" if moment.has_new_settings else "", moment.remark])
    )
    off = f"{worst.deviation:.1e}" if worst else "-"
    return (moment.run, ""), (status, style), (time, ""), (off, ""), (remark, "")


def _table(page: Page, headings: Sequence[str], rows: Sequence[Sequence[tuple[str, str]]]) -> Table:
    """Return a table of texts with styles; its last column takes what width is left."""
    box = UNICODE_BOX if page.unicode else ASCII_BOX
    table = Table(
        box=box, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0)
    )
    for number, heading in enumerate(headings):
        is_fixed = number == 0 or (len(headings) > 3 and number < len(headings) - 1)
        table.add_column(heading, overflow="fold", no_wrap=is_fixed)
    for row in rows:
        table.add_row(*(Text(page.spell(text), style) for text, style in row))
    return table


def print_out(thing: Comparison | CaseHistory, file: IO[str] | None = None) -> None:
    """Print a comparison or a history, in colour on a terminal.

    Parameters
    ----------
    thing : Comparison or CaseHistory
        What is printed.
    file : text file, optional
        Standard output by default. Characters that it cannot encode are written in ASCII.
    """
    if isinstance(thing, Comparison):
        print_fitted(partial(render_comparison, thing), file)
    else:
        print_fitted(partial(render_history, thing), file)
