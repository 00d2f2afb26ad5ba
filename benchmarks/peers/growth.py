"""How time and memory of a check grow with the network, a process for each point."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

import fastcheck as fc
from benchmarks.measure import RTOL, NotEqualError
from benchmarks.memory import peak_bytes
from benchmarks.peers.problem import digits
from benchmarks.peers.roster import BY_NAME, OURS
from benchmarks.peers.side_by_side import compared, sized, timer
from benchmarks.timing import interleaved

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.peers.problem import Problem
    from benchmarks.peers.side_by_side import Effort
    from fastcheck.result import CheckResult

ROOT = Path(__file__).resolve().parents[2]
HIDDEN = ("relu", "tanh")
WIDTHS = (10, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
DEPTHS = (1, 2, 3, 4, 5, 6, 7, 8)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
WIDTH, DEPTH_WIDTH, BATCH = 50, 64, 100
"""Hidden units where the batch grows, and where the depth does; examples where the batch does not
grow."""
WITH = ("torch-slow", "jax-loop")
"""The peers that are measured too, at small sizes."""
MOST_PARAMS = 250_000
"""Parameters up to which they are."""


@dataclass(frozen=True)
class Spot:
    """One network of a series.

    Attributes
    ----------
    series : {"width", "depth", "batch"}
        What grows.
    hidden : {"relu", "tanh"}
        The activation.
    n : int
        How large it is.
    """

    series: str
    hidden: str
    n: int

    def problem(self) -> Problem:
        """Return the network at a minibatch."""
        if self.series == "width":
            return digits((self.n, 10), self.hidden, BATCH)
        if self.series == "depth":
            return digits((*[DEPTH_WIDTH] * self.n, 10), self.hidden, BATCH)
        return digits((WIDTH, 10), self.hidden, self.n)


SERIES = {"width": WIDTHS, "depth": DEPTHS, "batch": BATCHES}
QUICK = {"width": (10, 16), "depth": (1, 2), "batch": (1, 4)}
TITLES = {
    "width": f"784-n-10, batch of {BATCH}, n hidden units",
    "depth": f"784-{DEPTH_WIDTH}-…-10, batch of {BATCH}, n hidden layers",
    "batch": f"784-{WIDTH}-10, n examples",
}


def spots(sizes: dict[str, tuple[int, ...]]) -> list[Spot]:
    """Return all points of all series."""
    return [Spot(s, hidden, n) for s, some in sizes.items() for hidden in HIDDEN for n in some]


# ------------------------------------------------------------ one point, in its own process


def measured(spot: Spot, effort: Effort, names: Iterable[str] = ()) -> dict[str, Any]:
    """Return the figures of one point.

    Raises
    ------
    NotEqualError
        If the check does not pass, or a derivative is not that of backpropagation.
    """
    fc.check_gradients(*_asked(replace(spot, n=1).problem()))  # loads kernels
    problem = spot.problem()
    arguments = _asked(problem)
    base = _reset_peak()
    result = fc.check_gradients(*arguments)
    peak = peak_bytes()
    _hold(problem, result)
    found = {
        "series": spot.series, "hidden": spot.hidden, "n": spot.n,
        "n_params": problem.n_params, "n_batch": problem.n_batch, "plan": result.plan,
        "peak_bytes": peak, "base_bytes": base,
    }  # fmt: skip
    kinds = [BY_NAME[n] for n in names if BY_NAME[n].is_installed]
    timers = {OURS.name: timer(problem, OURS, OURS.make(problem), effort)}
    slices = {}
    for kind in kinds:
        compared(problem, kind)
        peer = sized(problem, kind, [], effort)
        slices[kind.name] = peer.n_entries < problem.n_params
        timers[kind.name] = timer(problem, kind, peer, effort)
    times = interleaved(timers, effort.rounds)
    found["seconds"] = median(times[OURS.name])
    found["peers"] = {
        name: {"seconds": median(times[name]), "extrapolated": cut} for name, cut in slices.items()
    }
    return found


def _asked(problem: Problem) -> tuple[Any, ...]:
    return problem.objective, problem.params, problem.right


def _hold(problem: Problem, result: CheckResult) -> None:
    if not result.passed:
        raise NotEqualError(f"{problem.name}: the check of the right gradient: {result.verdict}")
    for name, right in problem.right.items():
        gap = np.abs(result.numerical[name] - right).max() / np.abs(right).max()
        if not gap <= RTOL:
            raise NotEqualError(f"{problem.name}: {name} is {gap:.1e} of its largest entry off")


def _reset_peak() -> int:
    """Let the high-water mark of this process start anew where that can be; return it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_bytes()


# ------------------------------------------------------------ all points


def in_new_process(spot: Spot, words: list[str], names: Iterable[str]) -> dict[str, Any]:
    """Return what `measured` finds in a process of its own.

    Raises
    ------
    NotEqualError
        If it says so.
    """
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", "point", spot.series, spot.hidden, str(spot.n),
         *words, "--peer", *names],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if process.returncode:
        raise NotEqualError(process.stderr.strip().rpartition("\n")[2])
    found: dict[str, Any] = json.loads(process.stdout)
    return found


def wanted(spot: Spot) -> tuple[str, ...]:
    """Return the peers that are measured at a point.

    Their times hardly depend on the activation, and large networks take them too long.
    """
    n_params = spot.problem().n_params
    return WITH if spot.hidden == "relu" and n_params <= MOST_PARAMS else ()


def fitted(
    points: list[dict[str, Any]], along: str, key: str = "seconds"
) -> tuple[float, int, int] | None:
    """Return the exponent of a power law and the range that it was fitted on.

    Only the larger half of the points counts, and at least three: what is small is overhead.

    Parameters
    ----------
    points : list of dict
        Of one series, in order.
    along, key : str
        What grows, and what grows with it.

    Returns
    -------
    tuple of (float, int, int) or None
        Exponent, first and last value of `along`; None if there are too few points.
    """
    some = points[-max(3, (len(points) + 1) // 2) :]
    if len(some) < 3:
        return None
    x, y = (np.log([point[what] for point in some]) for what in (along, key))
    return float(np.polyfit(x, y, 1)[0]), some[0][along], some[-1][along]
