"""A page of text: labelled paragraphs in one column, in Unicode or ASCII, wrapped here.

Wrapping is not left to the console, which would break ``12 ms`` and ``± 1e-12``.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

from fastcheck.result.wording import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import IO

    from rich.console import RenderableType

__all__ = ["STYLES", "Page", "can_encode", "print_fitted", "width_of"]

WIDTH: Final = 100
"""Where nothing says how wide the output is: a pipe, a file, a build server."""
NARROWEST: Final = 60
LABEL: Final = 14
"""Width of the column of labels; the longest is ``INCONCLUSIVE``."""

ASCII: Final = str.maketrans(
    {"±": "+/-", "×": "x", "−": "-", "–": "-", "—": "-", "…": "...", "’": "'", "≤": "<=", "·": "."}
)
SIGNS: Final = "±×─…·░▒▓█│└"
"""Characters of a page that is not in ASCII."""
JOINED: Final = re.compile(
    r"(?<=\d) (?=%)|(?<=[×x]) (?=[-\d])|(?<=\d) (?=[×x] \d)"
    r"|(?<=±) | (?=±)|(?<=\+/-) | (?=\+/-)|(?<=\d) (?=(?:ms|s|min)\b)"
)
"""Spaces at which no line may end."""
SHADES: Final = r"[░▒▓█]+"
"""Characters of a picture that show what is wrong."""

STYLES: Final = {
    "pass": "bold green",
    "expected": "green",
    "fail": "bold red",
    "inconclusive": "bold yellow",
    "error": "bold red",
    "warning": "bold yellow",
    "note": "bold",
    "label": "cyan",
    "quiet": "dim",
    "shade": "red",
}


@dataclass
class Page:
    """Lines of a report as they accumulate.

    Attributes
    ----------
    width : int
        Columns.
    color : bool
        Whether styles are written, as ANSI sequences.
    unicode : bool
        Whether characters beyond ASCII may be used.
    """

    width: int
    color: bool
    unicode: bool
    console: Console = field(init=False)
    output: StringIO = field(init=False, default_factory=StringIO)

    def __post_init__(self) -> None:
        self.width = max(self.width, NARROWEST)
        self.console = Console(
            file=self.output,
            width=self.width,
            height=100,
            color_system="standard" if self.color else None,
            force_terminal=self.color,
            no_color=not self.color,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def spell(self, text: str) -> str:
        """Return `text` on one line, with the characters that may be used."""
        line = " ".join(text.split())
        if not self.unicode:
            line = line.translate(ASCII).encode("ascii", "backslashreplace").decode("ascii")
        return visible(line)

    def add(self, label: str, texts: str | Iterable[str], style: str = "label") -> None:
        """Add paragraphs that stand right of one label; nothing if there are none."""
        paragraphs = [texts] if isinstance(texts, str) else list(texts)
        lines = [line for text in paragraphs for line in self._wrapped(text)]
        for number, line in enumerate(lines):
            name = label if number == 0 else ""
            self.console.print(
                Text.assemble((f"{name:<{LABEL}}", STYLES[style]), line), soft_wrap=True
            )

    def _wrapped(self, text: str) -> list[str]:
        """Return lines; those after the first are indented."""
        joined = JOINED.sub("\N{NO-BREAK SPACE}", self.spell(text))
        lines = textwrap.wrap(
            joined,
            width=self.width - LABEL,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]

    def block(self, lines: Iterable[str]) -> None:
        """Add lines as they are, below the texts, or further left on a narrow page.

        What is too long even there is wrapped; a drawing is at most 60 wide.
        """
        spelled = [line if self.unicode else line.translate(ASCII) for line in lines]
        fits = max(map(len, spelled), default=0) <= self.width - LABEL
        indent = " " * (LABEL if fits else 1)
        wrapped = [part for line in spelled for part in textwrap.wrap(line, self.width - 2) or [""]]
        for line in spelled if fits else wrapped:
            text = Text(indent + line)
            text.highlight_regex(SHADES, STYLES["shade"])
            self.console.print(text, soft_wrap=True)

    def draw(self, *things: RenderableType) -> None:
        """Add what the console can draw."""
        for thing in things:
            self.console.print(thing)

    def gap(self) -> None:
        """Add an empty line."""
        self.console.print()

    def text(self) -> str:
        """Return the page, without spaces at the ends of lines."""
        lines = self.output.getvalue().rstrip().split("\n")
        return "\n".join(line.rstrip() for line in lines)


def print_fitted(render: Callable[..., str], file: IO[str] | None = None) -> None:
    """Write what `render` returns, in the width, the colours and the characters of a file.

    Parameters
    ----------
    render : callable
        Called with ``width=``, ``color=`` and ``unicode=``.
    file : text file, optional
        Standard output by default. In colour on a terminal only; characters that it cannot encode
        are written in ASCII.
    """
    target = sys.stdout if file is None else file
    console = Console(file=target)
    color = console.is_terminal and console.color_system is not None and not console.no_color
    text = render(width=width_of(target), color=color, unicode=can_encode(target))
    encoding = getattr(target, "encoding", None) or "utf-8"
    target.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def can_encode(file: IO[str]) -> bool:
    """Return whether `file` can take the characters of a page that is not in ASCII."""
    try:
        SIGNS.encode(getattr(file, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def width_of(file: IO[str]) -> int:
    """Return the width of the terminal `file`, of what ``COLUMNS`` says, or 100."""
    try:
        return os.get_terminal_size(file.fileno()).columns or WIDTH
    except (AttributeError, OSError, ValueError):
        columns = os.environ.get("COLUMNS", "")
        return int(columns) if columns.isdecimal() and int(columns) else WIDTH
