"""A self-test as text: the totals, a table of mistakes, and what would be missed and why."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from fastcheck.report.page import Page, can_encode, print_fitted, width_of
from fastcheck.report.table import ASCII_BOX, UNICODE_BOX
from fastcheck.result.selftest import OUTCOMES
from fastcheck.result.wording import count, listing, quantity, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

    from fastcheck.result.selftest import Planted, SelfTest

__all__ = ["print_selftest", "render", "render_plain"]

MOST_PLACES: Final = 4
MOST_LINES: Final = 20
"""How many mistakes with one reason for not being caught are listed; the rest is counted."""
STYLES: Final = {"caught": "green", "missed": "bold red", "tolerated": "yellow"}


def render(
    test: SelfTest, *, width: int | None = None, color: bool = False, unicode: bool = True
) -> str:
    """Return a self-test as text.

    Parameters
    ----------
    test : SelfTest
        The self-test.
    width : int, optional
        Columns, at least 60. By default those of the terminal, or 100 if there is none.
    color : bool
        Whether the text has ANSI colours.
    unicode : bool
        Whether it may have characters beyond ASCII.
    """
    page = Page(width_of(sys.stdout) if width is None else width, color, unicode)
    label, style = _label(test)
    page.add(label, test.summary(), style)
    if test.planted:
        page.gap()
        page.draw(_table(page, test))
        page.gap()
    for outcome, label, style in (
        ("missed", "missed", "error"),
        ("tolerated", "tolerated", "warning"),
        ("unresolvable", "not visible", "note"),
    ):
        found = [p for p in test.planted if p.outcome == outcome]
        lines = [f"{p.title}: {p.reason}" for p in found[:MOST_LINES]]
        if len(found) > MOST_LINES:
            lines.append(f"and {count(len(found) - MOST_LINES)} more")
        page.add(label, lines, style)
    for label, text in _facts(test):
        page.add(label, text)
    return page.text()


def _label(test: SelfTest) -> tuple[str, str]:
    if not test.result.passed:
        return test.result.verdict.upper(), test.result.verdict
    if test.passed:
        return "PASS", "pass"
    return ("MISSED", "fail") if test.missed else ("INCONCLUSIVE", "inconclusive")


def render_plain(test: SelfTest) -> str:
    """Return a self-test as text for standard output, without colours."""
    return render(test, unicode=can_encode(sys.stdout))


def print_selftest(test: SelfTest, file: IO[str] | None = None) -> None:
    """Print a self-test, in colour on a terminal.

    Parameters
    ----------
    test : SelfTest
        The self-test.
    file : text file, optional
        Standard output by default. Characters that it cannot encode are written in ASCII.
    """
    print_fitted(partial(render, test), file)


def _table(page: Page, test: SelfTest) -> Table:
    """Return a row for each mistake, all its places together."""
    box = UNICODE_BOX if page.unicode else ASCII_BOX
    table = Table(
        box=box, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0)
    )
    for heading in ("mistake", "planted in", "caught", "named as", "rightly"):
        table.add_column(heading, overflow="fold")
    for planted in _by_name(test.planted):
        name, style = planted[0].name, _style(planted)
        cells = (name, _places(planted), _caught(planted), _names(planted), _rightly(planted))
        styles = ("", "", style, "", "")
        table.add_row(*(Text(page.spell(c), s) for c, s in zip(cells, styles, strict=True)))
    return table


def _by_name(planted: Sequence[Planted]) -> Iterator[list[Planted]]:
    found: dict[str, list[Planted]] = {}
    for one in planted:
        found.setdefault(one.name, []).append(one)
    yield from found.values()


def _style(planted: Sequence[Planted]) -> str:
    """Return the style of the worst outcome."""
    found = {p.outcome for p in planted}
    return next((STYLES[o] for o in ("missed", "tolerated", "caught") if o in found), "dim")


def _places(planted: Sequence[Planted]) -> str:
    return listing(list(dict.fromkeys(p.place or "all" for p in planted)), MOST_PLACES + 1)


def _caught(planted: Sequence[Planted]) -> str:
    """Return how many were caught, and what became of the others."""
    counts = {outcome: sum(p.outcome == outcome for p in planted) for outcome in OUTCOMES}
    words = {"unresolvable": "not visible", "equivalent": "no change"}
    if len(planted) == 1:
        (outcome,) = (o for o, n in counts.items() if n)
        return words.get(outcome, outcome)
    texts = [f"{count(n)} {words.get(o, o)}" for o, n in counts.items() if n]
    return ", ".join(texts)


def _names(planted: Sequence[Planted]) -> str:
    caught = [p for p in planted if p.outcome == "caught"]
    kinds = list(dict.fromkeys(p.diagnosis.kind if p.diagnosis else "-" for p in caught))
    return ", ".join(kinds)


def _rightly(planted: Sequence[Planted]) -> str:
    caught = [p for p in planted if p.outcome == "caught"]
    if not caught:
        return ""
    named = sum(p.is_named for p in caught)
    if named in (0, len(caught)):
        return "yes" if named else "no"
    return f"{count(named)} of {count(len(caught))}"


def _facts(test: SelfTest) -> Iterator[tuple[str, str]]:
    """Yield what is told about the check, label and text."""
    result = test.result
    same = test.of("equivalent")
    if same:
        titles = listing(list(dict.fromkeys(p.title for p in same)), MOST_PLACES)
        change = "mistake changes" if len(same) == 1 else "mistakes change"
        yield "no change", f"{count(len(same))} {change} nothing on this network: {titles}"
    yield "coverage", result.coverage.statement
    yield "plan", ": ".join(filter(None, [result.plan, result.plan_reason]))
    if test.planted:
        check = result.timings.get("total", 0.0)
        yield (
            "time",
            f"check {seconds(check)}, {quantity(len(test.planted), 'mistake')} "
            + seconds(test.seconds),
        )
