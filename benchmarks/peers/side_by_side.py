"""Time, error and verdicts of each peer on one problem.

Nothing is timed before the loss and the derivatives of a peer were compared with the reference.
What would take longer than is allowed is done on entries spread over all tensors, in proportion,
with the wrong ones among them, and its time extrapolated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.accuracy import ABOVE
from benchmarks.loops import spread
from benchmarks.measure import ROUNDINGS, RTOL, NotEqualError
from benchmarks.peers.planting import ten, with_wrong
from benchmarks.peers.roster import OURS
from benchmarks.timing import interleaved, ratio, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from benchmarks.peers.peer import Entries, Peer
    from benchmarks.peers.planting import Planted
    from benchmarks.peers.problem import Problem
    from benchmarks.peers.roster import Kind

    Floats = NDArray[np.float64]

FEW = 24
"""Entries from which the time of a whole check is predicted."""
FAR, MOST_FAR = 0.02, 0.25
"""How far a numerical derivative of a peer may be from the right one, in units of its tensor's root
mean square, and how many may be farther: steps across kinks make some wrong; if the network is
another, or entries are mixed up, most are."""
SINGLE = 1e-4
"""What a loss or a gradient in float32 may be off."""
LEAST = 48
"""Entries of a slice."""
SHARE = 1 / 3
"""Of the allowed time that a slice takes."""


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Attributes
    ----------
    rounds : int
        In each round all peers follow each other; ratios are taken within a round.
    longest : float
        Seconds that one whole check may take before it is done on a slice.
    shortest : float
        Seconds for which shorter checks are repeated.
    clock : callable
        Time that has passed, or time of the processor.
    """

    rounds: int = 3
    longest: float = 60.0
    shortest: float = 1.0
    clock: Callable[[], float] = perf_counter


# ------------------------------------------------------------ right?


def compared(problem: Problem, kind: Kind) -> None:
    """Compare loss, own gradient and some derivatives of a peer with the reference.

    Raises
    ------
    NotEqualError
        If the peer does not compute what the others do.
    """
    peer = kind.make(problem, _at_least_one(problem, spread(_shapes(problem), FEW)))
    is_single = peer.dtype == np.float32
    ours, theirs = problem.objective.loss(problem.params), peer.value()
    allowed = ROUNDINGS * float(np.spacing(max(abs(ours), 1.0)))
    if not abs(theirs - ours) <= (SINGLE if is_single else allowed):
        raise NotEqualError(f"{problem.name}: the loss of {kind.name} is {theirs!r}, not {ours!r}")
    own = peer.backpropagated()
    if own is not None:
        _near(problem, kind, "its own gradient", own, problem.right, SINGLE if is_single else RTOL)
    if kind.has_entries:
        peer.check(problem.right)
        if kind.place.startswith("ours:"):
            right = peer.some(problem.right)
            _near(problem, kind, "its numerical gradient", peer.numerical, right, RTOL)
        _mostly_near(problem, kind, peer)


def _near(
    problem: Problem, kind: Kind, what: str, found: Mapping[str, Any],
    right: Mapping[str, Floats], limit: float,
) -> None:  # fmt: skip
    for name, there in right.items():
        gap = float(np.linalg.norm(found[name].reshape(-1) - there.reshape(-1)))
        far = gap / max(float(np.linalg.norm(there)), 1e-300)
        if not far <= limit:
            raise NotEqualError(f"{problem.name}: {kind.name}: {what} of {name} is {far:.1e} off")


def _mostly_near(problem: Problem, kind: Kind, peer: Peer) -> None:
    far = []
    for name, right in peer.some(problem.right).items():
        size = float(np.sqrt(np.mean(problem.right[name] ** 2)))
        far += list(~(np.abs(peer.numerical[name] - right) <= FAR * size))
    if sum(far) > MOST_FAR * len(far):
        raise NotEqualError(
            f"{problem.name}: {kind.name}: {sum(far)} of {len(far)} numerical derivatives are off"
        )


def worst_error(peer: Peer, truth: Mapping[str, Floats]) -> float | None:
    """Return the worst relative error of a derivative, over entries that are not small.

    None for a peer that finds no derivatives of single entries.
    """
    worst = None
    for name, found in peer.numerical.items():
        exact = truth[name].reshape(-1)
        some = exact[peer.entries[name]]
        matters = np.abs(some) > ABOVE * np.abs(exact).max()
        if matters.any():
            far = float((np.abs(found - some)[matters] / np.abs(some[matters])).max())
            worst = max(far, worst or 0.0)
    return worst


# ------------------------------------------------------------ how fast, and what it says


def measured(
    problem: Problem, kinds: Iterable[Kind], effort: Effort, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Return the figures of all peers on one problem.

    Raises
    ------
    NotEqualError
        If a peer does not compute what the others do.
    """
    planted = ten(problem)
    peers: dict[str, tuple[Kind, Peer]] = {}
    rows = {kind.name: _described(kind) for kind in kinds if kind.fits(problem)}
    for kind in kinds:
        if kind.is_installed and kind.fits(problem):
            compared(problem, kind)
            peers[kind.name] = (kind, sized(problem, kind, planted, effort))
            say(f"{problem.name}: {kind.name} is right, {peers[kind.name][1].n_entries} entries")
    timers = {name: timer(problem, *peers[name], effort) for name in peers}
    times = interleaved(timers, effort.rounds)
    for name, (kind, peer) in peers.items():
        rows[name] |= {
            "seconds": median(times[name]),
            "ratio": ratio(times[name], times[OURS.name]),
            "n_entries": peer.n_entries if kind.has_entries else None,
            "extrapolated": _is_slice(problem, kind, peer),
            "error": worst_error(peer, problem.truth),
            "right": peer.verdict(problem.right),
            "planted": [peer.verdict(one.grads) for one in planted],
        }
        say(f"{problem.name}: {name} took {rows[name]['seconds']:.3g} s")
    return {
        "name": problem.name,
        "title": problem.title,
        "data": problem.data,
        "n_params": problem.n_params,
        "n_batch": problem.n_batch,
        "faults": [{"title": one.title, "change": one.change} for one in planted],
        "rows": list(rows.values()),
    }


def _described(kind: Kind) -> dict[str, Any]:
    return {
        "peer": kind.name,
        "title": kind.title,
        "looks_at": kind.looks_at,
        "rule": kind.rule,
        "step": kind.step,
        "installed": kind.is_installed,
    }


def sized(problem: Problem, kind: Kind, planted: list[Planted], effort: Effort) -> Peer:
    """Return the peer for all entries, or for as many as it does in the time that is allowed."""
    if not kind.has_entries or kind.place.startswith("ours:"):
        return kind.make(problem)
    few = kind.make(problem, _at_least_one(problem, spread(_shapes(problem), FEW)))
    few.check(problem.right)
    each = seconds_of(partial(few.check, problem.right), 0.0, effort.clock) / few.n_entries
    n = problem.n_params
    if each * n > effort.longest:
        n = max(LEAST, int(SHARE * effort.longest / each))
    if kind.most is not None:
        n = min(n, kind.most)
    if n >= problem.n_params:
        return kind.make(problem)
    return kind.make(problem, with_wrong(problem, spread(_shapes(problem), n), planted))


def timer(problem: Problem, kind: Kind, peer: Peer, effort: Effort) -> Callable[[], float]:
    """Return what measures the time of a whole check of all entries."""
    peer.prepare()
    check = partial(peer.check, problem.right)

    def timed() -> float:
        seconds = seconds_of(check, effort.shortest, effort.clock)
        return seconds * problem.n_params / peer.n_entries if kind.has_entries else seconds

    return timed


def _is_slice(problem: Problem, kind: Kind, peer: Peer) -> bool:
    return kind.has_entries and peer.n_entries < problem.n_params


def _shapes(problem: Problem) -> dict[str, tuple[int, ...]]:
    return {name: value.shape for name, value in problem.params.items()}


def _at_least_one(problem: Problem, entries: Entries) -> Entries:
    return {
        name: entries[name] if entries[name].size else np.zeros(1, np.int64)
        for name in problem.params
    }
