"""Checks that people write themselves: Python loops with the tolerances of their courses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.loops import PublishedLoop
from benchmarks.peers.peer import Peer
from benchmarks.peers.rules import both, close, floored, norm_ratio, relative

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.peers.peer import Arrays, Entries
    from benchmarks.peers.problem import Problem
    from benchmarks.peers.rules import Rule

    Floats = NDArray[np.float64]

__all__ = ["NaiveLoop", "NormRatio", "PublishedRatio", "PyTensorRule", "RelativeError",
           "StrictRelativeError", "TenEntries"]  # fmt: skip


class Recipe(Peer):
    """A loop over entries that are moved in place, and a rule.

    Attributes
    ----------
    step : float
        Absolute.
    rule : Rule
        By which the analytic gradient passes.
    central : bool
        Whether the loss is evaluated on both sides.
    """

    step: float
    rule: Rule
    central = True

    def check(self, grads: Arrays) -> bool:
        """Return whether `grads` passes; two evaluations per entry, one if not central."""
        params = {name: value.copy() for name, value in self.problem.params.items()}
        base = 0.0 if self.central else self.problem.loss(params)
        self.numerical = {}
        for name, some in self.entries.items():
            theta = params[name].reshape(-1)
            found = np.empty(some.size)
            for k, i in enumerate(some):
                old = theta[i]
                theta[i] = old + self.step
                up = self.problem.loss(params)
                if self.central:
                    theta[i] = old - self.step
                    found[k] = (up - self.problem.loss(params)) / (2.0 * self.step)
                else:
                    found[k] = (up - base) / self.step
                theta[i] = old
            self.numerical[name] = found
        return self.judge(grads)

    def judge(self, grads: Arrays) -> bool:
        """Return whether `grads` passes beside what the loop has found.

        Of a rule that makes one number of all entries, those that the loop has left out are
        compared too, as if it had found their exact derivatives.
        """
        if self.rule.is_whole and self.n_entries < self.problem.n_params:
            return self.rule.passes({n: g.reshape(-1) for n, g in grads.items()}, self._completed())
        return self.rule.passes(self.some(grads), self.numerical)

    def _completed(self) -> dict[str, Floats]:
        found = {name: value.reshape(-1).copy() for name, value in self.problem.truth.items()}
        for name, some in self.entries.items():
            found[name][some] = self.numerical[name]
        return found

    def prepare(self) -> None:
        """Have the exact derivatives ready, if they are needed."""
        if self.rule.is_whole and self.n_entries < self.problem.n_params:
            _ = self.problem.truth

    def value(self) -> float:
        """Return the loss in NumPy."""
        return self.problem.loss(self.problem.params)


class NaiveLoop(Recipe):
    """The plain loop with the rule of a course on language models."""

    step = 1e-4
    rule = floored(1e-5)


class RelativeError(Recipe):
    """The plain loop, worst relative error, the limit for losses with kinks."""

    step = 1e-5
    rule = relative(1e-4)


class StrictRelativeError(RelativeError):
    """The plain loop, worst relative error, the limit for smooth losses."""

    rule = relative(1e-7)


class NormRatio(Recipe):
    """The plain loop, one number for all entries."""

    step = 1e-7
    rule = norm_ratio(1e-7)


class PyTensorRule(Recipe):
    """What PyTensor's verify_grad does to a scalar function of float64 arrays."""

    step = 1e-7
    rule = both(1e-4, 1e-4)
    central = False


class TenEntries(Recipe):
    """Ten entries of each tensor, drawn at random, with replacement as published."""

    step = 1e-5
    rule = relative(1e-4)
    n_drawn = 10

    def __init__(self, problem: Problem, entries: Entries | None = None) -> None:
        rng = np.random.default_rng([problem.seed, self.n_drawn])
        drawn = {n: rng.integers(0, p.size, self.n_drawn) for n, p in problem.params.items()}
        super().__init__(problem, drawn)


class PublishedRatio(NormRatio):
    """The loop of the course that the network of S1 is from: one vector, copied for each entry."""

    def __init__(self, problem: Problem, entries: Entries | None = None) -> None:
        super().__init__(problem, entries)
        self.loop = PublishedLoop(problem.params, problem.x, problem.y, self.step)

    def check(self, grads: Arrays) -> bool:
        """Return whether `grads` passes; two evaluations per entry."""
        ends = self.loop.run(self.entries)
        self.numerical = {n: (e[:, 0] - e[:, 1]) / (2.0 * self.step) for n, e in ends.items()}
        return self.judge(grads)

    def value(self) -> float:
        """Return the loss of the loop."""
        return self.loop.base()


ALLCLOSE = close(1e-5, 1e-8)
"""NumPy's defaults, for those that leave the comparison to their users."""
