"""Where a gradient is wrong: which tensors, which rows and columns, and small pictures."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

from fastcheck.report.examples import explained_tensors
from fastcheck.report.picture import draw_places
from fastcheck.result.places import MOST_COLUMNS, MOST_ROWS, edges, split_axes
from fastcheck.result.wording import count, listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.report.page import Page
    from fastcheck.result import CheckResult, TensorResult

__all__ = ["add_pictures", "pictures", "where"]

MOST_PICTURES: Final = 2
MOST_NAMES: Final = 6
MOST_RUNS: Final = 4
"""Runs of wrong rows or columns that are told in a line; more are drawn."""


def where(result: CheckResult) -> list[str]:
    """Return which tensors are wrong as a whole, in part, and not at all; then which parts."""
    tensors = list(result.tensors.values())
    failed = [t for t in tensors if t.verdict == "fail" and _n_wrong(t)]
    if not failed:
        return []
    whole = [t for t in failed if _is_whole(t)]
    single = [t for t in failed if _n_wrong(t) == 1 and t not in whole]
    partly = [t for t in failed if t not in whole and t not in single]
    full = [t for t in whole if not t.n_zero]
    zeros = [t for t in whole if t.n_zero]
    right = [t.name for t in tensors if t.passed and not t.n_accepted and t.n_resolved]
    checked = "" if all(t.n_checked == t.n_entries for t in failed) else "checked "
    groups = [
        (f"every {checked}entry of {{}}", _names(full)),
        (
            f"every {checked}entry of {{}} whose true gradient is not 0{_but_zeros(zeros)}",
            _names(zeros),
        ),
        (f"one {checked}entry of {'each of ' if len(single) > 1 else ''}{{}}", _names(single)),
        (f"some {checked}entries of {{}}", [_part(t) for t in partly]),
        (f"{{}} {'is' if len(right) == 1 else 'are'} right", right),
    ]
    text = "; ".join(text.format(listing(names, MOST_NAMES)) for text, names in groups if names)
    return [text, *_parts(result, partly)]


def _parts(result: CheckResult, tensors: Sequence[TensorResult]) -> list[str]:
    """Return which rows or columns are wrong, where no diagnosis says it."""
    explained = explained_tensors(result)
    lines = []
    for tensor in tensors:
        which, text = _runs(tensor)
        said = any(which in d.message for d in result.diagnosis if tensor.name in d.tensors)
        if which and not said and tensor.name not in explained:
            lines.append(f"{tensor.name}: {text}")
    return lines[:MOST_NAMES]


def _names(tensors: Sequence[TensorResult]) -> list[str]:
    return [tensor.name for tensor in tensors]


def _but_zeros(tensors: Sequence[TensorResult]) -> str:
    """Return how many entries are wrong where all others are zero in both gradients."""
    wrong = sum(t.n_disagree + t.n_close for t in tensors)
    checked = sum(t.n_checked for t in tensors)
    others = "the other is" if checked - wrong == 1 else "the others are"
    return f" ({count(wrong)} of {count(checked)}; {others} 0 in both gradients)"


def _part(tensor: TensorResult) -> str:
    """Return a tensor with how many of its entries are wrong, and are zero in both gradients."""
    n, verb = tensor.n_zero, "is" if tensor.n_zero == 1 else "are"
    zeros = f"; {count(n)} of the others {verb} 0 in both gradients" if n else ""
    return f"{tensor.name} ({count(_n_wrong(tensor))} of {count(tensor.n_checked)}{zeros})"


def _n_wrong(tensor: TensorResult) -> int:
    """Return how many entries make a tensor fail."""
    return tensor.n_disagree or tensor.n_close


def _is_whole(tensor: TensorResult) -> bool:
    """Return whether all entries are off, but for those that most mistakes leave at zero."""
    return tensor.n_disagree + tensor.n_close + tensor.n_zero == tensor.n_checked


# ------------------------------------------------------------ rows and columns


def _runs(tensor: TensorResult) -> tuple[str, str]:
    """Return which rows or columns are wrong, and a line that says it.

    As in ``"columns 1 to 4"`` and ``"columns 1 to 4 are wrong in every row, column 0 is right"``.
    Nothing where they are not wrong as a whole, or in many runs, or not all is known.
    """
    grid = tensor.places
    n_known = tensor.n_agree + tensor.n_close + tensor.n_disagree
    if not grid or len(tensor.shape) > 2 or n_known < tensor.n_entries:
        return "", ""
    if not set("".join(grid)) <= set("04"):
        return "", ""
    but = " but for entries that are 0 in both gradients" if tensor.n_zero else ""
    but = " but for some that are 0 in both gradients, or close" if tensor.n_close else but
    k = split_axes(tensor.shape)
    rows, columns = edges(tensor.shape[:k], MOST_ROWS), edges(tensor.shape[k:], MOST_COLUMNS)
    if len(set(grid)) == 1:
        across = "" if len(tensor.shape) == 1 else " in every row"
        one, many = ("entry", "entries") if len(tensor.shape) == 1 else ("column", "columns")
        return _told([cell == "4" for cell in grid[0]], columns, (one, many), across + but)
    if all(len(set(row)) == 1 for row in grid):
        across = " in every column" + but
        return _told([row[0] == "4" for row in grid], rows, ("row", "rows"), across)
    return "", ""


def _told(
    flags: Sequence[bool], cuts: Sequence[int], words: tuple[str, str], across: str
) -> tuple[str, str]:
    """Return which lines are wrong, and which are right; nothing if they are in many runs."""
    found: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    cells = zip(flags, pairwise(cuts), strict=True)
    for flag, run in groupby(cells, key=lambda cell: cell[0]):
        ends = [pair for _, pair in run]
        found[flag].append((ends[0][0], ends[-1][1] - 1))
    if max(map(len, found.values())) > MOST_RUNS:
        return "", ""
    (wrong, are), (right, is_) = (_counted(found[flag], words) for flag in (True, False))
    return wrong, f"{wrong} {are} wrong{across}, {right} {is_} right"


def _counted(runs: Sequence[tuple[int, int]], words: tuple[str, str]) -> tuple[str, str]:
    """Return some lines by their numbers, and the verb."""
    texts = [f"{a} to {b}" if b > a else str(a) for a, b in runs]
    is_one = len(runs) == 1 and runs[0][0] == runs[0][1]
    return f"{words[not is_one]} {listing(texts, MOST_RUNS)}", "is" if is_one else "are"


# ------------------------------------------------------------ pictures


def add_pictures(page: Page, result: CheckResult) -> None:
    """Draw where tensors are wrong in part, if no line says it."""
    shown, left = pictures(result, unicode=page.unicode)
    for lines in shown:
        page.gap()
        page.block(lines)
    if left:
        page.gap()
        page.block([left])


def pictures(result: CheckResult, *, unicode: bool = True) -> tuple[list[list[str]], str]:
    """Return the lines of at most two pictures, and which tensors were left out.

    Of what is explained, or is whole rows or columns, there is none; of a vector only where no
    matrix is drawn, which shows the same units.
    """
    explained = explained_tensors(result)
    drawn = [
        t
        for t in result.tensors.values()
        if t.verdict == "fail" and t.places and t.name not in explained and not _runs(t)[0]
    ]
    matrices = [t for t in drawn if sum(n > 1 for n in t.shape) > 1]
    drawn = matrices or drawn
    left = [tensor.name for tensor in drawn[MOST_PICTURES:]]
    shown = [draw_places(tensor, unicode=unicode) for tensor in drawn[:MOST_PICTURES]]
    return shown, f"not drawn: {listing(left, MOST_NAMES)}, wrong in part too" if left else ""
