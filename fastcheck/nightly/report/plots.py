"""Pictures of one case as inline SVG; the only module that draws.

Nothing that comes from outside is written into a picture: names stand beside it, where they are
escaped. Colours of text and lines are those of the page around it.
"""

from __future__ import annotations

import math
import re
from functools import wraps
from io import StringIO
from itertools import count
from typing import TYPE_CHECKING, Any, Final, ParamSpec

import numpy as np

from fastcheck.result.pictures import MOST_CELLS, decades
from fastcheck.result.places import edges, split_axes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from fastcheck.result import Entry, Picture, StepErrors

    Floats = NDArray[np.float64]

__all__ = ["draw_heat", "draw_scatter", "draw_steps", "has_plots"]

BLUE, ORANGE = "#2b87d1", "#d55e00"
"""Blue and orange, which everybody can tell apart, on light and on dark."""
INK: Final = "#123456"
"""Stands for the colour of the text around, which SVG calls ``currentColor``."""
LOW, HIGH = -16.0, 1.0
"""Decimal logarithms of deviations at the ends of the scale of colours."""
MOST_RINGS: Final = 40
"""With more wrong cells than that, the colours say enough."""
SUPERSCRIPT: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "font.size": 9.0,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.parse_math": False,
    "axes.unicode_minus": False,
    "axes.formatter.use_mathtext": False,
}
LEFT_OUT: Final = re.compile(
    r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>|font-family: [^;\"]+;?", re.DOTALL
)
"""The page has a style for all pictures."""
FONT: Final = re.compile(r"font: (?:\w+ )?([\d.]+)px [^;\"]+")
ID: Final = re.compile(r' id="([^"]*)"')

P = ParamSpec("P")
_numbers = count()


def has_plots() -> bool:
    """Return whether the library that draws is installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        return False
    return bool(mpl.__version__)


def _styled(draw: Callable[P, str]) -> Callable[P, str]:
    """Give a function that draws the style of this page, for as long as it draws."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> str:
        from matplotlib import rc_context

        with rc_context(STYLE):
            return draw(*args, **kwargs)

    return styled


@_styled
def draw_heat(picture: Picture, shape: tuple[int, ...]) -> str:
    """Return how far each part of a tensor is off, on a logarithmic scale of colours.

    Parameters
    ----------
    picture : Picture
        What was kept of the tensor.
    shape : tuple of int
        The shape of the tensor.

    Notes
    -----
    One cell of the picture is one cell of the grid, and holds its worst entry. Cells with a wrong
    entry have a ring where they are few. The scale is the same for all tensors; its colours grow
    lighter with the deviation for every kind of sight.
    """
    values = decades(picture)
    is_strip = values.shape[0] == 1
    height = 1.15 if is_strip else 3.0
    figure = _figure(4.0, height)
    bottom = 0.45 / height
    axes = figure.add_axes((0.13, bottom, 0.66, 1.0 - bottom - 0.1 / height))
    colors = _colors()
    values[np.isneginf(values)] = LOW
    image = axes.imshow(
        np.ma.masked_invalid(np.where(np.isposinf(values), HIGH + 1.0, values)),
        cmap=colors, vmin=LOW, vmax=HIGH, aspect="auto", interpolation="none",
    )  # fmt: skip
    _ring(axes, picture)
    k = split_axes(shape)
    _index(axes, edges(shape[:k], MOST_CELLS), edges(shape[k:], MOST_CELLS), is_strip)
    axes.set_xlabel("entry" if len(shape) < 2 else _axes_name("column", range(k, len(shape))))
    if not is_strip:
        axes.set_ylabel(_axes_name("row", range(k)))
    bar = figure.colorbar(image, cax=figure.add_axes((0.82, bottom, 0.035, 0.97 - bottom)))
    ticks = [-15, -10, -5, 0] if not is_strip else [-15, 0]
    bar.set_ticks(ticks, labels=[_power(tick) for tick in ticks])
    bar.outline.set_visible(False)
    return _svg(figure, "deviations of the entries, on a logarithmic scale")


@_styled
def draw_steps(steps: StepErrors, worst: Entry | None) -> str:
    """Return the error of the derivative of one entry at many steps, in both arithmetics.

    Parameters
    ----------
    steps : StepErrors
        What was kept.
    worst : Entry or None
        The entry as it was judged: its numerical value is taken as right, else the median of those
        that difference arithmetic gave. Errors are relative to the larger of both gradients.
    """
    found = np.array(steps.difference)
    right = found[np.isfinite(found)]
    entry = worst if worst is not None and worst.index == steps.index else None
    reference = entry.numerical if entry is not None else float(np.median(right))
    sizes = [abs(reference), 0.0 if entry is None else abs(entry.analytic)]
    scale = max(filter(math.isfinite, sizes), default=0.0) or 1.0
    figure = _figure(4.0, 3.0)
    axes = figure.add_axes((0.15, 0.15, 0.82, 0.7))
    for values, color, marker, name in (
        (steps.plain, ORANGE, "^", "two losses subtracted"),
        (steps.difference, BLUE, "o", "difference arithmetic"),
    ):
        off = np.abs(np.array(values) - reference) / scale
        axes.plot(steps.steps, np.clip(off, 1e-17, 1e2), color=color, marker=marker, ms=3.5,
                  lw=1.2, label=name)  # fmt: skip
    if entry is not None and math.isfinite(entry.deviation):
        axes.axhline(
            max(entry.deviation / scale, 1e-17), color=INK, lw=1.0, ls="--", label="your gradient"
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(3e-18, 3e2)
    _ticks(axes, (steps.steps[-1], steps.steps[0]))
    axes.set_xlabel("step")
    axes.set_ylabel("relative error")
    figure.legend(
        loc="upper center", ncols=3, frameon=False, fontsize=7.5, handlelength=1.6,
        columnspacing=1.0,
    )  # fmt: skip
    _open(axes)
    return _svg(figure, "error of the numerical derivative at many steps")


@_styled
def draw_scatter(picture: Picture) -> str:
    """Return the analytic against the numerical values of some entries; right is the diagonal."""
    pairs = np.array([picture.numerical, picture.analytic]).T
    is_wrong = np.arange(len(pairs)) < picture.n_wrong
    finite = np.isfinite(pairs).all(axis=1)
    figure = _figure(3.4, 3.0)
    axes = figure.add_axes((0.2, 0.15, 0.77, 0.7))
    ends = [float(pairs[finite].min(initial=0.0)), float(pairs[finite].max(initial=0.0))]
    axes.plot(ends, ends, color=INK, lw=0.7, ls="--")
    size = 6.5 if picture.n_wrong <= MOST_RINGS else 3.5  # a few among many others are to be seen
    for chosen, color, marker, ms, name in (
        (~is_wrong & finite, BLUE, "o", 3.5, "not wrong"),
        (is_wrong & finite, ORANGE, "^", size, "wrong"),
    ):
        if chosen.any():
            axes.plot(*pairs[chosen].T, color=color, marker=marker, ms=ms, ls="none", mew=0,
                      alpha=0.75, label=name)  # fmt: skip
    axes.set_xlabel("numerical")
    axes.set_ylabel("analytic")
    axes.locator_params(nbins=5)
    axes.ticklabel_format(scilimits=(-3, 4))
    if finite.any():
        figure.legend(loc="upper center", ncols=2, frameon=False, fontsize=7.5, handletextpad=0.2)
    _open(axes)
    return _svg(figure, "analytic against numerical values")


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def _colors() -> Any:
    from matplotlib import colormaps

    return colormaps["cividis"].with_extremes(bad=(0, 0, 0, 0), over=ORANGE)


def _ring(axes: Axes, picture: Picture) -> None:
    """Put a ring around each cell with a wrong entry, if they are few."""
    places = [(i, j) for i, row in enumerate(picture.wrong) for j, s in enumerate(row) if s == "x"]
    if 0 < len(places) <= MOST_RINGS:
        rows, columns = zip(*places, strict=True)
        axes.scatter(columns, rows, s=60, facecolors="none", edgecolors=ORANGE, linewidths=1.6,
                     clip_on=False)  # fmt: skip


def _index(axes: Axes, rows: Sequence[int], columns: Sequence[int], is_strip: bool) -> None:
    """Label cells with the first index that they hold."""
    across = _every(len(columns) - 1)
    axes.set_xticks(across, labels=[str(columns[cell]) for cell in across])
    down = [] if is_strip else _every(len(rows) - 1)
    axes.set_yticks(down, labels=[str(rows[cell]) for cell in down])
    axes.tick_params(length=2.5, width=0.6)
    for side in axes.spines.values():
        side.set_linewidth(0.4)


def _every(n: int) -> list[int]:
    """Return at most six of `n` cells."""
    return list(range(0, n, max(1, math.ceil(n / 6))))


def _axes_name(word: str, which: range) -> str:
    return word if len(which) == 1 else f"{word} (axes {which[0]} to {which[-1]} as one)"


def _ticks(axes: Axes, ends: tuple[float, float]) -> None:
    """Label powers of ten, without the mathematics of the library."""
    low, high = (round(math.log10(end)) for end in ends)
    powers = range(low, high + 1, 4)
    axes.set_xticks([10.0**p for p in powers], labels=[_power(p) for p in powers])
    levels = range(-16, 2, 4)
    axes.set_yticks([10.0**p for p in levels], labels=[_power(p) for p in levels])
    axes.minorticks_off()


def _power(exponent: int) -> str:
    return "1" if exponent == 0 else f"10{str(exponent).translate(SUPERSCRIPT)}"


def _open(axes: Axes) -> None:
    """Leave out the frame where there is no axis."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=INK, alpha=0.15, lw=0.5)
    axes.set_facecolor("none")


def _svg(figure: Figure, label: str) -> str:
    """Return a figure as an element of a page, with identifiers that no other has."""
    import matplotlib as mpl

    figure.patch.set_visible(False)
    output = StringIO()
    salt = f"p{next(_numbers)}"
    mpl.rcParams["svg.hashsalt"] = salt  # until the drawing of this picture ends
    figure.savefig(output, format="svg", metadata={"Date": None})
    text = output.getvalue()
    text = LEFT_OUT.sub("", text[text.index("<svg") :])
    used = set(re.findall(r'#([^")]+)["\)]', text))
    text = ID.sub(lambda found: found[0] if found[1] in used else "", text)
    text = FONT.sub(r"font-size: \1px", text).replace(INK, "currentColor")
    text = re.sub(r"\n\s*", "\n", text).strip()
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
