"""What the plugin costs those who do not use it, and how it is found."""

from __future__ import annotations

import importlib
import tomllib

from tests.conftest import ROOT, FreshPython
from tests.test_house import HEAVY


def test_pytest_finds_the_plugin_by_its_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    plugin = vars(importlib.import_module(project["entry-points"]["pytest11"]["fastcheck"]))
    assert {"pytest_addoption", "pytest_configure", "pytest_collect_file", "fastcheck"} <= {*plugin}


def test_a_session_that_does_not_use_it_imports_next_to_nothing(fresh_python: FreshPython) -> None:
    code = f"""
import sys, pytest
with open("test_other.py", "w") as file:
    file.write("def test_other(): pass\\ndef test_failing(): assert 0\\n")
assert pytest.main(["-p", "fastcheck.pytest_plugin", "-p", "no:cacheprovider", "--color=no"]) == 1
print([m for m in {HEAVY} if m in sys.modules])
print(sorted(m for m in sys.modules if m.startswith("fastcheck")))
"""
    found = fresh_python(code, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTEST_ADDOPTS="")
    *session, heavy, ours = found.stdout.splitlines()
    assert "1 failed, 1 passed" in session[-1]
    assert heavy == "[]"
    assert ours == "['fastcheck', 'fastcheck.pytest_plugin', 'fastcheck.pytest_plugin.gathering']"


def test_loading_it_takes_less_than_50_ms(fresh_python: FreshPython) -> None:
    code = (
        "import datetime, time, pytest; start = time.process_time()\n"
        "import fastcheck.pytest_plugin; print(time.process_time() - start)"
    )
    assert min(float(fresh_python(code).stdout) for _ in range(3)) < 0.05
