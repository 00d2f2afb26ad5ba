"""The page on suites, and the example of a night, are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fastcheck.nightly.records import STATUSES
from fastcheck.nightly.report import summary
from fastcheck.nightly.status import exit_status
from fastcheck.nightly.suite import read_suite
from fastcheck.nightly.suite.keys import KEYS
from tests.cli.conftest import Run as Command
from tests.cli.conftest import empty_folder, run
from tests.conftest import ROOT
from tests.nightly.example import EXAMPLE, as_expected, example_run

__all__ = ["empty_folder", "run"]

PAGE = (ROOT / "docs/suites.md").read_text("utf-8")


def block(kind: str, k: int = 0) -> str:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[k]


def test_the_page_shows_what_its_suite_prints(
    run: Command,
    empty_folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    (empty_folder / "net.py").write_text(block("python"), encoding="utf-8")
    (empty_folder / "night.toml").write_text(block("toml"), encoding="utf-8")
    found = run(*block("sh").split()[1:])
    assert found.status == 1
    printed = re.sub(r" \([\d.]+ s\)", "", found.stdout).splitlines()
    shown = block("text").splitlines()
    assert len(printed) == len(shown)
    assert [line.split(",")[-1] for line in (shown[-1], printed[-1])] == [" jobs 1"] * 2
    for told, line in zip(shown[:-1], printed, strict=False):  # the last has an id and times
        assert line.startswith(told.removesuffix("..."))
    assert found.stderr.startswith("kept in fastcheck-archive")
    assert "every entry is 2 times the numerical gradient" in printed[4]
    exec(block("python", 1), {})
    assert f"This prints `{capsys.readouterr().out.strip()}`" in PAGE


def test_the_page_lists_every_key_and_every_outcome() -> None:
    first = {key for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
             for key in re.findall(r"`([a-z_ ]+)`", row)}  # fmt: skip
    assert set(KEYS) | {"matrix"} | set(STATUSES) == first


def test_the_example_has_cases_of_every_kind() -> None:
    suite = read_suite(EXAMPLE)
    assert len(suite.cases) >= 30
    assert f"a suite of {len(suite.cases)} cases" in PAGE
    data = {case.dataset or case.target for case in suite.cases}
    assert data == {"mnist", "catvnoncat", "demo:mnist", "demo:cat"}
    assert len({case.target for case in suite.cases}) >= 5
    assert len({case.fault for case in suite.cases}) >= 8
    assert {case.seed for case in suite.cases} == {0, 1, 2}


@pytest.mark.slow
def test_the_example_is_right_on_synthetic_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FASTCHECK_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    found = example_run()
    assert "synthetic" in found.provenance["data mnist"]
    as_expected(found)
    assert exit_status(found) == 0
    headline = "nightly: 38 cases: 11 fail as expected, 27 pass"
    assert summary(found).splitlines()[0].split("  ")[-1].strip() == headline
