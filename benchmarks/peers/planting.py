"""The ten mistakes of the side-by-side table, planted into the right gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.faults import Point, catalogue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.peers.peer import Entries
    from benchmarks.peers.problem import Problem

    Floats = NDArray[np.float64]
    Arrays = dict[str, Floats]

ONE_PERCENT = 0.01
TEN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("one entry of W1 is 1 % too large", ("one entry 1 % off W1",)),
    ("one entry of W1 is 0.1 % too large", ("one entry off W1",)),
    ("b1 is not divided by the batch", ("b1 times the batch",)),
    ("b1 is doubled", ("b1 times two",)),
    ("the rows of W1 are off by one", ("rolled rows W1",)),
    ("W2 lacks a transpose", ("transposed W2", "memory order W2")),
    ("the slope of the first activation is missing", ("slope missing a1",)),
    ("b2 is never filled in", ("zero b2",)),
    ("the first sample is dropped", ("first sample dropped",)),
    ("the slope of the second activation is missing", ("slope missing a2",)),
    ("the sign of W2 is wrong", ("negated W2",)),
    ("weight decay that the loss does not have", ("weight decay",)),
)
"""Each with the titles that the catalogue has for it; the first one that exists is taken."""
INSTEAD = {
    "b1 is doubled": "b1 is not divided by the batch",
    "the slope of the second activation is missing": "the first sample is dropped",
}
"""What is planted where the other cannot be: a batch of one example has no mean to forget."""


@dataclass(frozen=True, eq=False)
class Planted:
    """A wrong gradient.

    Attributes
    ----------
    title : str
        What its author did.
    grads : dict of str to ndarray
        By tensor.
    change : float
        The largest change of an entry, relative to the root mean square of its tensor.
    """

    title: str
    grads: Arrays
    change: float


def ten(problem: Problem) -> list[Planted]:
    """Return ten mistakes that can be made in a network, in the order of `TEN`."""
    known = {f.title: f.make for f in catalogue(point(problem))}
    b1 = problem.right["b1"]
    known["one entry 1 % off W1"] = lambda: _one_percent(problem, known["one entry off W1"]())
    known["b1 times two"] = lambda: problem.right | {"b1": 2.0 * b1}
    if problem.n_batch > 1:
        known["b1 times the batch"] = lambda: problem.right | {"b1": problem.n_batch * b1}
    found: list[Planted] = []
    for title, names in TEN:
        if any(planted.title == INSTEAD.get(title) for planted in found):
            continue
        name = next((name for name in names if name in known), None)
        if name is not None:
            wrong = known[name]()
            found.append(Planted(title, wrong, change(problem, wrong)))
    return found


def point(problem: Problem, seed: int = 0) -> Point:
    """Return what the catalogue of mistakes plants into."""
    state = problem.objective.state(problem.params)
    return Point(
        problem.right, problem.params, problem.n_batch, problem.objective.graph, state.values, seed
    )


def change(problem: Problem, wrong: Arrays) -> float:
    """Return the largest change of an entry, in units of its tensor's root mean square."""
    worst = 0.0
    for name, right in problem.right.items():
        size = float(np.sqrt(np.mean(right * right)))
        gap = float(np.abs(wrong[name] - right).max(initial=0.0))
        if gap:
            worst = max(worst, gap / size if size else np.inf)
    return worst


def _one_percent(problem: Problem, off: Arrays) -> Arrays:
    """Return the gradient that is wrong at the same entry, by another amount."""
    right = problem.right["W1"]
    (place,) = np.flatnonzero(off["W1"] != right)
    W1 = right.copy()
    W1.reshape(-1)[place] *= 1.0 + ONE_PERCENT
    return problem.right | {"W1": W1}


def with_wrong(problem: Problem, entries: Entries, planted: list[Planted]) -> Entries:
    """Return entries among which each mistake shows, where it changes most."""
    found = {name: set(map(int, some)) for name, some in entries.items()}
    for one in planted:
        gaps = {n: np.abs(one.grads[n] - g).reshape(-1) for n, g in problem.right.items()}
        if not any(gaps[n][sorted(some)].any() for n, some in found.items() if some):
            worst = max(gaps, key=lambda n: float(gaps[n].max(initial=0.0)))
            found[worst].add(int(np.argmax(gaps[worst])))
    for some in found.values():
        some.add(0)  # an empty tensor is no input
    return {name: np.array(sorted(some), np.int64) for name, some in found.items()}
