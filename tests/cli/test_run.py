"""``fastcheck run``: what it prints, writes and returns, in a terminal, a pipe and under Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

import fastcheck as fc
from fastcheck import numdiff
from fastcheck.cli import main
from fastcheck.cli.progress import progress_bar
from fastcheck.cli.target import SHAPE
from fastcheck.datasets import embedded
from tests.conftest import ROOT

small = pytest.mark.interpreted


class Outcome(NamedTuple):
    """How a command ended."""

    status: int
    stdout: str
    stderr: str


Run = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to an empty folder, without real data."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("FASTCHECK_DATA", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that calls the command line in this process."""

    def call(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        assert isinstance(end.value.code, int)
        return Outcome(end.value.code, *capsys.readouterr())

    return call


@pytest.fixture
def mine(empty_folder: Path) -> Path:
    """Return a file with functions of a user."""
    path = empty_folder / "mine.py"
    path.write_text(
        dedent(
            """
            import numpy as np
            import fastcheck as fc

            CONSTANT = 5

            def right(factor=1.0):
                net = fc.Network([fc.Dense(3, 4), fc.Tanh(), fc.Dense(4, 2)], fc.SquaredError())
                params = net.init_params(seed=0, biases="random")
                objective = net.objective(np.eye(3), np.ones((3, 2)))
                grads = objective.gradient(params)
                return objective, params, {n: factor * g for n, g in grads.items()}

            def doubled(): return right(2.0)
            def slightly_off(): return right(1 + 1e-7)
            def in_units(): return *right(), {"plan": "units"}
            def tolerant(): return *right(1.001), {"rtol": 0.01}
            def zero():
                net = fc.Network([fc.Dense(3, 2)], fc.SquaredError())
                params = net.init_params(scale=0.0)
                objective = net.objective(np.eye(3), np.zeros((3, 2)))
                return objective, params, objective.gradient(params)
            def wrong_shape():
                objective, params, grads = right()
                return objective, params, grads | {"W1": grads["W1"].T}
            def raises(): raise ZeroDivisionError("of mine")
            def two(): return 1, 2
            def listed(): return list(right())
            def leaves(): raise SystemExit(0)
            def without_grads(): return *right()[:2], None
            def unknown_option(): return *right(), {"tolerance": 1}
            def options_are_five(): return *right(), 5
            """
        ),
        encoding="utf-8",
    )
    return path


# ------------------------------------------------------------ the main job


def test_the_main_job_runs_in_an_empty_folder(run: Run, empty_folder: Path) -> None:
    found = run("run")
    assert found.status == 0
    assert found.stderr == ""
    titles = re.findall(r"^.*: SYNTHETIC data, .*$", found.stdout, re.MULTILINE)
    assert [title.split(":")[0] for title in titles] == [
        "cat-vs-noncat 12288-5-5-1, tanh",
        "MNIST 784-50-10, ReLU",
    ]
    assert all(title.endswith(", 100 examples") for title in titles)
    assert found.stdout.count("PASS ") == 2
    assert "all 61 481 entries of 6 tensors agree" in found.stdout
    assert "all 39 760 entries of 4 tensors agree" in found.stdout
    assert found.stdout.count("set FASTCHECK_DATA to the folder of the real data") == 2
    assert found.stdout.count("exhaustive, engine graph: asked for") == 2
    assert found.stdout.count("mnist_synthetic.h5") == 1
    assert list(empty_folder.iterdir()) == []


def test_the_main_job_takes_options(run: Run) -> None:
    found = run("run", "--batch", 7, "--seed", 3, "--plan", "units", "--jobs", 2, "--strict")
    assert found.status == 0
    assert found.stdout.count(", 7 examples") == 2
    assert found.stdout.count("seed 3") == 2
    assert found.stdout.count("units, engine graph: asked for") == 2
    assert found.stdout.count("probed one by one agree") == 2


def test_a_batch_larger_than_the_data_is_all_of_them(run: Run) -> None:
    found = run("run", "--batch", 10_000, "--plan", "units")
    assert found.status == 0
    assert re.findall(r"(\d+) examples$", found.stdout, re.MULTILINE) == ["120", "300"]


def test_the_main_job_uses_real_data(
    run: Run, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTCHECK_DATA", str(data_folder))
    found = run("run", "--plan", "units")
    assert found.status == 0
    assert found.stdout.count(": real data, ") == 2
    assert "SYNTHETIC" not in found.stdout
    assert found.stdout.count(str(data_folder)) == 2
    assert re.findall(r"(\d+) examples$", found.stdout, re.MULTILINE) == ["100", "100"]


def test_a_damaged_data_file_is_one_line(run: Run, empty_folder: Path) -> None:
    (empty_folder / "data").mkdir()
    (empty_folder / "data" / "mnist.h5").write_bytes(embedded("mnist").read_bytes()[:5000])
    found = run("run", "--plan", "units")
    assert found.status == 2
    assert found.stderr.startswith("Error: data/mnist.h5: ")
    assert found.stderr.count("\n") == 1
    assert "61 481 entries" in found.stdout  # the other network was checked before


# ------------------------------------------------------------ a function of the user's


@small
@pytest.mark.parametrize(
    ("function", "status", "word"),
    [
        ("right", 0, "PASS "),
        ("doubled", 1, "FAIL "),
        ("slightly_off", 0, "PASS "),
        ("zero", 3, "INCONCLUSIVE "),
        ("in_units", 0, "units, engine graph"),
        ("tolerant", 0, "PASS "),
    ],
)
def test_a_function_is_checked(run: Run, mine: Path, function: str, status: int, word: str) -> None:
    found = run("run", f"{mine.name}:{function}")
    assert found.status == status
    assert found.stderr == ""
    assert found.stdout.startswith(f"mine.py:{function}\n")
    assert word in found.stdout


@small
def test_strict_lets_a_close_entry_fail(run: Run, mine: Path) -> None:
    found = run("run", f"{mine}:slightly_off", "--strict")
    assert found.status == 1
    assert re.search(r"close +\w\d\[\d", found.stdout)


@small
def test_the_plan_and_the_budget_are_handed_on(run: Run, mine: Path) -> None:
    assert "auto" not in run("run", "mine.py:right").stdout
    assert "units, engine graph: asked for" in run("run", "mine.py:right", "--plan", "units").stdout
    found = run("run", "mine.py:right", "--plan", "auto", "--budget", "1e-12")
    assert re.search(r"above the budget of 1e-09 ms", found.stdout.replace("\n" + 16 * " ", " "))


@small
@pytest.mark.xfail(strict=True, reason="what the function returns overrides the command line")
def test_the_command_line_has_the_last_word(run: Run, mine: Path) -> None:
    found = run("run", "mine.py:in_units", "--plan", "exhaustive")
    assert "exhaustive, engine graph: asked for" in found.stdout


@small
def test_the_file_may_import_its_neighbours(run: Run, mine: Path, empty_folder: Path) -> None:
    (empty_folder / "sub").mkdir()
    shutil.copy(mine, empty_folder / "sub" / "neighbour_of_a_check.py")
    (empty_folder / "sub" / "other.py").write_text("from neighbour_of_a_check import right\n")
    path = list(sys.path)
    try:
        assert run("run", "sub/other.py:right").status == 0
    finally:
        sys.modules.pop("neighbour_of_a_check", None)
    assert sys.path == path


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
        ("mine.py:without_grads", "`grads` must map names to arrays, got NoneType"),
        (
            "mine.py:wrong_shape",
            "`grads['W1']` must have the shape of its parameter, (3, 4), got (4, 3); transpose it",
        ),
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
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--plan", "quick"], "`plan` must be one of auto, exhaustive, units, got 'quick'"),
        (["--rtol", "2"], "`rtol` must be in [0, 1), got 2.0"),
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
@pytest.mark.xfail(strict=True, reason="SystemExit passes through: status 0, nothing checked")
@pytest.mark.parametrize("where", ["mine.py:leaves", "script.py:f"])
def test_a_file_that_exits_is_an_error_of_the_users(
    run: Run, mine: Path, empty_folder: Path, where: str
) -> None:
    (empty_folder / "script.py").write_text("import sys\nsys.exit(0)\n")
    found = run("run", where)
    assert found.status == 4


@small
@pytest.mark.xfail(strict=True, reason="a traceback of the package, and the status of a failure")
@pytest.mark.parametrize("function", ["unknown_option", "options_are_five"])
def test_something_else_than_a_case_is_one_line(run: Run, mine: Path, function: str) -> None:
    found = run("run", f"mine.py:{function}")
    assert found.status in (2, 4)
    assert found.stderr.startswith("Error: ")


@small
@pytest.mark.xfail(strict=True, reason="a traceback of numpy, and the status of a failure")
def test_a_negative_seed_is_one_line(run: Run, mine: Path) -> None:
    found = run("run", "mine.py:right", "--seed", -1)
    assert found.status == 2
    assert "seed" in found.stderr


# ------------------------------------------------------------ files


@small
def test_results_are_written_as_json(run: Run, mine: Path, empty_folder: Path) -> None:
    path = empty_folder / "result.json"
    path.write_text("older")
    assert run("run", "mine.py:doubled", "--json", path).status == 1

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    data = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert data["schema"] == 1
    (case,) = data["cases"]
    assert case.pop("title") == "mine.py:doubled"
    result = fc.CheckResult.from_dict(case)
    assert result.verdict == "fail"
    assert result.tensors["W1"].worst is not None
    assert [p.name for p in empty_folder.iterdir() if p.suffix == ".tmp"] == []


def test_the_main_job_writes_both_networks(run: Run, empty_folder: Path) -> None:
    assert run("run", "--plan", "units", "--json", "r.json").status == 0
    cases = json.loads((empty_folder / "r.json").read_text(encoding="utf-8"))["cases"]
    assert [len(case["tensors"]) for case in cases] == [6, 4]
    assert [case["batch"]["n_batch"] for case in cases] == [100, 100]
    assert len(cases[1]["batch"]["sha256"]) == 64


@small
def test_nothing_is_written_where_nothing_was_checked(run: Run, empty_folder: Path) -> None:
    assert run("run", "none.py:f", "--json", "r.json").status == 2
    assert list(empty_folder.iterdir()) == []


@small
@pytest.mark.parametrize("path", ["nowhere/r.json", "mine.py/r.json", "sub"])
def test_a_path_that_cannot_be_written_is_one_line(
    run: Run, mine: Path, path: str, empty_folder: Path
) -> None:
    (empty_folder / "sub").mkdir()
    found = run("run", "mine.py:right", "--json", path)
    assert found.status == 2
    assert found.stderr.startswith(f"Error: {path}: ")
    assert found.stderr.count("\n") == 1
    assert "PASS " in found.stdout


@small
@pytest.mark.xfail(strict=True, reason="a path without a name: a traceback, and the status 1")
@pytest.mark.parametrize("path", [".", "/"])
def test_a_path_without_a_name_is_one_line(run: Run, mine: Path, path: str) -> None:
    found = run("run", "mine.py:right", "--json", path)
    assert found.status == 2
    assert found.stderr.startswith(f"Error: {path}: ")


# ------------------------------------------------------------ Ctrl-C


@small
def test_ctrl_c_ends_with_a_partial_result(
    run: Run, mine: Path, monkeypatch: pytest.MonkeyPatch, empty_folder: Path
) -> None:
    run_jobs = numdiff.run_jobs

    def interrupted(jobs: list[numdiff.Job], **options: object) -> bool:
        run_jobs(jobs[:2])
        return False

    monkeypatch.setattr("fastcheck.plan.run_jobs", interrupted)
    found = run("run", "mine.py:right", "--plan", "exhaustive", "--json", "r.json")
    assert found.status == 130
    assert "the check was interrupted; of what it reached, all 16 checked entries" in found.stdout
    (case,) = json.loads((empty_folder / "r.json").read_text(encoding="utf-8"))["cases"]
    assert (case["interrupted"], case["coverage"]["n_checked"]) == (True, 16)


@small
def test_ctrl_c_before_a_result_says_so(
    run: Run, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fastcheck.objective.GraphObjective.state", interrupt)
    found = run("run", "mine.py:right")
    assert found.status == 130
    assert found.stderr.strip() == "interrupted"


def test_after_ctrl_c_the_next_network_is_not_begun(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastcheck.plan.run_jobs", lambda *jobs, **options: False)
    found = run("run")
    assert found.status == 130
    assert "cat-vs-noncat" in found.stdout
    assert "MNIST" not in found.stdout


def command(*arguments: str) -> list[str]:
    """Return the command line in a process of its own."""
    return [sys.executable, "-m", "fastcheck", *arguments]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}


def test_a_signal_in_the_middle_of_a_long_check(empty_folder: Path) -> None:
    (empty_folder / "long.py").write_text(
        dedent(
            """
            import sys
            import numpy as np
            import fastcheck as fc
            from fastcheck import numdiff

            def check():
                wide = [fc.Dense(784, 512), fc.ReLU(), fc.Dense(512, 512), fc.ReLU()]
                net = fc.Network([*wide, fc.Dense(512, 10)], fc.SoftmaxCrossEntropy())
                rng = np.random.default_rng(0)
                objective = net.objective(rng.random((100, 784)), rng.integers(0, 10, 100))
                params = net.init_params()
                probe = numdiff.Prober.probe
                n_chunks = 0

                def told(self, entries):
                    nonlocal n_chunks
                    n_chunks += 1
                    if n_chunks == 3:
                        print("under way", file=sys.stderr, flush=True)
                    return probe(self, entries)

                numdiff.Prober.probe = told
                return objective, params, objective.gradient(params), {"plan": "exhaustive"}
            """
        ),
        encoding="utf-8",
    )
    with subprocess.Popen(
        command("run", "long.py:check"),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "under way\n"
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert stdout.startswith("long.py:check\n\nINCONCLUSIVE ")
    assert "the check was interrupted" in stdout
    part = re.search(r"([\d ]+) of 669 706 entries", stdout)
    assert part
    assert 0 < int(part[1].replace(" ", "")) < 669_706


# ------------------------------------------------------------ a terminal and a pipe


def test_a_pipe_gets_no_codes(mine: Path) -> None:
    for function, status in (("right", 0), ("doubled", 1)):
        found = subprocess.run(
            command("run", f"mine.py:{function}"),
            env=ENVIRONMENT,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert found.returncode == status
        assert b"\x1b" not in found.stdout + found.stderr
        assert found.stderr == b""
        assert b"\r" not in found.stdout


def test_a_pipe_without_unicode_gets_ascii(mine: Path) -> None:
    found = subprocess.run(
        command("run", "mine.py:doubled"),
        env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 1
    assert found.stdout.isascii()
    assert b"W1[" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--help"], "Check hand-written backpropagation gradients."),
        (["-h"], "Exit status: 0 pass, 1 fail, 2 usage or data error, 3 inconclusive"),
        (["run", "--help"], "FILE.py:FUNCTION names a function without arguments"),
        (["--version"], f"fastcheck, version {fc.__version__}"),
    ],
)
@small
def test_help_and_version(run: Run, arguments: list[str], text: str) -> None:
    found = run(*arguments)
    assert found.status == 0
    assert text in " ".join(found.stdout.split())


def test_the_package_is_a_command() -> None:
    found = subprocess.run(
        command("--help"), env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 0
    assert found.stdout.startswith("Usage: fastcheck ")
    assert "run " in found.stdout


@small
def test_a_terminal_gets_a_bar_that_vanishes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("a network") as progress:
        assert progress is not None
        progress(1, 4)
        progress(4, 4)
    assert capsys.readouterr().out == ""


@small
def test_nobody_watches_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with progress_bar("a network") as progress:
        assert progress is None
