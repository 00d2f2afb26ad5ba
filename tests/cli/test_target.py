"""Bad targets are one line, and errors in the code of users are told as theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastcheck.cli.target import SHAPE
from tests.cli.conftest import Run

small = pytest.mark.interpreted
pytestmark = pytest.mark.usefixtures("empty_folder")


@small
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("mine.py", "the target must be FILE.py:FUNCTION, got 'mine.py'"),
        (":f", "the target must be FILE.py:FUNCTION, got ':f'"),
        ("mine.py:", "the target must be FILE.py:FUNCTION, got 'mine.py:'"),
        ("none.py:f", "none.py: no such file; give the path of a Python file"),
        (".:f", ".: no such file; give the path of a Python file"),
        ("notes.txt:f", "notes.txt: not a Python file; give the path of one that ends in .py"),
        ("mine.py:wrong", "mine.py: has no function 'wrong'; it has right, doubled, "),
        ("mine.py:CONSTANT", "mine.py: has no function 'CONSTANT'; it has right, "),
        ("empty.py:f", "empty.py: has no function 'f'; it has none"),
        ("mine.py:two", f"mine.py:two must return {SHAPE}, got tuple of 2"),
        ("mine.py:listed", f"mine.py:listed must return {SHAPE}, got list"),
        ("mine.py:without_grads", "`grads` must be the gradient, got None, and not all parameters"),
    ],
)
def test_a_bad_target_is_one_line(
    run: Run, mine: Path, empty_folder: Path, target: str, message: str
) -> None:
    (empty_folder / "notes.txt").write_text("not Python")
    (empty_folder / "empty.py").write_text("")
    found = run("run", target)
    assert found.status == 2
    assert found.stdout == ""
    assert found.stderr.startswith(f"Error: {message}")
    assert found.stderr.count("\n") == 1


@small
def test_a_gradient_of_another_shape_is_no_verdict(run: Run, mine: Path) -> None:
    found = run("run", "mine.py:wrong_shape")
    assert found.status == 3
    assert "W1: its gradient has shape (4, 3), the parameter (3, 4)" in " ".join(
        found.stdout.split()
    )


@small
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--plan", "quick"], "`plan` must be one of auto, exhaustive, units, sample, got 'quick'"),
        (["--rtol", "2"], "`rtol` must be in [0, 1), got 2.0"),
        (["--accept", "clipping"], "`accept` must hold some of guard, clip, clip-norm, float32,"),
    ],
)
def test_a_bad_option_is_one_line(run: Run, mine: Path, options: list[str], message: str) -> None:
    found = run("run", "mine.py:right", *options)
    assert found.status == 2
    assert found.stderr.startswith(f"Error: {message}")
    assert found.stderr.count("\n") == 1


@small
@pytest.mark.parametrize("arguments", [["run", "--batch", "x"], ["run", "--quick"], ["walk"]])
def test_an_unknown_argument_is_told_with_the_usage(run: Run, arguments: list[str]) -> None:
    found = run(*arguments)
    assert found.status == 2
    assert found.stderr.startswith("Usage: fastcheck")
    assert arguments[-1] in found.stderr


@small
def test_a_batch_of_none_is_refused(run: Run) -> None:
    found = run("run", "--batch", 0)
    assert found.status == 2
    assert found.stderr == "Error: `n` must be an integer from 1 on, got 0\n"


@small
def test_an_error_in_the_function_is_told_with_its_traceback(run: Run, mine: Path) -> None:
    found = run("run", "mine.py:raises")
    assert found.status == 4
    assert found.stdout == ""
    assert found.stderr.startswith("Error: mine.py:raises raised ZeroDivisionError: of mine\n")
    assert 'def raises(): raise ZeroDivisionError("of mine")' in found.stderr


@small
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import a_module_that_is_not_there", "ModuleNotFoundError: No module named 'a_module"),
        ("def f(:", "SyntaxError: "),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_an_error_in_the_file_is_told_with_its_traceback(
    run: Run, empty_folder: Path, text: str, problem: str
) -> None:
    (empty_folder / "bad.py").write_text(text + "\n")
    found = run("run", "bad.py:f")
    assert found.status == 4
    assert found.stderr.startswith(f"Error: bad.py raised {problem}")
    assert text in found.stderr


@small
@pytest.mark.parametrize("where", ["mine.py:leaves", "script.py:f"])
def test_a_file_that_exits_is_an_error_of_the_users(
    run: Run, mine: Path, empty_folder: Path, where: str
) -> None:
    (empty_folder / "script.py").write_text("import sys\nsys.exit(0)\n")
    found = run("run", where)
    assert found.status == 4


@small
@pytest.mark.parametrize("function", ["unknown_option", "options_are_five"])
def test_something_else_than_a_case_is_one_line(run: Run, mine: Path, function: str) -> None:
    found = run("run", f"mine.py:{function}")
    assert found.status in (2, 4)
    assert found.stderr.startswith("Error: ")


@small
def test_a_negative_seed_is_one_line(run: Run, mine: Path) -> None:
    found = run("run", "mine.py:right", "--seed", -1)
    assert found.status == 2
    assert "seed" in found.stderr
