"""The plugin of pytest: checks in tests, suites as tests, and one report of all of them.

It is loaded by every run of pytest in an environment that has the package, so that whatever takes
time is imported where it is needed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fastcheck.pytest_plugin.gathering import GATHERING, WIDTH, Gathering

if TYPE_CHECKING:
    from fastcheck.pytest_plugin.fixture import FastcheckFixture

__all__ = ["fastcheck"]

COLUMNS = 100
"""Of a report where nothing says how wide the output is."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what can be said on the command line and in the settings of a project."""
    group = parser.getgroup("fastcheck", "checks of gradients")
    group.addoption(
        "--fastcheck-report",
        metavar="DIR",
        type=Path,
        help="write run.html, run.md, run.xml and run.json of all checks of gradients there",
    )
    parser.addini(
        "fastcheck_suites",
        "suite files of fastcheck whose cases are collected as tests",
        type="paths",
        default=[],
    )
    parser.addini(
        "fastcheck_options",
        "options of all checks by the fixture fastcheck, one on each line, such as rtol = 1e-6",
        type="linelist",
        default=[],
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, look for the suites, and make the folder of the report."""
    config.addinivalue_line(
        "markers",
        "fastcheck(**options): options of fastcheck.check_gradients for all checks by the fixture "
        "fastcheck in this test, class or module",
    )
    told = getattr(config, "workerinput", None)  # this is a worker of pytest-xdist
    columns = shutil.get_terminal_size((COLUMNS, 0)).columns if told is None else told[WIDTH]
    folder: Path | None = config.getoption("--fastcheck-report")
    _add_suites(config)
    if folder is not None and told is None:
        _make(folder)
    config.stash[GATHERING] = Gathering(config, columns, folder)
    config.pluginmanager.register(config.stash[GATHERING], "fastcheck_gathering")


def _add_suites(config: pytest.Config) -> None:
    """Let a run that names no paths collect suites outside of the folders of tests, too."""
    suites: list[Path] = config.getini("fastcheck_suites")
    for path in suites:
        if not path.is_file():
            raise pytest.UsageError(
                f"fastcheck_suites must name suite files, got {path}, which is none; write a path "
                "that starts at the folder of the settings"
            )
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        folders = [Path(argument).resolve() for argument in config.args]
        config.args += [
            os.fspath(path)
            for path in suites
            if not any(map(path.resolve().is_relative_to, folders))
        ]


def _make(folder: Path) -> None:
    """Make the folder of the report before anything takes time."""
    from fastcheck.errors import DataError
    from fastcheck.files import make_folder

    try:
        make_folder(folder)
    except DataError as problem:
        raise pytest.UsageError(f"--fastcheck-report: {problem}") from None


@pytest.fixture
def fastcheck(request: pytest.FixtureRequest) -> FastcheckFixture:
    """Check gradients: fastcheck(loss, params, grads), fastcheck.layer, fastcheck.value_and_grad.

    A check that does not pass, also one that decides nothing, fails the test with its report.
    """
    from fastcheck.errors import FastcheckError
    from fastcheck.pytest_plugin.fixture import FastcheckFixture
    from fastcheck.pytest_plugin.options import options_of

    try:
        options = options_of(request.node)
    except FastcheckError as problem:
        raise pytest.fail.Exception(str(problem), pytrace=False) from None
    return FastcheckFixture(request.node, options)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a suite that is named, on the command line or in the settings; no other file."""
    if file_path.suffix != ".toml":
        return None
    is_named = parent.session.isinitpath(file_path)
    if not is_named and file_path not in parent.config.getini("fastcheck_suites"):
        return None
    from fastcheck.pytest_plugin.suites import SuiteFile

    return SuiteFile.from_parent(parent, path=file_path)
