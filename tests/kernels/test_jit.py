"""The compile policy and the cache of machine code."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from fastcheck.kernels import _jit
from tests.conftest import ROOT, FreshPython

compiled = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"), reason="kernels are interpreted"
)

CALLEE = """
from fastcheck.kernels._jit import jit

@jit
def plus(x):
    return x + 100
"""

CALLERS = """
from fastcheck.kernels._jit import jit
from fastcheck.kernels.callee import plus

@jit
def one(x):
    return plus(x)

@jit
def two(x):
    return plus(x) * 2

@jit
def three(x):
    return plus(x) * 3

@jit
def four(x):
    return plus(x) * 4
"""

RUN = """
import json, sys
from fastcheck.kernels import callers
kernels = [callers.one, callers.two, callers.three, callers.four]
numbers = [float(a) if "." in a else int(a) for a in sys.argv[1:]] or [1]
values = [kernel(x) for x in numbers for kernel in kernels]
hits = [sum(kernel.stats.cache_hits.values()) for kernel in kernels]
print(json.dumps({"values": values, "hits": hits}))
"""

VALUES = [101, 202, 303, 404]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a folder with a small copy of the package that has kernels of its own."""
    source, copy = ROOT / "fastcheck", tmp_path / "copy" / "fastcheck"
    (copy / "kernels").mkdir(parents=True)
    for name in ("__init__.py", "errors.py", *(f"kernels/_{n}.py" for n in ("jit", "cache"))):
        shutil.copy(source / name, copy / name)
    (copy / "kernels" / "__init__.py").touch()
    (copy / "kernels" / "callee.py").write_text(CALLEE)
    (copy / "kernels" / "callers.py").write_text(CALLERS)
    return copy.parent


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder that new interpreters use."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def outcome(process: subprocess.CompletedProcess[str]) -> tuple[list[float], list[int]]:
    """Return the values of the four kernels and their cache hits."""
    found = json.loads(process.stdout)
    return found["values"], found["hits"]


@compiled
def test_a_change_in_a_called_kernel_of_another_file_is_noticed(
    package: Path, cache: Path, fresh_python: FreshPython
) -> None:
    assert outcome(fresh_python(RUN, path=package)) == (VALUES, [0, 0, 0, 0])
    assert outcome(fresh_python(RUN, path=package)) == (VALUES, [1, 1, 1, 1])
    callee = package / "fastcheck" / "kernels" / "callee.py"
    callee.write_text(CALLEE.replace("100", "500"))
    assert outcome(fresh_python(RUN, path=package)) == ([501, 1002, 1503, 2004], [0, 0, 0, 0])


@compiled
def test_a_change_of_the_policy_or_of_a_switch_of_numba_is_noticed(
    package: Path, cache: Path, fresh_python: FreshPython
) -> None:
    fresh_python(RUN, path=package)
    checked = fresh_python(RUN, path=package, NUMBA_BOUNDSCHECK="1")
    assert outcome(checked) == (VALUES, [0, 0, 0, 0])
    policy = package / "fastcheck" / "kernels" / "_jit.py"
    policy.write_text(policy.read_text().replace('"nogil": True', '"nogil": False'))
    again = fresh_python(RUN, path=package, NUMBA_BOUNDSCHECK="1")
    assert outcome(again) == (VALUES, [0, 0, 0, 0])


@compiled
def test_damaged_files_are_compiled_again_and_mended(
    package: Path, cache: Path, fresh_python: FreshPython
) -> None:
    fresh_python(RUN, path=package)

    def only(pattern: str) -> Path:
        (path,) = cache.rglob(pattern)
        return path

    data = only("callers.one*.nbc")
    data.write_bytes(data.read_bytes()[:1000])
    code = bytearray(only("callers.two*.nbc").read_bytes())
    code[len(code) // 2] ^= 0xFF
    only("callers.two*.nbc").write_bytes(code)
    index = only("callers.three*.nbi")
    index.write_bytes(index.read_bytes()[:20])
    only("callers.four*.nbi").write_bytes(b"not an index")
    assert outcome(fresh_python(RUN, path=package)) == (VALUES, [0, 0, 0, 0])
    assert outcome(fresh_python(RUN, path=package)) == (VALUES, [1, 1, 1, 1])


@compiled
def test_two_first_runs_at_once_leave_a_right_cache(
    package: Path, cache: Path, fresh_python: FreshPython
) -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, number], cwd=package, stdout=subprocess.PIPE, text=True
        )
        for number in ("1", "1.0")
    ]
    outputs = [run.communicate(timeout=300)[0] for run in runs]
    assert [json.loads(output)["values"] for output in outputs] == [VALUES, VALUES]
    values, _ = outcome(fresh_python(RUN, "1", "1.0", path=package))
    assert values == VALUES + VALUES


@compiled
def test_an_unwritable_cache_compiles_without_one_and_says_so_once(
    package: Path, tmp_path: Path, fresh_python: FreshPython
) -> None:
    (tmp_path / "file").touch()
    process = fresh_python(
        "import warnings; warnings.simplefilter('error')\n" + RUN,
        path=package,
        NUMBA_CACHE_DIR=str(tmp_path / "file" / "below"),
        NUMBA_CACHE_LOCATOR_CLASSES="UserProvidedCacheLocator",
    )
    assert outcome(process) == (VALUES, [0, 0, 0, 0])
    assert process.stderr.count("set NUMBA_CACHE_DIR to a folder that can be written") == 1
    assert "no locator available" in process.stderr
    assert len(process.stderr.splitlines()) == 1


@compiled
def test_a_numba_without_the_private_interface_means_no_cache(
    package: Path, cache: Path, fresh_python: FreshPython
) -> None:
    process = fresh_python(
        "import numba.core.caching as c; del c.IndexDataCacheFile\n" + RUN, path=package
    )
    assert outcome(process) == (VALUES, [0, 0, 0, 0])
    assert "cannot be cached" in process.stderr
    assert not list(cache.rglob("*.nb?"))


def test_kernels_are_plain_python_when_compilation_is_disabled(
    package: Path, cache: Path, fresh_python: FreshPython
) -> None:
    code = "from fastcheck.kernels.callers import two; print(type(two).__name__, two(1))"
    process = fresh_python(code, path=package, NUMBA_DISABLE_JIT="1")
    assert (process.stdout.split(), process.stderr) == (["function", "202"], "")
    assert not cache.exists()


# ------------------------------------------------------------ in this process


def load(path: Path) -> ModuleType:
    """Import a file as a module of its own, even when it was imported before."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def doubling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a kernel ``twice``, whose cache is a folder of this test."""
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(_jit, "_said", set())
    path = tmp_path / "doubling.py"
    path.write_text(CALLEE.replace("plus", "twice").replace("x + 100", "2 * x"))
    return path


@compiled
def test_a_cache_that_becomes_unwritable_is_no_error(
    doubling: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    twice = load(doubling).twice
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").touch()
    with caplog.at_level(logging.WARNING, "fastcheck"):
        assert (twice(2), twice(2.5)) == (4, 5.0)
    (record,) = caplog.records
    assert str(tmp_path / "cache") in record.getMessage()


@compiled
def test_code_of_another_signature_under_the_name_of_this_one_is_not_used(
    doubling: Path, tmp_path: Path
) -> None:
    module = load(doubling)
    assert (module.twice(2), module.twice(2.5)) == (4, 5.0)
    first, second = sorted((tmp_path / "cache").rglob("*.nbc"))
    shutil.copy(first, second)
    again = load(doubling)
    assert (again.twice(2), again.twice(2.5)) == (4, 5.0)
    assert sum(again.twice.stats.cache_hits.values()) == 1


@compiled
@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("n_kept", [0, 5, 60, 200])
def test_a_truncated_file_counts_as_absent(
    doubling: Path, tmp_path: Path, suffix: str, n_kept: int
) -> None:
    load(doubling).twice(2)
    (path,) = (tmp_path / "cache").rglob(f"*{suffix}")
    path.write_bytes(path.read_bytes()[:n_kept])
    again = load(doubling)
    assert again.twice(2) == 4
    assert sum(again.twice.stats.cache_hits.values()) == 0
    mended = load(doubling)
    assert mended.twice(2) == 4
    assert sum(mended.twice.stats.cache_hits.values()) == 1


@compiled
def test_a_damaged_entry_with_a_right_checksum_counts_as_absent(
    doubling: Path, tmp_path: Path
) -> None:
    load(doubling).twice(2)
    (path,) = (tmp_path / "cache").rglob("*.nbc")
    content = b"not a pickle"
    path.write_bytes(content + hashlib.sha256(content).digest())
    assert load(doubling).twice(2) == 4


@compiled
def test_an_entry_that_cannot_be_rebuilt_is_compiled_again(
    doubling: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(doubling).twice(2)
    again = load(doubling).twice

    def refuse(*arguments: Any) -> None:
        raise ValueError("made for another processor")

    monkeypatch.setattr(again._cache._impl, "rebuild", refuse)
    assert again(2) == 4


@compiled
def test_without_sources_on_disk_no_cache_is_trusted(
    doubling: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    from fastcheck.kernels import _cache

    monkeypatch.setattr(_cache, "__file__", str(tmp_path / "elsewhere" / "_cache.py"))
    _cache.fingerprint.cache_clear()
    try:
        assert load(doubling).twice(2) == 4
    finally:
        _cache.fingerprint.cache_clear()
    assert "the sources of the kernels are not there" in caplog.text
    assert not list(tmp_path.rglob("*.nb?"))


@compiled
def test_decorating_forty_kernels_takes_less_than_50_ms(doubling: Path) -> None:
    function = load(doubling).twice.py_func

    def seconds() -> float:
        start = time.perf_counter()
        for _ in range(40):
            _jit.jit(function)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(3)) < 0.05


@compiled
def test_the_policy_keeps_nan_and_does_not_simplify_differences(tmp_path: Path) -> None:
    path = tmp_path / "careful.py"
    path.write_text(
        "import math\n"
        "from fastcheck.kernels._jit import jit\n"
        "@jit\n"
        "def moved(x, h):\n"
        "    return (x + h) - x\n"
        "@jit\n"
        "def count_nan(x):\n"
        "    n = 0\n"
        "    for i in range(x.size):\n"
        "        if math.isnan(x[i]) or x[i] != x[i]:\n"
        "            n += 1\n"
        "    return n\n"
        "@jit\n"
        "def ratio(a, b):\n"
        "    return a / b\n"
    )
    module = load(path)
    assert module.moved(1.0, 1e-17) == 0.0
    for place in (0, 3, 6):
        values = np.ones(7)
        values[place] = np.nan
        assert module.count_nan(values) == 1
    assert module.ratio(1.0, 0.0) == np.inf
    assert module.moved.targetoptions["nogil"] is True
