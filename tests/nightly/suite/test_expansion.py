"""From a suite file to cases: defaults, matrices, seeds, names, paths."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import fastcheck as fc
from fastcheck.nightly.suite import Suite, read_suite
from fastcheck.nightly.suite.keys import OPTIONS
from fastcheck.nightly.suite.lines import find_lines

pytestmark = pytest.mark.interpreted


def suite(folder: Path, text: str, name: str = "night.toml") -> Suite:
    (folder / name).write_text(text, encoding="utf-8")
    return read_suite(folder / name)


def test_a_case_says_everything_that_a_check_can_be_told(tmp_path: Path) -> None:
    (case,) = suite(
        tmp_path,
        """
        [[case]]
        name = "all"
        target = "sub/net.py:build"
        dataset = "data/own.h5"
        split = "test"
        batch = 7
        seed = 5
        timeout = "1m30s"
        memory = "2GB"
        keep = "arrays"
        fault = "transposed W1"
        expect = "pass"
        arguments = {width = 5, names = ["a"]}
        plan = "sample"
        entries = 9
        budget = "2m"
        rtol = 1e-7
        strict = true
        accept = "clip"
        only = "W*"
        """,
    ).cases
    assert (case.name, case.target, case.dataset) == ("all", "sub/net.py:build", "data/own.h5")
    assert (case.split, case.batch, case.seed, case.timeout) == ("test", 7, 5, 90.0)
    assert (case.memory, case.keeps, case.fault) == (2_000_000_000, "arrays", "transposed W1")
    assert case.expect == "pass"
    assert case.arguments == {"width": 5, "names": ["a"]}
    assert case.options == {
        "plan": "sample", "entries": 9, "budget": 120.0, "rtol": 1e-7, "strict": True,
        "accept": ["clip"], "only": "W*",
    }  # fmt: skip


def test_a_planted_mistake_is_expected_to_be_found(tmp_path: Path) -> None:
    cases = suite(
        tmp_path,
        """
        [suite.defaults]
        target = "net.py:build"

        [[case]]
        name = "right"

        [[case]]
        name = "planted"
        matrix = {fault = ["negated W1", "transposed W1"]}

        [[case]]
        name = "wrong on purpose"
        expect = "fail"

        [[case]]
        name = "not expected"
        fault = "negated W1"
        expect = "pass"
        """,
    ).cases
    assert [case.expect for case in cases] == ["pass", "fail", "fail", "fail", "pass"]


def test_every_option_of_a_check_that_toml_can_say_is_a_key() -> None:
    known = set(list(inspect.signature(fc.check_gradients).parameters)[3:])
    assert set(OPTIONS) == known - {"seed", "before_each", "progress", "pictures"}


def test_a_matrix_makes_each_combination_with_a_name_that_tells_them_apart(tmp_path: Path) -> None:
    found = suite(
        tmp_path,
        """
        [[case]]
        name = "net"
        target = "net.py:f"
        seeds = [0, 1]
        [case.matrix]
        plan = ["units", "sample"]
        arguments.width = [10, 20]
        [[case]]
        target = "demo:cat"
        seeds = [3]
        matrix = {strict = [true, false], accept = [["clip", "guard"], []], rtol = [1e-6]}
        """,
    ).cases
    assert [case.name for case in found[:8:3]] == [
        "net[plan=units, width=10, seed=0]",
        "net[plan=units, width=20, seed=1]",
        "net[plan=sample, width=20, seed=0]",
    ]
    assert found[7].options == {"plan": "sample"}
    assert (found[7].arguments, found[7].seed) == ({"width": 20}, 1)
    assert [case.name for case in found[8:]] == [
        "demo:cat[strict=true, accept=clip+guard, rtol=1e-06]",
        "demo:cat[strict=true, accept=none, rtol=1e-06]",
        "demo:cat[strict=false, accept=clip+guard, rtol=1e-06]",
        "demo:cat[strict=false, accept=none, rtol=1e-06]",
    ]
    assert {case.seed for case in found[8:]} == {3}
    assert len({case.key for case in found}) == len(found)


def test_a_case_overrides_defaults_and_a_file_those_that_include_it(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "inner.toml").write_text(
        """
        [suite]
        defaults = {batch = 20, arguments = {b = 3}}
        [[case]]
        name = "inner"
        target = "net.py:f"
        dataset = "own.h5"
        """
    )
    found = suite(
        tmp_path,
        """
        include = ["part/inner.toml"]
        [suite]
        name = "outer"
        [suite.defaults]
        batch = 10
        rtol = 1e-3
        seeds = [0, 1]
        arguments = {a = 1, b = 2}
        [[case]]
        name = "own"
        target = "net.py:f"
        rtol = 1e-4
        seed = 9
        arguments = {a = 5}
        [[case]]
        name = "plain"
        target = "net.py:f"
        """,
    )
    assert found.name == "outer"
    names = ["inner[seed=0]", "inner[seed=1]", "own", "plain[seed=0]", "plain[seed=1]"]
    assert [case.name for case in found.cases] == names
    inner, _, own, plain, _ = found.cases
    assert (inner.batch, inner.options["rtol"]) == (20, 1e-3)
    assert inner.arguments == {"a": 1, "b": 3}
    assert (inner.target, inner.dataset) == ("part/net.py:f", "part/own.h5")
    assert (own.batch, own.options["rtol"], own.seed) == (10, 1e-4, 9)
    assert own.arguments == {"a": 5, "b": 2}
    assert plain.arguments == {"a": 1, "b": 2}
    assert [file.name for file in found.files] == ["night.toml", "inner.toml"]


def test_the_digest_is_that_of_all_files(tmp_path: Path) -> None:
    other = '[[case]]\ntarget = "demo:cat"\n'
    text = 'include = ["other.toml"]\n'
    digests = []
    for change in ("", "# a remark\n"):
        (tmp_path / "other.toml").write_text(other + change)
        digests.append(suite(tmp_path, text).sha256)
        digests.append(suite(tmp_path, text + change + "# another\n").sha256)
    assert len(set(digests)) == 4
    assert all(len(digest) == 64 for digest in digests)


def test_a_suite_without_a_name_has_that_of_its_file(tmp_path: Path) -> None:
    found = suite(tmp_path, '[[case]]\ntarget = "demo:cat"\n', "weekly.toml")
    assert (found.name, found.folder) == ("weekly", tmp_path)


def test_a_seed_of_the_run_is_added_under_the_same_names(tmp_path: Path) -> None:
    found = suite(tmp_path, '[[case]]\ntarget = "demo:cat"\nseeds = [0, 1]\n')
    moved = found.with_seed(100)
    assert [case.seed for case in moved.cases] == [100, 101]
    assert [case.name for case in moved.cases] == [case.name for case in found.cases]


def test_a_time_out_of_the_run_is_that_of_cases_without_one(tmp_path: Path) -> None:
    text = '[[case]]\ntarget = "demo:cat"\n[[case]]\ntarget = "demo:mnist"\ntimeout = 5\n'
    assert [case.timeout for case in suite(tmp_path, text).with_timeout(9.0).cases] == [9.0, 5.0]


def test_lines_are_found_whatever_stands_between() -> None:
    text = '''\
a.b = """
[[case]]
x = 1
"""
[[case]] # first
"odd key" = [ # [
  1,
]
[case.matrix]
plan = ["x"]
[[case]]
matrix = {rtol = [1]}
  [ "case" . other ]
y = 1
'''
    lines = find_lines(text)
    assert lines["a", "b"] == 1
    assert lines["case", 0] == 5
    assert lines["case", 0, "odd key"] == 6
    assert lines["case", 0, "matrix", "plan"] == 10
    assert lines["case", 1, "matrix", "rtol"] == 12
    assert lines["case", 1, "other", "y"] == 14
    assert ("x",) not in lines
