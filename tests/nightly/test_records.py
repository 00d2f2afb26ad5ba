"""Runs as JSON and back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fastcheck.nightly.records import STATUSES, Case, Record, Run
from tests.results import result


def run() -> Run:
    cases = [Case(f"case {k}", "net.py:right", seed=k, options={"rtol": 1e-6}) for k in range(3)]
    records = (
        Record(cases[0], "fail", result("fail"), seconds=1.5, started="2026-01-31T02:15:00+00:00"),
        Record(cases[1], "error", None, "net.py:right raised ValueError: x", "Traceback ..."),
        Record(cases[2]),
    )
    return Run("20260131T021500-4f2a", "night", "ab" * 32, "2026-01-31T02:15:00+00:00",
               provenance={"python": "3.11"}, options={"jobs": 2}, records=records)  # fmt: skip


@pytest.mark.parametrize("arrays", [False, True])
def test_a_run_comes_back_as_it_was(arrays: bool) -> None:
    before = run()
    text = json.dumps(before.to_dict(arrays=arrays), allow_nan=False)
    after = Run.from_dict(json.loads(text))
    assert after.to_dict(arrays=arrays) == before.to_dict(arrays=arrays)
    assert after.records[0].case == before.records[0].case
    assert not after.is_finished
    assert (after.count("fail"), after.count("not run"), after.count("pass")) == (1, 1, 0)


def test_where_a_case_ran_is_kept_and_no_part_of_what_was_found() -> None:
    before = Record(run().records[0].case, "pass", machine="node-7, x86_64, 8 cores")
    after = Record.from_dict(json.loads(json.dumps(before.to_dict())))
    assert after.machine == "node-7, x86_64, 8 cores"
    assert before == replace(before, machine="node-8")
    assert "machine" not in replace(before, machine="").to_dict()


def test_a_run_of_another_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a run of schema 1, got schema 2"):
        Run.from_dict(run().to_dict() | {"schema": 2})


def test_the_key_of_a_case_is_that_of_all_that_determines_its_result() -> None:
    case = Case("a", "net.py:right", options={"plan": "units"})
    assert case.key == Case("a", "net.py:right", options={"plan": "units"}, timeout=5.0).key
    others = [
        Case("a", "net.py:wrong", options={"plan": "units"}),
        Case("a", "net.py:right", options={"plan": "sample"}),
        Case("a", "net.py:right", options={"plan": "units"}, seed=1),
        Case("a", "net.py:right", options={"plan": "units"}, expect="fail"),
    ]
    assert len({case.key, *(other.key for other in others)}) == 5


def test_a_record_takes_the_place_of_an_older_one() -> None:
    before = run()
    done = Record(before.records[2].case, "pass", result("pass"))
    after = before.with_record(done)
    assert after.record("case 2") is done
    assert after.records[:2] == before.records[:2]
    assert before.count("not run") == 1
    assert {r.status for r in after.records} <= set(STATUSES)
    again = after.with_record(replace(done, seconds=3.0))
    assert [again.record(f"case {k}") for k in range(4)] == [*again.records, None]
    assert again.records[2].seconds == 3.0
    assert before.with_record(Record(Case("case 9", "net.py:right"))) == before
