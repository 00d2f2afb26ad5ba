"""What is told about the check itself: how much was looked at, and by what means."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastcheck.report.lists import limited
from fastcheck.result.wording import count, quantity, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastcheck.result import Audit, CheckResult, SpotCheck

__all__ = ["checked_of", "facts_of"]


def facts_of(result: CheckResult) -> Iterator[tuple[str, str | list[str]]]:
    """Yield what is told about the check itself, label and text."""
    yield "coverage", result.coverage.statement
    yield "other tools", _classical(result)
    yield "cross-check", _audits(result.audits)
    yield "spot check", _spot_checks(result.spot_checks)
    yield "engine", f"{result.engine}: {result.engine_reason}" if result.engine_reason else ""
    engine = f"engine {result.engine}" if result.engine else ""
    plan = ", ".join(filter(None, [result.plan, engine]))
    yield "plan", ": ".join(filter(None, [plan, result.plan_reason]))
    yield "batch", str(result.batch or "")
    yield "loss", f"{result.loss:.12g}" if math.isfinite(result.loss) else f"{result.loss}"
    yield "time", _times(result)
    yield "versions", ", ".join(f"{name} {text}" for name, text in result.versions.items())


def checked_of(result: CheckResult) -> Iterator[tuple[str, str | list[str]]]:
    """Yield what a failing check tells of itself: how much it looked at, and what failed of it."""
    coverage = result.coverage
    n, checked = quantity(coverage.n_entries, "entry", "entries"), coverage.n_checked
    share = "all" if checked == coverage.n_entries else f"{count(checked)} of"
    how = coverage.statement.split("; ")[1:]
    parts = [f"{share} {n} against the numerical gradient (± its error bound)"]
    if coverage.n_resolved < checked:
        parts.append(f"{count(coverage.n_resolved)} resolved")
    if how and how[0].startswith(("each ", "by ")):
        parts.append(how.pop(0))
    text = "; ".join([", ".join(parts), *how])
    more = [quantity(result.batch.n_batch, "example")] if result.batch else []
    if math.isfinite(result.loss):
        more.append(f"loss {result.loss:.5g}")
    yield "checked", "; ".join([text, *more])
    yield "cross-check", _audits([audit for audit in result.audits if not audit.passed])
    yield "spot check", _spot_checks([check for check in result.spot_checks if not check.passed])


def _classical(result: CheckResult) -> str:
    ratio, error = result.norm_ratio, result.max_relative_error
    if math.isnan(ratio) and math.isnan(error):
        return ""
    return (
        f"would say: norm ratio {ratio:.1e}, largest relative error {error:.1e}; "
        "no verdict rests on them"
    )


def _audits(audits: Sequence[Audit]) -> str | list[str]:
    """Return the failed audits, or one line for all."""
    if not audits:
        return ""
    failed = [str(audit) for audit in audits if not audit.passed]
    if failed:
        return limited(failed, len(failed))
    shares = [abs(a.predicted - a.measured) / a.tolerance if a.tolerance else 0.0 for a in audits]
    worst = max(range(len(audits)), key=shares.__getitem__)
    return (
        "the numerical gradient agrees with losses subtracted plainly, along "
        f"{quantity(len(audits), 'random direction')}; the worst, {audits[worst].tensor}, is off "
        f"by {shares[worst]:.2g} of its bound"
    )


def _spot_checks(checks: Sequence[SpotCheck]) -> str | list[str]:
    """Return the failed spot checks, or one line for all."""
    if not checks:
        return ""
    failed = [str(check) for check in checks if not check.passed]
    if failed:
        return limited(failed, len(failed))
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
