"""The table of tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.box import Box
from rich.table import Table
from rich.text import Text

from fastcheck.report.page import STYLES
from fastcheck.result.wording import count, quantity, shape_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastcheck.report.page import Page
    from fastcheck.result import Entry, TensorResult

__all__ = ["draw_tensors"]

MOST_ROWS: Final = 40
"""With more tensors, those that pass are counted, not shown."""
UNICODE_BOX: Final = Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
ASCII_BOX: Final = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


@dataclass(frozen=True)
class Column:
    """One column: heading, the text of a cell and its style.

    A column with a `number` is left out when that is zero for every tensor, unless it is `fixed`.
    """

    heading: str
    cell: Callable[[TensorResult], str]
    style: Callable[[TensorResult], str] = lambda _: ""
    number: Callable[[TensorResult], int] | None = None
    right: bool = True


def _counted(heading: str, field: str, style: str) -> Column:
    def number(tensor: TensorResult) -> int:
        return int(getattr(tensor, field))

    return Column(
        heading,
        lambda tensor: count(number(tensor)),
        lambda tensor: style if number(tensor) else "",
        number,
    )


def _checked(tensor: TensorResult) -> str:
    if tensor.n_checked == tensor.n_entries:
        return count(tensor.n_checked)
    return f"{count(tensor.n_checked)} of {count(tensor.n_entries)}"


def _verdict(tensor: TensorResult) -> str:
    return "accepted" if tensor.n_accepted else tensor.verdict


def _alarm(tensor: TensorResult) -> str:
    if not tensor.n_disagree:
        return ""
    return "yellow" if tensor.n_accepted else "bold red"


def _worst(tensor: TensorResult) -> Entry | None:
    """Return the worst entry of a tensor that has a wrong one, or one that is close."""
    return tensor.worst if tensor.n_disagree + tensor.n_close else None


def _figure(value: float) -> str:
    return f"{value:.1e}" if value == value else "-"


NAME: Final = Column("tensor", lambda t: t.name, right=False)
COUNTS: Final = (
    Column("shape", lambda t: shape_text(t.shape), right=False),
    Column(
        "kind",
        lambda t: "intermediate" if t.is_intermediate else "parameter",
        number=lambda t: int(t.is_intermediate),
        right=False,
    ),
    Column(
        "verdict",
        _verdict,
        lambda t: STYLES["inconclusive" if t.n_accepted else t.verdict],
        right=False,
    ),
    Column("checked", _checked),
    Column("right", lambda t: count(t.n_agree)),
    _counted("close", "n_close", "yellow"),
    Column("wrong", lambda t: count(t.n_disagree), _alarm),
    _counted("kink", "n_kink", "yellow"),
    _counted("unresolved", "n_unresolved", "yellow"),
)
FIGURES: Final = (
    Column("worst entry", lambda t: t.worst.address if t.worst else "-", right=False),
    Column("off by", lambda t: f"{t.worst.deviation:.1e}" if t.worst else "-"),
    Column("bound", lambda t: f"{t.worst.bound:.0e}" if t.worst else "-"),
    Column(
        "visible",
        lambda t: f"{t.visible:.0e}" if t.visible < math.inf else "-",
        number=lambda t: int(t.visible < math.inf),
    ),
    Column("digits", lambda t: f"{t.digits + 0.0:.1f}" if t.digits >= 0.0 else "-"),
)
OF_FAILURE: Final = (
    *COUNTS[:3],
    Column("checked", _checked, number=lambda t: t.n_entries - t.n_checked),
    *(column for column in COUNTS if column.heading in ("wrong", "close", "kink", "unresolved")),
)
LARGEST: Final = (
    Column("worst entry", lambda t: w.address if (w := _worst(t)) else "-", right=False),
    Column("yours", lambda t: w.values[0] if (w := _worst(t)) else "-"),
    Column("should be", lambda t: w.values[1] if (w := _worst(t)) else "-"),
)
"""The first of the examples of each tensor."""
CLASSICAL: Final = (
    Column("norm ratio", lambda t: _figure(t.norm_ratio), lambda _: STYLES["quiet"]),
    Column("rel. error", lambda t: _figure(t.max_relative_error), lambda _: STYLES["quiet"]),
)


def draw_tensors(page: Page, tensors: Sequence[TensorResult], *, is_short: bool = False) -> None:
    """Draw one row per tensor, in one table if it fits, else in several below each other.

    If it `is_short`, it shows how much is wrong and by how much, and no figures of how well that
    is known.
    """
    shown = _shown(tensors)
    kinds = (OF_FAILURE, LARGEST) if is_short else (COUNTS, FIGURES, CLASSICAL)
    groups = _fitting(page, shown, [_used(columns, tensors) for columns in kinds])
    for number, group in enumerate(groups):
        if number:
            page.gap()
        page.draw(_table(page, shown, [NAME, *group]))
    left_out = len(tensors) - len(shown)
    if left_out:
        what = "that pass" if all(t.passed for t in tensors if t not in shown) else "not shown"
        page.draw(Text(f"and {quantity(left_out, 'more tensor')} {what}", STYLES["quiet"]))


def _used(columns: Sequence[Column], tensors: Sequence[TensorResult]) -> list[Column]:
    """Return the columns that say something of one tensor at least."""
    return [c for c in columns if c.number is None or any(map(c.number, tensors))]


def _shown(tensors: Sequence[TensorResult]) -> list[TensorResult]:
    """Return the tensors to show: all, or those that do not pass, failures first."""
    if len(tensors) <= MOST_ROWS:
        return list(tensors)
    failed = [t for t in tensors if t.verdict == "fail"]
    return (failed + [t for t in tensors if t.verdict == "inconclusive"])[:MOST_ROWS]


def _fitting(
    page: Page, tensors: Sequence[TensorResult], groups: list[list[Column]]
) -> list[list[Column]]:
    """Return `groups`, neighbours joined as long as the page is wide enough."""
    joined = [groups[0]]
    for group in groups[1:]:
        both = _table(page, tensors, [NAME, *joined[-1], *group])
        if _natural_width(page, both) <= page.width:
            joined[-1] = joined[-1] + group
        else:
            joined.append(group)
    return joined


def _natural_width(page: Page, table: Table) -> int:
    """Return how wide `table` would be if there were no limit."""
    unlimited = page.console.options.update(width=10_000)
    return page.console.measure(table, options=unlimited).maximum


def _table(page: Page, tensors: Sequence[TensorResult], columns: Sequence[Column]) -> Table:
    box = UNICODE_BOX if page.unicode else ASCII_BOX
    table = Table(
        box=box, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0)
    )
    for column in columns:
        table.add_column(
            column.heading,
            justify="right" if column.right else "left",
            no_wrap=column is not NAME,
            overflow="fold",
        )
    for tensor in tensors:
        table.add_row(*(Text(page.spell(c.cell(tensor)), c.style(tensor)) for c in columns))
    return table
