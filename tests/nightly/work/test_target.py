"""A file of the user's works as a target as it does as a module."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from fastcheck.nightly.beginning import MemoryParts, new_run
from fastcheck.nightly.records import Run
from fastcheck.nightly.runner import run_suite
from fastcheck.nightly.suite import read_suite
from fastcheck.nightly.target import UserCodeError, find_function

NET = """
    from __future__ import annotations

    import os, sys, time
    from dataclasses import dataclass
    from pathlib import Path

    import numpy as np

    sys.path.insert(0, str(Path(__file__).parent / "src"))

    @dataclass
    class Settings:
        n: int = 6

    def sine(v):
        return float(np.sin(v))

    def case(loss, n=6, **options):
        w = np.linspace(1.0, 2.0, n)
        return loss, {"w": w}, {"w": np.cos(w)}, {"engine": "black box", **options}

    def annotates():
        @dataclass
        class Local:
            n: int = Settings().n
        return case(lambda p: float(np.sin(p["w"]).sum()), Local().n)

    def imports_when_called():
        import beside
        def loss(p):
            import beside_too
            return beside_too.total(p["w"])
        return case(loss)

    def has_a_path_of_its_own():
        import from_source
        return case(lambda p: float(np.sin(p["w"]).sum()))

    def sends_to_joblib():
        from joblib import Parallel, delayed
        def loss(p):
            return sum(Parallel(n_jobs=2)(delayed(sine)(v) for v in p["w"]))
        return case(loss, 2)

    def sends_to_processes():
        from multiprocessing import get_context
        pool = get_context("fork").Pool(2)
        return case(lambda p: sum(pool.map(sine, list(p["w"]))), 2)

    def is_probed_in_processes():
        def loss(p):
            from beside_too import total
            time.sleep(0.05)
            Path(f"by-{os.getpid()}").touch()
            return total([sine(v) for v in p["w"]], done=True)
        return case(loss, 40, n_jobs=2)
"""
BESIDE_TOO = """
    import numpy as np
    def total(w, done=False): return float(np.sum(w if done else np.sin(w)))
"""
NAMES = (
    "annotates", "imports_when_called", "has_a_path_of_its_own", "sends_to_joblib",
    "sends_to_processes", "is_probed_in_processes",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("target")
    (path / "src").mkdir()
    (path / "src" / "from_source.py").write_text("")
    (path / "beside.py").write_text("")
    (path / "beside_too.py").write_text(dedent(BESIDE_TOO))
    (path / "net.py").write_text(dedent(NET))
    (path / "night.toml").write_text(
        "".join(f'[[case]]\nname = "{name}"\ntarget = "net.py:{name}"\n' for name in NAMES)
    )
    return path


@pytest.fixture(scope="module")
def night(folder: Path) -> Run:
    """Return the run of a suite, begun in another folder than that of its file."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        suite = read_suite(folder / "night.toml")
        return run_suite(suite, MemoryParts(new_run(suite)), jobs=2)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_may_do_what_a_module_may(night: Run, name: str) -> None:
    record = night.record(name)
    assert record is not None
    assert record.status == "pass", record.message + record.traceback


def test_a_loss_of_a_file_is_probed_in_other_processes(night: Run, folder: Path) -> None:
    assert night.record("is_probed_in_processes")
    assert len(list((folder / "elsewhere").glob("by-*"))) >= 3  # the case's own, and two


def test_a_file_that_raises_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import sys\nsys.path.insert(0, 'mine')\nraise KeyError(1)")
    before = list(sys.path), set(sys.modules)
    with pytest.raises(UserCodeError, match=r"broken\.py raised KeyError: 1"):
        find_function("broken.py:f", tmp_path)
    sys.path.remove("mine")
    assert (sys.path, set(sys.modules)) == before


def test_a_file_hides_no_module_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import random

    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "random.py").write_text("def f(): pass")
    function, label = find_function("random.py:f", tmp_path)
    assert sys.modules["random"] is random
    assert (label, function.__globals__["__file__"]) == ("random.py:f", str(tmp_path / "random.py"))
