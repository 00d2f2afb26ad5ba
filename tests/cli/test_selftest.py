from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_mistakes_are_planted_into_what_a_function_returns(run: Run, mine: Path) -> None:
    outcome = run("selftest", f"{mine}:right", "--only", "slope*", "--only", "zero*")
    assert outcome.status == 0
    assert outcome.stdout.startswith(f"{mine}:right\n\nPASS ")
    assert "slope missing" in outcome.stdout
    assert outcome.stderr == ""


def test_a_plan_that_misses_something_ends_with_one(run: Run, mine: Path) -> None:
    outcome = run("selftest", f"{mine}:right", "--entries", 2, "--only", "one entry*")
    assert outcome.status == 1
    assert "the present plan misses" in outcome.stdout
    assert "1 of the 12 entries of W1 is wrong, 2 checked; found with probability 17 %" in (
        outcome.stdout
    )


def test_a_wrong_gradient_ends_with_one_and_nothing_is_planted(run: Run, mine: Path) -> None:
    outcome = run("selftest", f"{mine}:doubled")
    assert outcome.status == 1
    assert "FAIL          nothing was planted" in outcome.stdout


@pytest.mark.parametrize(("function", "only"), [("zero", "*"), ("right", "in float32")])
def test_where_nothing_can_be_seen_the_status_is_three(
    run: Run, mine: Path, function: str, only: str
) -> None:
    assert run("selftest", f"{mine}:{function}", "--only", only).status == 3


def test_options_of_the_check_are_taken(run: Run, mine: Path) -> None:
    strict = run("selftest", f"{mine}:right", "--only", "in float32", "--strict")
    assert strict.status == 0
    tolerant = run("selftest", f"{mine}:right", "--only", "one entry off*", "--rtol", 0.01)
    assert "tolerated" in tolerant.stdout
    units = run("selftest", f"{mine}:in_units", "--only", "zero*")
    assert "plan          units" in units.stdout


def test_the_outcome_is_written_as_json(run: Run, mine: Path) -> None:
    path = mine.parent / "out.json"
    run("selftest", f"{mine}:right", "--only", "zero W1", "--only", "negated", "--json", path)
    (case,) = json.loads(path.read_text(encoding="utf-8"))["cases"]
    assert case["title"] == f"{mine}:right"
    assert case["totals"]["caught"] == len(case["planted"])
    assert {planted["name"] for planted in case["planted"]} == {"zero", "negated"}


def test_mistakes_are_listed_and_none_is_planted(run: Run, mine: Path) -> None:
    outcome = run("selftest", f"{mine}:doubled", "--list")
    assert outcome.status == 0
    lines = outcome.stdout.splitlines()
    assert any(line.startswith("slope missing a1 ") for line in lines)
    assert any(line.endswith("the derivative is left out") for line in lines)
    assert "caught" not in outcome.stdout


@pytest.mark.parametrize(("arguments", "words"), [
    (["--only", "nonsense"], "`faults` must be patterns of names, got 'nonsense'"),
    (["--plan", "units", "--entries", 3], '`entries` must be None unless plan="sample"'),
    (["--entries", 0], "`entries` must be a whole number from 1, got 0"),
])  # fmt: skip
def test_a_wrong_option_is_one_line_and_status_two(
    run: Run, mine: Path, arguments: list[object], words: str
) -> None:
    outcome = run("selftest", f"{mine}:right", *arguments)
    assert outcome.status == 2
    assert words in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_an_error_of_the_user_ends_with_four(run: Run, mine: Path) -> None:
    outcome = run("selftest", f"{mine}:raises")
    assert outcome.status == 4
    assert "ZeroDivisionError: of mine" in outcome.stderr


def test_without_a_target_both_networks_are_tested(run: Run, empty_folder: Path) -> None:
    outcome = run("selftest", "--batch", 5, "--only", "negated", "--only", "slope missing*")
    assert outcome.status == 0
    assert outcome.stdout.count("\nPASS ") == 2
    assert "cat-vs-noncat 12288-5-5-1" in outcome.stdout
    assert "MNIST 784-50-10" in outcome.stdout


def test_entries_alone_ask_for_a_sample(run: Run, mine: Path) -> None:
    outcome = run("run", f"{mine}:right", "--entries", 3)
    assert outcome.status == 0
    assert "plan          sample, engine graph: asked for, 11 entries of 26" in outcome.stdout
