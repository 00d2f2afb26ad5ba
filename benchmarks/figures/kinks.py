"""What a kink does to a difference, and how often a step meets one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import fastcheck as fc
from benchmarks.figures.drawing import BLUE, INK, ORANGE, decades, panels
from fastcheck.graph.state import reevaluated
from fastcheck.numdiff import CHANGE, Prober

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STEP = 2.0**-3
"""Of the left picture; large, so that it shows."""


def network(n_batch: int) -> tuple[Any, dict[str, Floats]]:
    """Return a classifier with ReLU twice, and parameters."""
    rng = np.random.default_rng(0)
    layers = [fc.Dense(20, 40), fc.ReLU(), fc.Dense(40, 30), fc.ReLU(), fc.Dense(30, 10)]
    net = fc.Network(layers, loss=fc.SoftmaxCrossEntropy())
    x, y = rng.standard_normal((n_batch, 20)), rng.integers(10, size=n_batch)
    return net.objective(x, y), net.init_params(seed=0, scale="fan_in", biases="random")


def draw(n_batch: int, n_steps: int) -> tuple[Figure, list[list[str]]]:
    """Return the figure, and how many weights of the first layer cross a kink at some steps."""
    figure, (left, right) = panels(2, 2, 3.2)
    _draw_loss(left)
    objective, params = network(n_batch)
    steps = [2.0**-k for k in np.linspace(3, 30, n_steps).round()]
    state = objective.state(params)
    truth = objective.gradient(params)["W1"].reshape(-1)
    prober = Prober(state, state.graph.tensor("W1"))
    rms = float(np.sqrt(np.mean(truth**2)))
    share, worst, rows = [], [], [["step", "cross a kink", "worst error / rms"]]
    for step in steps:
        found = prober.probe_at(np.arange(truth.size), step)
        share.append(float(np.mean(found.kink)))
        worst.append(float(np.abs(found.values - truth).max()) / rms)
        rows.append([f"{step:.1e}", f"{share[-1]:.2%}", f"{worst[-1]:.1e}"])
    right.plot(steps, np.where(share, share, np.nan), color=ORANGE, marker="^", ms=4.0, lw=1.4)
    right.plot(steps, worst, color=BLUE, marker="o", ms=4.0, lw=1.4)
    right.text(1e-4, 1e-2, "share of weights\nthat cross a kink", color=ORANGE, ha="right")
    right.text(1e-5, 1e-13, "error of the worst weight", color=BLUE)
    right.axvline(CHANGE, color=INK, lw=0.8, ls=":")
    decades(right, (-9, 0), (-17, 1), 2)
    right.set_xlabel("step")
    right.set_title(f"{truth.size} weights, {n_batch} samples")
    return figure, rows


def _draw_loss(plot: Axes) -> None:
    """Draw the loss of one sample along a weight that crosses a kink, tangent and secant."""
    objective, params = network(1)
    state = objective.state(params)
    gradient = objective.gradient(params)["W1"].reshape(-1)
    node = state.graph.tensor("W1")
    found = Prober(state, node).probe_at(np.arange(node.size), STEP)
    entry = int(np.argmax(np.where(found.kink, np.abs(found.values - gradient), 0.0)))
    moves = np.linspace(-1.4 * STEP, 1.4 * STEP, 281)
    value = state.value(node)
    change = []
    for move in moves:
        moved = value.copy()
        moved.reshape(-1)[entry] += move
        change.append(reevaluated(state, node, moved) - state.loss)
    ends = np.array([-STEP, STEP])
    at_ends = np.interp(ends, moves, change)
    plot.plot(moves, change, color=INK, lw=2.0, label="the loss")
    plot.plot(moves, gradient[entry] * moves, color=BLUE, lw=1.4, ls="--", label="its slope")
    plot.plot(
        ends, at_ends, color=ORANGE, marker="^", ms=6.0, lw=1.4, label="the difference quotient"
    )
    plot.set_xlabel("movement of one weight")
    plot.set_ylabel("change of the loss")
    plot.grid(color=INK, alpha=0.2, lw=0.5)
    plot.legend(loc="best", fontsize=8.5)
    plot.set_title("one weight, one sample")
