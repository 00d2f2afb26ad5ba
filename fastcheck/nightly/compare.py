"""What changed between two runs of a suite, the worst first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastcheck.nightly.differences import (
    Past,
    changed_coverage,
    changed_diagnosis,
    changed_findings,
    changed_status,
    changed_worst,
    first_verdict,
)
from fastcheck.nightly.flakes import is_flaky, n_flips, verdicts_alike
from fastcheck.nightly.grounds import grounds
from fastcheck.nightly.noise import changed_time
from fastcheck.nightly.records import FINE, NOT_RUN, STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastcheck.nightly.records import Record, Run

__all__ = ["KINDS", "Change", "Comparison", "compare"]

SCHEMA: Final = 1
"""Version of the JSON layout of comparisons."""
KINDS: Final = {
    "regressed": "worse than before: fails, raises, crashes or is undecided",
    "fixed": "passes now",
    "new-finding": "something is found beside the numbers that was not",
    "gone-finding": "a finding is gone",
    "diagnosis": "wrong in another way",
    "worst": "the worst deviation is another",
    "coverage": "more or less was looked at, or verified to more or fewer digits",
    "gained": "new in the suite, or run for the first time and undecided",
    "lost": "no longer in the suite",
    "not-run": "was not run, or was interrupted",
    "slower": "takes longer than the spread of earlier times explains",
    "faster": "takes less time",
    "flaky": "the verdict goes back and forth though suite, code, data and versions are the same",
}
"""All kinds of changes, those that ask most for attention first."""


@dataclass(frozen=True)
class Change:
    """One thing about one case that is not as before.

    Attributes
    ----------
    name : str
        The case.
    kind : str
        One of `KINDS`.
    before, after : str
        What it was and is, in a word or a number; empty where there is nothing.
    message : str
        A sentence.
    """

    name: str
    kind: str
    before: str
    after: str
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


@dataclass(frozen=True)
class Comparison:
    """What changed between two runs.

    Attributes
    ----------
    suite, old, new : str
        The suite, and the ids of the runs.
    changes : tuple of Change
        In the order of `KINDS`, then in that of the cases.
    environment : tuple of (str, str, str)
        What else is another: name, before and after, such as a version, a data set or the suite.
    n_cases : int
        How many cases the new run has.
    """

    suite: str
    old: str
    new: str
    changes: tuple[Change, ...] = ()
    environment: tuple[tuple[str, str, str], ...] = ()
    n_cases: int = 0

    def of(self, *kinds: str) -> tuple[Change, ...]:
        """Return the changes of some kinds."""
        return tuple(change for change in self.changes if change.kind in kinds)

    def count(self, kind: str) -> int:
        """Return how many changes of a kind there are."""
        return len(self.of(kind))

    @property
    def is_worse(self) -> bool:
        """Whether a case has regressed."""
        return self.count("regressed") > 0

    @property
    def is_open(self) -> bool:
        """Whether a case was not run, is no longer there, or is new and did not pass."""
        return any(c.after not in FINE for c in self.of("not-run", "lost", "gained"))

    def to_dict(self) -> dict[str, Any]:
        """Return everything in the types of JSON."""
        return {
            "schema": SCHEMA,
            "suite": self.suite,
            "old": self.old,
            "new": self.new,
            "n_cases": self.n_cases,
            "counts": {kind: self.count(kind) for kind in KINDS},
            "environment": [
                {"name": name, "before": before, "after": after}
                for name, before, after in self.environment
            ],
            "changes": [dict(vars(change)) for change in self.changes],
        }


def compare(old: Run, new: Run, history: Sequence[Run] = ()) -> Comparison:
    """Return what changed from `old` to `new`.

    Parameters
    ----------
    old, new : Run
        Two runs of one suite.
    history : sequence of Run
        Earlier runs, in any order; `old` may be among them. They tell how far times and
        deviations spread, which verdicts go back and forth, and, of a case that was not run in
        `old`, how it was when it was.

    Returns
    -------
    Comparison
        The verdict of a case is compared with the last that it had: a case that was not run for a
        week and fails now has regressed if it passed then.
    """
    earlier = {run.id: run for run in history if run.id < new.id} | {old.id: old}
    pasts = [(earlier[id_], _by_name(earlier[id_])) for id_ in sorted(earlier)]
    known = _by_name(old)
    changes = [
        change
        for record in new.records
        for change in _of_case(
            record, record.case.name in known, new, Past.of(record.case, pasts, old.id)
        )
    ]
    kept = _by_name(new)
    changes += [
        Change(r.case.name, "lost", r.status, "", f"is no longer in the suite; it was: {r.status}")
        for r in old.records
        if r.case.name not in kept
    ]
    order = list(KINDS)
    changes.sort(key=lambda change: (order.index(change.kind), _rank(change)))
    return Comparison(
        new.suite, old.id, new.id, tuple(changes), tuple(_environment(old, new)), len(new.records)
    )


def _of_case(record: Record, is_known: bool, new: Run, past: Past) -> Iterator[Change]:
    """Yield what changed in one case."""
    name, before = record.case.name, past.last
    if not is_known:
        yield Change(name, "gained", "", record.status, f"is new; it is: {record.status}")
    if record.status in NOT_RUN:
        yield Change(name, "not-run", past.status, record.status, _not_run(record, past))
        return
    if before is not None:
        for found in (
            changed_status(before, record, past),
            *changed_findings(before, record),
            changed_diagnosis(before, record),
            changed_worst(before, record, past),
            changed_coverage(before, record),
            changed_time(record, new, past),
        ):
            if found is not None:
                yield Change(name, *found)
    elif is_known:
        first = first_verdict(record)
        if first is not None:
            yield Change(name, *first)
    yield from _flaky(record, new, past)


def _flaky(record: Record, new: Run, past: Past) -> Iterator[Change]:
    """Yield whether the verdict went back and forth while nothing else changed."""
    known = [(grounds(run), earlier.status) for run, earlier in (*past.same, (new, record))]
    told = verdicts_alike(known)
    if is_flaky(told):
        text = ", ".join(told)
        message = f"its verdict changed {n_flips(told)} times in the last {len(told)} runs: {text}"
        yield Change(record.case.name, "flaky", "", text, message)


def _by_name(run: Run) -> dict[str, Record]:
    return {record.case.name: record for record in run.records}


def _not_run(record: Record, past: Past) -> str:
    reason = f": {record.message}" if record.message else ""
    before = f"; when it was last run it was: {past.status}{past.when}" if past.last else ""
    return f"{record.status}{reason}{before}"


def _rank(change: Change) -> int:
    """Return a place among changes of one kind: verdicts by how bad they are."""
    known: tuple[str, ...] = STATUSES
    return known.index(change.after) if change.after in known else len(known)


def _environment(old: Run, new: Run) -> Iterator[tuple[str, str, str]]:
    """Yield what else is another."""
    if old.suite != new.suite:
        yield "suite", old.suite, new.suite
    if old.suite_sha256 != new.suite_sha256:
        yield "suite_sha256", old.suite_sha256, new.suite_sha256
    for title, before, after in (
        ("", old.provenance, new.provenance),
        ("option ", old.options, new.options),
    ):
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                yield f"{title}{name}", str(before.get(name, "")), str(after.get(name, ""))
