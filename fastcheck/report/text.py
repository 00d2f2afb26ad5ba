"""A result as text: the verdict, what is wrong, where, and last how it was found out."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from fastcheck.report.causes import ACCEPTED, diagnoses
from fastcheck.report.examples import add_entries
from fastcheck.report.facts import checked_of, facts_of
from fastcheck.report.lists import limited
from fastcheck.report.page import Page, can_encode, print_fitted, width_of
from fastcheck.report.table import draw_tensors
from fastcheck.report.where import add_pictures, where

if TYPE_CHECKING:
    from typing import IO

    from fastcheck.result import CheckResult, TensorResult

__all__ = ["print_result", "render", "render_plain"]


def render(
    result: CheckResult,
    *,
    width: int | None = None,
    color: bool = False,
    unicode: bool = True,
    verbose: bool = False,
) -> str:
    """Return a result as text.

    Parameters
    ----------
    result : CheckResult
        The result.
    width : int, optional
        Columns, at least 60. By default those of the terminal, or 100 if there is none.
    color : bool
        Whether the text has ANSI colours.
    unicode : bool
        Whether it may have characters beyond ASCII.
    verbose : bool
        Whether a failing result, too, tells all of how it was found: bounds and digits, what other
        tools would say, the plan, the data, times and versions. Any other always does.

    Returns
    -------
    str
        Lines without a newline at the end.
    """
    page = Page(width_of(sys.stdout) if width is None else width, color, unicode)
    page.add(result.verdict.upper(), result.summary(), result.verdict)
    _add_diagnosis(page, result)
    is_short = result.verdict == "fail" and not verbose
    if result.verdict == "fail":
        _add_failure(page, result, verbose)
    else:
        _add_others(page, result)
    undecided = [f"{t.name}: {t.reason}" for t in result.tensors.values() if _is_open(t)]
    page.add("undecided", limited(undecided, len(undecided)), "warning")
    for label, text in checked_of(result) if is_short else facts_of(result):
        page.add(label, text, "quiet" if is_short else "label")
    return page.text()


def _add_diagnosis(page: Page, result: CheckResult) -> None:
    """Add what is explained exactly, what is known beside it, and what was accepted."""
    for label, told in diagnoses(result):
        page.add(label, limited(told, len(told)), "inconclusive" if label == ACCEPTED else "fail")


def _add_failure(page: Page, result: CheckResult, verbose: bool) -> None:
    """Add where the gradient is wrong, then the table."""
    _add_findings(page, result, "error", "warning")
    page.add("where", where(result), "fail")
    add_entries(page, result)
    add_pictures(page, result)
    _add_table(page, result, is_short=not verbose)
    _add_findings(page, result, "note")


def _add_others(page: Page, result: CheckResult) -> None:
    """Add what was found, then the table."""
    _add_findings(page, result, "error", "warning", "note")
    _add_table(page, result)
    add_entries(page, result)


def _add_findings(page: Page, result: CheckResult, *severities: str) -> None:
    for severity in severities:
        found = [f.located for f in result.findings if f.severity == severity]
        page.add(severity, limited(found, len(found)), severity)


def _add_table(page: Page, result: CheckResult, *, is_short: bool = False) -> None:
    tensors = list(result.tensors.values())
    if tensors:
        page.gap()
        draw_tensors(page, tensors, is_short=is_short)
        page.gap()


def _is_open(tensor: TensorResult) -> bool:
    return tensor.verdict == "inconclusive"


def render_plain(result: CheckResult) -> str:
    """Return a result as text for standard output, without colours."""
    return render(result, unicode=can_encode(sys.stdout))


def print_result(
    result: CheckResult, file: IO[str] | None = None, *, verbose: bool = False
) -> None:
    """Print a result, in colour on a terminal.

    Parameters
    ----------
    result : CheckResult
        The result.
    file : text file, optional
        Standard output by default. Characters that it cannot encode are written in ASCII.
    verbose : bool
        As of :func:`render`.
    """
    print_fitted(partial(render, result, verbose=verbose), file)
