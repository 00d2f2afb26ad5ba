"""The suite of the examples: both data sets, several networks, seeds, and planted mistakes."""

from __future__ import annotations

from fastcheck.nightly.beginning import MemoryParts, new_run
from fastcheck.nightly.records import Run
from fastcheck.nightly.runner import run_suite
from fastcheck.nightly.suite import read_suite
from tests.conftest import ROOT

EXAMPLE = ROOT / "examples/nightly/nightly.toml"
ON_PURPOSE = "wrong on purpose"


def example_run() -> Run:
    """Run the example with two jobs."""
    suite = read_suite(EXAMPLE)
    return run_suite(suite, MemoryParts(new_run(suite)), jobs=2)


def as_expected(run: Run) -> None:
    """Check that what is wrong on purpose fails and is explained, and all else passes."""
    for record in run.records:
        expected = "fail" if ON_PURPOSE in record.case.name else "pass"
        assert (record.case.name, record.status) == (record.case.name, expected), record.message
        assert record.result is not None
        if expected == "fail":
            assert record.result.diagnosis[0].kind != "unexplained"
