"""fastcheck, asked like its peers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fastcheck as fc
from benchmarks.peers.peer import Peer

if TYPE_CHECKING:
    from benchmarks.peers.peer import Arrays, Entries
    from benchmarks.peers.problem import Problem
    from fastcheck.result import CheckResult


class Fastcheck(Peer):
    """``check_gradients`` of the network in layers, described anew, with its defaults."""

    def __init__(self, problem: Problem, entries: Entries | None = None) -> None:
        super().__init__(problem)
        self.result: CheckResult | None = None

    def asked(self, grads: Arrays) -> CheckResult:
        """Return the result."""
        return fc.check_gradients(self.problem.new_objective(), self.problem.params, grads)

    def check(self, grads: Arrays) -> bool:
        """Return whether `grads` passes."""
        self.result = self.asked(grads)
        self.numerical = {n: self.result.numerical[n].reshape(-1) for n in self.entries}
        return self.result.passed

    def judge(self, grads: Arrays) -> bool:
        """Return the same: it takes milliseconds."""
        return self.check(grads)

    def verdict(self, grads: Arrays) -> str:
        """Return "pass", "fail" or "inconclusive"."""
        return self.asked(grads).verdict

    def value(self) -> float:
        """Return the loss of the objective."""
        return self.problem.objective.loss(self.problem.params)


class Traced(Fastcheck):
    """``check_gradients`` of the plain NumPy loss, which is traced within the check."""

    def asked(self, grads: Arrays) -> CheckResult:
        """Return the result."""
        return fc.check_gradients(self.problem.loss, self.problem.params, grads)

    def value(self) -> float:
        """Return the loss in NumPy."""
        return self.problem.loss(self.problem.params)
