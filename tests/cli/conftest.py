"""The command line in this process, in an empty folder, with a file of a user."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from fastcheck.cli import main
from tests.conftest import ROOT


class Outcome(NamedTuple):
    """How a command ended."""

    status: int
    stdout: str
    stderr: str


Run = Callable[..., Outcome]


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to an empty folder, without real data."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("FASTCHECK_DATA", raising=False)
    monkeypatch.setenv("COLUMNS", "400")  # wide enough for any path on one line
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


def command(*arguments: str) -> list[str]:
    """Return the command line in a process of its own."""
    return [sys.executable, "-m", "fastcheck", *arguments]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
