"""The verdict on a tensor, with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastcheck.judge.addresses import entry_at
from fastcheck.kernels.judging import AGREE, CLOSE, DISAGREE, KINK, UNRESOLVED
from fastcheck.result.wording import count, quantity

if TYPE_CHECKING:
    from fastcheck.judge.entries import Judgement
    from fastcheck.result import Entry, Verdict

__all__ = ["decide"]

ENOUGH: Final = (9, 10)
"""Share of the checked entries that must be resolved for a pass."""


def decide(name: str, judged: Judgement, worst: Entry | None, strict: bool) -> tuple[Verdict, str]:
    """Return the verdict on a tensor, and why if it is not a pass."""
    if judged.codes.size == 0:
        return "pass", ""
    wrong = _mistake(judged, worst, strict)
    if wrong:
        return "fail", wrong
    doubt = _doubt(name, judged)
    return ("inconclusive", doubt) if doubt else ("pass", "")


def _of_checked(judged: Judgement) -> str:
    return f"of {quantity(judged.n_checked, 'checked entry', 'checked entries')}"


def _mistake(judged: Judgement, worst: Entry | None, strict: bool) -> str:
    """Say what is wrong, or return nothing."""
    wrong, close = judged.counts[DISAGREE], judged.counts[CLOSE]
    if wrong == 1:
        return f"1 {_of_checked(judged)} is wrong, {worst}"
    if wrong:
        return f"{count(wrong)} {_of_checked(judged)} are wrong, such as {worst}"
    if strict and close:
        verb = "is" if close == 1 else "are"
        return (
            f"{count(close)} {_of_checked(judged)} {verb} close and not within the bound, {worst}"
        )
    return ""


def _doubt(name: str, judged: Judgement) -> str:
    """Say why nothing can be concluded, or return nothing."""
    checked = judged.n_checked
    resolved = judged.counts[AGREE] + judged.counts[CLOSE] + judged.counts[DISAGREE]
    if checked == 0:
        return f"none of its {quantity(judged.codes.size, 'entry', 'entries')} was checked"
    if judged.n_zero == checked:
        return (
            f"{quantity(checked, 'checked entry', 'checked entries')}, exactly zero on both "
            "sides, so that nothing was resolved"
        )
    if ENOUGH[1] * resolved < ENOUGH[0] * checked:
        return f"only {count(resolved)} {_of_checked(judged)} resolved: {_obstacle(name, judged)}"
    return ""


def _obstacle(name: str, judged: Judgement) -> str:
    """Say what kept entries from being resolved, with an example."""
    unresolved, kinks = judged.counts[UNRESOLVED], judged.counts[KINK]
    parts = []
    if unresolved:
        parts.append(f"the bound of {count(unresolved)} is too large")
    if kinks:
        parts.append(f"{count(kinks)} {'is' if kinks == 1 else 'are'} at a kink")
    code = UNRESOLVED if unresolved >= kinks else KINK
    example = entry_at(name, judged, judged.places[code])
    return f"{' and '.join(parts)}, such as {example}"
