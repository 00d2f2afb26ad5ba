"""``fastcheck run SUITE.toml``, killed at random instants and resumed, loses nothing."""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fastcheck.nightly.archive import read_run, runs
from fastcheck.nightly.archive.layout import FINISHED
from fastcheck.nightly.records import Run
from tests.cli.conftest import ENVIRONMENT, command
from tests.nightly.nights import content

SUITE = """
[suite]
name = "night"
[[case]]
name = "right"
target = "mine.py:right"
seeds = [0, 1]
keep = "arrays"
[[case]]
name = "doubled"
target = "mine.py:doubled"
[[case]]
name = "raises"
target = "mine.py:raises"
"""
N_CASES = 4
REPORTED = re.compile(r"^\d/\d (\w+) +(\S+?)(?: \([\d.]+ m?s\))?:", re.MULTILINE)


def run(archive: Path) -> subprocess.Popen[str]:
    """Start a run, or continue what is there."""
    return subprocess.Popen(
        command("run", "night.toml", "--jobs", "2", "--archive", str(archive), "--resume"),
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip


def to_its_end(archive: Path) -> tuple[Run, float]:
    """Let a run come to its end; return what the archive has, and how long it took."""
    start = time.perf_counter()
    with run(archive) as process:
        _, complaints = process.communicate(timeout=120)
    assert process.returncode == 1, complaints
    return ended(archive), time.perf_counter() - start


def killed(archive: Path, n_reports: int, seconds: float) -> str:
    """Kill a run so many seconds after so many of its reports; return all that it reported."""
    with run(archive) as process:
        assert process.stdout is not None
        told = [line for _, line in zip(range(n_reports), process.stdout, strict=False)]
        time.sleep(seconds)
        process.kill()
        return "".join([*told, process.stdout.read()])


def kill_many(folder: Path, n_kills: int) -> Counter[str]:
    """Kill runs at random instants, each up to three times; return the stages they were at."""
    whole, seconds = to_its_end(folder / "whole")
    assert [record.status for record in whole.records] == ["pass", "pass", "fail", "error"]
    rng = np.random.default_rng(11)
    stages: Counter[str] = Counter()
    n_reported = 0
    while stages.total() < n_kills:
        archive = folder / str(stages.total())
        reported: dict[str, str] = {}
        for _ in range(min(3, n_kills - stages.total())):
            instant = int(rng.integers(N_CASES + 1)), rng.uniform(0.0, seconds / N_CASES)
            told = killed(archive, *instant)
            reported |= {name: status for status, name in REPORTED.findall(told)}
            stages[stage(archive, reported)] += 1
            if has_ended(archive):
                break
        n_reported += len(reported)
        final = ended(archive) if has_ended(archive) else to_its_end(archive)[0]
        assert content(replace(final, id=whole.id)) == content(whole)
    assert n_reported > 0  # else nothing was compared
    return stages


def stage(archive: Path, reported: dict[str, str]) -> str:
    """Check that all that was reported is there; return how far the run is."""
    found = runs(archive, "night")
    if not found:
        assert not reported
        return "not begun"
    kept = read_run(found[0])
    assert {name: kept.record(name).status for name in reported} == reported  # type: ignore[union-attr]
    if has_ended(archive):
        return "finished"
    return "in progress" if kept.count("not run") < N_CASES else "begun"


def has_ended(archive: Path) -> bool:
    found = runs(archive, "night")
    return bool(found) and found[0].suffix == FINISHED


def ended(archive: Path) -> Run:
    """Return the only run of an archive, which must have ended, with its arrays."""
    (path,) = runs(archive, "night")
    assert path.suffix == FINISHED
    return read_run(path, arrays=True)


def test_twenty_kills_of_a_run_lose_nothing(mine: Path) -> None:
    (mine.parent / "night.toml").write_text(SUITE)
    stages = kill_many(mine.parent, 20)
    assert stages.total() == 20
    assert stages["in progress"] > 0


@pytest.mark.nightly
def test_two_hundred_kills_of_a_run_lose_nothing(mine: Path) -> None:
    (mine.parent / "night.toml").write_text(SUITE)
    stages = kill_many(mine.parent, 200)
    assert stages.total() == 200
    assert min(stages["begun"], stages["in progress"], stages["finished"]) > 0
