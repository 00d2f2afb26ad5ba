"""What became of the checks of a test, as records of a run and in the types of JSON."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fastcheck.nightly.records import FINE, NOT_RUN, Case, Record
from fastcheck.nightly.report.digest import why
from fastcheck.nightly.report.text import record_text
from fastcheck.report.page import can_encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

__all__ = [
    "case_of",
    "record_of_collecting",
    "record_of_crash",
    "record_of_failure",
    "report_of",
    "told",
]

MARGIN: Final = 12
"""Columns that pytest puts before each line of what an exception says."""


def case_of(nodeid: str, number: int = 1, options: Mapping[str, Any] | None = None) -> Case:
    """Return what a test checks, as a case.

    Parameters
    ----------
    nodeid : str
        The name that pytest has for the test.
    number : int
        Which of its checks it is; the name of each but the first ends in its number.
    options : mapping, optional
        Options of the check; those that JSON cannot hold are left out.

    Examples
    --------
    >>> case_of("tests/test_net.py::TestNet::test_loss[3]", 2).name
    'tests/test_net.py::TestNet::test_loss[3] (2)'
    >>> case_of("tests/test_net.py::TestNet::test_loss[3]").target
    'tests/test_net.py:test_loss'
    """
    given = dict(_plain(options or {}))
    seed = given.pop("seed", 0)
    file, _, test = nodeid.partition("::")
    function = test.partition("[")[0].rpartition("::")[2]
    return Case(
        nodeid if number == 1 else f"{nodeid} ({number})",
        f"{file}:{function}" if function else file,
        seed=seed if isinstance(seed, int) and seed >= 0 else 0,
        options=given,
    )


def _plain(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the options that JSON can hold."""
    for name, value in options.items():
        plain = value.item() if isinstance(value, np.generic) else value
        with contextlib.suppress(TypeError, ValueError):
            json.dumps(plain)
            yield name, plain


def report_of(record: Record, columns: int) -> str:
    """Return what a test says that did not pass: the first cause, and after it all that is known.

    Parameters
    ----------
    record : Record
        What became of its check.
    columns : int
        How wide the terminal is.
    """
    unicode = can_encode(sys.__stdout__ or sys.stdout)
    cause, text = why(record), record_text(record, columns - MARGIN, unicode=unicode)
    return text if text.startswith(cause) else f"{cause}\n\n{text}"


def record_of_failure(report: pytest.TestReport, *, was_checked: bool) -> Record:
    """Return what is recorded of a test that failed otherwise than by its check.

    Parameters
    ----------
    report : pytest.TestReport
        That on the test, its setup or its teardown.
    was_checked : bool
        Whether it came to a check, which stands in a record of its own.
    """
    case = case_of(report.nodeid)
    if was_checked:
        case = replace(case, name=f"{case.name} (after its check)")
        said = "the check did not fail, and the test did"
    elif report.when == "teardown":
        case = replace(case, name=f"{case.name} (teardown)")
        said = "the test made no check, and did not end well"
    else:
        said = "the test ended before its check"
    message = f"{said}: {_first_words(report)}"
    return Record(case, "error", None, message, report.longreprtext, report.duration)


def record_of_collecting(report: pytest.CollectReport) -> Record:
    """Return what is recorded of a file whose tests or cases are not known, because it is wrong."""
    message = f"could not be collected: {_first_words(report)}"
    return Record(case_of(report.nodeid), "error", None, message, report.longreprtext)


def _first_words(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return the first line of what a report says of a failure."""
    crash = getattr(report.longrepr, "reprcrash", None)
    told = getattr(crash, "message", "") or report.longreprtext
    return str(told).strip().partition("\n")[0]


def record_of_crash(report: pytest.TestReport) -> Record:
    """Return what is recorded of a test whose process ended."""
    return Record(case_of(report.nodeid), "crashed", None, report.longreprtext)


def told(
    record: Record, report: pytest.TestReport | None = None, *, in_full: bool
) -> dict[str, Any]:
    """Return what is told of a check, as it can be sent by pytest-xdist.

    Parameters
    ----------
    record : Record
        What became of it.
    report : pytest.TestReport, optional
        That on its test.
    in_full : bool
        Whether the whole record is part of it.

    Returns
    -------
    dict
        ``name``, ``status`` ("expected" where it did not pass and its test is expected to fail),
        ``text`` (one line), ``passes`` (whether there is nothing to be said), ``record`` (JSON, or
        empty).
    """
    expected = getattr(report, "wasxfail", None)
    if expected is not None and record.status not in (*FINE, *NOT_RUN):
        expectation = f"expected by pytest{f': {expected}' if expected else ''}"
        message = "; ".join(filter(None, [record.message, expectation]))
        record = replace(record, status="expected", message=message)
    result = record.result
    return {
        "name": record.case.name,
        "status": record.status,
        "text": why(record) or ("" if result is None else result.summary()),
        "passes": record.status in FINE,
        "record": json.dumps(record.to_dict(arrays=False)) if in_full else "",
    }
