"""Sessions of pytest inside a session of pytest, with the plugin and no other."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from fastcheck import pytest_plugin
from fastcheck.nightly.records import Record
from fastcheck.nightly.report import write_reports
from fastcheck.pytest_plugin.checks import case_of, report_of
from tests.conftest import ROOT
from tests.nightly.report.nights import pictured
from tests.test_pictures import check

NET = """
    import numpy as np

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 5)), rng.integers(3, size=6)


    class Net:
        def __init__(self):
            rng = np.random.default_rng(1)
            self.params = {"W1": rng.normal(size=(5, 4)), "b1": rng.normal(size=4),
                           "W2": rng.normal(size=(4, 3)), "b2": rng.normal(size=3)}

        def forward(self):
            p = self.params
            self.z = x @ p["W1"] + p["b1"]
            self.a = np.maximum(self.z, 0)
            e = np.exp(self.a @ p["W2"] + p["b2"])
            self.p = e / e.sum(axis=1, keepdims=True)
            return -np.log(self.p[np.arange(6), y]).mean()

        def backward(self, **wrong):
            self.forward()
            dz2 = (self.p - np.eye(3)[y]) / 6
            dz1 = dz2 @ self.params["W2"].T * (self.z > 0)
            grads = {"W1": x.T @ dz1, "b1": dz1.sum(axis=0),
                     "W2": self.a.T @ dz2, "b2": dz2.sum(axis=0)}
            return {name: wrong.get(name, 1.0) * grad for name, grad in grads.items()}


    net = Net()
    given = net.forward, net.params, net.backward()
    wrong = net.forward, net.params, net.backward(b1=2.0)
    flat = lambda: 0.0 * net.params["W1"].sum(), {"W1": net.params["W1"]}, {"W1": np.zeros((5, 4))}
"""
OPTIONS = (
    *("-p", "fastcheck.pytest_plugin"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # it is imported already, in this process
)
Inner = Callable[..., pytest.RunResult]


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Import and compile what an inner session does, which forgets what it is the first to import.

    Compiled code and drawings do not bear being imported twice.
    """
    for module in pkgutil.iter_modules(pytest_plugin.__path__, "fastcheck.pytest_plugin."):
        importlib.import_module(module.name)
    found = check()
    report_of(Record(case_of("test_net.py::test_net"), found.verdict, found), 100)
    write_reports(tmp_path_factory.mktemp("warm"), pictured(1))


@pytest.fixture
def inner(pytester: pytest.Pytester, warm: None, monkeypatch: pytest.MonkeyPatch) -> Inner:
    """Return a function that runs pytest on tests of a user's, in this process or another.

    ``inner(code, *arguments, process=False)`` writes the code to ``test_net.py``, beside ``net.py``
    with a network.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # as the package may be installed
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("PYTEST_ADDOPTS", "CI", "BUILD_NUMBER"):  # pytest prints more where CI is set
        monkeypatch.delenv(name, raising=False)
    Path("net.py").write_text(dedent(NET), encoding="utf-8")
    monkeypatch.syspath_prepend(str(pytester.path))

    def run(code: str | None, *arguments: str, process: bool = False) -> pytest.RunResult:
        if code is not None:
            text = "import numpy as np\nimport pytest\nfrom net import *\n" + dedent(code)
            Path("test_net.py").write_text(text, encoding="utf-8")
        if process:
            return pytester.runpytest_subprocess(*OPTIONS, *arguments, timeout=120)
        return pytester.runpytest_inprocess(*OPTIONS, *arguments, no_reraise_ctrlc=True)

    return run
