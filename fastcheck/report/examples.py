"""Wrong entries with their addresses: all of them if they are few, else telling ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from fastcheck.report.lists import limited
from fastcheck.result.wording import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.report.page import Page
    from fastcheck.result import CheckResult, Entry, TensorResult

__all__ = ["add_entries", "examples", "examples_label", "explained_tensors"]

FEW: Final = 3
"""Examples of what is explained, or looks alike."""
SOME: Final = 5
"""Examples of what is not."""
ALIKE: Final = 0.05
"""Entries look alike if yours divided by the right value is the same within this part of it."""


def add_entries(page: Page, result: CheckResult) -> None:
    """Add the wrong entries with their addresses, then those that are only close."""
    tensors = list(result.tensors.values())
    failed = [t for t in tensors if t.verdict == "fail"]
    others = [t for t in tensors if t.verdict != "fail" and not t.n_accepted]
    page.add("wrong parts", _regions(failed), "error")
    page.add("close parts", _regions(others), "warning")
    page.add(examples_label(result), examples(result), "error")
    wrong, close = sum(t.n_disagree for t in failed), sum(t.n_close for t in others)
    close += 0 if wrong else sum(t.n_close for t in failed)  # beside wrong ones they are by chance
    if wrong and close:
        what = "more entry is" if close == 1 else "more entries are"
        their, counts = ("its", "it counts") if close == 1 else ("their", "they count")
        limit = f" = {result.rtol:.0e}" if math.isfinite(result.rtol) else ""
        page.add(
            "close",
            f"{count(close)} {what} outside {their} error bound but within rtol{limit}, so that "
            f"{counts} as close, not as wrong",
            "warning",
        )
    else:
        page.add("close", _listed([*failed, *others], "close", close), "warning")


def examples_label(result: CheckResult) -> str:
    """Return what stands before :func:`examples`."""
    wrong = sum(t.n_disagree for t in result.tensors.values() if t.verdict == "fail")
    shown = len(_chosen(result))
    if wrong == 1:
        return "wrong entry"
    return "wrong entries" if shown == wrong else "examples"


def examples(result: CheckResult) -> list[str]:
    """Return wrong entries, of the tensor first where the mistake is, the largest error first."""
    failed = [t for t in result.tensors.values() if t.verdict == "fail"]
    lines = [str(entry) for entry in _chosen(result)]
    return limited(lines, sum(t.n_disagree for t in failed))


def explained_tensors(result: CheckResult) -> set[str]:
    """Return the tensors that are explained exactly."""
    return {name for d in result.diagnosis if d.is_exact for name in d.tensors}


def _chosen(result: CheckResult) -> list[Entry]:
    """Return the entries that are listed."""
    failed = {t.name: t for t in result.tensors.values() if t.verdict == "fail"}
    explained = explained_tensors(result)
    unknown = [t for name, t in failed.items() if name not in explained]
    n_unknown = sum(t.n_disagree for t in unknown)
    order = _culprits(result, failed)
    known = [(name, _wrong(failed[name])) for name in order if name in explained]
    other = [(name, _wrong(failed[name])) for name in order if name not in explained]
    some = _in_turn(other)
    if n_unknown > len(some):
        some = some[: FEW if _look_alike([entry for _, entry in some[:SOME]]) else SOME]
    chosen = [*some, *_in_turn(known)[:FEW]]
    # A stable sort: within a tensor, the order stays.
    return [entry for _, entry in sorted(chosen, key=lambda one: order.index(one[0]))]


def _culprits(result: CheckResult, failed: dict[str, TensorResult]) -> list[str]:
    """Return the tensors to show examples of: where mistakes are, not what follows from them."""
    order: list[str] = []
    covered: set[str] = set()
    for d in result.diagnosis:
        first = (d.tensor,) if d.tensor in d.tensors else d.tensors
        order += [str(name) for name in first if name in failed]
        covered.update(d.tensors)
    order += [name for name in failed if name not in covered]
    return list(dict.fromkeys(order))


def _wrong(tensor: TensorResult) -> list[Entry]:
    return [entry for entry in tensor.mismatches if entry.verdict == "disagree"]


def _in_turn(groups: Sequence[tuple[str, Sequence[Entry]]]) -> list[tuple[str, Entry]]:
    """Return the first entry of each tensor, then the second of each, with the names."""
    most = max((len(entries) for _, entries in groups), default=0)
    return [(name, some[k]) for k in range(most) for name, some in groups if k < len(some)]


def _look_alike(entries: Sequence[Entry]) -> bool:
    """Return whether all entries are off by about one factor."""
    if not entries or any(e.numerical == 0.0 for e in entries):
        return False
    ratios = [entry.analytic / entry.numerical for entry in entries]
    spread = max(ratios) - min(ratios)
    return spread <= ALIKE * max(map(abs, ratios))  # false of what is not finite


def _regions(tensors: Sequence[TensorResult]) -> list[str]:
    regions = [str(region) for t in tensors for region in t.regions]
    return limited(regions, len(regions))


def _listed(tensors: Sequence[TensorResult], verdict: str, total: int) -> list[str]:
    """Return the entries of one verdict over several tensors, the worst first."""
    entries = [e for t in tensors for e in t.mismatches if e.verdict == verdict]
    entries.sort(key=lambda entry: entry.ratio, reverse=True)
    return limited([str(entry) for entry in entries], total)
