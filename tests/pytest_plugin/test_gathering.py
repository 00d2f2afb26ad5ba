"""What is told at the end of a session, and written: of all checks, in whatever process."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fastcheck.nightly.records import Record, Run
from fastcheck.nightly.report.files import NAMES
from fastcheck.pytest_plugin.checks import case_of, told
from fastcheck.pytest_plugin.gathering import CHECKS, Gathering
from tests.nightly.report.test_numbers import validate
from tests.pytest_plugin.conftest import Inner

pytest_plugins = ["pytester"]

TESTS = """
    def test_twice(fastcheck):
        fastcheck(*given)
        fastcheck(*given, plan="units", seed=5, before_each=None)

    @pytest.mark.parametrize("which", ["wrong", "flat"])
    def test_not_passing(fastcheck, which):
        fastcheck(*globals()[which])

    def test_ends_before(fastcheck):
        raise ZeroDivisionError("of mine")

    @pytest.mark.xfail(reason="not mended yet")
    def test_expected(fastcheck):
        fastcheck(*wrong)

    @pytest.mark.skip(reason="of no interest")
    def test_skipped(fastcheck):
        fastcheck(*wrong)

    def test_without(): pass
"""


def written() -> Run:
    """Return the run that was written."""
    data = json.loads(Path("out/run.json").read_text("utf-8"))
    validate(data)
    return Run.from_dict(data)


def statuses(run: Run) -> dict[str, str]:
    """Return what became of each check of a run."""
    return {r.case.name.removeprefix("test_net.py::"): r.status for r in run.records}


EXPECTED = {
    "test_twice": "pass",
    "test_twice (2)": "pass",
    "test_not_passing[wrong]": "fail",
    "test_not_passing[flat]": "inconclusive",
    "test_ends_before": "error",
    "test_expected": "expected",
}


def test_all_checks_become_one_run_with_reports(inner: Inner) -> None:
    found = inner(TESTS, "--fastcheck-report=out")
    found.assert_outcomes(passed=2, failed=3, xfailed=1, skipped=1)
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(NAMES)
    run = written()
    assert statuses(run) == EXPECTED
    assert run.is_finished
    second, error, expected = run.records[1], run.records[4], run.records[5]
    assert second.case.target == "test_net.py:test_twice"
    assert (second.case.seed, second.case.options) == (5, {"plan": "units", "before_each": None})
    assert second.result is not None
    assert second.result.pictures
    assert error.message == "the test ended before its check: ZeroDivisionError: of mine"
    assert 'raise ZeroDivisionError("of mine")' in error.traceback
    assert expected.message == "expected by pytest: not mended yet"
    assert "report: out/run.html" in found.stdout.str()
    counted = "6 checks: 1 fail, 1 error, 1 inconclusive, 1 fail as expected, 2 pass"
    assert counted in found.stdout.str()
    skipped = '<skipped message="as expected: b1: the gradient is 2 times'
    assert skipped in Path("out/run.xml").read_text("utf-8")
    assert "test_expected" not in found.stdout.str()
    assert "b1: the gradient is 2 times" in Path("out/run.html").read_text("utf-8")


def test_the_checks_of_all_workers_are_gathered_also_if_one_crashes(inner: Inner) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    Path("night.toml").write_text(
        '[[case]]\nname = "case"\ntarget = "test_net.py:case"\n', encoding="utf-8"
    )
    found = inner(
        """
        def test_first(fastcheck):
            fastcheck(*given)

        def test_crashing(fastcheck):
            import os
            fastcheck(*given)
            os.kill(os.getpid(), 9)

        def test_of_the_next_worker(fastcheck):
            fastcheck(*wrong)

        def case(): return given
        """,
        *("-p", "xdist.plugin", "-n", "1", "--fastcheck-report=out", "test_net.py", "night.toml"),
        process=True,
    )
    run = written()
    assert statuses(run) == {
        "test_first": "pass",
        "test_crashing": "crashed",
        "test_of_the_next_worker": "fail",
        "night.toml::case": "pass",
    }
    crashed = run.record("test_net.py::test_crashing")
    assert crashed is not None
    assert re.search(r"worker 'gw\d' crashed while running", crashed.message)
    assert "4 checks: 1 fail, 1 crashed, 2 pass" in found.stdout.str()
    assert "b1: the gradient is 2 times" in Path("out/run.html").read_text("utf-8")


def test_ctrl_c_leaves_what_was_found(inner: Inner) -> None:
    found = inner(
        """
        def test_net(fastcheck):
            fastcheck(*given)

        def test_interrupted(fastcheck):
            fastcheck(*given)
            raise KeyboardInterrupt

        def test_never(fastcheck):
            fastcheck(*wrong)
        """,
        "--fastcheck-report=out",
    )
    assert found.ret == pytest.ExitCode.INTERRUPTED
    run = written()
    assert statuses(run) == {"test_net": "pass", "test_interrupted": "pass"}
    assert not run.is_finished
    assert Path("out/run.md").read_text("utf-8").startswith("# ✋ INTERRUPTED")


def test_a_session_that_ends_early_is_not_a_pass(inner: Inner) -> None:
    inner(
        """
        def test_net(fastcheck):
            fastcheck(*given)

        def test_other():
            assert False

        def test_never(fastcheck):
            fastcheck(*wrong)
        """,
        "--fastcheck-report=out",
        "-x",
    )
    assert statuses(written()) == {"test_net": "pass"}
    assert not written().is_finished


@pytest.mark.parametrize("kind", ["wrong", "flat", "broken"])
@pytest.mark.parametrize("strict", [False, True])
def test_a_failure_that_pytest_expects_is_none_of_the_report(
    inner: Inner, kind: str, strict: bool
) -> None:
    found = inner(
        f"""
        broken = 1, 2, 3

        @pytest.mark.xfail(strict={strict}, reason="of the network")
        def test_expected(fastcheck):
            fastcheck(*{kind})
        """,
        "--fastcheck-report=out",
    )
    assert found.ret == 0
    assert statuses(written()) == {"test_expected": "expected"}
    assert "1 check: 1 fail as expected" in found.stdout.str()
    assert Path("out/run.md").read_text("utf-8").startswith("# ✅ PASS")
    (record,) = written().records
    assert record.message.endswith("expected by pytest: of the network")


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ("@pytest.mark.xfail(strict=True)", "", "error"),
        ("@pytest.mark.xfail", "", ""),
        ("@pytest.mark.xfail", "assert 0", ""),
        ("", "assert 0", "error"),
        ("", "fastcheck(*given); assert 0", "error"),
        ("@pytest.mark.usefixtures('falls')", "", "error"),
    ],
)
def test_a_test_that_fails_although_its_check_does_not_is_no_pass(
    inner: Inner, before: str, after: str, status: str
) -> None:
    found = inner(
        f"""
        @pytest.fixture
        def falls():
            yield
            raise ZeroDivisionError("of mine")

        {before}
        def test_net(fastcheck):
            fastcheck(*given)
            {after or "pass"}
        """,
        "--fastcheck-report=out",
    )
    checks = {"test_net": "pass"} | ({"test_net (2)": "pass"} if "given" in after else {})
    failure = {"test_net (after its check)": status} if status else {}
    assert statuses(written()) == checks | failure
    assert (found.ret == 0) is (status == "")
    assert ("# ✅ PASS" in Path("out/run.md").read_text("utf-8")) is (status == "")
    if status:
        assert "the check did not fail, and the test did: " in found.stdout.str()


def test_a_failure_without_any_check_is_no_pass(inner: Inner) -> None:
    found = inner(
        """
        @pytest.fixture
        def falls():
            yield
            raise ZeroDivisionError("of mine")

        def test_net(falls, fastcheck): pass
        """,
        "--fastcheck-report=out",
    )
    found.assert_outcomes(passed=1, errors=1)
    assert statuses(written()) == {"test_net (teardown)": "error"}
    assert (
        "the test made no check, and did not end well: ZeroDivisionError: of mine"
        in found.stdout.str()
    )


def test_what_cannot_be_collected_is_in_the_report(inner: Inner) -> None:
    Path("night.toml").write_text("[[case]]\nrtoll = 1\n", encoding="utf-8")
    Path("test_broken.py").write_text("import not_there\n", encoding="utf-8")
    found = inner(
        "def test_net(fastcheck): fastcheck(*given)",
        *("--fastcheck-report=out", "--continue-on-collection-errors"),
        *("test_net.py", "test_broken.py", "night.toml"),
    )
    found.assert_outcomes(passed=1, errors=2)
    run = written()
    assert [(r.case.name, r.status) for r in run.records] == [
        ("test_broken.py", "error"),
        ("night.toml", "error"),
        ("test_net.py::test_net", "pass"),
    ]
    assert "ModuleNotFoundError: No module named 'not_there'" in run.records[0].traceback
    told = "could not be collected: night.toml:2: a case has no key `rtoll` (did you mean rtol?)"
    assert run.records[1].message.startswith(told)


def test_a_second_attempt_takes_the_place_of_the_first(pytestconfig: pytest.Config) -> None:
    gathering = Gathering(pytestconfig, 100, None)
    for status in ("fail", "pass"):
        report = pytest.TestReport("a.py::f", ("a.py", 0, "f"), {}, "passed", None, "call")
        record = Record(case_of("a.py::f"), status, message="")
        vars(report)[CHECKS] = [told(record, report, in_full=False)]
        gathering.pytest_runtest_logreport(report)
    assert [check["status"] for check in gathering.checks.values()] == ["pass"]


def test_a_folder_that_cannot_be_made_is_told_before_anything_runs(inner: Inner) -> None:
    Path("taken").touch()
    found = inner(TESTS, "--fastcheck-report=taken")
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --fastcheck-report: taken: cannot be made (File exists)" in found.stderr.str()


def test_a_report_that_cannot_be_written_is_told_and_no_success(inner: Inner) -> None:
    Path("out/run.html").mkdir(parents=True)
    found = inner("def test_net(fastcheck): fastcheck(*given)", "--fastcheck-report=out")
    assert found.ret == pytest.ExitCode.INTERNAL_ERROR
    assert re.search(r"no report: \S+/out/run.html: is a folder; name a file", found.stdout.str())


def test_nothing_is_written_where_nothing_is_run(inner: Inner) -> None:
    inner(TESTS, "--fastcheck-report=out", "--collect-only")
    assert not any(Path("out").iterdir())


def test_a_report_of_no_checks_says_so(inner: Inner) -> None:
    found = inner("def test_without(): pass", "--fastcheck-report=out")
    assert "nothing was checked" in found.stdout.str()
    assert written().records == ()


@pytest.mark.parametrize("code", ["def test_without(): pass", "def test_failing(): assert 0"])
def test_it_is_silent_where_nothing_is_checked(inner: Inner, code: str) -> None:
    assert "= fastcheck =" not in inner(code, "-v").stdout.str()


def test_passes_are_told_if_asked_for(inner: Inner) -> None:
    code = "def test_net(fastcheck): fastcheck(*given)"
    assert "= fastcheck =" not in inner(code).stdout.str()
    told = "pass          test_net.py::test_net: all 39 entries of 4 tensors agree with the"
    assert told in inner(code, "-v").stdout.str()


def test_many_that_do_not_pass_are_counted(inner: Inner) -> None:
    found = inner(
        """
        @pytest.mark.parametrize("n", range(13))
        def test_net(fastcheck, n):
            fastcheck(*flat)
        """
    )
    lines = [line for line in found.outlines if line.startswith("inconclusive")]
    assert len(lines) == 10
    assert "and 3 more" in found.outlines
    assert "13 checks: 13 inconclusive" in found.outlines
