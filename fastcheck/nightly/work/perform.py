"""Making the check of one case, whatever it does to the process."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from fastcheck.errors import FastcheckError
from fastcheck.nightly.saying import text_of, trace_of
from fastcheck.nightly.target import UserCodeError
from fastcheck.nightly.units import duration
from fastcheck.nightly.work.asked import stopped, was_asked
from fastcheck.nightly.work.fit import fit
from fastcheck.nightly.work.memory import is_short_of_memory
from fastcheck.nightly.work.outcome import Outcome
from fastcheck.nightly.work.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastcheck.nightly.records import Case, Status
    from fastcheck.result import CheckResult

__all__ = ["perform", "predicted"]


def perform(case: Case, folder: Path, share: float | None = None) -> Outcome:
    """Make the check of a case.

    Parameters
    ----------
    case : Case
        The case.
    folder : Path
        Where its paths start.
    share : float, optional
        Seconds that it should take at most; it is then given a smaller plan if need be.
    """

    def check() -> Outcome:
        from fastcheck.check.checking import checking
        from fastcheck.check.entry_arrays import entry_arrays

        start = perf_counter()
        prepared = prepare(case, folder)
        is_less = share is not None and fit(prepared, share, start)
        with checking(*prepared.arguments, **prepared.options, pictures=True) as done:
            result = done.result
            rtol = prepared.options.get("rtol", 1e-5)
            arrays = entry_arrays(done, rtol=rtol) if case.keeps == "arrays" else {}
        notes = list(prepared.notes)
        if result.interrupted:
            notes.append(f"stopped after {duration(perf_counter() - start)}")
        if result.interrupted and result.verdict != "fail" and not was_asked():
            return stopped(case.target)
        status, said = _judged(case, result, is_less=is_less)
        notes = [said, *notes] if said else notes
        return Outcome(status, "; ".join(notes), result=result, arrays=arrays)

    return _guarded(case, check)


def _judged(case: Case, result: CheckResult, *, is_less: bool) -> tuple[Status, str]:
    """Return what became of a case by what is expected of it, and what is to be said of that.

    A mistake that is not found because less was checked than asked for is not decided about.
    """
    if result.interrupted and result.verdict != "fail":
        return "interrupted", ""
    if case.expect == "pass" or result.verdict == "inconclusive":
        return result.verdict, ""
    if result.verdict == "fail":
        return "expected", ""
    if is_less:
        return "inconclusive", "passes, where a failure is expected, with less than it asks for"
    return "fail", "passes, where a failure is expected: the check does not see this mistake"


def predicted(case: Case, folder: Path) -> Outcome:
    """Return what the check of a case would do, as an outcome that was not run."""

    def look() -> Outcome:
        from fastcheck.check.prediction import predict

        prepared = prepare(case, folder)
        found = predict(*prepared.arguments, **prepared.options)
        return Outcome("not run", "; ".join(prepared.notes), prediction=found)

    return _guarded(case, look)


def _guarded(case: Case, action: Callable[[], Outcome]) -> Outcome:
    """Return what an action returns, or what is said where it raises."""
    try:
        return action()
    except KeyboardInterrupt as problem:
        return stopped(case.target, problem)
    except UserCodeError as problem:
        message = _one_line(str(problem)) + _about_memory(case, problem.__cause__)
        return Outcome("error", message, problem.traceback)
    except FastcheckError as problem:
        return Outcome("error", _one_line(text_of(problem)))
    except (Exception, SystemExit) as problem:
        what = _one_line(text_of(problem))
        message = f"{case.target} raised {type(problem).__name__}" + (f": {what}" if what else "")
        return Outcome("error", message + _about_memory(case, problem), trace_of(problem))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _about_memory(case: Case, problem: BaseException | None) -> str:
    if case.memory is None or not is_short_of_memory(problem):
        return ""
    return f"; `memory` allows it {case.memory / 1e6:.4g} MB"
