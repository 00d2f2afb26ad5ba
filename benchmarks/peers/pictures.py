"""Growth as pictures, for light and dark pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.peers.growth import HIDDEN
from benchmarks.peers.roster import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

INK = "#7a7a7a"
"""Text and axes: grey, because the background belongs to the page."""
LINES = {
    "fastcheck, relu": ("#0072b2", "o", "-"),
    "fastcheck, tanh": ("#cc5fa0", "D", "-"),
    "torch-slow": ("#d55e00", "s", "--"),
    "jax-loop": ("#00916a", "^", ":"),
}
"""Colour, marker and line: nobody needs the colours to tell them apart."""
AXES = {"width": "hidden units", "depth": "hidden layers", "batch": "examples"}
STYLE: dict[str, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "fastcheck", "font.size": 10.0,
    "axes.edgecolor": INK, "axes.labelcolor": INK, "axes.titlecolor": INK, "text.color": INK,
    "xtick.color": INK, "ytick.color": INK, "grid.color": INK, "grid.alpha": 0.25,
    "axes.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip


def draw(points: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Draw one picture per series; return the files.

    Full markers are exhaustive checks, hollow ones those by units. The same points give the same
    bytes.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    with mpl.rc_context(STYLE):
        for series in dict.fromkeys(point["series"] for point in points):
            some = [point for point in points if point["series"] == series]
            ticks = sorted({point["n"] for point in some})[::2]
            figure = Figure(figsize=(8.0, 3.4), layout="constrained")
            time, memory = figure.subplots(1, 2)
            _draw_times(time, some)
            _draw_memory(memory, some)
            time.set_yscale("log")
            memory.set_ylim(0.0, 1.08 * memory.dataLim.y1)
            for axes in (time, memory):
                axes.set(xscale="linear" if series == "depth" else "log", xlabel=AXES[series])
                axes.set_xticks(ticks, [str(n) for n in ticks])
                axes.minorticks_off()
                axes.grid(visible=True)
            figure.legend(*time.get_legend_handles_labels(), loc="outside lower center", ncols=4,
                          frameon=False, fontsize=8.0, labelcolor=INK)  # fmt: skip
            file = folder / f"growth-{series}.svg"
            figure.savefig(file, transparent=True, metadata={"Date": None})
            files.append(file)
    return files


def _draw_times(axes: Axes, points: Sequence[dict[str, Any]]) -> None:
    axes.set_title("seconds of a whole check", fontsize=10.0)
    _draw_ours(axes, points, "seconds", 1.0)
    for name in dict.fromkeys(name for point in points for name in point["peers"]):
        some = [point for point in points if name in point["peers"]]
        y = [point["peers"][name]["seconds"] for point in some]
        color, marker, line = LINES[name]
        axes.plot([point["n"] for point in some], y, color=color, marker=marker, linestyle=line,
                  markersize=5, label=BY_NAME[name].title)  # fmt: skip


def _draw_memory(axes: Axes, points: Sequence[dict[str, Any]]) -> None:
    axes.set_title("megabytes at the peak", fontsize=10.0)
    _draw_ours(axes, points, "peak_bytes", 1e-6)


def _draw_ours(axes: Axes, points: Sequence[dict[str, Any]], key: str, scale: float) -> None:
    for hidden in HIDDEN:
        some = [point for point in points if point["hidden"] == hidden]
        if not some:
            continue
        color, marker, line = LINES[f"fastcheck, {hidden}"]
        x, y = [point["n"] for point in some], [scale * point[key] for point in some]
        axes.plot(x, y, color=color, linestyle=line)
        for full in (True, False):
            at = [k for k, point in enumerate(some) if (point["plan"] == "exhaustive") == full]
            face = color if full else "none"
            axes.plot([x[k] for k in at], [y[k] for k in at], marker=marker, markersize=5,
                      color=color, linestyle="none", markerfacecolor=face)  # fmt: skip
        axes.plot([], [], color=color, linestyle=line, marker=marker, markersize=5,
                  label=f"fastcheck, {hidden}")  # fmt: skip
