"""What is known of a run before its first case; times and sizes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from fastcheck.nightly.beginning import new_run
from fastcheck.nightly.suite import read_suite
from fastcheck.nightly.units import bytes_in, duration, seconds_in

TEXT = """
[[case]]
target = "net.py:f"
dataset = "none.h5"
[[case]]
target = "gone.py:f"
[[case]]
target = "demo:cat"
seed = 1
"""


def git(folder: Path, *arguments: str) -> None:
    settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_run_begins_with_all_that_its_results_depend_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FASTCHECK_DATA", raising=False)
    (tmp_path / "night.toml").write_text(TEXT)
    (tmp_path / "net.py").write_text("x = 1\n")
    suite = read_suite("night.toml")
    run = new_run(suite, seed=5, only=None, jobs=2)
    assert re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{4}", run.id)
    assert (run.suite, run.suite_sha256, run.finished) == ("night", suite.sha256, "")
    assert run.options == {"seed": 5, "jobs": 2}
    assert [record.status for record in run.records] == ["not run"] * 3
    assert run.records[2].case.seed == 6
    found = run.provenance
    assert {"python", "fastcheck", "numpy", "machine", "system"} <= set(found)
    assert found["git"] == ""
    assert re.fullmatch(r"[0-9a-f]{64}", found["code net.py"])
    assert found["code gone.py"] == "cannot be read"
    assert re.match(r"[0-9a-f]{64} .*catvnoncat_synthetic.h5$", found["data catvnoncat"])
    assert found["data none.h5"].startswith("cannot be read: ")


def test_the_state_of_git_is_told(tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_text(TEXT)
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "a")
    suite = read_suite(tmp_path / "night.toml")
    commit = new_run(suite).provenance["git"]
    assert re.fullmatch(r"[0-9a-f]{40}", commit)
    (tmp_path / "night.toml").write_text(TEXT + "# changed\n")
    assert new_run(suite).provenance["git"] == f"{commit}, files changed"


@pytest.mark.interpreted
@pytest.mark.parametrize(
    "value", ["", "s", "5 days", "1h30", "-5s", "5s5", 0, -1, True, None, float("nan"), "1e400s"]
)
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - callers say what they were given
        seconds_in(value)


@pytest.mark.interpreted
@pytest.mark.parametrize("value", ["", "5", "5 XB", "-5MB", 0, 1.5, True, None])
def test_what_is_no_size_is_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - callers say what they were given
        bytes_in(value)


@pytest.mark.interpreted
def test_times_are_written_in_units_that_fit() -> None:
    assert [duration(s) for s in (0.123, 59.4, 59.6, 3599.9, 3660.0, 90_061.0)] == [
        "0.12 s", "59 s", "1 min", "1 h", "1 h 1 min", "25 h 1 min",
    ]  # fmt: skip
