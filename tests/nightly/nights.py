"""Runs of a small suite, for the tests of what is done with runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from fastcheck.nightly.archive import Parts
from fastcheck.nightly.compare import Change, Comparison
from fastcheck.nightly.records import Case, Record, Run, Status
from fastcheck.result import CheckResult
from tests.results import result

NAMES = ("mnist[seed=0]", "mnist[seed=1]", "cat", "own/loss", "unusual: näme")
SUITE = "night"
STATUS_OF = {"close": "pass", "undecided": "inconclusive", "zero": "inconclusive"}

found = cache(result)  # results are frozen, and making one takes a while


def small(kind: str = "pass", **changes: Any) -> CheckResult:
    """Return a result of a kind with two small arrays, scalars and nothing that is left out."""
    base = found(kind)
    arrays = {
        "W1": np.linspace(-1.0, 1.0, 12).reshape(3, 4),
        "b1": np.array([np.nan, np.inf, -0.0, 5e-324]),
        "a/../b": np.array(2.5),
        "..": np.zeros((0, 3)),
    }
    fields: dict[str, Any] = {"numerical": arrays, "bounds": arrays} | changes
    return replace(base, **fields)


def case(name: str, **changes: Any) -> Case:
    """Return a case."""
    return replace(Case(name, "net.py:right", options={"rtol": 1e-6, "plan": "units"}), **changes)


def night(number: int = 1, names: tuple[str, ...] = NAMES, **changes: Any) -> Run:
    """Return a run of which nothing has been run; later numbers have later ids."""
    fields: dict[str, Any] = {
        "id": f"202601{number:02d}T021500-4f2a",
        "suite": SUITE,
        "suite_sha256": "ab" * 32,
        "started": f"2026-01-{number:02d}T02:15:00+00:00",
        "provenance": {"python": "3.11", "machine": "box, 2 cores", "data:mnist": "cd" * 32},
        "options": {"jobs": 2, "seed": 0},
        "records": tuple(Record(case(name)) for name in names),
    }
    return Run(**(fields | changes))


def full_night(number: int = 1, **changes: Any) -> Run:
    """Return a run as `night` does, whose cases keep arrays."""
    return night(number, records=tuple(Record(case(n, keeps="arrays")) for n in NAMES), **changes)


def done(
    name: str, kind: str = "pass", seconds: float = 2.0, changes: Mapping[str, Any] | None = None
) -> Record:
    """Return the record of a case with a result of a kind, or a status without one."""
    about = case(name, **(changes or {}))
    if kind in ("error", "crashed", "timeout", "interrupted", "not run"):
        return Record(about, cast("Status", kind), None, f"net.py:right {kind}", "", seconds)
    is_purpose = kind in ("expected", "missed")
    outcome = small({"expected": "fail", "missed": "pass"}.get(kind, kind))
    status: Status = outcome.verdict
    if is_purpose:
        about, status = replace(about, expect="fail"), "expected" if kind == "expected" else "fail"
    message = "the check does not see this mistake" if kind == "missed" else ""
    return Record(about, status, outcome, message, "", seconds, "2026-01-01T02:15:01+00:00")


def run_of(number: int, kinds: Mapping[str, str], **changes: Any) -> Run:
    """Return a run in which cases ended as `kinds` says; others were not run."""
    run = night(number, tuple(kinds), **changes)
    for name, kind in kinds.items():
        run = run.with_record(done(name, kind))
    return run


def single(number: int, outcome: Record, **changes: object) -> Run:
    """Return a run of one case."""
    run = night(number, (outcome.case.name,), records=(Record(outcome.case),), **changes)
    return run.with_record(outcome)


def kinds(comparison: Comparison) -> list[tuple[str, str]]:
    """Return what changed and of which case."""
    return [(change.kind, change.name) for change in comparison.changes]


def only(comparison: Comparison) -> Change:
    """Return the only change."""
    (change,) = comparison.changes
    return change


def kept(archive: Path, run: Run, finished: str = "2026-01-31T04:00:00+00:00") -> Path:
    """Write a run with all its records to an archive; return its file."""
    with Parts.create(archive, replace(run, finished="")) as parts:
        return parts.finish(finished)


def content(run: Run, *, arrays: bool = True) -> dict[str, Any]:
    """Return all that a run says, but times."""
    said = run.to_dict(arrays=arrays)
    for name in ("started", "finished"):
        said.pop(name)
    for record in said["records"]:
        for name in ("started", "seconds"):
            record.pop(name)
        if record["result"] is not None:
            record["result"].pop("timings")
    return said
