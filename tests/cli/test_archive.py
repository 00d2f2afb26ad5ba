"""``fastcheck report``, ``compare`` and ``history``."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fastcheck.nightly.archive import Parts, read_run
from fastcheck.nightly.report.files import NAMES
from tests.cli.conftest import ENVIRONMENT, Run, command
from tests.nightly.nights import done, kept, night, run_of

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture
def archive(empty_folder: Path) -> Path:
    """Return the archive of three nights, where it is looked for."""
    folder = empty_folder / "fastcheck-archive"
    for number, kinds in enumerate(
        (
            {"a": "pass", "b": "fail", "c[x=1]": "pass", "d": "pass"},
            {"a": "pass", "b": "fail", "c[x=1]": "not run", "d": "pass"},
            {"a": "fail", "b": "pass", "c[x=1]": "pass", "d": "pass"},
        ),
        start=1,
    ):
        kept(folder, run_of(number, kinds))
    return folder


def test_the_last_run_is_compared_with_the_one_before(run: Run, archive: Path) -> None:
    found = run("compare", "night")
    assert found.status == 1
    assert found.stderr == ""
    lines = found.stdout.splitlines()
    assert lines[0] == "suite         night, 4 cases"
    assert lines[1].split() == ["before", night(2).id]
    assert lines[3] == "changes       1 regressed, 1 fixed"
    assert [line.split()[:2] for line in lines[-2:]] == [["regressed", "a"], ["fixed", "b"]]


def test_two_runs_are_compared_as_they_are_named(run: Run, archive: Path) -> None:
    new = archive / "night" / f"{night(2).id}.h5"
    found = run("compare", "20260101", new, "--json", "changes.json")
    assert found.status == 3  # a case was not run
    data = json.loads(Path("changes.json").read_text(encoding="utf-8"))
    assert [change["kind"] for change in data["changes"]] == ["not-run"]
    same = run("compare", new, new)
    assert same.status == 3
    better = run("compare", "20260103", "20260101")
    assert better.status == 1  # b fails there
    quiet = run("compare", "20260101", "20260101")
    assert (quiet.status, "changes       none" in quiet.stdout) == (0, True)


def test_an_archive_may_be_elsewhere(
    run: Run, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = archive.rename(archive.parent / "elsewhere")
    assert run("compare", "night").status == 2
    assert run("compare", "night", "--archive", elsewhere).status == 1
    monkeypatch.setenv("FASTCHECK_ARCHIVE", str(elsewhere))
    assert run("compare", "night").status == 1
    assert run("history", "a").status == 0


def test_a_file_that_left_its_archive_is_compared_too(run: Run, archive: Path) -> None:
    path = (archive / "night" / f"{night(3).id}.h5").rename(Path("mailed.h5"))
    assert run("compare", path).status == 1


def test_a_run_in_progress_is_compared(run: Run, archive: Path) -> None:
    with Parts.create(archive, run_of(4, dict.fromkeys("abd", "not run"))) as parts:
        parts.add(done("b", "fail"))
        found = run("compare", "night")
    assert found.status == 1
    assert "1 regressed, 1 lost, 2 not-run" in found.stdout


def test_what_cannot_be_compared_is_refused_in_one_line(run: Run, archive: Path) -> None:
    for arguments, text in (
        (["compare", "20260101"], "there is no run before it; name the one to compare with"),
        (["compare", "day"], "there is no run or suite 'day'; the suites are night"),
        (["compare", "a", "b", "c"], "name one run or two"),
        (["compare", "night", "--archive", "none"], "none: there is no such archive"),
        (["history", "e"], "has no case 'e'; it has a, b, c[x=1], d"),
        (["history", "cc[x=1]"], "has no case 'cc[x=1]'; it has c[x=1]"),
        (["history", "a", "--suite", "../x"], "`suite` must be a name of letters"),
        (["history", "a", "--suite", "day"], "has no case 'a'; it has no runs"),
    ):
        found = run(*arguments)
        assert found.status == 2
        assert found.stdout == ""
        assert text in found.stderr
        assert "Traceback" not in found.stderr


def test_a_damaged_run_is_left_out_and_told(run: Run, archive: Path) -> None:
    path = archive / "night" / f"{night(2).id}.h5"
    path.write_bytes(path.read_bytes()[:-1])
    found = run("compare", "night")
    assert found.status == 1
    assert found.stderr.startswith("left out: ")
    assert f"/{night(2).id}.h5: is damaged" in found.stderr
    assert night(1).id in found.stdout
    assert "left out" in run("history", "a").stderr
    refused = run("compare", "20260102", "night")
    assert refused.status == 2
    assert "is damaged or truncated" in refused.stderr


def test_the_last_run_of_a_suite_is_the_last_that_can_be_read(run: Run, archive: Path) -> None:
    newer = archive / "night" / f"{night(9).id}.h5"
    newer.write_bytes(b"")
    for name, status in (("compare", 1), ("report", 0)):
        found = run(name, "night")
        assert found.status == status
        assert night(3).id in found.stdout
        assert f"left out: fastcheck-archive/night/{newer.name}" in found.stderr
    for number in (1, 2, 3):
        (archive / "night" / f"{night(number).id}.h5").unlink()
    refused = run("compare", "night")
    assert (refused.status, refused.stdout) == (2, "")
    assert newer.name in refused.stderr


def test_all_places_of_a_report_are_looked_at_before_one_is_written(
    run: Run, archive: Path
) -> None:
    for wrong, text in (("copy.h5", "has ended, and is one file"), ("none/x.md", "no folder")):
        refused = run("report", "night", "--to", "page.md", "--to", wrong)
        assert refused.status == 2
        assert text in refused.stderr
        assert not Path("page.md").exists()
    assert run("report", "night", "--to", "page.md").status == 0
    assert Path("page.md").exists()


def test_a_new_case_that_fails_is_not_among_what_was_broken_before(run: Run, archive: Path) -> None:
    kept(archive, run_of(4, {"a": "fail", "b": "pass", "c[x=1]": "pass", "d": "pass", "e": "fail",
                             "f": "expected", "g": "inconclusive"}))  # fmt: skip
    lines = [line for line in run("report", "night").stdout.splitlines() if ": " in line]
    labels = [line[:14].strip() for line in lines]
    assert labels.index("broken, new") < labels.index("broken too")
    assert "e: " in lines[labels.index("broken, new")]
    assert " e: " not in lines[labels.index("broken too")]
    assert "1 new and broken" in lines[labels.index("changed")]


def test_the_history_of_a_case_is_shown(run: Run, archive: Path) -> None:
    found = run("history", "a", "--json", "a.json")
    assert (found.status, found.stderr) == (0, "")
    lines = found.stdout.splitlines()
    assert lines[0] == "case          a"
    assert lines[2] == "history       3 runs, 1 change of the verdict"
    assert lines[-1].split()[:3] == [night(3).id, "fail", "<-"]
    data = json.loads(Path("a.json").read_text(encoding="utf-8"))
    assert [m["status"] for m in data["cases"][0]["runs"]] == ["pass", "pass", "fail"]


def test_cases_are_chosen_by_a_pattern_and_brackets_are_part_of_a_name(
    run: Run, archive: Path
) -> None:
    for pattern in ("c[x=1]", "c[x=*]", "c", "*x=1*"):
        assert run("history", pattern).stdout.startswith("case          c[x=1]\n")
    many = run("history", "?", "--last", "1").stdout
    assert many.count("history       1 run,") == 4


def test_a_suite_is_chosen(run: Run, archive: Path) -> None:
    kept(archive, replace(run_of(1, {"a": "error"}), suite="day"))
    assert run("history", "a").stdout.count("case          a") == 2
    assert "net.py:right error" in run("history", "a", "--suite", "day").stdout


def test_a_pipe_gets_no_codes_and_ascii_if_it_wants(archive: Path) -> None:
    for arguments, status in ((["compare", "night"], 1), (["history", "a"], 0)):
        found = subprocess.run(
            command(*arguments),
            env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert found.returncode == status
        assert found.stdout.isascii()
        assert b"\x1b" not in found.stdout
        assert found.stderr == b""


@pytest.mark.parametrize("name", ["compare", "history", "report"])
def test_the_exit_status_is_in_the_help(run: Run, name: str) -> None:
    assert "Exit status: 0 " in " ".join(run(name, "--help").stdout.split())


# ---------------------------------------------------------------- reports


def test_a_run_is_shown_once_more_with_what_changed(run: Run, archive: Path) -> None:
    found = run("report", "night", "--to", "pages", "--to", "mail/night.md")
    assert (found.status, found.stderr) == (
        2, "Error: mail/night.md: there is no folder mail; make it first\n",
    )  # fmt: skip
    found = run("report", "night", "--to", "pages", "--to", "night.txt")
    assert (found.status, found.stderr) == (0, "")
    assert found.stdout.splitlines()[0].split() == (
        ["FAIL", "night:", "4", "cases:", "1", "fail,", "3", "pass"]
    )
    assert "1 regressed, 1 fixed" in found.stdout
    assert sorted(p.name for p in Path("pages").iterdir()) == sorted(NAMES)
    assert "regressed" in Path("night.txt").read_text(encoding="utf-8")


def test_a_run_in_progress_is_shown_and_joined(run: Run, archive: Path) -> None:
    with Parts.create(archive, night(4, ("a", "b"))) as parts:
        parts.add(done("a"))
        found = run("report", parts.folder, "--to", "so far.h5")
        assert found.status == 0
        assert "not finished" in found.stdout
        assert [r.status for r in read_run("so far.h5").records if r.case.name == "a"] == ["pass"]
    again = run("report", "so far.h5", "--to", "again.h5")
    assert again.status == 2
    assert "has ended, and is one file already" in again.stderr


def test_a_run_that_is_not_there_cannot_be_shown(run: Run, archive: Path) -> None:
    found = run("report", "nihgt")
    assert (found.status, found.stdout) == (2, "")
    assert found.stderr == (
        "Error: fastcheck-archive: there is no run or suite 'nihgt'; the suites are night\n"
    )
