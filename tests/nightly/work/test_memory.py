"""The limit on the memory of a case: what is loaded before it, and what is said where it is met."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from fastcheck.nightly.records import Case
from fastcheck.nightly.runner import run_case
from fastcheck.nightly.work.memory import is_short_of_memory
from tests.conftest import ROOT

RIGHT = """
    import numpy as np

    def right(seed=0, n=4):
        w = np.random.default_rng(seed).normal(size=n)
        return (lambda: float((w**3).sum())), {"w": w}, {"w": 3 * w**2}

    def needs():
        raise ImportError("libblas.so.3: failed to map segment from shared object")
"""
LOADED = """
    import sys
    from pathlib import Path
    from fastcheck.nightly.records import Case
    from fastcheck.nightly.work import process
    from fastcheck.nightly.work.memory import load_all
    from fastcheck.parallel import process_executor

    def libraries():
        files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
        return {file for file in files if file and file.endswith((".so", ".dylib"))}

    load_all()
    before = libraries()
    process_executor(1)
    for case in (
        Case("a", "net.py:right"),
        Case("b", "net.py:right", options={"engine": "black box"}, keeps="arrays"),
        Case("c", "demo:mnist", batch=8, fault="one entry off W1", options={"plan": "units"}),
    ):
        assert process.perform(case, Path()).result is not None
    print(*sorted(libraries() - before))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(dedent(RIGHT), encoding="utf-8")
    return tmp_path


def test_a_check_loads_no_library_when_its_memory_is_limited(folder: Path) -> None:
    """OpenBLAS, for one, tries for ever to get its buffers where there is no memory."""
    command = [sys.executable, "-c", dedent(LOADED)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert (found.stdout.strip(), found.returncode) == ("", 0), found.stderr


def test_a_small_case_keeps_to_the_least_memory(folder: Path) -> None:
    record = run_case(Case("a", "net.py:right", memory=64_000_000, timeout=60.0), folder)
    assert (record.status, record.message) == ("pass", "")


def test_a_library_that_finds_no_memory_is_told_with_the_limit(folder: Path) -> None:
    record = run_case(Case("a", "net.py:needs", memory=64_000_000, timeout=60.0), folder)
    assert record.status == "error"
    assert record.message.endswith("from shared object; `memory` allows it 64 MB")


@pytest.mark.parametrize(
    ("problem", "is_short"),
    [
        (MemoryError(), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (OSError("cannot allocate memory in static TLS block"), True),
        (ImportError("libx.so: failed to map segment from shared object"), True),
        (RuntimeError("can't start new thread"), True),
        (ImportError("no module named x"), False),
        (OSError(errno.ENOENT, "No such file or directory"), False),
        (ValueError("cannot allocate memory"), False),
        (None, False),
    ],
)
def test_an_exception_says_that_memory_is_short(
    problem: BaseException | None, is_short: bool
) -> None:
    assert is_short_of_memory(problem) is is_short
