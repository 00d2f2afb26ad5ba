"""Suite files as files of tests, and their cases as tests."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fastcheck.errors import FastcheckError
from fastcheck.nightly.records import FINE, Record
from fastcheck.nightly.runner import run_case
from fastcheck.nightly.suite import read_suite
from fastcheck.pytest_plugin.checks import report_of
from fastcheck.pytest_plugin.gathering import GATHERING, note

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastcheck.nightly.records import Case

__all__ = ["SuiteCase", "SuiteFile"]


class SuiteFile(pytest.File):
    """A suite file."""

    def collect(self) -> Iterator[SuiteCase]:
        """Yield the cases of the suite."""
        try:
            suite = read_suite(os.path.relpath(self.path))
        except FastcheckError as problem:
            raise self.CollectError(str(problem)) from None
        for case in suite.cases:
            yield SuiteCase.from_parent(self, name=case.name, case=case, folder=suite.folder)


class SuiteCase(pytest.Item):
    """A case of a suite, which is run in a process of its own.

    Parameters
    ----------
    case : Case
        The case.
    folder : Path
        Where its paths start.
    **given
        What pytest gives each item.
    """

    def __init__(self, *, case: Case, folder: Path, **given: Any) -> None:
        super().__init__(**given)
        self.case = case
        self.folder = folder

    def runtest(self) -> None:
        """Run the case; what is not as expected fails the test, or skips it if nothing was run."""
        named = replace(self.case, name=self.nodeid)
        try:
            record = replace(run_case(self.case, self.folder), case=named)
        except KeyboardInterrupt:
            note(self, Record(named, "interrupted", message="pytest was interrupted"))
            raise
        except Exception as problem:  # no process could be started, for example
            note(self, Record(named, "error", message=f"{type(problem).__name__}: {problem}"))
            raise
        note(self, record)
        if record.status == "not run":
            pytest.skip(record.message)
        if record.status not in FINE:
            status = "" if record.status == "fail" else f"{record.status}: "
            text = report_of(record, self.config.stash[GATHERING].columns)
            pytest.fail(status + text, pytrace=False)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what is shown of a failure, with the suite as its place in place of this file."""
        shown: Any = super().repr_failure(excinfo, style)
        if getattr(shown, "reprcrash", None) is not None:
            shown.reprcrash.path, shown.reprcrash.lineno = str(self.path), 1
        return shown

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return where the case stands, and what it is called."""
        return self.path, None, self.name
