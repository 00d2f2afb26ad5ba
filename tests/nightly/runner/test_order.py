"""What failed or changed is run first."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from fastcheck.errors import InputError
from fastcheck.nightly.records import Case, Record, Run
from fastcheck.nightly.runner.known import Known
from fastcheck.nightly.runner.loop import Loop
from fastcheck.nightly.runner.order import chosen, fits
from fastcheck.nightly.runner.signals import Interrupts
from fastcheck.nightly.status import exit_status
from fastcheck.nightly.work.outcome import Outcome
from tests.nightly.runner.test_places import Places
from tests.results import result

pytestmark = pytest.mark.interpreted


def case(name: str, **options: object) -> Case:
    return Case(name, "net.py:f", options=options)


def past(*records: Record, **options: object) -> Run:
    return Run("20260131T021500-4f2a", "night", "ab" * 32, "", options=options, records=records)


def test_what_failed_comes_first_then_what_changed_then_what_was_undecided() -> None:
    before = past(
        Record(case("right"), "pass", result("pass")),
        Record(case("planted"), "expected", result("fail")),
        Record(case("changed", rtol=1e-3), "pass", result("pass")),
        Record(case("wrong"), "fail", result("fail")),
        Record(case("left out")),
        Record(case("slow"), "timeout"),
    )
    names = ("right", "changed", "left out", "new", "planted", "slow", "wrong")
    cases = [case(name) for name in names]
    found = [c.name for c in Known(before).in_order(cases)]
    assert found == ["slow", "wrong", "changed", "new", "left out", "right", "planted"]
    assert Known(None).in_order(cases) == cases


def test_a_cost_is_known_of_the_same_case_that_was_run_in_full() -> None:
    ok = Record(case("a"), "pass", result("pass"), seconds=7.0)
    reduced = Record(case("a"), "pass", result("pass"), "3 s were left", seconds=3.0)
    assert Known(past(ok)).cost(case("a")) == 7.0
    assert Known(past(ok)).cost(case("a", rtol=1e-3)) == math.inf
    assert Known(past(ok)).cost(case("b")) == math.inf
    assert Known(past(reduced, budget=60.0)).cost(case("a")) == math.inf
    assert Known(past(Record(case("a"), "timeout", seconds=9.0))).cost(case("a")) == math.inf


def test_what_is_known_of_a_case_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    n = 200
    cases = tuple(case(f"c{k}") for k in range(n))
    before = past(*(Record(c, "pass", result("pass"), seconds=9.0) for c in cases), budget=1e4)
    n_keys = 0
    key = Case.key.fget  # type: ignore[attr-defined]

    def counted(asked: Case) -> str:
        nonlocal n_keys
        n_keys += 1
        return str(key(asked))

    monkeypatch.setattr(Case, "key", property(counted))
    places = Places(*(c.name for c in cases), over={c.name: Outcome("pass") for c in cases})
    found: list[Record] = []
    Loop(
        Path(), found.append, Interrupts(), places=places, budget=1e3, fail_fast=False,
        previous=before, on_start=None,
    ).run(cases)  # fmt: skip
    assert [record.case for record in found] == list(cases)
    assert n_keys < 10 * n


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("mnist", ["mnist[plan=units, seed=0]", "mnist[plan=units, seed=1]"]),
        ("mnist[plan=units, seed=1]", ["mnist[plan=units, seed=1]"]),
        ("*seed=0*", ["mnist[plan=units, seed=0]", "cat[seed=0]"]),
        ("c?t", ["cat[seed=0]"]),
    ],
)
def test_a_pattern_means_whole_names_or_what_stands_before_brackets(
    pattern: str, names: list[str]
) -> None:
    all_names = ["mnist[plan=units, seed=0]", "mnist[plan=units, seed=1]", "cat[seed=0]", "mn"]
    assert [name for name in all_names if fits(name, pattern)] == names


def test_a_pattern_that_means_nothing_is_refused() -> None:
    with pytest.raises(InputError, match=r"got 'mnits', which fits no case \(did you mean mnist"):
        chosen([case("mnist[seed=0]"), case("cat")], ["cat", "mnits"])


@pytest.mark.parametrize(
    ("records", "status"),
    [
        ([("pass", "")], 0),
        ([("pass", ""), ("expected", "")], 0),
        ([("expected", ""), ("inconclusive", "")], 3),
        ([("pass", ""), ("inconclusive", "")], 3),
        ([("pass", ""), ("not run", "")], 3),
        ([("pass", ""), ("interrupted", "")], 3),
        ([("inconclusive", ""), ("error", "")], 2),
        ([("error", ""), ("error", "Traceback")], 4),
        ([("timeout", ""), ("error", "")], 4),
        ([("crashed", ""), ("pass", "")], 4),
        ([("crashed", ""), ("fail", ""), ("not run", "")], 1),
    ],
)
def test_the_status_is_the_worst_of_all(records: list[tuple[str, str]], status: int) -> None:
    run = past(*(Record(case(str(k)), s, None, "", t) for k, (s, t) in enumerate(records)))
    assert exit_status(run) == status


def test_cases_that_were_left_out_on_purpose_do_not_count() -> None:
    records = Record(case("a"), "pass", result("pass")), Record(case("b"))
    assert exit_status(past(*records)) == 3
    assert exit_status(past(*records, only=["a"])) == 0
    assert exit_status(past(*records, only=["b"])) == 3
