"""A run as Markdown, for the page of a job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fastcheck.nightly.records import FINE
from fastcheck.nightly.report.digest import by_attention, digest, why
from fastcheck.nightly.report.text import clipped
from fastcheck.report.lists import MOST_LINES
from fastcheck.report.text import render
from fastcheck.result.wording import count, quantity, seconds, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastcheck.nightly.records import Record, Run
    from fastcheck.nightly.report.changes import Compared
    from fastcheck.nightly.report.digest import Section

__all__ = ["markdown"]

SIGNS: Final = {
    "pass": "✅", "expected": "☑️", "fail": "❌", "error": "💥", "crashed": "💥", "timeout": "⏱️",
    "inconclusive": "❔", "interrupted": "✋", "incomplete": "⚠️", "not run": "⏭️",
}  # fmt: skip
SPECIAL: Final = re.compile(r"([\\`*_\[\]|~$])")
"""Characters that mean something inside a line of Markdown."""
LINE_END: Final = re.compile(r"\r\n|\r|\n")
"""What ends a line of Markdown."""
MOST_FULL: Final = 30
"""Reports on single cases, so that the page stays below the megabyte that servers show."""
LONGEST: Final = 12_000
"""Characters of one report."""
WIDTH: Final = 100


def markdown(run: Run, comparison: Compared | None = None) -> str:
    """Return a run as Markdown of the GitHub kind, regressions first.

    Parameters
    ----------
    run : Run
        The run, finished or not.
    comparison : Comparison, optional
        With the run before.

    Returns
    -------
    str
        Lines, ended by a newline; at most 30 reports on single cases, below 0.6 MB. All text that
        comes from outside is escaped.
    """
    told = digest(run, comparison)
    title = f"{SIGNS[told.word]} {told.word.upper()}: {escaped(run.suite)}"
    lines = [f"# {title}", "", told.headline, ""]
    if told.changed:
        lines += [f"**Since `{_code(told.before)}`:** {told.changed}", ""]
    if told.environment:
        lines += [escaped(told.environment), ""]
    for section in told.sections:
        lines += _section(section)
    records = [r for r in by_attention(run.records) if r.status not in FINE]
    lines += _table(records) if records else []
    for record in records[:MOST_FULL]:
        lines += _report(record)
    lines += [f"{escaped(told.coverage)}. Run `{_code(run.id)}`, {escaped(told.when)}.", ""]
    return "\n".join(lines)


def escaped(text: str) -> str:
    r"""Return a text that Markdown shows as it is, on one line.

    Examples
    --------
    >>> print(escaped("W1[0] | <b>"))
    W1\[0\] \| &lt;b&gt;
    """
    return SPECIAL.sub(r"\\\1", _inert(visible(" ".join(text.split()))))


def _inert(line: str) -> str:
    """Return a line in which nothing is a tag."""
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    return "".join(c if c.isprintable() and c != "`" else "?" for c in text)


def _section(section: Section) -> Iterator[str]:
    yield f"**{section.label.capitalize()}** ({count(len(section.items))})"
    yield ""
    for item in section.items[:MOST_LINES]:
        sign = SIGNS.get(item.status, "")
        yield f"- {sign} **{escaped(item.name)}**: {escaped(clipped(item.text))}"
    left = len(section.items) - MOST_LINES
    if left > 0:
        yield f"- and {count(left)} more"
    yield ""


def _table(records: Sequence[Record]) -> Iterator[str]:
    """Yield a table of all that did not pass."""
    yield "| case | status | checked | time | why |"
    yield "|---|---|---:|---:|---|"
    for record in records[: 10 * MOST_FULL]:
        cells = [escaped(record.case.name), f"{SIGNS[record.status]} {record.status}"]
        cells += [_checked(record), seconds(record.seconds) if record.started else ""]
        yield f"| {' | '.join(cells)} | {escaped(clipped(why(record)))} |"
    left = len(records) - 10 * MOST_FULL
    if left > 0:
        yield f"| and {quantity(left, 'more case')} | | | | |"
    yield ""


def _checked(record: Record) -> str:
    """Return how many entries were looked at."""
    if record.result is None:
        return ""
    covered = record.result.coverage
    return f"{count(covered.n_checked)} of {count(covered.n_entries)}"


def _report(record: Record) -> Iterator[str]:
    """Yield the whole report on a case, folded; nothing for one that was not run."""
    report = "" if record.result is None else render(record.result, width=WIDTH)
    text = "\n\n".join(filter(None, [record.traceback, report]))
    if not text:
        return
    if len(text) > LONGEST:
        text = text[:LONGEST] + "\n…"
    name = _inert(visible(" ".join(record.case.name.split())))
    yield f"<details><summary>{name}: {record.status}</summary>"
    yield ""
    yield from (f"    {visible(line.expandtabs())}".rstrip() for line in LINE_END.split(text))
    yield ""
    yield "</details>"
    yield ""
