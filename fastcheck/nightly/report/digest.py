"""What a run comes to: one word, one sentence, and what to look at first.

All formats are written from this, so that they say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from fastcheck.nightly.records import FAILED, FINE, STATUSES
from fastcheck.nightly.report.changes import sort_changes
from fastcheck.result.wording import count, listing, percent, quantity, seconds, trimmed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fastcheck.nightly.records import Record, Run
    from fastcheck.nightly.report.changes import Changed, Compared, Sorted

__all__ = ["OPEN", "Digest", "Item", "Section", "by_attention", "digest", "why"]

OPEN: Final = ("inconclusive", "interrupted")
"""Statuses of a case that was run and has no answer."""
WORDS: Final = {
    "crashed": "error", "timeout": "error", "not run": "incomplete", "expected": "pass",
}  # fmt: skip
"""The word for a whole run where it is not the status of its worst case."""
COUNTED: Final = {"timeout": "timed out", "expected": "fail as expected"}
"""What cases of a status are called where they are counted, if not by the status."""
SILENT: Final = {
    "not run": "it was not run",
    "interrupted": "it was interrupted",
    "timeout": "it took longer than its limit",
    "crashed": "the process that it ran in ended",
    "error": "the checked code raised",
}
"""What is said of a case without a message."""
REASONED: Final = ("regressed", "not-run")
"""Kinds of change after which it is said why the case is as it is."""
MOST_OTHERS: Final = 6
"""Versions and the like that are named if they changed."""
KINDS: Final = {
    "diagnosis": "another cause",
    "worst": "another deviation",
    "coverage": "coverage",
    "flaky": "flaky",
    "slower": "slower",
    "faster": "faster",
}
"""What kinds of change are called that have no section of their own."""


@dataclass(frozen=True)
class Item:
    """One line about one case.

    Attributes
    ----------
    name : str
        The case.
    status : str
        What it is now; empty for a case that is not in the run.
    text : str
        A sentence.
    """

    name: str
    status: str
    text: str


@dataclass(frozen=True)
class Section:
    """Cases of which the same is to be said.

    Attributes
    ----------
    key : str
        A name for programs.
    label : str
        At most 13 characters.
    style : str
        How it looks: a status, ``"note"`` or ``"quiet"``.
    items : tuple of Item
        The cases.
    """

    key: str
    label: str
    style: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Digest:
    """What a run comes to.

    Attributes
    ----------
    word : str
        ``"pass"`` only if every case ran, and passed or failed as expected; else the worst that
        happened: ``"fail"``, ``"error"``, ``"inconclusive"``, ``"interrupted"`` or
        ``"incomplete"``.
    headline : str
        How many cases have which status.
    before : str
        The id of the run that it is compared with; empty if there is none.
    changed : str
        What changed since then, in numbers; empty if there is nothing to compare with.
    environment : str
        What else is not as it was, such as a version; empty if nothing is.
    sections : tuple of Section
        What to look at, the most urgent first; none is empty.
    coverage : str
        How many entries of how many cases were looked at.
    when : str
        When the run was and how long it took.
    """

    word: str
    headline: str
    before: str
    changed: str
    environment: str
    sections: tuple[Section, ...]
    coverage: str
    when: str


def digest(run: Run, comparison: Compared | None = None) -> Digest:
    """Return what a run comes to.

    Parameters
    ----------
    run : Run
        The run, finished or not.
    comparison : Comparison, optional
        With the run before.
    """
    changes = sort_changes(comparison)
    sections = _sections(run, changes, is_compared=comparison is not None)
    return Digest(
        word=_word(run),
        headline=_headline(run),
        before="" if comparison is None else comparison.old,
        changed="" if comparison is None else _changed(changes),
        environment="" if comparison is None else _environment(comparison),
        sections=tuple(section for section in sections if section.items),
        coverage=_coverage(run),
        when=_when(run),
    )


def by_attention(records: Iterable[Record], changed: Sequence[str] = ()) -> list[Record]:
    """Return records, those first that did not pass or are `changed`, the worst status first."""
    rank = {status: n for n, status in enumerate(STATUSES)}
    first = set(changed)
    return sorted(records, key=lambda r: (rank[r.status], r.case.name not in first))


def why(record: Record) -> str:
    """Return in a sentence what is to be said of a case first, empty for one that passes."""
    if record.status == "pass":
        return ""
    if record.result is None:
        return record.message or SILENT.get(record.status, "it has no result")
    told = [_cause(record).rstrip("."), record.message]
    return "; ".join(filter(None, reversed(told) if record.is_missed else told))


def _cause(record: Record) -> str:
    """Return the first cause of a result, or what it says of itself where there is none."""
    assert record.result is not None
    causes = [d for d in record.result.diagnosis if not d.accepted]
    first = next((d for d in causes if d.is_exact), causes[0] if causes else None)
    if record.result.verdict != "fail" or first is None:
        return record.result.summary()
    more = len(causes) - 1
    return first.located + (f" (and {quantity(more, 'more cause')})" if more else "")


def _word(run: Run) -> str:
    present = [status for status in STATUSES if run.count(status)]
    worst = present[0] if present else "not run"
    if worst in FINE and not run.is_finished:
        return "interrupted"
    return WORDS.get(worst, worst)


def _headline(run: Run) -> str:
    found = [(run.count(status), COUNTED.get(status, status)) for status in STATUSES]
    counts = [f"{count(n)} {word}" for n, word in found if n]
    cases = quantity(len(run.records), "case")
    return f"{cases}: {', '.join(counts)}" if counts else "no cases"


def _changed(changes: Sorted) -> str:
    counts = [
        (len(changes.regressed), "regressed"),
        (len(changes.new), "new and broken"),
        (len(changes.gone), "no longer run"),
        (len(changes.found), "with a new finding"),
        (len(changes.fixed), "fixed"),
        (len(changes.others), "changed otherwise"),
    ]
    return ", ".join(f"{count(n)} {word}" for n, word in counts if n) or "nothing changed"


def _environment(comparison: Compared) -> str:
    """Return in a sentence what else is not as it was, empty if nothing is."""
    told = [f"{name} {before or 'none'} → {after or 'none'}" for name, before, after in (
        comparison.environment
    )]  # fmt: skip
    return trimmed(f"also another: {listing(told, MOST_OTHERS)}") if told else ""


def _sections(run: Run, changes: Sorted, *, is_compared: bool) -> list[Section]:
    """Return what changed, the worst first, then what is as bad as before."""
    rank = {status: n for n, status in enumerate(STATUSES)}
    of = {record.case.name: record for record in run.records}

    def told(changes: list[Changed]) -> tuple[Item, ...]:
        return tuple(_item(change, of.get(change.name)) for change in changes)

    regressed = sorted(told(changes.regressed), key=lambda item: rank.get(item.status, 0))
    new, gone = told(changes.new), told(changes.gone)
    known = {item.name for item in (*regressed, *new, *gone)}
    too = " too" if is_compared else ""

    def left(key: str, label: str, style: str, statuses: Sequence[str]) -> Section:
        records = [r for r in run.records if r.status in statuses and r.case.name not in known]
        items = (Item(r.case.name, r.status, why(r)) for r in by_attention(records))
        return Section(key, label + too, style, tuple(items))

    return [
        Section("regressed", "regressed", "fail", tuple(regressed)),
        Section("new", "broken, new", "fail", new),
        Section("gone", "no longer run", "warning", gone),
        Section("new-finding", "new finding", "warning", told(changes.found)),
        Section("fixed", "fixed", "pass", told(changes.fixed)),
        left("broken", "broken", "fail", FAILED),
        left("open", "undecided", "inconclusive", OPEN),
        left("not-run", "not run", "warning", ["not run"]),
        Section("other", "other changes", "note", told(changes.others)),
    ]


def _item(change: Changed, record: Record | None) -> Item:
    """Return what is said of a changed case: the change, and why it is as it is."""
    status = "" if record is None else record.status
    told = change.message or f"{change.before} → {change.after}"
    if change.kind in KINDS:
        told = f"{KINDS[change.kind]}: {told}"
    reason = why(record) if record is not None and change.kind in REASONED else ""
    if reason and reason.rstrip(".") not in told:
        told = f"{told.rstrip('.')}; {reason}"
    return Item(change.name, status, told)


def _coverage(run: Run) -> str:
    covered = [r.result.coverage for r in run.records if r.result is not None]
    entries, checked, resolved = (
        sum(getattr(c, f"n_{name}") for c in covered) for name in ("entries", "checked", "resolved")
    )
    of = f"{count(len(covered))} of {quantity(len(run.records), 'case')} reached a result"
    if not entries:
        return of
    return (
        f"{of}; {count(checked)} of their {quantity(entries, 'entry', 'entries')} checked "
        f"({percent(checked, entries)}), {count(resolved)} resolved"
    )


def _when(run: Run) -> str:
    """Return when a run was, how long it took, and what it was given."""
    took = _between(run.started, run.finished)
    text = f"{run.started.replace('T', ' ').removesuffix('+00:00').removesuffix('Z')} UTC"
    text += f", {seconds(took)}" if took is not None else ""
    text += "" if run.is_finished else ", not finished"
    given = [f"{name} {_option(value)}" for name, value in run.options.items() if value]
    return ", ".join([text, *given])


def _option(value: Any) -> str:
    """Return an option as it is read; several values are listed, a float is a time."""
    if isinstance(value, list | tuple):
        return listing([str(item) for item in value])
    if isinstance(value, float) and value >= 3600.0:
        return f"{value / 3600.0:.3g} h"
    return seconds(value) if isinstance(value, float) else str(value)


def _between(start: str, end: str) -> float | None:
    """Return the seconds between two times in ISO 8601, None if one of them is none."""
    try:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    except (ValueError, TypeError):
        return None
