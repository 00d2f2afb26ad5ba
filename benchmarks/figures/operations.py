"""How right single differences are: each operation's rule, and two values subtracted.

What is compared is ``(f(x + h) - f(x - h)) / 2h`` itself with 50 digits, so that there is no
truncation, and all that is seen is rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import fastcheck as fc
from benchmarks.figures.drawing import DIFFERENCE, PLAIN, decades, legend, panels
from tests.graph import mp_networks as exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TARGET = np.eye(5)[1]
WEIGHTS = np.array([0.3, -1.2, 0.7, 2.0, -0.4])
ROUNDING = 2.0**-53
"""What is right to less than that is drawn there."""
SMALL = 1e-3
"""Derivatives below this share of the largest are left out: they are zero but for rounding."""


@dataclass(frozen=True)
class Case:
    """A function of a vector: as a graph, in NumPy, and with 50 digits.

    Attributes
    ----------
    title : str
        Its name.
    points : ndarray of float64, shape (n_points, n)
        Where it is looked at.
    graph : callable
        From a node of the graph to a scalar one.
    formula : callable
        From an array of numbers of any kind, and the functions for them, to a scalar.
    """

    title: str
    points: Floats
    graph: Callable[[Any], Any]
    formula: Callable[[Any, Any], Any]


class Plain:
    """The functions of NumPy, under the names that the 50-digit ones have."""

    exp, log, tanh, sqrt = np.exp, np.log, np.tanh, np.sqrt


def cases(n: int) -> list[Case]:
    """Return all functions, each at `n` points."""
    rng = np.random.default_rng(0)
    wide = np.linspace(-8.0, 8.0, n)[:, None]
    logits = 4.0 * rng.standard_normal((n, 5))
    ops = fc.ops
    return [
        Case("sigmoid", wide, lambda x: ops.sum(ops.sigmoid(x)),
             lambda x, m: (1 / (1 + m.exp(-x))).sum()),
        Case("tanh", wide, lambda x: ops.sum(ops.tanh(x)), lambda x, m: m.tanh(x).sum()),
        Case("logarithm", np.geomspace(0.1, 50.0, n)[:, None], lambda x: ops.sum(ops.log(x)),
             lambda x, m: m.log(x).sum()),
        Case("1 / sqrt(x)", np.geomspace(0.1, 50.0, n)[:, None],
             lambda x: ops.sum(ops.rsqrt(x)), lambda x, m: (1 / m.sqrt(x)).sum()),
        Case("softmax, cross-entropy", logits,
             lambda x: ops.softmax_cross_entropy(x, TARGET),
             lambda x, m: m.log(m.exp(x - x.max()).sum()) - (x - x.max())[1]),
        Case("layer normalisation", 5.0 + rng.standard_normal((n, 5)),
             lambda x: ops.sum(ops.normalise(x) * WEIGHTS), normalised),
    ]  # fmt: skip


def normalised(x: Any, m: Any) -> Any:
    """Return a weighted sum of normalised numbers."""
    centred = x - x.sum() / len(x)
    variance = (centred * centred).sum() / len(x)
    return (centred / m.sqrt(np.array(variance + 1e-5)) * WEIGHTS).sum()


def measured(case: Case, steps: list[float]) -> dict[str, list[float]]:
    """Return the worst relative error at each step, by rule and by subtraction."""
    found: dict[str, list[float]] = {"difference": [], "plain": []}
    for step in steps:
        worst = {"difference": 0.0, "plain": 0.0}
        for point in case.points:
            right = quotients(case, exact.exact(point), exact, exact.mp.mpf(step))
            size = np.abs(right)
            kept = size > SMALL * size.max()
            for name, values in (
                ("difference", by_rule(case, point, step)),
                ("plain", quotients(case, point, Plain, step)),
            ):
                error = np.abs(values - right)[kept] / size[kept]
                worst[name] = max(worst[name], float(error.max()))
        for name, error in worst.items():
            found[name].append(error)
    return found


def by_rule(case: Case, point: Floats, step: float) -> Floats:
    """Return the difference quotients that the package gives."""
    graph = fc.Graph()
    graph.set_loss(case.graph(graph.param("x", point.shape)))
    objective = fc.GraphObjective(graph)
    found = fc.numerical_gradient(objective, {"x": point}, plan="exhaustive", step=step)
    return found.values["x"]


def quotients(case: Case, point: Any, functions: Any, step: Any) -> Floats:
    """Return the difference quotients of two values, subtracted, in the arithmetic of `point`."""
    found = np.empty(len(point))
    for k in range(len(point)):
        above, below = point.copy(), point.copy()
        above[k], below[k] = point[k] + step, point[k] - step
        length = above[k] - below[k]
        up, down = (case.formula(x, functions) for x in (above, below))
        found[k] = float((up - down) / length) if length else 0.0
    return found


def draw(n_points: int, n_steps: int) -> tuple[Figure, list[list[str]]]:
    """Return the figure, and for each operation the worst errors over all steps below 0.1."""
    steps = [2.0**-k for k in np.linspace(4, 50, n_steps).round()]
    chosen = cases(n_points)
    figure, axes = panels(len(chosen), 3)
    rows = []
    for plot, case in zip(axes, chosen, strict=True):
        found = measured(case, steps)
        for name, look, label in (
            ("plain", PLAIN, "two values subtracted"),
            ("difference", DIFFERENCE, "the rule of the operation"),
        ):
            plot.plot(steps, np.clip(found[name], ROUNDING, 1.0), **look, label=label)
        decades(plot, (-15, 0), (-17, 0))
        plot.set_title(case.title)
        small = [k for k, step in enumerate(steps) if step < 0.1]
        worst, best = max(found["difference"][k] for k in small), min(found["plain"])
        rows.append([case.title, f"{worst:.1e}", f"{best:.1e}"])
    for plot in axes[3:]:
        plot.set_xlabel("step")
    for plot in axes[::3]:
        plot.set_ylabel("relative error")
    legend(figure, axes[0])
    return figure, [["operation", "rule, worst", "subtraction, best"], *rows]
