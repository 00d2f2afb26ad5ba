"""The suite of the examples: both data sets, several networks, seeds, and planted mistakes."""

from __future__ import annotations

from dataclasses import replace

from fastcheck.nightly.beginning import MemoryParts, new_run
from fastcheck.nightly.records import Run
from fastcheck.nightly.runner import run_suite
from fastcheck.nightly.suite import read_suite
from tests.conftest import ROOT

EXAMPLE = ROOT / "examples/nightly/nightly.toml"
ON_PURPOSE = "wrong on purpose"


def example_run(*, is_known: bool = True) -> Run:
    """Run the example with two jobs; what is wrong on purpose may be `is_known` to be so."""
    suite = read_suite(EXAMPLE)
    if not is_known:
        suite = replace(suite, cases=tuple(replace(c, expect="pass") for c in suite.cases))
    return run_suite(suite, MemoryParts(new_run(suite)), jobs=2)


def as_expected(run: Run, status: str = "expected") -> None:
    """Check that what is wrong on purpose is found and explained, and all else passes."""
    for record in run.records:
        expected = status if ON_PURPOSE in record.case.name else "pass"
        assert (record.case.name, record.status) == (record.case.name, expected), record.message
        assert record.result is not None
        if expected != "pass":
            assert record.result.diagnosis[0].kind != "unexplained"
