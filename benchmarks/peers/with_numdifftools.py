"""numdifftools; the only module that imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numdifftools as nd
import numpy as np

from benchmarks.peers.peer import Peer, Vector
from benchmarks.peers.recipes import ALLCLOSE

if TYPE_CHECKING:
    from benchmarks.peers.peer import Arrays, Entries
    from benchmarks.peers.problem import Problem


class Extrapolated(Peer):
    """``numdifftools.Gradient``: many central differences, extrapolated to a step of zero."""

    def __init__(self, problem: Problem, entries: Entries | None = None) -> None:
        super().__init__(problem, entries)
        self.vector = Vector(problem, self.entries)

    def check(self, grads: Arrays) -> bool:
        """Return whether `grads` passes; some thirty evaluations per entry."""
        found = nd.Gradient(self.vector.loss)(self.vector.start)
        self.numerical = self.vector.unrolled(np.atleast_1d(found))
        return self.judge(grads)

    def judge(self, grads: Arrays) -> bool:
        """Return whether `grads` passes beside the derivatives that were found."""
        return ALLCLOSE.passes(self.some(grads), self.numerical)

    def value(self) -> float:
        """Return the loss of the vector."""
        return self.vector.loss(self.vector.start)
