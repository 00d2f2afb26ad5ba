"""``fastcheck`` in a terminal, in a pipe, and under Ctrl-C."""

from __future__ import annotations

import json
import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import fastcheck as fc
from fastcheck import numdiff
from fastcheck.cli.progress import progress_bar
from tests.cli.conftest import ENVIRONMENT, Run, command

small = pytest.mark.interpreted
pytestmark = pytest.mark.usefixtures("empty_folder")


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
    part = re.search(r"([\d,]+) of 669,706 entries", stdout)
    assert part
    assert 0 < int(part[1].replace(",", "")) < 669_706


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
def test_the_module_calls_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["fastcheck", "--version"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(Path(fc.__file__).with_name("__main__.py")), run_name="__main__")
    assert capsys.readouterr().out == f"fastcheck, version {fc.__version__}\n"


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
