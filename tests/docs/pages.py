"""Running the code of a page as a reader does, from top to bottom, and what it must print."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import ROOT

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUOTED = " " * 4
"""How text begins that is no output, such as a formula or a line that is looked at."""
BOUND = re.compile(r"± \S+")
"""Bounds are estimated with random numbers and rounding; their last digit is nobody's promise."""


def markdown(root: Path) -> list[Path]:
    """Return all Markdown files of the project, and none of what is installed or built in it."""
    folders = [root / name for name in ("docs", "examples", "data", "benchmarks")]
    return sorted(
        [*root.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))]
    )


class Block(NamedTuple):
    """What is between two fences."""

    kind: str
    text: str


def blocks(page: str) -> list[Block]:
    """Return all code of a page."""
    return [Block(*found) for found in FENCE.findall((ROOT / page).read_text("utf-8"))]


def lines(text: str) -> list[str]:
    """Return what two machines print alike: words, without the widths of columns and bounds."""
    return [" ".join(BOUND.sub("±", line).split()) for line in text.splitlines()]


def run_page(page: str) -> list[tuple[list[str], list[str]]]:
    """Execute the Python code of a page; return what is printed and what the page shows.

    Output is what stands in a block of text right after the code; code without one prints nothing.
    """
    found = blocks(page)
    names: dict[str, Any] = {"__name__": "page"}
    pairs = []
    for block, after in zip(found, [*found[1:], Block("", "")], strict=True):
        if block.kind == "python":
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                exec(compile(block.text, page, "exec"), names)
            shown = after.text if after.kind == "text" and not after.text.startswith(QUOTED) else ""
            pairs.append((lines(printed.getvalue()), lines(shown)))
    return pairs
