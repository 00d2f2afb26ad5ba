"""Reports of a run: text, Markdown, JUnit XML, JSON, and one HTML page."""

from __future__ import annotations

from fastcheck.nightly.report.html import html
from fastcheck.nightly.report.junit import junit
from fastcheck.nightly.report.markdown import markdown
from fastcheck.nightly.report.numbers import run_json
from fastcheck.nightly.report.text import print_summary, summary

__all__ = ["html", "junit", "markdown", "print_summary", "run_json", "summary"]
