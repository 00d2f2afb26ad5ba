"""Running suites: order, time, patterns, resuming, and the dry run."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter

import pytest

from fastcheck.errors import DataError, InputError
from fastcheck.nightly.beginning import MemoryParts, new_run
from fastcheck.nightly.records import Record, Run
from fastcheck.nightly.runner import run_suite
from fastcheck.nightly.runner.dry import foresee
from fastcheck.nightly.suite import read_suite
from tests.nightly.runner.conftest import RunText


def cases(*lines: str) -> str:
    """Return a suite with a case for each line of further keys."""
    return "".join(f'[[case]]\nname = "{k}"\n{line}\n' for k, line in enumerate(lines))


SLEEPS = 'target = "net.py:sleeps"\narguments = {seconds = %g}'
RIGHT = 'target = "net.py:right"\nseed = %d'
SLOW = 'target = "net.py:slow"\nseed = %d'


def statuses(run: Run) -> list[str]:
    return [record.status for record in run.records]


def comparable(run: Run) -> str:
    """Return all of a run that must not depend on when and where its cases were run."""
    data = run.to_dict(arrays=True)
    for record in data["records"]:
        del record["seconds"], record["started"]
        if record["result"]:
            del record["result"]["timings"]
    return json.dumps(data["records"])


@pytest.mark.slow
def test_two_jobs_give_the_same_as_one_and_are_faster(run_text: RunText) -> None:
    text = cases(*[SLEEPS % 1.5] * 4, 'target = "net.py:draws"')
    runs, seconds = [], []
    for jobs in (1, 2):
        start = perf_counter()
        runs.append(run_text(text, jobs=jobs))
        seconds.append(perf_counter() - start)
    assert statuses(runs[0]) == ["pass"] * 5
    assert comparable(runs[0]) == comparable(runs[1])  # what is drawn without a seed, too
    assert seconds[1] < seconds[0] - 2.0


def test_fail_fast_starts_no_other(run_text: RunText) -> None:
    wrong = 'target = "net.py:right"\narguments = {factor = 2.0}'
    found = run_text(cases(RIGHT % 0, wrong, RIGHT % 1, RIGHT % 2), fail_fast=True)
    assert statuses(found) == ["pass", "fail", "not run", "not run"]
    assert found.records[3].message == "not started, because 1 ended with fail"


def test_only_runs_what_a_pattern_means_and_says_so(run_text: RunText) -> None:
    told: list[Record] = []
    found = run_text(cases(RIGHT % 0, RIGHT % 1, RIGHT % 2), only=["1"], on_record=told.append)
    assert statuses(found) == ["not run", "pass", "not run"]
    assert found.records[0].message == "left out, because --only asks for others"
    assert [record.case.name for record in told] == ["0", "2", "1"]


def test_a_seed_of_the_run_moves_all_others(folder: Path) -> None:
    (folder / "night.toml").write_text(cases(RIGHT % 0))
    suite = read_suite(folder / "night.toml")
    results = []
    for seed in (0, 7):
        parts = MemoryParts(new_run(suite, seed=seed))
        results.append(run_suite(suite, parts, seed=seed).records[0])
    assert [record.case.seed for record in results] == [0, 7]
    assert results[0].result is not None
    assert results[1].result is not None
    assert results[0].result.loss != results[1].result.loss


def test_what_was_run_is_not_run_again_and_the_rest_is(folder: Path) -> None:
    text = cases(RIGHT % 0, 'target = "net.py:raises"', RIGHT % 1, 'target = "net.py:draws"')
    (folder / "night.toml").write_text(text)
    suite = read_suite(folder / "night.toml")
    whole = run_suite(suite, MemoryParts(new_run(suite)))
    part = MemoryParts(new_run(suite))
    part.add(whole.records[0])
    part.add(whole.records[1])
    part.add(Record(suite.cases[2], "interrupted", message="stopped"))
    told: list[str] = []
    found = run_suite(suite, part, on_record=lambda record: told.append(record.case.name))
    assert told == ["2", "3"]
    assert comparable(found) == comparable(whole)


def test_what_failed_last_time_is_run_first(folder: Path) -> None:
    (folder / "night.toml").write_text(cases(RIGHT % 0, RIGHT % 1, RIGHT % 2))
    suite = read_suite(folder / "night.toml")
    before = new_run(suite)
    for case, status in zip(suite.cases, ("pass", "pass", "fail"), strict=True):
        before = before.with_record(Record(case, status))  # type: ignore[arg-type]
    told: list[str] = []
    parts = MemoryParts(new_run(suite))
    run_suite(suite, parts, previous=before, on_record=lambda r: told.append(r.case.name))
    assert told == ["2", "0", "1"]


def test_a_record_that_cannot_be_kept_ends_the_run_and_its_processes(folder: Path) -> None:
    class FullDisk(MemoryParts):
        def add(self, record: Record) -> None:
            raise DataError(f"{record.case.name}: disk full")

    (folder / "night.toml").write_text(cases(RIGHT % 0, SLEEPS % 100))
    suite = read_suite(folder / "night.toml")
    start = perf_counter()
    with pytest.raises(DataError, match="disk full"):
        run_suite(suite, FullDisk(new_run(suite)), jobs=2)
    assert perf_counter() - start < 20.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, "`jobs` must be a whole number from 1, got 0"),
        ({"budget": 0.0}, "`budget` must be a number of seconds above 0, got 0.0"),
        ({"only": ["x"]}, "`only` must be patterns of names, got 'x', which fits no case"),
    ],
)
def test_a_wrong_argument_is_refused(
    run_text: RunText, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        run_text(cases(RIGHT % 0), **options)
    assert str(caught.value).startswith(message)


# ------------------------------------------------------------ a budget


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_budget_is_kept_and_what_does_not_fit_is_not_run(run_text: RunText, jobs: int) -> None:
    start = perf_counter()
    found = run_text(cases(*[SLEEPS % 4.0] * 12), budget=10.0, jobs=jobs)
    seconds = perf_counter() - start
    assert 5.0 < seconds < 15.0
    assert set(statuses(found)) <= {"pass", "interrupted", "not run"}
    assert found.count("not run") > 0
    for record in found.records:
        if record.status == "not run":
            assert record.message == "the budget of 10 s was used up before it could start"
        if record.status == "interrupted":
            assert "of the budget of 10 s were left for it" in record.message


@pytest.mark.slow
def test_every_case_gets_something_and_says_what_it_bought(run_text: RunText) -> None:
    start = perf_counter()
    found = run_text(cases(*[SLOW % k for k in range(3)], RIGHT % 0), budget=24.0)
    assert perf_counter() - start < 29.0
    assert statuses(found)[3] == "pass"
    for record in found.records[:3]:
        assert record.status in ("pass", "inconclusive")
        assert record.result is not None
        assert record.result.coverage.n_checked > 0 or record.result.plan == "directions"
        assert "of the budget were left for it, plan " in record.message
        assert record.result.coverage.statement


@pytest.mark.slow
def test_a_case_that_does_not_let_itself_be_stopped_takes_little_from_others(
    run_text: RunText,
) -> None:
    start = perf_counter()
    found = run_text(cases('target = "net.py:is_stubborn"', RIGHT % 0, RIGHT % 1), budget=12.0)
    assert perf_counter() - start < 17.0
    assert statuses(found) == ["interrupted", "pass", "pass"]
    assert "and it did not end after" in found.records[0].message
    assert "in is_stubborn" in found.records[0].traceback


@pytest.mark.slow
def test_a_budget_with_room_for_all_changes_nothing(run_text: RunText) -> None:
    text = cases(RIGHT % 0, RIGHT % 1)
    assert comparable(run_text(text, budget=600.0)) == comparable(run_text(text))


# ------------------------------------------------------------ a dry run


def test_a_dry_run_says_plan_time_and_coverage(folder: Path) -> None:
    text = cases(
        RIGHT % 0,
        f"{SLOW % 0}\nbudget = 2",
        'target = "demo:mnist"\nplan = "sample"\nentries = 5',
        'target = "net.py:raises"',
        'target = "net.py:slow"\nplan = "exhaustive"\narguments = {seconds = 0.1}',
    )
    (folder / "night.toml").write_text(text)
    right, slow, sample, raises, long = foresee(
        folder, read_suite(folder / "night.toml").cases, jobs=2, budget=100.0
    )
    assert right.prediction is not None
    assert (right.prediction.plan, right.prediction.n_checked) == ("exhaustive", 26)
    assert right.share is None
    assert slow.prediction is not None
    assert slow.prediction.plan == "directions"
    assert sample.prediction is not None
    assert (sample.prediction.n_checked, sample.prediction.n_entries) == (20, 39760)
    assert raises.prediction is None
    assert raises.message == "error: net.py:raises raised ZeroDivisionError: of mine"
    assert long.prediction is not None
    assert long.prediction.n_checked == 2000
    assert 300.0 < long.seconds < 1000.0
    assert long.share is not None
    assert long.share < 199.0
