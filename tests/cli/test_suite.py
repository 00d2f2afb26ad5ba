"""``fastcheck run SUITE.toml``: lines, status, the dry run, and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from textwrap import dedent

import pytest

from fastcheck.nightly.records import Run as NightlyRun
from tests.cli.conftest import ENVIRONMENT, Run, command

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture
def night(mine: Path) -> Path:
    """Return a suite of what ``mine.py`` has."""
    path = mine.parent / "night.toml"
    path.write_text(
        dedent(
            """
            [[case]]
            name = "right"
            target = "mine.py:right"
            [[case]]
            name = "doubled"
            target = "mine.py:doubled"
            [[case]]
            name = "raises"
            target = "mine.py:raises"
            """
        )
    )
    return path


def closing(stdout: str) -> str:
    """Return the first line of the summary, its blanks joined."""
    (line,) = (line for line in stdout.splitlines() if "night: 3 cases: " in line)
    return " ".join(line.split())


def test_a_suite_ends_with_the_worst_status_and_a_line_for_each_case(run: Run, night: Path) -> None:
    found = run("run", night, "--json", "run.json", "--jobs", 2)
    assert found.status == 1
    lines = sorted(line.partition(" ")[2] for line in found.stdout.splitlines()[:3])
    assert lines[0].startswith("error        raises (")
    assert lines[0].endswith("): mine.py:raises raised ZeroDivisionError: of mine")
    assert lines[1].startswith("fail         doubled (")
    assert "26 of 26 entries of your analytic gradient are wrong" in lines[1]
    assert "every entry is 2 times the numerical gradient" in lines[1]
    assert lines[2].startswith("pass         right (")
    assert "all 26 entries checked, 26 resolved" in lines[2]
    assert closing(found.stdout) == "FAIL night: 3 cases: 1 fail, 1 error, 1 pass"
    kept = NightlyRun.from_dict(json.loads(Path("run.json").read_text()))
    assert [record.status for record in kept.records] == ["pass", "fail", "error"]
    assert kept.options["jobs"] == 2
    assert kept.provenance["code mine.py"] != "cannot be read"


def test_what_is_left_out_is_counted_and_does_not_count(run: Run, night: Path) -> None:
    found = run("run", night, "--only", "right")
    assert found.status == 0
    assert found.stdout.startswith("1/1 pass         right")
    assert closing(found.stdout) == "INCOMPLETE night: 3 cases: 2 not run, 1 pass"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plan", "units"], "`--plan` stands in the suite file, in [suite.defaults]"),
        (["--batch", "5"], "`--batch` stands in the suite file"),
        (["--only", "rihgt"], "`only` must be patterns of names, got 'rihgt', which fits no"),
        (["--timeout", "soon"], "`--timeout` must be a time such as 90, "),
        (["--jobs", "0"], "`--jobs` must be a number of cases from 1, or -1, got 0"),
        (["--seed", "-1"], "`--seed` must be a whole number from 0, got -1"),
        (["--budget", "0"], "`--budget` must be a time such as 90, "),
        (["--budget", "nan"], "`--budget` must be a time such as 90, "),
        (["--timeout", "inf"], "`--timeout` must be a time such as 90, "),
    ],
)  # fmt: skip
def test_a_wrong_option_is_one_line_and_nothing_is_made(
    run: Run, night: Path, arguments: list[str], message: str
) -> None:
    found = run("run", night, "--report", "reports", *arguments)
    assert not Path("fastcheck-archive").exists()
    assert not Path("reports").exists()
    assert found.status == 2
    assert found.stderr.startswith(f"Error: {message}")
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--no-archive", "--resume"), "leave out --no-archive"),
        (("--dry-run", "--report", "out"), "leave out --report and --json"),
        (("--dry-run", "--json", "run.json"), "leave out --report and --json"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    run: Run, night: Path, options: tuple[str, ...], text: str
) -> None:
    refused = run("run", "night.toml", *options)
    assert (refused.status, refused.stdout) == (2, "")
    assert text in refused.stderr


def test_options_of_suites_are_refused_elsewhere(run: Run, mine: Path) -> None:
    found = run("run", "mine.py:right", "--fail-fast")
    assert found.status == 2
    assert found.stderr == "Error: `--fail-fast` is for suites; name a file that ends in .toml\n"


def test_a_budget_may_have_units_and_must_be_a_time(run: Run, mine: Path) -> None:
    assert run("run", "mine.py:right", "--budget", "2m").status == 0
    found = run("run", "mine.py:right", "--budget", "2 days")
    assert found.status == 2
    assert found.stderr.startswith("Error: `--budget` must be a time such as 90, ")
    assert found.stderr.endswith(", above 0, got '2 days'\n")


def test_a_bad_suite_is_one_line(run: Run, empty_folder: Path) -> None:
    (empty_folder / "bad.toml").write_text('[[case]]\ntarget = "demo:mnist"\nrtol = 5\n')
    found = run("run", "bad.toml")
    assert found.status == 2
    assert found.stderr == (
        "Error: bad.toml:3: `rtol` must be in [0, 1), got 5; the default is 1e-5\n"
    )


def test_a_dry_run_runs_nothing(run: Run, night: Path) -> None:
    found = run("run", night, "--dry-run", "--only", "right", "--only", "doubled")
    assert found.status == 0
    first, second, _, last = found.stdout.splitlines()
    assert first.startswith("right    exhaustive")
    assert first.endswith("26 of 26 entries (100 %)")
    assert second.startswith("doubled  exhaustive")
    assert last.startswith("night: 2 cases, about ")
    found = run("run", night, "--dry-run")
    assert found.status == 2
    assert "raises   error: mine.py:raises raised ZeroDivisionError: of mine" in found.stdout


def test_a_time_out_of_the_command_ends_a_case(run: Run, empty_folder: Path) -> None:
    (empty_folder / "hang.py").write_text("import time\ndef f(): time.sleep(1000)\n")
    (empty_folder / "hang.toml").write_text('[[case]]\ntarget = "hang.py:f"\n')
    found = run("run", "hang.toml", "--timeout", "1.5")
    assert found.status == 4
    assert "hang.py:f (" in found.stdout
    assert "it took longer than its time-out of 1.5 s" in found.stdout


# ------------------------------------------------------------ Ctrl-C

WAITING = """
    import sys, time
    from pathlib import Path
    from mine import right

    def waits(seconds):
        Path("under way").touch()
        time.sleep(seconds)
        return right()
"""


def interrupted(folder: Path, seconds: float, n: int) -> tuple[int, str, NightlyRun, float]:
    """Press Ctrl-C while the second of three cases runs."""
    (folder / "waiting.py").write_text(dedent(WAITING))
    (folder / "night.toml").write_text(
        '[[case]]\nname = "first"\ntarget = "mine.py:right"\n'
        '[[case]]\nname = "second"\ntarget = "waiting.py:waits"\n'
        f"arguments = {{seconds = {seconds}}}\n"
        '[[case]]\nname = "third"\ntarget = "mine.py:right"\nseed = 1\n'
    )
    with subprocess.Popen(
        command("run", "night.toml", "--json", "run.json"),
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        while not Path("under way").exists():
            assert process.poll() is None
            time.sleep(0.02)
        start = time.perf_counter()
        for _ in range(n):
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
            time.sleep(0.2)
        stdout, stderr = process.communicate(timeout=60)
    assert "Traceback" not in stderr
    run = NightlyRun.from_dict(json.loads(Path("run.json").read_text()))
    return process.returncode, stdout, run, time.perf_counter() - start


def test_ctrl_c_once_finishes_what_is_running(mine: Path) -> None:
    status, stdout, run, _ = interrupted(mine.parent, 2.0, 1)
    assert status == 130
    assert [record.status for record in run.records] == ["pass", "pass", "not run"]
    assert run.records[2].message == "the run was interrupted before it started"
    assert closing(stdout) == "INCOMPLETE night: 3 cases: 1 not run, 2 pass"


def test_ctrl_c_twice_stops_at_once(mine: Path) -> None:
    status, stdout, run, seconds = interrupted(mine.parent, 1000.0, 2)
    assert status == 130
    assert seconds < 10.0
    assert [record.status for record in run.records] == ["pass", "interrupted", "not run"]
    assert run.records[1].message.startswith("the run was interrupted after ")
    assert "in waits" in run.records[1].traceback
    assert closing(stdout) == "INTERRUPTED night: 3 cases: 1 interrupted, 1 not run, 1 pass"


HANGING = """
import ctypes, os, subprocess, time
from pathlib import Path

def f():
    child = subprocess.Popen(["sleep", "1000"])
    Path("pids.tmp").write_text(f"{os.getpid()} {child.pid}")
    Path("pids.tmp").rename("pids")
    %s
"""


@pytest.mark.parametrize(
    "code",
    ["time.sleep(1000)", "ctypes.PyDLL(None).sleep(1000)"],
    ids=["in Python", "in C, with the lock of the interpreter"],
)
def test_no_process_survives_the_death_of_the_run(empty_folder: Path, code: str) -> None:
    (empty_folder / "hang.py").write_text(HANGING % code)
    (empty_folder / "hang.toml").write_text('[[case]]\ntarget = "hang.py:f"\n')
    with subprocess.Popen(command("run", "hang.toml"), env=ENVIRONMENT) as process:
        while not Path("pids").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    pids = [int(word) for word in Path("pids").read_text().split()]
    deadline = time.perf_counter() + 10.0
    while time.perf_counter() < deadline and any(map(is_alive, pids)):
        time.sleep(0.05)
    assert [is_alive(pid) for pid in pids] == [False, False]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
