"""The examples for cron and GitHub Actions keep the archive, and fail when they should."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fastcheck.nightly.archive import read_run, runs
from tests.cli.conftest import ENVIRONMENT, empty_folder, mine
from tests.conftest import ROOT

__all__ = ["empty_folder", "mine"]

EXAMPLES = ROOT / "examples/nightly"
yaml = pytest.importorskip("yaml", reason="there is no PyYAML, which Dask brings")


@pytest.fixture
def here(mine: Path) -> Path:
    """Return a folder with a suite that passes, one that fails, and the command on the path."""
    folder = mine.parent
    for name in ("right", "doubled"):
        text = f'[suite]\nname = "night"\n[[case]]\nname = "net"\ntarget = "mine.py:{name}"\n'
        (folder / f"{name}.toml").write_text(text)
    (folder / "bin").mkdir()
    command = folder / "bin/fastcheck"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fastcheck "$@"\n')
    command.chmod(0o755)
    return folder


def called(here: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with ``fastcheck`` on the path."""
    path = f"{here / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        command, env=ENVIRONMENT | {"PATH": path, "HOME": str(here)} | variables, cwd=here,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_cron_hears_nothing_of_a_good_night_and_all_of_a_bad_one(here: Path) -> None:
    script = str(EXAMPLES / "nightly.sh")
    good = called(here, "sh", script, "right.toml")
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    bad = called(here, "sh", script, "doubled.toml")
    assert bad.returncode == 1
    assert "1 regressed" in bad.stdout
    assert "every entry is 2 times" in bad.stdout
    page = here / "fastcheck-nights/report/run.html"
    assert bad.stdout.endswith(f"exit status 1; the page is {page}\n")
    assert "regressed" in page.read_text(encoding="utf-8")
    missing = called(here, "sh", script, "nihgt.toml")
    assert missing.returncode == 2
    assert "nihgt.toml" in missing.stdout
    assert missing.stdout.endswith("exit status 2; there is no page\n")
    assert missing.stderr == ""
    assert not page.exists()  # which was that of another night


def test_cron_says_what_is_wrong_with_a_first_suite_and_no_more(here: Path) -> None:
    (here / "broken.toml").write_text("[[case]]\nrtoll = 1\n")
    found = called(here, "sh", str(EXAMPLES / "nightly.sh"), "broken.toml")
    assert (found.returncode, found.stderr) == (2, "")
    assert "broken.toml:2: a case has no key `rtoll`" in found.stdout
    assert found.stdout.endswith("exit status 2; there is no page\n")


def test_cron_keeps_the_nights_of_the_last_months(here: Path) -> None:
    script, archive = str(EXAMPLES / "nightly.sh"), here / "fastcheck-nights/archive"
    called(here, "sh", script, "right.toml")
    (first,) = runs(archive, "night")
    old, new = (archive / f"night/2026013{k}T021500-4f2a.parts" for k in (0, 1))
    for killed in (old, new):
        (killed / "cases").mkdir(parents=True)
        (killed / "cases/00001.json").write_text("{}")
    for path in (first, old):
        os.utime(path, (0, 0))
    called(here, "sh", script, "right.toml")
    kept = runs(archive, "night")
    assert [path.suffix for path in kept] == [".parts", ".h5"]
    assert kept[0] == new
    assert not first.exists()
    assert not old.exists()


def steps() -> list[dict[str, Any]]:
    """Return the steps of the workflow."""
    text = (EXAMPLES / "workflow.yml").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = yaml.safe_load(text)["jobs"]["check"]["steps"]
    return found


def step(name: str) -> dict[str, Any]:
    return next(step for step in steps() if step.get("name") == name)


def ran(here: Path, name: str, suite: str) -> int:
    """Run the shell of a step as the service does; return its status."""
    variables = {"SUITE": suite, "GITHUB_STEP_SUMMARY": str(here / "page.md")}
    return called(here, "bash", "-e", "-c", step(name)["run"], **variables).returncode


def test_the_workflow_compares_nights_and_fails_with_the_status_of_the_run(here: Path) -> None:
    assert ran(here, "Show", "right.toml") == 0  # nothing was written yet
    assert ran(here, "Check", "right.toml") == 0
    assert ran(here, "Check", "doubled.toml") == 1
    assert ran(here, "Show", "doubled.toml") == 0
    assert "regressed" in (here / "page.md").read_text(encoding="utf-8")
    _, last = runs(here / step("Keep the archive")["with"]["path"], "night")
    assert read_run(last).count("fail") == 1
    (here / "zero.toml").write_text('[[case]]\ntarget = "mine.py:zero"\n')
    assert ran(here, "Check", "zero.toml") == 3


def test_the_workflow_keeps_what_it_has_whatever_happens() -> None:
    after = steps()[[s.get("name") for s in steps()].index("Check") + 1 :]
    assert len(after) == 3
    assert all(step["if"] == "always()" for step in after)
    restored, saved = step("Fetch the archive")["with"], step("Keep the archive")["with"]
    assert (restored["path"], restored["key"]) == (saved["path"], saved["key"])
    assert restored["key"].startswith(restored["restore-keys"])


def test_the_page_names_both_examples() -> None:
    page = (ROOT / "docs/suites.md").read_text(encoding="utf-8")
    for path in EXAMPLES.iterdir():
        if path.suffix in (".sh", ".yml", ".toml"):
            assert f"../examples/nightly/{path.name}" in page
