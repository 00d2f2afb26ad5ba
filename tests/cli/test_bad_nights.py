"""Whatever befalls a run: the right report, the right status, and nothing lost."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from fastcheck.errors import DataError
from fastcheck.nightly.archive import Parts, read_run, runs, unfinished
from fastcheck.nightly.beginning import new_run
from fastcheck.nightly.suite import read_suite
from tests.cli.conftest import ENVIRONMENT, Run, command

pytestmark = pytest.mark.usefixtures("empty_folder")

TERRIBLE = """
import os, time
from pathlib import Path
from mine import right

def hangs(): time.sleep(1000)
def exits(): os._exit(0)
def says_much(): raise ValueError(20_000_000 * "x")
def eats():
    kept = []
    while True: kept.append(bytearray(10**8))
def waits():
    Path("under way").touch()
    while not Path("go on").exists(): time.sleep(0.02)
    return right()
"""
MISFORTUNES = {"raises": "error", "hangs": "timeout", "exits": "crashed", "eats": "error"}


def suite(folder: Path, *cases: str) -> Path:
    """Write a suite of functions."""
    (folder / "terrible.py").write_text(TERRIBLE)
    (folder / "night.toml").write_text("\n".join(cases))
    return folder / "night.toml"


def case(name: str, more: str = "", file: str = "terrible.py") -> str:
    return f'[[case]]\nname = "{name}"\ntarget = "{file}:{name}"\n{more}'


RIGHT = case("right", file="mine.py")


def test_a_terrible_night_is_told_in_every_report(run: Run, mine: Path) -> None:
    suite(
        mine.parent, RIGHT, case("raises", file="mine.py"), case("hangs", "timeout = 1.5"),
        case("exits"), case("eats", 'memory = "500MB"'),
    )  # fmt: skip
    found = run("run", "night.toml", "--jobs", 2, "--report", "out")
    assert found.status == 4
    assert "ERROR" in found.stdout
    expected = {"right": "pass"} | MISFORTUNES
    told = json.loads(Path("out/run.json").read_text(encoding="utf-8"))["records"]
    assert {record["case"]["name"]: record["status"] for record in told} == expected
    tests = ET.parse("out/run.xml").getroot().iter("testcase")
    elements = {test.get("name"): [(e.tag, e.get("type")) for e in test] for test in tests}
    assert elements == {"right": []} | {k: [("error", v)] for k, v in MISFORTUNES.items()}
    page = Path("out/run.md").read_text(encoding="utf-8")
    for name, text in (
        ("raises", "ZeroDivisionError: of mine"),
        ("hangs", "it took longer than its time-out of 1.5 s"),
        ("exits", "its process ended with status 0 before the check did"),
        ("eats", "MemoryError"),
    ):
        for report in (found.stdout, page):
            assert any(name in line and text in line for line in report.splitlines())


def test_a_long_message_costs_the_run_nothing(run: Run, mine: Path) -> None:
    suite(mine.parent, case("says_much"), RIGHT)
    found = run("run", "night.toml")
    assert found.status == 4
    assert len(runs("fastcheck-archive", "night")) == 1
    assert len(found.stdout) < 4_000


def test_a_damaged_archive_costs_the_comparison_only(run: Run, mine: Path) -> None:
    suite(mine.parent, RIGHT)
    assert run("run", "night.toml").status == 0
    (path,) = runs("fastcheck-archive", "night")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = run("run", "night.toml")
    assert found.status == 0
    (line,) = (line for line in found.stderr.splitlines() if line.startswith("left out: "))
    assert str(path) in line
    assert "since" not in found.stdout
    assert len(runs("fastcheck-archive", "night")) == 2


def test_a_second_run_is_refused_while_the_first_goes_on(run: Run, mine: Path) -> None:
    suite(mine.parent, case("waits"))
    with subprocess.Popen(
        command("run", "night.toml"), env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as first:
        while not Path("under way").exists():
            assert first.poll() is None
            time.sleep(0.02)
        second = run("run", "night.toml")
        Path("go on").touch()
        stdout, _ = first.communicate(timeout=60)
    assert second.status == 2
    assert second.stderr.count("\n") == 1
    assert f"is being written to by process {first.pid} on " in second.stderr
    assert (first.returncode, "1 case: 1 pass" in stdout) == (0, True)


@pytest.mark.parametrize("slip", [("--only", "rihgt"), ("--budget", "nan"), ("--jobs", 0)])
def test_a_slip_does_not_stand_in_the_way_of_resuming(
    run: Run, mine: Path, slip: tuple[object, ...]
) -> None:
    begun = new_run(read_suite(suite(mine.parent, RIGHT)))
    Parts.create("fastcheck-archive", begun).close()
    assert run("run", "night.toml", *slip).status == 2
    assert run("run", "night.toml", "--resume").status == 0
    assert [path.name for path in runs("fastcheck-archive", "night")] == [f"{begun.id}.h5"]


def test_what_happens_before_the_first_case_leaves_the_archive_to_others(
    run: Run, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise DataError("of a test")

    suite(mine.parent, RIGHT)
    with monkeypatch.context() as patched:
        patched.setattr("fastcheck.nightly.archive.past_runs", fails)
        assert run("run", "night.toml").stderr == "Error: of a test\n"
    assert run("run", "night.toml", "--resume").status == 0


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_full_disk_ends_the_run_in_one_sentence_and_it_is_resumed(
    mine: Path, at_the_end: bool
) -> None:
    suite(mine.parent, RIGHT, case("in_units", file="mine.py"), case("doubled", file="mine.py"))
    assert ran().returncode == 1
    (whole,) = runs("fastcheck-archive", "night")
    limit = whole.stat().st_size - 512 if at_the_end else 4_000
    shutil.rmtree("fastcheck-archive")
    full = ran(limit=limit)
    assert full.returncode == 2
    assert full.stderr.count("\n") == 1
    assert full.stderr.startswith("Error: fastcheck-archive/")
    assert "(File too large)" in full.stderr
    folder = unfinished("fastcheck-archive", "night")
    assert folder is not None
    reported = {line.split()[2] for line in full.stdout.splitlines() if line[:1].isdigit()}
    kept = {r.case.name for r in read_run(folder).records if r.status != "not run"}
    assert kept == reported
    assert (len(kept) == 3) is at_the_end
    assert "night: 3 cases: " in full.stdout
    again = ran("--resume")
    assert (again.returncode, "3 cases: 1 fail, 2 pass" in again.stdout) == (1, True)
    assert len(runs("fastcheck-archive", "night")) == 1


def ran(*options: str, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run the suite, with no file larger than a limit."""

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        command("run", "night.toml", *options), env=ENVIRONMENT, capture_output=True, text=True,
        check=False, preexec_fn=limited,
    )  # fmt: skip
