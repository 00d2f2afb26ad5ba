"""A run that is killed at any instant loses nothing reported, and ends as if it were not."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from fastcheck.errors import DataError
from fastcheck.nightly.archive import Parts, read_run, runs
from fastcheck.nightly.archive.layout import FINISHED
from fastcheck.nightly.records import Record, Run
from fastcheck.result import CheckResult
from tests.nightly.nights import case, content, done, night, small

CASES = [case(f"case {k}", seed=k, keeps="arrays" if k % 2 else "summary") for k in range(6)]
NIGHT = night(records=tuple(map(Record, CASES)))


def outcomes() -> dict[str, CheckResult | None]:
    """Return what the check of each case finds."""
    found: dict[str, CheckResult | None] = {}
    for k, about in enumerate(CASES):
        numbers = {"W1": np.random.default_rng(k).normal(size=(20, 30))}
        kind = ("pass", "fail", "close")[k % 3]
        found[about.name] = None if k == 3 else small(kind, numerical=numbers, bounds=numbers)
    return found


def record(about: object, result: CheckResult | None) -> Record:
    """Return a record as of now."""
    assert hasattr(about, "name")
    blank = done(about.name, "error") if result is None else done(about.name)
    return replace(
        blank, case=about, status=blank.status if result is None else result.verdict,
        result=result, seconds=time.perf_counter(), started=time.ctime(),
    )  # fmt: skip


def write(archive: Path, results: dict[str, CheckResult | None], report: int) -> None:
    """Begin the run or continue it, and report each record after it was added."""
    known = runs(archive, NIGHT.suite)
    if known and known[0].suffix == FINISHED:
        return
    parts = Parts.open(known[0], expected=NIGHT) if known else Parts.create(archive, NIGHT)
    for about in CASES:
        before = parts.run.record(about.name)
        if before is not None and before.status == "not run":
            parts.add(record(about, results[about.name]))
            os.write(report, f"{about.name}\n".encode())
    parts.finish(time.ctime())
    os.write(report, b"finished\n")


class Instant(NamedTuple):
    """When a writer is killed: so many seconds after so many of its reports."""

    n_reports: int
    seconds: float


NEVER = Instant(len(CASES) + 2, 0.0)


def killed_at(
    instant: Instant, archive: Path, results: dict[str, CheckResult | None]
) -> tuple[list[str], float]:
    """Let a process write, and kill it; return what it had reported, and how long it lived."""
    reading, writing = os.pipe()
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            write(archive, results, writing)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, buffering=1) as file:
        reported = [line for _, line in zip(range(instant.n_reports), file, strict=False)]
        time.sleep(instant.seconds)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        lived = time.perf_counter() - start
        assert status in (0, signal.SIGKILL), "the writer failed by itself"
        reported += file
    return "".join(reported).splitlines(), lived


def survey(archive: Path, whole: Run, reported: set[str]) -> str:
    """Check that all that was reported is there; return at which stage the run is."""
    found = runs(archive, NIGHT.suite)
    assert len(found) <= 1
    if not found:
        assert not reported
        return "not begun"
    run = read_run(found[0], arrays=True)
    for name in reported - {"finished"}:
        after, right = run.record(name), whole.record(name)
        assert after is not None
        assert right is not None
        times = {"seconds": 0.0, "started": ""}
        assert replace(after, **times).to_dict() == replace(right, **times).to_dict()  # type: ignore[arg-type]
    if found[0].suffix == FINISHED:
        return "finished"
    assert "finished" not in reported
    return "all added" if run.count("not run") == 0 else "in progress"


def kill_many(folder: Path, n_kills: int) -> Counter[str]:
    """Kill runs twice each at random instants and continue them; return the stages they were at."""
    results = outcomes()
    lives = []
    for name in ("first", "whole"):  # the first one has everything to load
        reported, lived = killed_at(NEVER, folder / name, results)
        assert reported[-1] == "finished"
        lives.append(lived)
    between = min(lives) / len(reported)
    whole = read_run(runs(folder / "whole", NIGHT.suite)[0], arrays=True)
    rng = np.random.default_rng(7)
    stages: Counter[str] = Counter()
    for number in range(n_kills // 2):
        archive = folder / str(number)
        told: set[str] = set()
        for _ in range(2):
            instant = Instant(int(rng.integers(len(CASES) + 2)), rng.uniform(0.0, between))
            told |= set(killed_at(instant, archive, results)[0])
            stages[survey(archive, whole, told)] += 1
        last, _ = killed_at(NEVER, archive, results)
        assert "finished" in {*told, *last} or survey(archive, whole, told) == "finished"
        (path,) = runs(archive, NIGHT.suite)
        assert content(read_run(path, arrays=True)) == content(whole)
        with pytest.raises(DataError, match="has a run"):
            Parts.create(archive, NIGHT)
        left = {p.name for p in path.parent.iterdir()} - {path.name}
        assert all(name.endswith((".tmp", ".parts")) for name in left)
    return stages


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_twenty_kills_lose_nothing(tmp_path: Path) -> None:
    stages = kill_many(tmp_path, 20)
    assert stages.total() == 20
    assert stages["in progress"] > 0


@pytest.mark.nightly
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    stages = kill_many(tmp_path, 200)
    assert stages.total() == 200
    assert min(stages["in progress"], stages["all added"], stages["finished"]) > 0
