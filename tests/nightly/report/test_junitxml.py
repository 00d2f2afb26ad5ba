"""A run as JUnit XML, against the schema that readers have in common (`junit.xsd`)."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from fastcheck.nightly.records import Run
from fastcheck.nightly.report import junit
from tests.nightly.report.nights import many, night, record, run_of

xmlschema = pytest.importorskip("xmlschema")
SCHEMA = Path(__file__).with_name("junit.xsd")


def read(run: Run) -> ET.Element:
    """Return the suite of a run, after its XML was validated."""
    text = junit(run)
    xmlschema.XMLSchema(str(SCHEMA)).validate(text)
    suite = ET.fromstring(text.encode()).find("testsuite")
    assert suite is not None
    return suite


def test_each_status_is_the_element_that_build_servers_show() -> None:
    statuses = [
        "pass", "fail", "inconclusive", "error", "timeout", "crashed", "interrupted", "not run",
        "expected",
    ]  # fmt: skip
    suite = read(run_of(*(record(status, status) for status in statuses)))
    found = {c.get("name"): [child.tag for child in c] for c in suite.iter("testcase")}
    assert found == {
        "pass": [],
        "fail": ["failure"],
        "inconclusive": ["error"],
        "error": ["error"],
        "timeout": ["error"],
        "crashed": ["error"],
        "interrupted": ["error"],
        "not run": ["skipped"],
        "expected": ["skipped"],
    }
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "9", "failures": "1", "errors": "5", "skipped": "2"}
    skipped = suite.find("testcase[@name='expected']/skipped")
    assert skipped is not None
    assert skipped.get("message", "").startswith("as expected: W2: dW2 is 100 times too large")
    error = suite.find("testcase[@name='timeout']/error")
    assert error is not None
    assert (error.get("type"), error.get("message")) == (
        "timeout", "it took longer than its limit",
    )  # fmt: skip


def test_a_failure_carries_its_cause_and_the_whole_report() -> None:
    suite = read(night()[0])
    failure = suite.find("testcase[@name='mnist[seed=1]']/failure")
    assert failure is not None
    assert failure.get("message", "").startswith("W2: dW2 is 100 times too large")
    assert "b2[7]: yours nan" in (failure.text or "")
    error = suite.find("testcase[@name='net[plan=units]']/error")
    assert error is not None
    assert "ValueError: bad shape\n\nTraceback" in (error.text or "")
    skipped = suite.find("testcase[@name='cat[seed=2]']/skipped")
    assert skipped is not None
    assert skipped.get("message") == "the budget was used up before it"
    properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert properties["git"] == "8c8c9c6 (clean)"
    assert (suite.get("hostname"), suite.get("timestamp")) == ("builder", "2026-01-31T02:15:00")


def test_characters_that_xml_cannot_hold_are_spelled_out() -> None:
    run = run_of(record("a\x00<b>&\"'\ud800", "error", message="\x1b[0m ]]> ✗"))
    (case,) = read(run).iter("testcase")
    assert case.get("name") == "a\\x00<b>&\"'\\ud800"
    assert case[0].get("message") == "\\x1b[0m ]]> ✗"


@pytest.mark.parametrize("n", [0, 100])
def test_any_number_of_cases_is_valid(n: int) -> None:
    suite = read(many(n))
    assert len(list(suite.iter("testcase"))) == n


def test_the_schema_refuses_what_readers_do_not_understand() -> None:
    text = junit(night()[0])
    schema = xmlschema.XMLSchema(str(SCHEMA))
    for right, wrong in (
        ("failure", "broken"),
        (' tests="10"', ' tests="ten"'),
        ('T02:15:00"', 'T02:15:00+00:00"'),
        ('classname="fastcheck.night" ', ""),
    ):
        assert right in text
        assert not schema.is_valid(text.replace(right, wrong)), wrong
