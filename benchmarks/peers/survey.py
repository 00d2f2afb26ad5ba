"""Which mistakes of the whole catalogue each peer misses, over many networks.

Not to be confused with ``benchmarks/detection.py``, which is about functions that fastcheck can
only call, and ``benchmarks/diagnosis.py``, which is about the names of mistakes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.measure import NotEqualError
from benchmarks.peers.dialects import Net
from benchmarks.peers.planting import Planted, change, point
from benchmarks.peers.problem import drawn
from benchmarks.peers.roster import BY_NAME
from benchmarks.peers.side_by_side import compared
from fastcheck.faults import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from benchmarks.peers.problem import Problem
    from benchmarks.peers.roster import Kind

PEERS = (
    "fastcheck", "torch-slow", "torch-fast", "jax-check-grads", "jax-check-grads-32",
    "scipy-check-grad", "scipy-check-derivative", "plain", "relative", "relative-strict",
    "ten-entries", "norm-ratio", "pytensor",
)  # fmt: skip
SIZES, N_BATCH, L2 = (200, 60, 30, 10), 64, 1e-3
QUICK_SIZES, QUICK_BATCH, QUICK_EACH = (6, 5, 4), 7, 10
GROUPS: tuple[tuple[str, str, str | float], ...] = (
    ("ReLU", "relu", "fan_in"), ("tanh", "tanh", "fan_in"), ("tanh, weights 0.01", "tanh", 0.01),
)  # fmt: skip
"""Name, activation, scale of the weights: the last as courses begin, with small derivatives."""
BUCKETS = ((1e-2, "1 % and more"), (1e-4, "0.01 % to 1 %"), (1e-12, "less than 0.01 %"))
"""Least change of the entry that changes most, in units of its tensor's root mean square; what
changes less is no mistake."""


@dataclass
class Tally:
    """What one peer said.

    Attributes
    ----------
    planted, missed : Counter
        Mistakes, by group of networks and size.
    names : Counter
        Those that were missed, by name.
    right, alarms, undecided : int
        Right gradients, those that were called wrong, and those of which neither was said.
    """

    planted: Counter[tuple[str, str]] = field(default_factory=Counter)
    missed: Counter[tuple[str, str]] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)
    right: int = 0
    alarms: int = 0
    undecided: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the counts for a JSON file."""
        return {
            "counts": [
                {
                    "group": group,
                    "size": size,
                    "planted": self.planted[group, size],
                    "missed": self.missed[group, size],
                }
                for group, *_ in GROUPS
                for _, size in BUCKETS
            ],
            "names": dict(self.names.most_common()),
            "right": self.right,
            "alarms": self.alarms,
            "undecided": self.undecided,
        }


def problems(n_seeds: int, *, quick: bool = False) -> Iterator[Problem]:
    """Yield networks of each group, with a penalty, at random examples; named by their group."""
    sizes, n_batch = (QUICK_SIZES, QUICK_BATCH) if quick else (SIZES, N_BATCH)
    for seed in range(n_seeds):
        for name, hidden, scale in GROUPS:
            yield drawn(Net(sizes, hidden, l2=L2), n_batch, seed, name, scale)


def mistakes(problem: Problem) -> Iterator[tuple[str, Planted]]:
    """Yield the mistakes of the catalogue that change anything, each with its size."""
    for fault in catalogue(point(problem, problem.seed)):
        grads = fault.make()
        size = change(problem, grads)
        bucket = next((name for least, name in BUCKETS if size >= least), None)
        if bucket is not None:
            yield bucket, Planted(fault.name, grads, size)


def surveyed(
    some: Iterable[Problem],
    kinds: list[Kind],
    say: Callable[[str], None] = print,
    *,
    each: int = 1,
) -> dict[str, Any]:
    """Return what each peer said of all networks.

    Of the mistakes, every `each`-th is planted.

    Raises
    ------
    NotEqualError
        If a peer does not compute what the others do.
    """
    there = [kind for kind in kinds if kind.is_installed]
    tallies = {kind.name: Tally() for kind in there}
    titles = []
    for problem in some:
        titles.append(problem.title)
        planted = list(mistakes(problem))[::each]
        for kind in there:
            compared(problem, kind)
            _ask(problem, kind, planted, tallies[kind.name])
        say(f"{problem.name}, seed {problem.seed}: {len(planted)} mistakes")
    if not titles:
        raise NotEqualError("no network was drawn")
    return {
        "networks": list(dict.fromkeys(titles)),
        "n_networks": len(titles),
        "l2": L2,
        "rows": [_row(kind, tallies.get(kind.name)) for kind in kinds],
    }


def _ask(problem: Problem, kind: Kind, planted: list[tuple[str, Planted]], tally: Tally) -> None:
    peer = kind.make(problem)
    peer.check(problem.right)  # from here on it remembers the numerical derivatives
    said = peer.verdict(problem.right)
    tally.right += 1
    tally.alarms += said == "fail"
    tally.undecided += said == "inconclusive"
    for bucket, one in planted:
        tally.planted[problem.name, bucket] += 1
        if peer.verdict(one.grads) != "fail":
            tally.missed[problem.name, bucket] += 1
            tally.names[one.title] += 1


def _row(kind: Kind, tally: Tally | None) -> dict[str, Any]:
    row = {"peer": kind.name, "title": kind.title, "rule": kind.rule, "installed": bool(tally)}
    return row if tally is None else row | tally.to_dict()


def chosen() -> list[Kind]:
    """Return the peers that are asked."""
    return [BY_NAME[name] for name in PEERS]
