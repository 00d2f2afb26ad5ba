"""How figures look: readable on light and on dark, for every kind of sight, and the same each time.

Text and lines are of a grey that stands out from white and from black alike. The two arithmetics
have the colours that the pages of runs give them, and different markers.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from matplotlib import rc_context
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

BLUE, ORANGE, GREEN = "#2b87d1", "#d55e00", "#009e73"
INK: Final = "#7f7f7f"
DIFFERENCE: Final[dict[str, Any]] = {"color": BLUE, "marker": "o", "ms": 3.0, "lw": 1.4}
PLAIN: Final[dict[str, Any]] = {"color": ORANGE, "marker": "^", "ms": 3.0, "lw": 1.4}
STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "fastcheck",
    "font.family": "sans-serif",
    "font.size": 10.0,
    "axes.titlesize": 10.0,
    "axes.linewidth": 0.8,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.labelcolor": INK,
    "legend.frameon": False,
    "text.parse_math": False,
    "axes.unicode_minus": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}
FONT: Final = re.compile(r"font-family: [^;\"]+")
"""Fonts that the reader need not have."""
SUPERSCRIPT: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def style() -> Any:
    """Return a context in which figures are drawn."""
    return rc_context(STYLE)


def panels(n: int, columns: int, height: float = 2.6) -> tuple[Figure, list[Axes]]:
    """Return a figure with `n` plots in a grid, 8 inches wide."""
    rows = -(-n // columns)
    figure = Figure(figsize=(8.0, height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.flat)[:n]


def decades(axes: Axes, x: tuple[int, int], y: tuple[int, int], every: int = 4) -> None:
    """Make both axes logarithmic, from one power of ten to another, with a label at some."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    for (low, high), limit, ticks in (
        (x, axes.set_xlim, axes.set_xticks),
        (y, axes.set_ylim, axes.set_yticks),
    ):
        limit(10.0**low, 10.0**high)
        powers = [p for p in range(low, high + 1) if p % every == 0]
        ticks([10.0**p for p in powers], labels=[power(p) for p in powers])
    axes.minorticks_off()
    axes.grid(color=INK, alpha=0.2, lw=0.5)


def power(exponent: int) -> str:
    """Return a power of ten."""
    return "1" if exponent == 0 else f"10{str(exponent).translate(SUPERSCRIPT)}"


def legend(figure: Figure, axes: Axes, order: Sequence[int] = ()) -> None:
    """Put the names of the lines of one plot above all."""
    handles, labels = axes.get_legend_handles_labels()
    which = order or range(len(handles))
    figure.legend(
        [handles[k] for k in which], [labels[k] for k in which],
        loc="outside upper center", ncols=len(handles), handlelength=1.8, columnspacing=1.4,
    )  # fmt: skip


def write(figure: Figure, path: Path) -> None:
    """Write a figure; what does not depend on the numbers is the same each time."""
    output = StringIO()
    figure.savefig(output, format="svg", metadata={"Date": None, "Creator": None})
    text = FONT.sub("font-family: sans-serif", output.getvalue())
    lines = [line.rstrip() for line in text.splitlines()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
