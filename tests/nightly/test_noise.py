"""Times that are noise, and verdicts that are not stable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fastcheck.nightly.compare import compare
from fastcheck.nightly.differences import Past
from fastcheck.nightly.history import case_history
from fastcheck.nightly.noise import changed_time
from fastcheck.nightly.records import Run
from tests.nightly.nights import done, kinds, only, run_of, single

# ------------------------------------------------------------ time


def times(values: list[float], **changes: object) -> list[Run]:
    """Return runs of one case that took so many seconds."""
    return [single(k, done("a", seconds=value), **changes) for k, value in enumerate(values, 1)]


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        ([10.0] * 6, 14.1, "slower"),
        ([10.0] * 6, 13.9, ""),
        ([10.0] * 6, 7.1, "faster"),
        ([10.0] * 6, 7.2, ""),
        ([10.0, 10.0, 10.0, 10.0, 14.0, 14.0], 19.0, ""),  # as long as twice, and a little more
        ([8.0, 12.0, 10.0, 9.0, 13.0], 16.0, ""),  # a noisy machine
        ([8.0, 12.0, 10.0, 9.0, 13.0], 60.0, "slower"),
        ([10.0, 10.1, 9.9, 90.0, 10.0, 10.2], 15.0, "slower"),  # one bad night
        ([10.0, 10.0, 10.0], 19.0, ""),  # of three nights too little
        ([10.0, 10.0, 10.0], 21.0, "slower"),
        ([10.0], 15.0, ""),  # of one night nothing is known
        ([10.0], 21.0, "slower"),
        ([10.0, 30.0], 9.0, ""),
        ([10.0, 30.0], 4.0, "faster"),
        ([10.0, 30.0], 61.0, "slower"),
        ([0.02] * 5, 0.2, ""),  # too short to matter
        ([0.0] * 3, 5.0, ""),
    ],
)
def test_time_that_changes_by_more_than_noise(before: list[float], now: float, kind: str) -> None:
    *history, new = times([*before, now])
    assert kinds(compare(history[-1], new, history)) == ([(kind, "a")] if kind else [])


@pytest.mark.parametrize("n_known", range(1, 10))
def test_of_times_that_spread_by_15_percent_fewer_than_one_in_100_are_told(n_known: int) -> None:
    rng = np.random.default_rng(n_known)
    record, n = done("a"), 4000
    run = single(1, record)
    told = 0
    for values in 100.0 * np.exp(0.15 * rng.normal(size=(n, n_known + 1))):
        *known, now = (replace(record, seconds=value) for value in values.tolist())
        past = Past(same=tuple((run, earlier) for earlier in known))
        told += changed_time(now, run, past) is not None
    assert told < 0.01 * n


def test_a_time_is_told_with_its_spread() -> None:
    *history, new = times([3.0, 3.2, 2.8, 12.0])
    change = only(compare(history[-1], new, history))
    assert change.message == "took 12 s, usually 3 s (2.8 s to 3.2 s in 3 runs)"


def test_times_of_another_machine_or_other_settings_do_not_count() -> None:
    *history, new = times([3.0, 3.0, 3.0, 12.0])
    moved = replace(new, provenance={"machine": "another"})
    assert kinds(compare(history[-1], moved, history)) == []
    elsewhere = replace(new, records=tuple(replace(r, machine="another") for r in new.records))
    assert kinds(compare(history[-1], elsewhere, history)) == []
    other = single(4, done("a", seconds=12.0, changes={"batch": 1000}))
    assert kinds(compare(history[-1], other, history)) == []
    crowded = replace(new, options={**new.options, "jobs": 8})
    assert kinds(compare(history[-1], crowded, history)) == []
    record = new.records[0]
    assert record.result is not None
    cut = new.with_record(replace(record, result=replace(record.result, plan="sample")))
    assert ("slower", "a") not in kinds(compare(history[-1], cut, history))
    assert kinds(compare(history[-1], new, history)) == [("slower", "a")]


# ------------------------------------------------------------ flakes


def nights(statuses: list[str], **changes: object) -> list[Run]:
    return [run_of(k, {"a": status}, **changes) for k, status in enumerate(statuses, 1)]


@pytest.mark.parametrize(
    ("statuses", "is_flaky"),
    [
        (["pass", "fail", "pass"], True),
        (["pass", "not run", "timeout", "pass"], True),
        (["pass", "fail", "fail", "fail"], False),
        (["fail", "fail", "pass", "pass"], False),
        (["pass"] * 9, False),
        (["pass", "fail", *["pass"] * 12], False),  # long ago
    ],
)
def test_a_verdict_that_goes_back_and_forth(statuses: list[str], is_flaky: bool) -> None:
    *history, new = nights(statuses)
    assert ("flaky" in {c.kind for c in compare(history[-1], new, history).changes}) == is_flaky


def test_a_verdict_may_change_with_the_suite_or_the_settings() -> None:
    *history, new = nights(["pass", "fail", "pass"])
    history[1] = replace(history[1], suite_sha256="cd" * 32)
    assert kinds(compare(history[-1], new, history)) == [("fixed", "a")]
    *history, new = nights(["pass", "fail", "pass"])
    history[1] = single(2, done("a", "fail", changes={"seed": 3}))
    assert kinds(compare(history[-1], new, history)) == [("fixed", "a")]


@pytest.mark.parametrize(
    ("name", "is_ground"),
    [
        ("code net.py", True), ("data mnist", True), ("fastcheck", True), ("numpy", True),
        ("numba", True), ("machine", False), ("git", False),
    ],
)  # fmt: skip
def test_a_verdict_that_changes_with_what_it_rests_on_is_not_flaky(
    name: str, is_ground: bool
) -> None:
    """It breaks with other code, and passes again with what there was."""
    *history, new = nights(["pass", "crashed", "pass"])
    history[1] = replace(history[1], provenance={**history[1].provenance, name: "ef" * 32})
    expected = [("fixed", "a")] if is_ground else [("fixed", "a"), ("flaky", "a")]
    assert kinds(compare(history[-1], new, history)) == expected
    assert case_history("a", [*history, new]).is_flaky is not is_ground


def test_the_place_of_the_same_data_is_no_other_ground() -> None:
    *history, new = nights(["pass", "fail", "pass"], provenance={"data mnist": f"{'ef' * 32} here"})
    history[1] = replace(history[1], provenance={"data mnist": f"{'ef' * 32} there"})
    assert kinds(compare(history[-1], new, history)) == [("fixed", "a"), ("flaky", "a")]


def test_a_flake_is_told_with_the_verdicts() -> None:
    *history, new = nights(["pass", "fail", "pass", "fail"])
    change = compare(history[-1], new, history).of("flaky")[0]
    assert change.message == (
        "its verdict changed 3 times in the last 4 runs: pass, fail, pass, fail"
    )
