"""A run as JUnit XML, as build servers show it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from fastcheck.nightly.report.digest import why
from fastcheck.nightly.report.text import clipped, record_text

if TYPE_CHECKING:
    from fastcheck.nightly.records import Record, Run

__all__ = ["junit"]

FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""
ELEMENTS: Final = {"fail": "failure", "not run": "skipped", "expected": "skipped", "pass": ""}
"""What a status becomes; all others are errors."""


def junit(run: Run) -> str:
    """Return a run as JUnit XML.

    Parameters
    ----------
    run : Run
        The run, finished or not.

    Returns
    -------
    str
        One test suite with one test case per case: a failure where the gradient is wrong, an error
        where there is no verdict, skipped where it was not run, or failed as expected.

    Notes
    -----
    It keeps to what all readers understand: the elements in the order of the schema of Ant, a time
    without zone (UTC), no attributes of the outermost element.
    """
    root = ET.Element("testsuites")
    suite = ET.SubElement(root, "testsuite", _attributes(run))
    properties = ET.SubElement(suite, "properties")
    for name, value in {"run": run.id, **run.provenance}.items():
        ET.SubElement(properties, "property", name=_clean(name), value=_clean(value))
    for record in run.records:
        _add(suite, run.suite, record)
    for name in ("system-out", "system-err"):
        ET.SubElement(suite, name)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _attributes(run: Run) -> dict[str, str]:
    """Return the numbers of a suite; they add up to its cases."""
    failures, passed = run.count("fail"), run.count("pass")
    skipped = run.count("not run") + run.count("expected")
    try:
        start = datetime.fromisoformat(run.started).strftime("%Y-%m-%dT%H:%M:%S")
    except ValueError:
        start = "1970-01-01T00:00:00"
    return {
        "name": _clean(run.suite),
        "timestamp": start,
        "hostname": _clean(run.provenance.get("host", "localhost")) or "localhost",
        "tests": str(len(run.records)),
        "failures": str(failures),
        "errors": str(len(run.records) - failures - skipped - passed),
        "skipped": str(skipped),
        "time": f"{sum(record.seconds for record in run.records):.3f}",
        "id": "0",
        "package": "fastcheck",
    }


def _add(suite: ET.Element, package: str, record: Record) -> None:
    """Add one case."""
    case = ET.SubElement(
        suite, "testcase", name=_clean(record.case.name), classname=_clean(f"fastcheck.{package}"),
        time=f"{record.seconds:.3f}",
    )  # fmt: skip
    element = ELEMENTS.get(record.status, "error")
    if not element:
        return
    text = f"as expected: {why(record)}" if record.status == "expected" else why(record)
    outcome = ET.SubElement(case, element, message=_clean(clipped(text)))
    if element != "skipped":
        outcome.set("type", record.status)
        outcome.text = _clean(record_text(record))


def _clean(text: str) -> str:
    """Return what XML can hold; what it cannot is written as in Python."""
    return FORBIDDEN.sub(lambda found: ascii(found[0])[1:-1], str(text))
