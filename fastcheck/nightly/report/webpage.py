"""A run as one HTML file that needs nothing beside itself."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from fastcheck.nightly.records import FINE, STATUSES
from fastcheck.nightly.report.changes import sort_changes
from fastcheck.nightly.report.digest import by_attention, digest
from fastcheck.nightly.report.drawing import Drawer
from fastcheck.nightly.report.text import clipped, summary
from fastcheck.nightly.report.view import RUNS, SIGNS, past, slug, view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastcheck.nightly.records import Record, Run
    from fastcheck.nightly.report.changes import Changed, Compared
    from fastcheck.nightly.report.view import CaseView

__all__ = ["html"]

MOST_FULL: Final = 30
"""Cases that are shown in full, with pictures."""
MOST_CASES: Final = 1500
"""Cases that have a place on the page; they are the ones to look at first."""
MOST_LISTED: Final = 6
"""Cases listed under one headline of the summary."""
TIMES: Final = ("slower", "faster")
"""Changes that do not ask for a case in full."""
CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Characters that cannot be seen, but for tabs and the ends of lines."""
MISSING: Final = "this needs {}: pip install 'fastcheck[report]'"


def html(run: Run, comparison: Compared | None = None, history: Sequence[Run] = ()) -> str:
    """Return a run as one HTML page that works offline and from an attachment.

    Parameters
    ----------
    run : Run
        The run, finished or not.
    comparison : Comparison, optional
        With the run before.
    history : sequence of Run
        Earlier runs of the suite, in any order; the last 20 are shown.

    Returns
    -------
    str
        The page. Text that comes from outside is escaped, only its own script may run, and nothing
        is loaded. At most 30 cases are shown in full, with pictures: those that changed for the
        worse, then those that did not pass or changed otherwise. Where the packages of
        ``fastcheck[report]`` are missing, the page says so: without matplotlib it has no pictures,
        without Jinja2 it is the summary.
    """
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    except ImportError:
        return _bare(run, comparison)
    environment = Environment(
        loader=FunctionLoader(_part), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, finalize=_shown_whole,
    )  # fmt: skip
    environment.filters |= {"slug": slug, "clipped": clipped}
    return environment.get_template("page.html").render(_shown(run, comparison, history))


def _shown_whole(value: object) -> object:
    """Return what is put into the page, with characters that a browser shows as boxes spelled."""
    if type(value) is not str:  # drawings are of a type of their own
        return value
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], value)


def _part(name: str) -> str:
    """Return a file that stands beside this module."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _bare(run: Run, comparison: Compared | None) -> str:
    """Return the summary as a page, without any package."""
    text = escape(summary(run, comparison, width=100))
    missing = escape(MISSING.format("Jinja2").capitalize())
    title = escape(f"{run.suite} {run.id}")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>\n'
        f"<p>Tables, search and pictures are missing: {missing}</p>\n<pre>{text}</pre></html>\n"
    )


def _shown(run: Run, comparison: Compared | None, history: Sequence[Run]) -> dict[str, Any]:
    """Return what the template shows."""
    told = digest(run, comparison)
    changes: dict[str, list[Changed]] = {}
    for change in sort_changes(comparison):
        changes.setdefault(change.name, []).append(change)
    cases = _cases(run, changes, history)
    script, style = _part("page.js"), _part("page.css")
    digested = b64encode(hashlib.sha256(f"\n{script}".encode()).digest()).decode()
    return {
        "run": run,
        "told": told,
        "sign": SIGNS[told.word],
        "cases": cases,
        "n_left": len(run.records) - len(cases),
        "n_changed": sum(bool(case.changes) for case in cases),
        "counts": [(s, SIGNS[s], run.count(s)) for s in STATUSES if run.count(s)],
        "anchors": {case.name: case.id for case in cases},
        "most": MOST_LISTED,
        "script": script,
        "script_hash": digested,
        "style": style,
    }


def _cases(
    run: Run, changes: Mapping[str, Sequence[Changed]], history: Sequence[Run]
) -> list[CaseView]:
    """Return the cases to show, those that ask for attention first."""
    changed = [n for n, found in changes.items() if any(c.kind not in TIMES for c in found)]
    worse = {n for n, found in changes.items() if any(c.kind == "regressed" for c in found)}
    records = sorted(by_attention(run.records, changed), key=lambda r: r.case.name not in worse)
    records = records[:MOST_CASES]
    full = _in_full(records, set(changed))
    others = [other for other in history if other.id != run.id]
    runs = [*sorted(others, key=lambda other: other.id)[-RUNS:], run]
    lookup = [{record.case.name: record for record in other.records} for other in runs]
    drawer = Drawer(MISSING.format("matplotlib"))
    shown = []
    for number, record in enumerate(records):
        name, in_full = record.case.name, record.case.name in full
        drawings, note = drawer.draw(record) if in_full else ([], "")
        shown.append(
            view(
                number, record, changes.get(name, ()), past(name, runs, lookup), in_full=in_full,
                drawings=drawings, note=note,
            )
        )  # fmt: skip
    return shown


def _in_full(records: Sequence[Record], changed: set[str]) -> set[str]:
    """Return the names of the cases that are shown in full; those not run have nothing to show."""
    names = [
        record.case.name
        for record in records
        if record.case.name in changed or record.status not in (*FINE, "not run")
    ]
    return set(names[:MOST_FULL])
