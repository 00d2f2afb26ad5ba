"""Nights for the tests of reports: runs, and a stand-in for a comparison of two."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from fastcheck.judge import judge_tensor
from fastcheck.nightly.records import Case, Record, Run
from fastcheck.result import CheckResult, Finding, StepErrors
from fastcheck.result.pictures import make_picture
from tests.results import result

STARTED = "2026-01-31T02:15:00+00:00"


@dataclass(frozen=True)
class Change:
    """What a comparison says of a case."""

    name: str
    kind: str
    before: Any
    after: Any
    message: str


@dataclass(frozen=True)
class Comparison:
    """What a comparison says."""

    changes: tuple[Change, ...] = ()
    old: str = "20260130T021500-9c1d"
    environment: tuple[tuple[str, str, str], ...] = (("numpy", "2.4.5", "2.4.6"),)


@cache
def cached(kind: str) -> CheckResult:
    """Return a result of a kind of `tests.results`."""
    return result(kind)


def record(name: str, status: Any = "pass", kind: str = "", **more: Any) -> Record:
    """Return what became of a case; `kind` is that of its result."""
    case = Case(name, "net.py:check", "mnist", "train", seed=1, options={"plan": "units"})
    kinds = {"pass": "pass", "fail": "fail", "expected": "fail", "inconclusive": "undecided"}
    chosen = kind or kinds.get(status, "")
    fields: dict[str, Any] = {"seconds": 1.25, "started": STARTED} if status != "not run" else {}
    return Record(case, status, cached(chosen) if chosen else None, **(fields | more))


def run_of(*records: Record, **changes: Any) -> Run:
    """Return a finished run of some records."""
    fields: dict[str, Any] = {
        "id": "20260131T021500-4f2a",
        "suite": "night",
        "suite_sha256": "ab" * 32,
        "started": STARTED,
        "finished": "2026-01-31T02:27:03+00:00",
        "provenance": {"python": "3.11.7", "host": "builder", "git": "8c8c9c6 (clean)"},
        "options": {"jobs": 2, "budget": 7200.0, "only": None},
    }
    return Run(records=records, **(fields | changes))


def night() -> tuple[Run, Comparison]:
    """Return a night with a regression, a fix, a new finding, and a case that no longer runs."""
    found = replace_findings(Finding("aliasing", "warning", "W1", "W1 and W2 share memory"))
    regressed = replace(record("mnist[seed=1]"), status="fail", result=cached("fail"))
    run = run_of(
        record("mnist[seed=0]"),
        regressed,
        record("cat[seed=0]"),
        replace(record("cat[seed=1]"), result=found),
        record("cat[seed=2]", "not run", message="the budget was used up before it"),
        record("kinks", "inconclusive"),
        record("old failure", "fail"),
        record("net[plan=units]", "error", message="net.py:check raised ValueError: bad shape",
               traceback="Traceback (most recent call last):\n  ValueError: bad shape"),
        record("hangs", "timeout", message="it took longer than 60 s"),
        record("later", "not run"),
    )  # fmt: skip
    changes = (
        Change("cat[seed=0]", "fixed", "fail", "pass", "fail → pass"),
        Change("cat[seed=1]", "new-finding", None, "aliasing", "aliasing: W1 and W2 share memory"),
        Change("cat[seed=2]", "not-run", "pass", "not run", "pass → not run"),
        Change("mnist[seed=1]", "regressed", "pass", "fail", "pass → fail"),
        Change("later", "not-run", "", "not run", "not run"),
        Change("kinks", "slower", 1.0, 1.25, "1 s → 1.2 s"),
    )
    return run, Comparison(changes)


def replace_findings(*findings: Finding) -> CheckResult:
    """Return a result that passes, with findings."""
    return result("pass", findings=findings)


def many(n: int = 500, seed: int = 0) -> Run:
    """Return a run of `n` cases of all statuses."""
    rng = np.random.default_rng(seed)
    kinds = ("pass", "pass", "pass", "pass", "fail", "inconclusive", "error", "not run")
    names = [f"mnist[plan=units, rtol=1e-{k % 9}, seed={k}]" for k in range(n)]
    return run_of(*(record(name, kinds[rng.integers(len(kinds))]) for name in names))


def pictured(n: int = 500, n_tensors: int = 6) -> Run:
    """Return a run of `n` cases that all fail and have pictures, as full as a page can be."""
    rng = np.random.default_rng(1)
    tensors, pictures = {}, {}
    for k in range(1, n_tensors + 1):
        numerical = rng.normal(size=(300, 200))
        analytic = numerical * (1.0 + 10.0 ** rng.uniform(-16.0, 0.0, numerical.shape))
        bound = np.full(numerical.shape, 1e-12)
        judged = judge_tensor(f"W{k}", analytic, numerical, bound)
        wrong = np.abs(analytic - numerical) > 1e-5
        tensors[judged.name] = judged
        everywhere = np.ones(wrong.shape, bool)
        pictures[judged.name] = make_picture(judged.name, analytic, numerical, wrong, everywhere)
    steps = 10.0 ** -np.arange(0.0, 16.0, 0.5)
    noise = 1.0 + 1e-16 / steps
    curve = StepErrors("W1", (0, 0), tuple(steps), tuple(noise), tuple(noise**2))
    found = result("fail", tensors=tensors, pictures=pictures, steps=curve)
    names = (f"mnist[plan=units, rtol=1e-{k % 9}, seed={k}]" for k in range(n))
    return run_of(*(replace(record(name, "fail"), result=found) for name in names))
