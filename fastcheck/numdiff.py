"""Numerical derivatives of the loss with respect to single entries of one node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.derivatives import Derivatives
from fastcheck.graph import memory
from fastcheck.graph.extent import find_extent
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.graph.ops.shape import Transpose
from fastcheck.graph.route import find_alive, find_route, step_for
from fastcheck.graph.run import run_chunk
from fastcheck.parallel import mapped, single_threaded_blas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fastcheck.graph.block import Trail
    from fastcheck.graph.node import Node
    from fastcheck.graph.route import Route
    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Report = Callable[[int], None]

CHANGE = 2.0**-24
"""How far a probe moves the input of the first nonlinear operation.

Truncation is then near 1e-15 and a kink is hit once in millions of rows, yet the change is still
visible, about 1e-7; the rounding error of difference arithmetic does not depend on it.
"""
SHRINK = 2.0**-10
"""By how much the step of an entry shrinks whose probe crossed a kink."""
NEARER = 2.0**-20
"""By how much more at the kink itself."""
UNIT = 2.0**-53
FAR = 2.0**8
"""The larger of the steps from which truncation is estimated is four times so much longer than
that of a probe: truncation is then far above rounding, and few kinks are crossed."""
N_RETREATS, RETREAT = 4, 2.0**-24
"""How often the steps from which truncation is estimated are shrunk, and by how much where they are
not those of a parabola; where all of them cross a kink it is by `SHRINK`, to stay near it."""
IRREGULAR, ROUNDED = 2.0**-6, 2.0**-40
"""By how much a derivative may deviate from the trend of larger steps: relative to their effect,
and to the largest derivative."""


class Prober:
    """Probes entries of one node at one base point.

    Parameters
    ----------
    state : State
        The base point.
    node : Node
        A parameter, or any intermediate value.
    step : float, optional
        Absolute, in units of the node; chosen from `CHANGE` by default.
    blocked : frozenset of int
        Indices of nodes that changes do not pass.
    """

    def __init__(
        self,
        state: State,
        node: Node,
        step: float | None = None,
        blocked: frozenset[int] = frozenset(),
    ) -> None:
        self.state = state
        self.node = node
        self.route = find_route(node, blocked)
        chosen, reach = step_for(self.route, state, CHANGE)
        self.is_chosen = step is None
        self.reach = reach
        self.step_of_change = chosen
        self.step = chosen if step is None else float(step)
        streamed = bool(self.route.streamed)
        self.alive = find_alive(self.route, state, 2 * self.step * reach) if streamed else {}
        self.extent = find_extent(self.route, state, self.alive)

    def seconds(self, n_entries: int) -> float:
        """Return the predicted time of probing `n_entries` entries."""
        return self.extent.seconds(n_entries)

    def entries(self) -> Ints:
        """Return all flat positions, ordered so that probes with a common context are neighbours.

        Entries of an intermediate value that cannot have any effect are left out.
        """
        order = _context_order(self.route)
        flat = np.arange(self.node.size).reshape(self.node.shape).transpose(order).reshape(-1)
        mask = self.alive.get(self.node.index)
        if mask is not None and self.node.batch_axis is not None:
            flat = flat[mask.reshape(-1) != 0]
        return np.ascontiguousarray(flat)

    def chunks(self, entries: Ints) -> list[tuple[int, Ints]]:
        """Return `entries` in pieces, with their places; their size depends on the graph only."""
        size = max(1, self.extent.nominal_rows // 2)
        run = _run_length(self.route)
        if run <= size:
            size -= size % run
        else:
            size = -(-run // -(-run // size))
        return [(lo, entries[lo : lo + size]) for lo in range(0, entries.size, size)]

    def probe(self, entries: Ints) -> Derivatives:
        """Return the derivatives with respect to `entries`, in this thread, kinks avoided."""
        found = self.probe_at(entries, self.step)
        again = np.flatnonzero(found.kink)
        if again.size:
            found.put(again, self._near(entries[again]))
        found.n_crossed = again.size
        return found

    def _near(self, entries: Ints) -> Derivatives:
        """Return the derivatives from a smaller step, and at a kink the limits of the slopes.

        Slopes on both sides of a point differ by curvature, too, in proportion to the step: where
        branches join smoothly, as in the logarithm of a sum of exponentials less their maximum,
        nothing is left of the difference at step zero. It is found from two steps.
        """
        near = self.probe_at(entries, self.step * SHRINK)
        kinks = np.flatnonzero(near.kink)
        if kinks.size:
            nearer = self.probe_at(entries[kinks], self.step * SHRINK * NEARER)
            for name in ("values", "minus", "plus"):
                far, close = getattr(near, name)[kinks], getattr(nearer, name)
                getattr(near, name)[kinks] = close + (close - far) * (NEARER / (1.0 - NEARER))
        return near

    def probe_at(
        self, entries: Ints, step: float | Floats, trail: Trail | None = None
    ) -> Derivatives:
        """Return the derivatives with respect to `entries`, with one step for all or for each."""
        order = self._by_sample(entries)
        sent = entries if order is None else entries[order]
        if order is not None and isinstance(step, np.ndarray):
            step = step[order]
        whole = min(self.node.size, self.extent.nominal_rows // 2)
        few = 4 * entries.size < whole  # hence hardly any that share rows
        n_rows = self.extent.n_rows if few else self.extent.nominal_rows
        outcome = run_chunk(self.state, self.route, sent, step, n_rows, self.alive, trail)
        up, down = outcome.change[0::2], outcome.change[1::2]
        found = Derivatives(
            (up - down) / (2.0 * step),
            -down / step,
            up / step,
            outcome.kink,
            np.ones(entries.size, bool),
        )
        if order is None:
            return found
        back = Derivatives.unknown(entries.size)
        back.put(order, found)
        return back

    def _by_sample(self, entries: Ints) -> Ints | None:
        """Return the order in which `entries` are sorted by sample, None where they are."""
        axis = self.node.batch_axis
        if axis is None:
            return None
        sample = np.unravel_index(entries, self.node.shape)[axis]
        return None if np.all(sample[1:] >= sample[:-1]) else np.argsort(sample, kind="stable")


@dataclass(frozen=True, eq=False)
class Job:
    """Entries to be probed, and where their derivatives go."""

    prober: Prober
    entries: Ints
    result: Derivatives

    @classmethod
    def of(cls, prober: Prober, entries: Ints) -> Job:
        """Return a job of which nothing is done."""
        return cls(prober, entries, Derivatives.unknown(entries.size))

    def in_place(self, truncation: float) -> Derivatives:
        """Return the result in the shape of the node.

        Entries of the node that were not to be probed cannot have any effect: zero.
        """
        node = self.prober.node
        whole = Derivatives.zero(node.shape)
        whole.put(self.entries, self.result)
        whole.truncation = truncation
        return whole


def run_jobs(jobs: Sequence[Job], *, n_jobs: int = 1, report: Report | None = None) -> bool:
    """Fill in the results of `jobs`, in order; return whether all is done.

    Parameters
    ----------
    jobs : sequence of Job
        The jobs. Each is cut into chunks in a way that does not depend on `n_jobs`; neither does
        any result, to the last bit.
    n_jobs : int
        How many threads.
    report : callable, optional
        Called with the number of finished entries after each chunk.

    Returns
    -------
    bool
        False if Ctrl-C ended the run; what was finished is kept.
    """
    work = [(job, lo, chunk) for job in jobs for lo, chunk in job.prober.chunks(job.entries)]
    seconds = sum(job.prober.seconds(job.entries.size) for job in jobs)
    items = [(job.prober, chunk) for job, _, chunk in work]
    try:
        with single_threaded_blas():
            results = mapped(_probe, items, n_jobs=n_jobs, seconds=seconds)
            for (job, lo, chunk), found in zip(work, results, strict=True):
                job.result.put(slice(lo, lo + chunk.size), found)
                if report is not None:
                    report(chunk.size)
    except KeyboardInterrupt:
        return False
    finally:
        memory.release()
    return True


def _probe(item: tuple[Prober, Ints]) -> Derivatives:
    prober, chunk = item
    return prober.probe(chunk)


def settle_step(prober: Prober, seed: int = 0, n_entries: int = 48) -> float:
    """Shrink the step of `prober` until truncation is below rounding; return the truncation.

    How large differences are on the way is noted too: the prober's extent is exact afterwards.

    The third derivative is estimated from two large steps, where truncation is far above rounding,
    at some entries. That is only right where derivatives follow ``f1 + c h**2``, which a third,
    smaller step shows; a saturated function does not, nor one whose inputs grow faster than the
    step, such as a product of what moves with itself. The steps are shrunk until they do.
    Shrinking costs nothing: the error of difference arithmetic does not grow.

    Parameters
    ----------
    prober : Prober
        Its step is changed unless the user gave it.
    seed : int
        Where the entries are drawn from.
    n_entries : int
        How many entries to look at.

    Returns
    -------
    float
        Estimated truncation error of a derivative at the step, absolute.
    """
    size = prober.node.size
    rng = np.random.default_rng(seed)
    entries = np.sort(rng.choice(size, min(n_entries, size), replace=False))
    unit = prober.step if prober.is_chosen else prober.step_of_change
    trend, most = _Trend.at(prober, entries, unit), prober.step
    for _ in range(N_RETREATS):
        if trend.is_regular:
            break
        unit *= RETREAT if trend.is_seen else SHRINK
        most = 4.0 * FAR * unit if trend.is_seen else most  # so far is known how it bends
        trend = _Trend.at(prober, entries, unit)
    if prober.is_chosen:
        prober.step = min(prober.step, most)
    truncation = 4.0 * trend.curvature * prober.step**2
    while prober.is_chosen and truncation > trend.floor > 0.0 and prober.step > 2.0**-300:
        prober.step /= 2.0
        truncation /= 4.0
    return truncation if trend.is_regular else truncation + trend.deviation


@dataclass(frozen=True)
class _Trend:
    """How derivatives at some entries depend on the step; see :func:`settle_step`.

    Attributes
    ----------
    curvature : float
        Largest ``c`` in ``f1 + c h**2``.
    deviation : float
        By how much a derivative with the smallest step deviates from that at most.
    is_seen : bool
        Whether there are entries that cross no kink on the way.
    is_regular : bool
        Whether so it is, and none of them deviates by more than the next term and rounding explain.
    floor : float
        Rounding of the largest derivative.
    """

    curvature: float
    deviation: float
    is_seen: bool
    is_regular: bool
    floor: float

    @classmethod
    def at(cls, prober: Prober, entries: Ints, unit: float) -> _Trend:
        """Return the trend at the step `unit`, and 2**8 and 2**10 times that."""
        trail: Trail = {}
        steps = np.repeat(unit * np.array([1.0, FAR, 4.0 * FAR]), entries.size)
        found = prober.probe_at(np.tile(entries, 3), steps, trail)
        prober.extent = find_extent(prober.route, prober.state, prober.alive, trail)
        near, first, second = found.values.reshape(3, -1)
        change, size = np.abs(second - first), np.abs(near)
        deviation = np.abs(near - first + (second - first) / 15.0)
        usable = np.isfinite(change + deviation) & ~found.kink.reshape(3, -1).any(axis=0)
        largest = float(size[np.isfinite(size)].max(initial=0.0))
        irregular = usable & (deviation > IRREGULAR * change + ROUNDED * largest)
        return cls(
            curvature=float(change[usable].max(initial=0.0)) / (15.0 * (FAR * unit) ** 2),
            deviation=float(deviation[irregular].max(initial=0.0)),
            is_seen=bool(usable.any()),
            is_regular=bool(usable.any() and not irregular.any()),
            floor=UNIT * largest,
        )


def _context_order(route: Route) -> list[int]:
    """Return the axes of the origin, those first that survive its first product."""
    node, axes = route.origin, list(range(route.origin.ndim))
    if node.batch_axis is not None:
        return sorted(axes, key=lambda a: a != node.batch_axis)
    for user in route.nodes:
        if node not in user.inputs:
            continue
        if isinstance(user.op, Transpose):
            axes, node = [axes[a] for a in user.op.axes], user
        elif isinstance(user.op, Contraction):
            own = user.op.letters[user.inputs.index(node)]
            kept = {a for a, k in zip(axes, own, strict=True) if k in user.op.out}
            return sorted(range(route.origin.ndim), key=lambda a: a not in kept)
    return list(range(route.origin.ndim))


def _run_length(route: Route) -> int:
    """Return how many neighbouring entries share a unit."""
    order = _context_order(route)
    shape = route.origin.shape
    if len(order) < 2 or route.origin.batch_axis is not None:
        return 1
    return shape[order[-1]]
