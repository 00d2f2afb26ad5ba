"""Each example runs as a script, says what it is meant to say, and uses what is public."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastcheck as fc
from tests.conftest import ROOT
from tests.examples.loading import FOLDER, SCRIPTS, load

SAID = {
    "s1_cat_vs_noncat": [
        "central 5.999999999999872, one-sided 6.009999999999849",
        "one picture: PASS: all 61,481 entries",
        "5 entries lie at a kink",
        "mean over the batch is missing",
        "it draws from rng",
    ],
    "s2_gradient_tape": ["rows: PASS: all 41 entries", "use a1 * (1 - a1)", "GradientTape"],
    "s3_mnist_layers": ["adds 1e-07 in its logarithm", "ReLU writes into the gradient", "39,760"],
    "s4_gradcheck_naive": ["stops at [0, 0]", "the loss has the matrix product W @ x"],
    "s5_shared_nodes": ["FAILS: is backpropagation wrong?", "share memory", "is too large"],
}


def run(name: str, folder: Path, *arguments: str, **environment: str) -> str:
    """Run a script as its reader does, in another folder, and return what it prints."""
    process = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def flat(text: str) -> str:
    return " ".join(text.split())


def test_there_is_an_example_of_each_seed() -> None:
    assert [*SAID] == SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_its_piece_in_a_narrow_pipe_of_ascii(name: str, tmp_path: Path) -> None:
    printed = run(name, tmp_path, COLUMNS="76", PYTHONIOENCODING="ascii")
    assert [line for line in printed.splitlines() if len(line) > 76] == []
    assert [said for said in SAID[name] if said not in flat(printed)] == []
    assert re.search(r"\d (ms|s)\b.*\d (ms|s)\b", flat(printed)), "the times of both"
    assert printed.isascii()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["s1_cat_vs_noncat", "s3_mnist_layers"])
def test_the_original_runs_as_a_whole(name: str, tmp_path: Path) -> None:
    printed = flat(run(name, tmp_path, "--whole"))
    assert re.search(r"original .* (61,481|39,760) entries in \d", printed)
    if name.startswith("s1"):
        ratio = float(re.search(r"one picture: ratio (\S+),", printed)[1])
        assert 1e-10 < ratio < 1e-7


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_uses_public_names_only(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not node.module.startswith("fastcheck")
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} & {"fastcheck"} <= {"fastcheck"}
            assert not any(alias.name.startswith("fastcheck.") for alias in node.names)
        is_name = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if is_name and node.value.id == "fc":
            assert node.attr in fc.__all__


def test_the_page_of_the_examples_names_each_of_them() -> None:
    page = (FOLDER / "README.md").read_text("utf-8")
    assert re.findall(r"^\| \[(s\d_\w+)\.py\]", page, re.MULTILINE) == SCRIPTS
    assert "(examples/README.md)" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.000312, "0.31 ms"), (0.0312, "31 ms"), (0.312, "0.31 s"), (4.71, "4.7 s"), (840, "14 min")],
)
def test_times_are_told_with_two_digits(seconds: float, told: str) -> None:
    assert load("telling").spoken(seconds) == told
