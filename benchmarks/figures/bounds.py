"""How well right entries are told from wrong ones, by a relative error and by a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import fastcheck as fc
from benchmarks.accuracy import all_networks
from benchmarks.figures.drawing import BLUE, INK, ORANGE, legend, panels, power

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FAULT = 1e-6
"""By how much wrong entries are off, relative."""
SCALES = (("two losses subtracted", "relative error", (-16, 2)),
          ("difference arithmetic", "deviation in units of the bound", (-8, 10)))  # fmt: skip


def deviations(depths: tuple[int, ...], n_batch: int) -> dict[str, tuple[Floats, Floats]]:
    """Return, for each way to look at them, what right and what wrong entries show."""
    found: dict[str, list[tuple[Floats, Floats]]] = {title: [] for title, *_ in SCALES}
    for objective, params, _ in all_networks(depths, n_batch).values():
        right = objective.gradient(params)
        plain = fc.numerical_gradient(objective, params, arithmetic="plain", plan="exhaustive")
        result = fc.check_gradients(objective, params, right, plan="exhaustive")
        for name, a in right.items():
            n, plain_n, bound = result.numerical[name], plain.values[name], result.bounds[name]
            pairs = [a, a * (1.0 + FAULT)]
            relative, units = (
                [np.abs(v - plain_n) / np.maximum(np.abs(v), np.abs(plain_n)) for v in pairs],
                [np.abs(v - n) / bound for v in pairs],
            )
            for (title, *_), (good, bad) in zip(SCALES, (relative, units), strict=True):
                found[title].append((good.reshape(-1), bad.reshape(-1)))
    return {
        title: tuple(np.concatenate(side) for side in zip(*parts, strict=True))
        for title, parts in found.items()
    }  # type: ignore[return-value]


def draw(depths: tuple[int, ...], n_batch: int) -> tuple[Figure, list[list[str]]]:
    """Return the figure, and the largest of the right beside the smallest of the wrong."""
    found = deviations(depths, n_batch)
    figure, axes = panels(2, 2, 3.0)
    rows = [["", "largest of the right", "smallest of the wrong", "entries"]]
    for plot, (title, label, (low, high)) in zip(axes, SCALES, strict=True):
        good, bad = found[title]
        edges = np.linspace(low, high, 2 * (high - low) + 1)
        for values, color, name in (
            (good, BLUE, "right entries"),
            (bad, ORANGE, "entries off by one millionth"),
        ):
            logs = np.clip(np.log10(np.maximum(values, 1e-300)), low, high)
            plot.hist(logs, edges, color=color, alpha=0.7, lw=1.2, ec=color, histtype="stepfilled",
                      label=name)  # fmt: skip
        ticks = range(low, high + 1, 4)
        plot.set_xticks(list(ticks), labels=[power(tick) for tick in ticks])
        plot.set_yscale("log")  # a single entry is what makes a false alarm
        plot.set_ylim(0.7, 5000)
        plot.set_yticks([1, 10, 100, 1000], labels=["1", "10", "100", "1000"])
        plot.minorticks_off()
        plot.set_title(title)
        plot.set_xlabel(label)
        rows.append([title, f"{good.max():.1e}", f"{bad.min():.1e}", f"{good.size:,}"])
    axes[1].axvline(0.0, color=INK, lw=0.8, ls=":")
    axes[0].set_ylabel("entries")
    legend(figure, axes[0])
    return figure, rows
