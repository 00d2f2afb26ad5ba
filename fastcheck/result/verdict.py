"""The verdict on a whole check, and the sentence that states it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastcheck.result.tensor import norm_ratio
from fastcheck.result.wording import count, listing, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fastcheck.result.records import Finding
    from fastcheck.result.tensor import TensorResult, Verdict

__all__ = ["headline", "overall_max_relative_error", "overall_norm_ratio", "overall_verdict"]

WORDS = {
    "n_close": "close",
    "n_kink": "at kinks",
    "n_unresolved": "unresolved",
}


def overall_verdict(
    tensors: Mapping[str, TensorResult], findings: Iterable[Finding] = (), interrupted: bool = False
) -> Verdict:
    """Return the verdict on a check.

    Parameters
    ----------
    tensors : mapping of str to TensorResult
        The outcome for each tensor.
    findings : iterable of Finding
        What was found before numbers were compared.
    interrupted : bool
        Whether the check was stopped before its end.

    Returns
    -------
    {"fail", "inconclusive", "pass"}
        ``"fail"`` if a tensor fails. Else ``"inconclusive"`` if a tensor is, a finding is an
        error, the check was interrupted, or no entry was resolved. Else ``"pass"``.
    """
    verdicts = [tensor.verdict for tensor in tensors.values()]
    if "fail" in verdicts:
        return "fail"
    undecided = (
        interrupted
        or "inconclusive" in verdicts
        or any(finding.severity == "error" for finding in findings)
        or not any(tensor.n_resolved for tensor in tensors.values())
    )
    return "inconclusive" if undecided else "pass"


def overall_norm_ratio(tensors: Mapping[str, TensorResult]) -> float:
    """Return ``|a - n| / (|a| + |n|)`` over the checked entries of all tensors, or NaN."""
    parts = [
        math.hypot(*(getattr(t, name) for t in tensors.values() if t.n_checked))
        for name in ("norm_difference", "norm_analytic", "norm_numerical")
    ]
    return norm_ratio(*parts)


def overall_max_relative_error(tensors: Mapping[str, TensorResult]) -> float:
    """Return the largest relative error over all tensors; NaN if that of one is unknown.

    Tensors that are zero on both sides have no relative error and are left out.
    """
    errors = [t.max_relative_error for t in tensors.values() if t.n_zero < t.n_checked]
    if not errors or any(math.isnan(error) for error in errors):
        return math.nan
    return max(errors)


def headline(
    verdict: Verdict,
    tensors: Mapping[str, TensorResult],
    findings: Sequence[Finding] = (),
    interrupted: bool = False,
) -> str:
    """Return the outcome of a check as one sentence, without the verdict itself."""
    results = list(tensors.values())
    if verdict == "pass":
        return f"{_agreement(results)}."
    if verdict == "fail":
        stopped = "; the check was interrupted" if interrupted else ""
        return f"{_disagreement(results)}{stopped}."
    if interrupted and not any(result.n_checked for result in results):
        return "the check was interrupted before anything was compared."
    if interrupted:
        return f"the check was interrupted; of what it reached, {_agreement(results)}."
    return f"{_doubt(results, findings)}."


def _total(results: Sequence[TensorResult], field: str) -> int:
    return sum(getattr(tensor, field) for tensor in results)


def _agreement(results: Sequence[TensorResult]) -> str:
    """State how many entries agree, and how many of the checked were resolved."""
    agree, checked = _total(results, "n_agree"), _total(results, "n_checked")
    kind = "entries" if checked == _total(results, "n_entries") else "checked entries"
    share = f"all {count(checked)}" if agree == checked else f"{count(agree)} of {count(checked)}"
    if checked == 1:
        share, kind = ("the only" if agree else "not the only"), kind.replace("entries", "entry")
    verb = "agrees" if checked == 1 else "agree"
    others = [
        f"{count(n)} {word}" for field, word in WORDS.items() if (n := _total(results, field))
    ]
    resolved = f"{count(_total(results, 'n_resolved'))} resolved"
    return (
        f"{share} {kind} of {quantity(len(results), 'tensor')} {verb} with the numerical gradient"
        f"{_accepted(results)}; " + ", ".join([resolved, *others])
    )


def _accepted(results: Sequence[TensorResult]) -> str:
    """State how many entries are wrong in a way that was accepted, after what it follows."""
    n = _total(results, "n_accepted")
    where = listing([tensor.name for tensor in results if tensor.n_accepted])
    differ = "differs" if n == 1 else "differ"
    return f"; {count(n)} of {where} {differ} in an accepted way" if n else ""


def _disagreement(results: Sequence[TensorResult]) -> str:
    """State how many entries are wrong, and where."""
    failed = [tensor for tensor in results if tensor.verdict == "fail"]
    where = listing([tensor.name for tensor in failed])
    wrong, close = _total(failed, "n_disagree"), _total(failed, "n_close")
    checked = _total(results, "n_checked")
    if wrong:
        n, what = wrong, "wrong"
        more = f" and {count(close)} more {'is' if close == 1 else 'are'} close" if close else ""
    else:  # only strictness makes a failure of what is close
        n, what, more = close, "close to the numerical gradient and not within the bound", ""
    kind = "" if checked == _total(results, "n_entries") else "checked "
    entries = f"{kind}{'entry' if checked == 1 else 'entries'} of your analytic gradient"
    return (
        f"{count(n)} of {count(checked)} {entries} {'is' if n == 1 else 'are'} {what}{more}, in "
        f"{where}{_accepted(results)}"
    )


def _doubt(results: Sequence[TensorResult], findings: Sequence[Finding]) -> str:
    """State why there is no verdict."""
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        more = f" ({count(len(errors) - 1)} more)" if len(errors) > 1 else ""
        return f"no verdict is possible: {errors[0].located.removesuffix('.')}{more}"
    if not results:
        return "no tensor was checked"
    resolved, checked = _total(results, "n_resolved"), _total(results, "n_checked")
    doubtful = [tensor.name for tensor in results if tensor.verdict == "inconclusive"]
    if resolved == 0:
        return f"none of {quantity(checked, 'checked entry', 'checked entries')} could be resolved"
    verb = "is" if len(doubtful) == 1 else "are"
    return (
        f"{listing(doubtful)} {verb} undecided; {count(resolved)} of "
        f"{quantity(checked, 'checked entry', 'checked entries')} resolved"
    )
