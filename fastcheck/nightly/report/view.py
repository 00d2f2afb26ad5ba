"""What the page shows of each case, as far as it is known: text in, pictures beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastcheck.nightly.report.digest import why
from fastcheck.nightly.report.text import clipped
from fastcheck.report.causes import diagnoses
from fastcheck.report.examples import examples, examples_label
from fastcheck.report.facts import facts_of
from fastcheck.report.lists import limited
from fastcheck.report.table import COUNTS, FIGURES, NAME
from fastcheck.report.where import where
from fastcheck.result.wording import count, percent, quantity, seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastcheck.nightly.records import Record, Run
    from fastcheck.nightly.report.changes import Changed
    from fastcheck.result import CheckResult, TensorResult

__all__ = ["SIGNS", "CaseView", "Drawing", "Table", "past", "view"]

SIGNS: Final = {
    "pass": "✓", "expected": "✓", "fail": "✗", "error": "!", "crashed": "!", "timeout": "!",
    "inconclusive": "?", "interrupted": "?", "incomplete": "–", "not run": "–", "": "·",
}  # fmt: skip
"""One for each status, beside its colour; nothing stands for a case that did not exist."""
FULL_ROWS, FEW_ROWS = 40, 6
"""Tensors in a table, of a case in full and of another."""
FULL_TEXT, SHORT_TEXT = 20_000, 1_500
"""Characters of a traceback or a message."""
RUNS: Final = 20
"""How many runs the history goes back."""
BRIEF: Final = ("coverage", "plan", "time")
"""What is told about a check that is not shown in full."""


@dataclass(frozen=True)
class Table:
    """A table of tensors: headings, rows of cells with their class, and what was left out."""

    headings: list[tuple[str, bool]]
    rows: list[list[tuple[str, str]]]
    left_out: str


@dataclass(frozen=True)
class Drawing:
    """A picture of a case: markup that is safe, and what it shows."""

    svg: str
    title: str
    text: str


@dataclass(frozen=True)
class CaseView:
    """What the page shows of one case.

    Attributes
    ----------
    id : str
        The anchor of the case.
    name, status, sign, why : str
        The heading.
    changes : list of tuple of str
        Kinds of change, with what they say.
    checked, seconds : str
        How much was looked at, and how long it took.
    settings : list of tuple of str
        What the case asks for.
    lists : list of (label, lines)
        What is wrong and what was found, in the order of a report.
    facts : list of (label, lines)
        How that was found out.
    table : Table or None
        The tensors.
    traceback : str
        Of the user's code.
    history : list of (class, sign, title)
        The runs before, the oldest first, and this one.
    drawings : list of Drawing
        Pictures.
    note : str
        Why there are none, where one would look for them.
    words : str
        What the search looks in.
    """

    id: str
    name: str
    status: str
    sign: str
    why: str
    changes: list[tuple[str, str]]
    checked: str
    seconds: str
    settings: list[tuple[str, str]]
    lists: list[tuple[str, list[str]]]
    facts: list[tuple[str, list[str]]]
    table: Table | None
    traceback: str
    history: list[tuple[str, str, str]]
    drawings: list[Drawing]
    note: str
    words: str


def view(
    number: int,
    record: Record,
    changes: Sequence[Changed],
    history: list[tuple[str, str, str]],
    *,
    in_full: bool,
    drawings: list[Drawing],
    note: str,
) -> CaseView:
    """Return what the page shows of a case; `in_full` shows all of it."""
    most = FULL_TEXT if in_full else SHORT_TEXT
    result, reason = record.result, why(record)
    changed = [(change.kind, clipped(str(change.message), SHORT_TEXT)) for change in changes]
    lists = [] if result is None else _lists(result, in_full)
    if record.message:
        lists.insert(0, ("message", [clipped(record.message, most)]))
    return CaseView(
        id=f"case-{number}",
        name=record.case.name,
        status=record.status,
        sign=SIGNS[record.status],
        why=clipped(reason),
        changes=changed,
        checked=_checked(result),
        seconds=seconds(record.seconds) if record.started else "",
        settings=_settings(record),
        lists=lists,
        facts=[] if result is None else _facts(result, in_full),
        table=None if result is None else _table(list(result.tensors.values()), in_full),
        traceback=record.traceback if len(record.traceback) <= most else (
            "…\n" + record.traceback[-most:]
        ),
        history=history,
        drawings=drawings,
        note=note,
        words=_words(record, changed, reason),
    )  # fmt: skip


def past(
    name: str, runs: Sequence[Run], records: Sequence[Mapping[str, Record]]
) -> list[tuple[str, str, str]]:
    """Return class, sign and title for a case in each of some runs, of which `records` by name."""
    found = []
    for run, of in zip(runs, records, strict=True):
        record = of.get(name)
        status = "" if record is None else record.status
        title = f"{run.started[:16].replace('T', ' ')}: {status or 'no such case'}"
        found.append((slug(status), SIGNS[status], title))
    return found


def slug(status: str) -> str:
    """Return a status as the name of a class."""
    return status.replace(" ", "-") or "none"


def _checked(result: CheckResult | None) -> str:
    if result is None:
        return ""
    covered = result.coverage
    return (
        f"{count(covered.n_checked)} of {quantity(covered.n_entries, 'entry', 'entries')} "
        f"({percent(covered.n_checked, covered.n_entries)})"
    )


def _settings(record: Record) -> list[tuple[str, str]]:
    case = record.case
    data = "/".join(filter(None, [case.dataset, case.split]))

    def listed(values: Mapping[str, Any]) -> str:
        return clipped(", ".join(f"{k}={v!r}" for k, v in values.items()), SHORT_TEXT)

    pairs = [
        ("target", case.target),
        ("data", f"{data}, {quantity(case.batch, 'example')}" if data else ""),
        ("seed", str(case.seed)),
        ("arguments", listed(case.arguments)),
        ("options", listed(case.options)),
        ("planted", case.fault or ""),
        ("expected", case.expect if case.expect != "pass" else ""),
        ("time limit", seconds(case.timeout) if case.timeout is not None else ""),
        ("memory", f"{case.memory / 1e6:.4g} MB" if case.memory is not None else ""),
        ("machine", record.machine),
    ]
    return [(name, text) for name, text in pairs if text]


def _lists(result: CheckResult, in_full: bool) -> list[tuple[str, list[str]]]:
    """Return labels and lines, in the order of a report."""
    undecided = [
        f"{t.name}: {t.reason}" for t in result.tensors.values() if t.verdict == "inconclusive"
    ]
    entries = examples(result) if result.verdict == "fail" else []
    told: list[tuple[str, Sequence[str]]] = [
        ("outcome", [f"{result.verdict.upper()}: {result.summary()}"]),
        *diagnoses(result),
        ("where", where(result)),
        ("findings", [str(finding) for finding in result.findings]),
        (examples_label(result), entries[: None if in_full else 3]),
        ("undecided", undecided),
    ]
    return _shortened(told, 10 if in_full else 4)


def _facts(result: CheckResult, in_full: bool) -> list[tuple[str, list[str]]]:
    """Return what is told about the check itself."""
    facts = [(n, [t] if isinstance(t, str) else t) for n, t in facts_of(result)]
    return _shortened([(n, lines) for n, lines in facts if in_full or n in BRIEF], 10)


def _shortened(told: Sequence[tuple[str, Sequence[str]]], most: int) -> list[tuple[str, list[str]]]:
    """Return labels with lines, without what is empty or too long."""
    texts = [(label, [line for line in lines if line]) for label, lines in told]
    return [
        (label, [clipped(line, SHORT_TEXT) for line in limited(lines, len(lines), most)])
        for label, lines in texts
        if lines
    ]


def _table(tensors: Sequence[TensorResult], in_full: bool) -> Table | None:
    """Return the table of tensors; those that did not pass come first where some are left out."""
    if not tensors:
        return None
    most = FULL_ROWS if in_full else FEW_ROWS
    shown = list(tensors)
    if len(tensors) > most:
        shown = sorted(tensors, key=lambda t: ("fail", "inconclusive", "pass").index(t.verdict))
    shown, left = shown[:most], len(tensors) - most
    columns = [
        c for c in (NAME, *COUNTS, *FIGURES) if c.number is None or any(map(c.number, tensors))
    ]
    rows = [
        [(c.cell(tensor), _class(c.heading, tensor, c.right)) for c in columns] for tensor in shown
    ]
    text = f"and {quantity(left, 'more tensor')}" if left > 0 else ""
    return Table([(c.heading, c.right) for c in columns], rows, text)


def _class(heading: str, tensor: TensorResult, right: bool) -> str:
    """Return the classes of a cell: on which side it is, and a status for the eye."""
    alarm = heading == "disagree" and tensor.n_disagree and not tensor.n_accepted
    status = tensor.verdict if heading == "verdict" else "fail" if alarm else ""
    return " ".join(filter(None, ["r" if right else "", f"t-{status}" if status else ""]))


def _words(record: Record, changes: Sequence[tuple[str, str]], reason: str) -> str:
    """Return what the search looks in, in lower case."""
    case, result = record.case, record.result
    words: list[Any] = [
        case.name, record.status, case.target, case.dataset, case.split, f"seed={case.seed}",
        *(f"{name}={value}" for name, value in case.options.items()),
        *(kind for kind, _ in changes), clipped(reason, 300),
    ]  # fmt: skip
    if result is not None:
        words += [result.engine, result.plan]
        words += [f"{d.kind} {d.tensor or ''}" for d in result.diagnosis]
        words += [finding.kind for finding in result.findings]
    return " ".join(str(word) for word in words if word).lower()[:2000]
