"""Suites as files of tests: which are collected, and what becomes of their cases."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from fastcheck.nightly.records import Record
from tests.pytest_plugin.conftest import Inner

pytest_plugins = ["pytester"]

CASES = """
    import os
    from net import flat, given, wrong

    def right(seed): return given
    def mistaken(): return wrong
    def undecided(): return flat
    def raises(): raise ZeroDivisionError("of mine")
    def falls(): os.kill(os.getpid(), 11)
    def hangs():
        import time
        time.sleep(1000)
"""
SUITE = """
    [[case]]
    name = "right"
    target = "cases.py:right"
    seeds = [0, 1]

    [[case]]
    name = "mistaken"
    target = "cases.py:mistaken"
"""


@pytest.fixture
def suite(inner: Inner) -> Inner:
    """Return a function that runs pytest in a folder with a suite, ``night.toml``."""
    Path("cases.py").write_text(dedent(CASES), encoding="utf-8")
    Path("night.toml").write_text(dedent(SUITE), encoding="utf-8")
    return inner


ADDED = """
    def test_net(fastcheck):
        fastcheck(*given)
"""


def collected(found: pytest.RunResult) -> list[str]:
    """Return the tests that a session has collected."""
    return [line for line in found.outlines if "::" in line]


def test_a_suite_is_collected_if_it_is_named_and_no_other_file_is(suite: Inner) -> None:
    Path("pyproject.toml").write_text("[project]\nname = 'mine'\n", encoding="utf-8")
    look = ("--collect-only", "-q")
    cases = ["night.toml::right[seed=0]", "night.toml::right[seed=1]", "night.toml::mistaken"]
    assert collected(suite(ADDED, *look)) == ["test_net.py::test_net"]
    assert collected(suite(ADDED, *look, "night.toml")) == cases
    assert collected(suite(ADDED, *look, "night.toml::right")) == cases[:2]
    assert collected(suite(ADDED, *look, cases[1])) == cases[1:2]
    assert collected(suite(ADDED, *look, "night.toml", "-k", "mist")) == cases[2:]
    assert collected(suite(ADDED, *look, "night.toml", "-k", "not mistaken")) == cases[:2]


@pytest.mark.parametrize("testpaths", ["", "testpaths = tests\n"])
def test_a_project_names_its_suites(suite: Inner, testpaths: str) -> None:
    Path("tests").mkdir()
    Path("tests/test_more.py").write_text("def test_more(): pass\n", encoding="utf-8")
    text = f"[pytest]\nfastcheck_suites = night.toml\n{testpaths}"
    Path("pytest.ini").write_text(text, encoding="utf-8")
    for arguments, n_cases in (((), 3), (("tests",), 0), (("tests", "night.toml"), 3)):
        found = collected(suite("", "--collect-only", "-q", *arguments))
        assert "tests/test_more.py::test_more" in found
        assert len(found) == 1 + n_cases


def test_a_suite_that_is_not_there_is_a_usage_error(suite: Inner) -> None:
    found = suite("", "-o", "fastcheck_suites=nights.toml")
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    told = r"ERROR: fastcheck_suites must name suite files, got \S+/nights.toml, which is none"
    assert re.search(told, found.stderr.str())


def test_a_mistake_in_a_suite_is_one_line(suite: Inner) -> None:
    Path("night.toml").write_text("[[case]]\ntarget = 'net.py:f'\nrtoll = 1\n", encoding="utf-8")
    found = suite("", "night.toml")
    found.assert_outcomes(errors=1)
    assert "night.toml:3: a case has no key `rtoll` (did you mean rtol?)" in found.stdout.str()
    assert "suites.py" not in found.stdout.str()


def test_whatever_a_case_does_is_told_and_the_next_one_runs(suite: Inner) -> None:
    kinds = ("undecided", "raises", "falls", "hangs", "mistaken")
    table = '\n[[case]]\nname = "{0}"\ntarget = "cases.py:{0}"\ntimeout = "{1}s"\n'
    text = "".join(table.format(kind, 1 if kind == "hangs" else 60) for kind in kinds)
    Path("night.toml").write_text(text, encoding="utf-8")
    found = suite("", "night.toml")
    found.assert_outcomes(failed=5)
    cause = "b1: the gradient is 2 times the right one"
    told = {
        "undecided": "inconclusive: none of 20 checked entries could be resolved",
        "raises": "error: cases.py:raises raised ZeroDivisionError: of mine",
        "falls": "crashed: its process was ended by signal 11 (SIGSEGV)",
        "hangs": "timeout: it took longer than its time-out of 1 s",
        "mistaken": cause,
    }
    for kind, text in told.items():
        assert f"FAILED night.toml::{kind} - Failed: {text}" in found.stdout.str()
        assert [line for line in found.outlines if line.startswith(text)], kind
    assert "in raises" in found.stdout.str()
    assert "b1[2]: yours " in found.stdout.str()
    counted = "5 checks: 1 fail, 1 error, 1 crashed, 1 timeout, 1 inconclusive"
    assert counted in found.stdout.str()


def test_a_mistake_on_purpose_passes_where_it_is_found_and_fails_where_it_is_not(
    suite: Inner,
) -> None:
    table = '\n[[case]]\nname = "{0}"\ntarget = "cases.py:{0}"\nexpect = "fail"\n'
    text = table.format("mistaken") + table.format("right") + "seed = 0\n"
    Path("night.toml").write_text(text, encoding="utf-8")
    found = suite("", "night.toml", "-v", "--tb=no", "--fastcheck-report=out")
    found.assert_outcomes(passed=1, failed=1)
    missed = "fail          night.toml::right: passes, where a failure is expected: the check does "
    assert missed in found.stdout.str()
    assert "expected      night.toml::mistaken: b1: the gradient is 2 times" in found.stdout.str()
    assert "2 cases: 1 fail, 1 fail as expected" in Path("out/run.md").read_text("utf-8")


def test_what_failed_is_run_alone_and_the_first_failure_may_be_the_last(suite: Inner) -> None:
    found = suite(ADDED, "-x", "night.toml::mistaken", "night.toml::right")
    found.assert_outcomes(failed=1)
    found = suite(ADDED, "night.toml", "--lf", "--collect-only", "-q")
    assert collected(found) == ["night.toml::mistaken"]


def test_a_case_that_is_not_run_is_skipped_with_the_reason(
    suite: Inner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "fastcheck.pytest_plugin.suites.run_case",
        lambda case, folder: Record(case, message="there is no time left"),
    )
    found = suite("", "night.toml", "-rs")
    found.assert_outcomes(skipped=3)
    assert "there is no time left" in found.stdout.str()


def test_ctrl_c_during_a_case_ends_the_session(
    suite: Inner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> Record:
        raise KeyboardInterrupt

    monkeypatch.setattr("fastcheck.pytest_plugin.suites.run_case", interrupt)
    found = suite("", "night.toml", "--fastcheck-report=out")
    assert found.ret == pytest.ExitCode.INTERRUPTED
    assert "interrupted   night.toml::right[seed=0]: pytest was interrupted" in found.stdout.str()
    assert "1 case: 1 interrupted" in Path("out/run.md").read_text("utf-8")


def test_a_case_whose_process_cannot_be_started_is_an_error(
    suite: Inner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> Record:
        raise OSError("too many processes")

    monkeypatch.setattr("fastcheck.pytest_plugin.suites.run_case", fail)
    found = suite("", "night.toml::mistaken")
    found.assert_outcomes(failed=1)
    assert "error         night.toml::mistaken: OSError: too many processes" in found.stdout.str()
