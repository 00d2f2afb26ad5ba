"""A result as text: the verdict first, then why, where, and how it was found out."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console

from fastcheck.report.page import Page, can_encode, width_of
from fastcheck.report.table import draw_tensors
from fastcheck.result.wording import count, quantity, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

    from fastcheck.result import Audit, CheckResult, Entry, SpotCheck

__all__ = ["print_result", "render", "render_plain"]

MOST_LINES: Final = 10
"""How many entries, findings or audits are listed; the rest is counted."""


def render(
    result: CheckResult, *, width: int | None = None, color: bool = False, unicode: bool = True
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

    Returns
    -------
    str
        Lines without a newline at the end.
    """
    page = Page(width_of(sys.stdout) if width is None else width, color, unicode)
    page.add(result.verdict.upper(), result.summary(), result.verdict)
    page.add("why", (d.located for d in result.diagnosis), "fail")
    for severity in ("error", "warning", "note"):
        page.add(severity, _messages(result, severity), severity)
    if result.tensors:
        page.gap()
        draw_tensors(page, list(result.tensors.values()))
        page.gap()
    _add_entries(page, result)
    for label, text in _facts(result):
        page.add(label, text)
    return page.text()


def render_plain(result: CheckResult) -> str:
    """Return a result as text for standard output, without colours."""
    return render(result, unicode=can_encode(sys.stdout))


def print_result(result: CheckResult, file: IO[str] | None = None) -> None:
    """Print a result, in colour on a terminal.

    Parameters
    ----------
    result : CheckResult
        The result.
    file : text file, optional
        Standard output by default. Characters that it cannot encode are written in ASCII.
    """
    target = sys.stdout if file is None else file
    console = Console(file=target)
    color = console.is_terminal and console.color_system is not None and not console.no_color
    text = render(result, width=width_of(target), color=color, unicode=can_encode(target))
    encoding = getattr(target, "encoding", None) or "utf-8"
    target.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _messages(result: CheckResult, severity: str) -> list[str]:
    found = [f.located for f in result.findings if f.severity == severity]
    return _limited(found, len(found))


def _limited(lines: Sequence[str], total: int) -> list[str]:
    """Return the first lines, and how many there are beside them."""
    shown = list(lines[:MOST_LINES])
    return [*shown, f"and {count(total - len(shown))} more"] if total > len(shown) else shown


# ------------------------------------------------------------ entries


def _add_entries(page: Page, result: CheckResult) -> None:
    """Add the wrong entries with their addresses, and why tensors are undecided."""
    tensors = list(result.tensors.values())
    for label, style, is_wrong in (("wrong part", "error", True), ("close part", "warning", False)):
        parts = [str(r) for t in tensors if bool(t.n_disagree) == is_wrong for r in t.regions]
        page.add(label, _limited(parts, len(parts)), style)
    wrong, close = (sum(getattr(t, f) for t in tensors) for f in ("n_disagree", "n_close"))
    page.add("wrong", _limited(_worst_first(result, "disagree"), wrong), "error")
    if wrong and close:
        entries = quantity(close, "more entry is outside its", "more entries are outside their")
        page.add("close", f"{entries} bound, by less than `rtol`", "warning")
    else:
        page.add("close", _limited(_worst_first(result, "close"), close), "warning")
    undecided = [f"{t.name}: {t.reason}" for t in tensors if t.verdict == "inconclusive"]
    page.add("undecided", _limited(undecided, len(undecided)), "warning")


def _worst_first(result: CheckResult, verdict: str) -> list[str]:
    """Return the listed entries of one verdict over all tensors."""
    entries = [e for t in result.tensors.values() for e in t.mismatches if e.verdict == verdict]
    return [str(entry) for entry in sorted(entries, key=_badness, reverse=True)]


def _badness(entry: Entry) -> tuple[float, float]:
    """Return what entries of different tensors are ordered by, the worst largest."""
    size = max(abs(entry.analytic), abs(entry.numerical))
    relative = entry.deviation / size if size else 0.0
    return entry.ratio, relative if math.isfinite(relative) else math.inf


# ------------------------------------------------------------ how it was found out


def _facts(result: CheckResult) -> Iterator[tuple[str, str | list[str]]]:
    """Yield what is told about the check itself, label and text."""
    yield "coverage", result.coverage.statement
    yield "classical", _classical(result)
    yield "audit", _audits(result.audits)
    yield "spot check", _spot_checks(result.spot_checks)
    yield "engine", f"{result.engine}: {result.engine_reason}" if result.engine_reason else ""
    engine = f"engine {result.engine}" if result.engine else ""
    plan = ", ".join(filter(None, [result.plan, engine]))
    yield "plan", ": ".join(filter(None, [plan, result.plan_reason]))
    yield "batch", str(result.batch or "")
    yield "loss", f"{result.loss:.12g}" if math.isfinite(result.loss) else f"{result.loss}"
    yield "time", _times(result)
    yield "versions", ", ".join(f"{name} {text}" for name, text in result.versions.items())


def _classical(result: CheckResult) -> str:
    ratio, error = result.norm_ratio, result.max_relative_error
    if math.isnan(ratio) and math.isnan(error):
        return ""
    return (
        f"norm ratio {ratio:.1e}, largest relative error {error:.1e}; "
        "for comparison with other tools, no verdict rests on them"
    )


def _audits(audits: Sequence[Audit]) -> str | list[str]:
    """Return the failed audits, or one line for all."""
    if not audits:
        return ""
    failed = [str(audit) for audit in audits if not audit.passed]
    if failed:
        return _limited(failed, len(failed))
    shares = [abs(a.predicted - a.measured) / a.tolerance if a.tolerance else 0.0 for a in audits]
    worst = max(range(len(audits)), key=shares.__getitem__)
    return (
        f"plain losses agree along {quantity(len(audits), 'random direction')}, one per tensor; "
        f"the worst, {audits[worst].tensor}, is off by {shares[worst]:.2g} of its tolerance"
    )


def _spot_checks(checks: Sequence[SpotCheck]) -> str | list[str]:
    """Return the failed spot checks, or one line for all."""
    if not checks:
        return ""
    failed = [str(check) for check in checks if not check.passed]
    if failed:
        return _limited(failed, len(failed))
    worst = max(checks, key=lambda check: check.worst_deviation)
    entries = quantity(sum(check.n_checked for check in checks), "entry", "entries")
    return (
        f"{entries} probed one by one agree; "
        f"the worst, in {worst.tensor}, is off by {worst.worst_deviation:.2g} of its bound"
    )


def _times(result: CheckResult) -> str:
    """Return the total, then the stages, the longest first."""
    stages = dict(result.timings)
    total = stages.pop("total", None)
    ordered = sorted(stages.items(), key=lambda item: -item[1])
    parts = ", ".join(f"{name} {seconds(value)}" for name, value in ordered)
    return ": ".join(filter(None, ["" if total is None else seconds(total), parts]))
