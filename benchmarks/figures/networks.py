"""How right the gradients of whole networks are, at every step, and how fast errors fall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import fastcheck as fc
from benchmarks.accuracy import ABOVE, dense, recurrence
from benchmarks.figures.drawing import (
    BLUE,
    DIFFERENCE,
    GREEN,
    INK,
    ORANGE,
    PLAIN,
    decades,
    legend,
    panels,
)
from fastcheck.numdiff import CHANGE, Prober

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Params = dict[str, Floats]
    Network = tuple[Any, Params, Params]

SEEN = 1e-17, 1e2
"""What is drawn; larger and smaller errors stand at the edge."""
LOOKS = (
    ("plain", PLAIN, "two losses subtracted"),
    ("difference", DIFFERENCE, "difference arithmetic"),
)


def networks(n_batch: int) -> dict[str, Network]:
    """Return objective, parameters and 50-digit gradient of three networks."""
    return {
        "sigmoid, 2 layers": dense("sigmoid", "ce", 2, n_batch),
        "tanh, 4 layers": dense("tanh", "ce", 4, n_batch),
        "tanh recurrence, 6 steps": recurrence(n_batch),
    }


def errors(found: Params, truth: Params) -> Floats:
    """Return the relative errors of all entries that are not small in their tensor."""
    parts = []
    for name, right in truth.items():
        size = np.abs(right)
        kept = size > ABOVE * size.max()
        parts.append((np.abs(found[name] - right) / np.where(kept, size, 1.0))[kept])
    return np.concatenate(parts)


def worst_and_middle(
    network: Network, arithmetic: str, steps: list[float]
) -> tuple[Floats, Floats]:
    """Return the worst and the median relative error of an entry, at each step."""
    objective, params, truth = network
    found = [
        errors(
            fc.numerical_gradient(
                objective, params, plan="exhaustive", arithmetic=arithmetic, step=step
            ).values,
            truth,
        )
        for step in steps
    ]
    return np.array([e.max() for e in found]), np.array([np.median(e) for e in found])


def draw_steps(n_batch: int, n_steps: int) -> tuple[Figure, list[list[str]]]:
    """Return the error at every step, and the worst entry's least error of each arithmetic."""
    steps = [2.0**-k for k in np.linspace(3, 50, n_steps).round()]
    chosen = networks(n_batch)
    figure, axes = panels(len(chosen), 3, 3.0)
    rows = [["network", "differences at 2⁻²⁴: worst", "median", "subtraction at its best: worst"]]
    for plot, (title, network) in zip(axes, chosen.items(), strict=True):
        best = {}
        for arithmetic, look, label in LOOKS:
            worst, middle = worst_and_middle(network, arithmetic, [*steps, CHANGE])
            plot.fill_between(
                steps, np.clip(middle[:-1], *SEEN), np.clip(worst[:-1], *SEEN),
                color=look["color"], alpha=0.2, lw=0,
            )  # fmt: skip
            plot.plot(steps, np.clip(worst[:-1], *SEEN), **look, label=label)
            best[arithmetic] = worst.min() if arithmetic == "plain" else worst[-1]
        plot.axvline(CHANGE, color=INK, lw=0.8, ls=":")
        decades(plot, (-15, 0), (-17, 1))
        plot.set_title(title)
        plot.set_xlabel("step")
        seen = best["difference"], middle[-1], best["plain"]
        rows.append([title, *(f"{error:.1e}" for error in seen)])
    axes[0].set_ylabel("relative error")
    legend(figure, axes[0])
    return figure, rows


ORDERS = (
    ("one side", 1, ORANGE, "^"),
    ("both sides", 2, BLUE, "o"),
    ("both sides, two steps", 4, GREEN, "s"),
)


def draw_order(n_batch: int, n_steps: int) -> tuple[Figure, list[list[str]]]:
    """Return how the error of the whole gradient falls with the step, and the orders observed."""
    objective, params, truth = dense("tanh", "ce", 2, n_batch)
    steps = [2.0**-k for k in np.linspace(2, 30, n_steps).round()]
    found = np.array([_quotient_errors(objective, params, truth, step) for step in steps])
    figure, (plot,) = panels(1, 1, 3.4)
    rows = [["difference", "order expected", "order observed"]]
    for (label, order, color, marker), error in zip(ORDERS, found.T, strict=True):
        plot.plot(steps, error, color=color, marker=marker, ms=4.0, lw=1.4, label=label)
        slope = np.log2(_at(steps, error, 2.0**-4) / _at(steps, error, 2.0**-6)) / 2.0
        rows.append([label, str(order), f"{slope:.2f}"])
        h = np.array([1.0, 1e-9])
        plot.plot(h, _at(steps, error, 2.0**-6) * (h / 2.0**-6) ** order, color=color, lw=0.8,
                  ls=":")  # fmt: skip
    decades(plot, (-9, 0), (-17, 1), 2)
    plot.set_xlabel("step")
    plot.set_ylabel("relative error of the gradient")
    legend(figure, plot)
    return figure, rows


def _at(steps: list[float], values: Floats, step: float) -> float:
    """Return a value at a step, between those measured."""
    logs = np.interp(np.log2(step), np.log2(steps[::-1]), np.log2(values[::-1]))
    return float(2.0**logs)


def _quotient_errors(objective: Any, params: Params, truth: Params, step: float) -> list[float]:
    """Return the errors of one-sided, central and extrapolated difference quotients."""
    state = objective.state(params)
    gaps, size = np.zeros(3), 0.0
    for name, right in truth.items():
        prober = Prober(state, state.graph.tensor(name))
        entries = np.arange(right.size)
        near, far = (prober.probe_at(entries, h) for h in (step, 2.0 * step))
        for k, values in enumerate((near.plus, near.values, (4.0 * near.values - far.values) / 3)):
            gaps[k] += np.sum((values - right.reshape(-1)) ** 2)
        size += float(np.sum(right**2))
    return [float(error) for error in np.sqrt(gaps / size)]
