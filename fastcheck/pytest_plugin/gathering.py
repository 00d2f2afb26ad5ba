"""Gathering the checks of a session, in whatever process they were made."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from fastcheck.nightly.records import Record

__all__ = ["GATHERING", "WIDTH", "Gathering", "note"]

WIDTH = "fastcheck_columns"
"""Under which the workers of pytest-xdist, which have no terminal, are told how wide it is."""
CHECKS = "fastcheck_checks"
"""The attribute of a report of pytest with what was checked, in the types of JSON."""
RECORDS = pytest.StashKey["list[Record]"]()
"""What was checked in a test and is in no report of pytest yet."""


def note(item: pytest.Item, record: Record) -> None:
    """Keep what became of a check until pytest reports on its test."""
    item.stash.setdefault(RECORDS, []).append(record)


class Gathering:
    """The checks of a session; a plugin of pytest of its own, because it has a state.

    Parameters
    ----------
    config : pytest.Config
        That of the session.
    columns : int
        How wide the terminal is.
    folder : Path or None
        Where reports are to be written.

    Attributes
    ----------
    checks : dict of str to dict
        What was told of each check (:func:`fastcheck.pytest_plugin.checks.told`), by its name: of
        a test that ran twice, that of the second time.
    """

    def __init__(self, config: pytest.Config, columns: int, folder: Path | None) -> None:
        self.columns = columns
        self.folder = None if folder is None else folder.absolute()  # tests may go elsewhere
        self.checks: dict[str, dict[str, Any]] = {}
        self._config = config
        self._is_worker = hasattr(config, "workerinput")
        self._started = datetime.now(UTC)
        self._written = ""

    # ------------------------------------------------------------ in the process of a test

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put what was checked into the report on the test, which pytest-xdist sends along."""
        report = yield
        if RECORDS in item.stash or "fastcheck" in getattr(item, "fixturenames", ()):
            vars(report)[CHECKS] = self._taken(item, report)
        return report

    def _taken(self, item: pytest.Item, report: pytest.TestReport) -> list[dict[str, Any]]:
        """Return what was checked since the last report, and a failure that is none of a check."""
        from fastcheck.nightly.records import FINE
        from fastcheck.pytest_plugin.checks import record_of_failure, told

        was_checked = RECORDS in item.stash
        noted = item.stash.get(RECORDS, [])
        records = [*noted]
        noted.clear()
        if report.failed and all(record.status in FINE for record in records):
            records.append(record_of_failure(report, was_checked=was_checked))
        return [told(record, report, in_full=self.folder is not None) for record in records]

    # ------------------------------------------------------------ in the process of the session

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist how wide the terminal is."""
        node.workerinput[WIDTH] = self.columns

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take note of a file that could not be collected: it may have held checks."""
        if report.failed and self.folder is not None:
            from fastcheck.pytest_plugin.checks import record_of_collecting, told

            check = told(record_of_collecting(report), in_full=True)
            self.checks[check["name"]] = check

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what was checked from a report, of this process or of a worker."""
        checks = getattr(report, CHECKS, [])
        if str(report.when) == "???" and self.folder is not None:  # a worker crashed
            from fastcheck.pytest_plugin.checks import record_of_crash, told

            checks = [told(record_of_crash(report), in_full=True)]
        self.checks |= {check["name"]: check for check in checks}

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the reports, of what there is."""
        if self._is_worker or self.folder is None or self._config.option.collectonly:
            return
        from fastcheck.errors import FastcheckError
        from fastcheck.pytest_plugin.checks import told
        from fastcheck.pytest_plugin.ending import write

        for item in getattr(session, "items", ()):  # nobody reports on a test that Ctrl-C ended
            for record in item.stash.get(RECORDS, []):
                self.checks[record.case.name] = told(record, in_full=True)
        ended = exitstatus in ENDED and not (session.shouldstop or session.shouldfail)
        try:
            page = write(
                self.folder, self._config.rootpath, self.checks.values(), self._started,
                is_finished=ended,
            )  # fmt: skip
        except FastcheckError as problem:
            session.exitstatus = exitstatus or pytest.ExitCode.INTERNAL_ERROR
            self._written = f"no report: {problem}"
        else:
            shown = os.path.relpath(page, self._config.invocation_params.dir)
            self._written = f"report: {shown}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what did not pass, and where the reports are; nothing if there is nothing to say."""
        is_verbose = self._config.get_verbosity() > 0
        open_ = [c for c in self.checks.values() if is_verbose or not c["passes"]]
        if not open_ and not self._written:
            return
        from fastcheck.pytest_plugin.ending import summary

        terminalreporter.write_sep("=", "fastcheck")
        for line in summary(self.checks.values(), is_verbose=is_verbose):
            terminalreporter.write_line(line)
        if self._written:
            terminalreporter.write_line(self._written)


ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
"""How a session ends that came to its end."""
GATHERING = pytest.StashKey[Gathering]()
