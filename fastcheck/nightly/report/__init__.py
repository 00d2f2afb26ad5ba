"""Reports of a run: text, Markdown, JUnit XML, JSON, and one HTML page."""

from __future__ import annotations

from fastcheck.nightly.report.files import write_report, write_reports
from fastcheck.nightly.report.jobpage import markdown
from fastcheck.nightly.report.junitxml import junit
from fastcheck.nightly.report.numbers import run_json
from fastcheck.nightly.report.text import print_summary, summary
from fastcheck.nightly.report.webpage import html

__all__ = [
    "html",
    "junit",
    "markdown",
    "print_summary",
    "run_json",
    "summary",
    "write_report",
    "write_reports",
]
