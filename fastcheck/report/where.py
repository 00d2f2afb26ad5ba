"""What is wrong with a gradient and where: causes, a sentence, entries, and small pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from fastcheck.report.lists import MOST_LINES, limited
from fastcheck.report.picture import draw_places
from fastcheck.result import BENIGN, accept_name
from fastcheck.result.wording import count, listing, quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.report.page import Page
    from fastcheck.result import CheckResult, Entry, TensorResult

__all__ = [
    "ACCEPTED",
    "MEANING",
    "add_entries",
    "add_pictures",
    "diagnoses",
    "pictures",
    "where",
    "worst_entries",
]

ACCEPTED: Final = "accepted"
FEW: Final = 3
"""Entries that are listed as examples where all that is wrong is explained."""
MOST_PICTURES: Final = 3
MOST_NAMES: Final = 6
MEANING: Final = "(analytic: your gradient; numerical: what it should be, ± its error bound)"


def diagnoses(result: CheckResult) -> list[tuple[str, list[str]]]:
    """Return what explains all, what is known beside it, and what was accepted, with labels."""
    groups: dict[str, list[str]] = {"what is wrong": [], "what is known": [], ACCEPTED: []}
    for d in result.diagnosis:
        label = "what is wrong" if d.is_exact else "what is known"
        groups[ACCEPTED if d.accepted else label].append(d.located)
    left = [accept_name(d, BENIGN) for d in result.diagnosis if not d.accepted]
    names = [f'"{name}"' for name in dict.fromkeys(filter(None, left))]
    if names:
        given = names[0] if len(names) == 1 else f"({', '.join(names)})"
        groups["what is wrong"].append(f"(if that is meant, pass accept={given})")
    return list(groups.items())


def where(result: CheckResult) -> str:
    """Return a sentence that says which tensors are wrong as a whole, in part, and not at all."""
    tensors = list(result.tensors.values())
    failed = [t for t in tensors if t.verdict == "fail" and _n_wrong(t)]
    if not failed:
        return ""
    zeros = any(t.n_zero for t in failed if _is_whole(t))
    whole = [t.name for t in failed if _is_whole(t)]
    single = [t.name for t in failed if _n_wrong(t) == 1 and t.name not in whole]
    some = [
        f"{t.name} ({count(_n_wrong(t))} of {count(t.n_checked)})"
        for t in failed
        if t.name not in (*whole, *single)
    ]
    right = [t.name for t in tensors if t.passed and not t.n_accepted and t.n_resolved]
    checked = "" if all(t.n_checked == t.n_entries for t in failed) else "checked "
    groups = [
        (f"every {checked}entry of {{}}{' that is not zero' if zeros else ''}", whole),
        (f"one {checked}entry of {'each of ' if len(single) > 1 else ''}{{}}", single),
        (f"some {checked}entries of {{}}", some),
        (f"{{}} {'is' if len(right) == 1 else 'are'} right", right),
    ]
    return "; ".join(text.format(listing(names, MOST_NAMES)) for text, names in groups if names)


def _n_wrong(tensor: TensorResult) -> int:
    """Return how many entries make a tensor fail."""
    return tensor.n_disagree or tensor.n_close


def _is_whole(tensor: TensorResult) -> bool:
    """Return whether all entries are off, but for those that most mistakes leave at zero."""
    return tensor.n_disagree + tensor.n_close + tensor.n_zero == tensor.n_checked


def add_entries(page: Page, result: CheckResult) -> None:
    """Add the wrong entries with their addresses, the worst first."""
    failed = [t for t in result.tensors.values() if t.verdict == "fail"]
    others = [t for t in result.tensors.values() if t.verdict != "fail" and not t.n_accepted]
    page.add("wrong parts", _regions(failed), "error")
    page.add("close parts", _regions(others), "warning")
    wrong, close = sum(t.n_disagree for t in failed), sum(t.n_close for t in (*failed, *others))
    label = "wrong entry" if wrong == 1 else "worst entries"
    page.add(label, [*worst_entries(result), MEANING] if wrong else (), "error")
    if wrong and close:
        more = quantity(close, "more entry is outside its", "more entries are outside their")
        page.add("close", f"{more} bound, by less than `rtol`", "warning")
    else:
        entries = [str(entry) for entry in _worst_first([*failed, *others], "close")]
        page.add("close", limited(entries, close), "warning")


def worst_entries(result: CheckResult) -> list[str]:
    """Return entries that are wrong, the worst first; a few of tensors that are explained."""
    failed = [t for t in result.tensors.values() if t.verdict == "fail"]
    explained = _explained(result)
    chosen: list[Entry] = []
    for is_explained, most in ((False, MOST_LINES), (True, FEW)):
        some = [t for t in failed if (t.name in explained) is is_explained]
        chosen += _worst_first(some, "disagree")[: min(most, MOST_LINES - len(chosen))]
    lines = [str(entry) for entry in sorted(chosen, key=_badness, reverse=True)]
    return limited(lines, sum(t.n_disagree for t in failed))


def _regions(tensors: Sequence[TensorResult]) -> list[str]:
    regions = [str(region) for t in tensors for region in t.regions]
    return limited(regions, len(regions))


def _explained(result: CheckResult) -> set[str]:
    """Return the tensors that are explained exactly."""
    return {name for d in result.diagnosis if d.is_exact for name in d.tensors}


def _worst_first(tensors: Sequence[TensorResult], verdict: str) -> list[Entry]:
    """Return the listed entries of one verdict over several tensors."""
    entries = [e for t in tensors for e in t.mismatches if e.verdict == verdict]
    return sorted(entries, key=_badness, reverse=True)


def _badness(entry: Entry) -> tuple[float, float]:
    """Return what entries of different tensors are ordered by, the worst largest."""
    size = max(abs(entry.analytic), abs(entry.numerical))
    relative = entry.deviation / size if size else 0.0
    return entry.ratio, relative if math.isfinite(relative) else math.inf


def add_pictures(page: Page, result: CheckResult) -> None:
    """Draw where tensors are wrong in part."""
    shown, left = pictures(result, unicode=page.unicode)
    for lines in shown:
        page.gap()
        page.block(lines)
    if left:
        page.gap()
        page.block([left])


def pictures(result: CheckResult, *, unicode: bool = True) -> tuple[list[list[str]], str]:
    """Return the lines of at most three pictures, and which tensors were left out.

    Those that nothing explains come first, and matrices before vectors.
    """
    explained = _explained(result)
    partly = [t for t in result.tensors.values() if t.verdict == "fail" and t.places]
    partly.sort(key=lambda t: (t.name in explained, len(t.shape) < 2))
    left = [tensor.name for tensor in partly[MOST_PICTURES:]]
    shown = [draw_places(tensor, unicode=unicode) for tensor in partly[:MOST_PICTURES]]
    return shown, f"not drawn: {listing(left, MOST_NAMES)}, wrong in part too" if left else ""
