"""First runs: with an empty kernel cache, two at once, and where no cache can be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, FreshPython

pytestmark = pytest.mark.slow

CHECK = """
import sys, time
start = time.perf_counter()
import numpy as np
import fastcheck as fc

rng = np.random.default_rng(0)
net = fc.Network([fc.Dense(20, 9), fc.ReLU(), fc.Dense(9, 5), fc.Tanh(), fc.Dense(5, 3)],
                 fc.SoftmaxCrossEntropy())
objective = net.objective(rng.standard_normal((8, 20)), rng.integers(0, 3, 8))
params = net.init_params()
grads = objective.gradient(params)
assert fc.check_gradients(objective, params, grads, plan=sys.argv[1], strict=True)
assert not fc.check_gradients(objective, params, grads | {"W2": 2 * grads["W2"]}, plan=sys.argv[1])
print(f"{time.perf_counter() - start:.3f}")
"""


def files(folder: Path) -> list[str]:
    """Return the names of all files of compiled code below a folder."""
    return sorted(path.name for path in folder.rglob("*.nb?"))


@pytest.mark.parametrize("plan", ["exhaustive", "units"])
def test_the_first_check_fills_an_empty_cache(
    tmp_path: Path, fresh_python: FreshPython, plan: str
) -> None:
    cache = tmp_path / "cache"
    first = fresh_python(CHECK, plan, NUMBA_CACHE_DIR=str(cache))
    assert first.stderr == ""
    stored = files(cache)
    assert len(stored) > 10
    stamps = {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")}
    second = fresh_python(CHECK, plan, NUMBA_CACHE_DIR=str(cache))
    assert files(cache) == stored
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")} == stamps
    assert float(second.stdout) < 0.5 * float(first.stdout)


def test_the_first_main_job_takes_seconds(tmp_path: Path, fresh_python: FreshPython) -> None:
    code = """
import time
start = time.perf_counter()
from fastcheck.cli import main
try:
    main(["run"])
except SystemExit as end:
    assert end.code == 0
print(f"{time.perf_counter() - start:.3f}")
"""
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "FASTCHECK_DATA": ""}
    first = fresh_python(code, **cache)
    assert first.stdout.count("PASS ") == 2
    assert float(first.stdout.split()[-1]) < 20.0  # 5 s on an idle machine
    warm = min(float(fresh_python(code, **cache).stdout.split()[-1]) for _ in range(3))
    assert warm < 4.0  # 2 s on an idle machine


def test_two_first_runs_at_once_work(tmp_path: Path) -> None:
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
    }  # fmt: skip
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CHECK, plan],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for plan in ("exhaustive", "units", "exhaustive")
    ]
    for process in processes:
        _, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr
        assert stderr == ""
    after = subprocess.run(
        [sys.executable, "-c", CHECK, "units"], env=environment, cwd=tmp_path, check=False
    )
    assert after.returncode == 0


NO_CACHE = """
from numba.core import caching
caching.CacheImpl._locator_classes = []  # no folder can be written, not even by root
"""


def test_a_cache_that_cannot_be_written_is_said_once_and_harms_nothing(
    tmp_path: Path, fresh_python: FreshPython
) -> None:
    cache = tmp_path / "cache"
    found = fresh_python(NO_CACHE + CHECK, "exhaustive", NUMBA_CACHE_DIR=str(cache))
    assert found.stderr.count("\n") == 1
    assert found.stderr.count("cannot be cached") == 1
    assert "set NUMBA_CACHE_DIR to a folder that can be written" in found.stderr
    assert not cache.exists()


def test_a_cache_that_is_a_file_is_no_error(tmp_path: Path, fresh_python: FreshPython) -> None:
    blocked = tmp_path / "a file, not a folder"
    blocked.write_text("")
    found = fresh_python(CHECK, "units", NUMBA_CACHE_DIR=str(blocked / "cache"))
    assert "Traceback" not in found.stderr
    assert blocked.read_text() == ""
