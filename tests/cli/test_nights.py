"""Suites that are kept: archive, reports, and comparison."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from fastcheck.nightly.archive import latest, read_run

SUITE = """
[suite]
name = "night"

[[case]]
name = "right"
target = "net.py:right"
batch = 8

[case.matrix]
seed = [0, 1, 2]

[[case]]
name = "wrong"
target = "net.py:wrong"
batch = 8
keep = "arrays"
"""
NET = """
import numpy as np
import fastcheck as fc


def right(seed=0):
    rng = np.random.default_rng(seed)
    net = fc.Network([fc.Dense(6, 4), fc.Tanh(), fc.Dense(4, 3)], fc.SoftmaxCrossEntropy())
    params = net.init_params(seed=seed)
    objective = net.objective(rng.normal(size=(8, 6)), rng.integers(3, size=8))
    return objective, params, objective.gradient(params)


def wrong(seed=0):
    objective, params, grads = right(seed)
    return objective, params, grads | {"W1": np.roll(grads["W1"], 1, axis=0)}
"""


def suite_in(folder: Path) -> Path:
    (folder / "net.py").write_text(NET)
    (folder / "night.toml").write_text(SUITE)
    return folder / "night.toml"


def command(suite: Path, *options: str) -> list[str]:
    return [
        sys.executable, "-m", "fastcheck", "run", str(suite),
        "--archive", str(suite.parent / "kept"), *options,
    ]  # fmt: skip


def finished(suite: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(suite, *options), capture_output=True, text=True, check=False)


def test_a_night_is_kept_reported_and_compared_with_the_one_before(tmp_path: Path) -> None:
    suite = suite_in(tmp_path)
    first = finished(suite, "--report", str(tmp_path / "out"))
    assert first.returncode == 1, first.stderr
    assert "4 cases: 1 fail, 3 pass" in first.stdout
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "run.html", "run.md", "run.xml", "run.json",
    }  # fmt: skip
    path = latest(tmp_path / "kept", "night")
    assert path is not None
    record = next(r for r in read_run(path, arrays=True).records if r.case.keeps == "arrays")
    assert record.result is not None
    given = record.arrays["analytic"]["W1"]
    right = np.roll(given, -1, axis=0)
    np.testing.assert_allclose(record.result.numerical["W1"], right, rtol=1e-9, atol=1e-15)
    (tmp_path / "net.py").write_text(
        NET.replace(
            "return objective, params, objective.gradient",
            "return objective, params, 2 * objective.loss",
        )
    )
    second = finished(suite)
    assert second.returncode in (1, 4), second.stderr
    assert "regressed" in second.stdout


def test_without_an_archive_nothing_is_kept(tmp_path: Path) -> None:
    suite = suite_in(tmp_path)
    done = finished(suite, "--no-archive", "--only", "right*")
    assert done.returncode == 0, done.stderr
    assert "INCOMPLETE    night: 4 cases: 1 not run, 3 pass" in done.stdout
    assert "not finished" not in done.stdout
    assert not (tmp_path / "kept").exists()
