"""What all tests share: where the data are, fresh interpreters, reproducible randomness."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import platformdirs
import pytest

ROOT = Path(__file__).resolve().parent.parent

os.environ["COLUMNS"] = "100"  # wherever the tests run; readline would make it 80 in a worker

hypothesis.settings.register_profile(
    "fastcheck",
    derandomize=True,  # the same examples everywhere; a failure prints how to repeat it
    deadline=None,  # the first example of a kernel pays for its compilation
    database=None,
    print_blob=True,
)
hypothesis.settings.load_profile("fastcheck")


def pytest_report_header() -> list[str]:
    """Report what the outcome depends on besides the code."""
    data = os.environ.get("FASTCHECK_DATA", "not set, tests on real data are skipped")
    interpreted = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
    kernels = "interpreted" if interpreted else "compiled"
    return [
        f"fastcheck: kernels {kernels}; FASTCHECK_DATA {data}",
        "fastcheck: hypothesis derandomized, every other seed is written in its test",
    ]


@pytest.fixture(scope="session", autouse=True)
def _no_downloads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide what whoever runs the tests has downloaded, so that all see the same."""
    with pytest.MonkeyPatch.context() as patch:
        if platformdirs.user_cache_path("fastcheck").exists():  # else the fonts stay cached
            patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Return the folder of the real data sets, or skip the test."""
    folder = os.environ.get("FASTCHECK_DATA")
    if not folder:
        pytest.skip("FASTCHECK_DATA is not set: no real data")
    path = Path(folder).resolve()
    if not path.is_dir():
        pytest.fail(f"FASTCHECK_DATA must name a folder, got {folder!r}")
    return path


FreshPython = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def fresh_python(tmp_path: Path) -> FreshPython:
    """Return a function that runs code in a new interpreter, in an empty folder.

    ``fresh_python(code, *arguments, path=ROOT, check=True, **environment)`` imports the
    package from `path`. With ``check=True`` a failure of the code fails the test.
    """
    folder = tmp_path / "empty"
    folder.mkdir()

    def run(
        code: str, *arguments: str, path: Path = ROOT, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        process = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, "PYTHONPATH": str(path), **environment},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if check and process.returncode:
            pytest.fail(f"exit status {process.returncode}\n{process.stdout}{process.stderr}")
        return process

    return run
