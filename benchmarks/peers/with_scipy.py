"""SciPy's checks of a gradient; the only module that imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scipy.optimize import _numdiff, _optimize, check_grad

from benchmarks.peers.peer import Peer, Vector, remembered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.peers.peer import Arrays, Entries
    from benchmarks.peers.problem import Problem

    Floats = NDArray[np.float64]


class SciPy(Peer):
    """A check of a function of one vector."""

    place: tuple[Any, str]
    """The module and the name of the function that computes the numerical derivatives."""
    limit: float
    """Of the number that is small for a right gradient."""

    def __init__(self, problem: Problem, entries: Entries | None = None) -> None:
        super().__init__(problem, entries)
        self.vector = Vector(problem, self.entries)
        self.kept: dict[str, Any] = {}

    def score(self, analytic: Floats) -> float:
        """Return the number that is small for a right gradient."""
        raise NotImplementedError

    def check(self, grads: Arrays) -> bool:
        """Return whether the number is below the limit."""
        return self._passes(grads, again=False)

    def judge(self, grads: Arrays) -> bool:
        """Return the same from the numerical derivatives of the last check."""
        return self._passes(grads, again=True)

    def _passes(self, grads: Arrays, *, again: bool) -> bool:
        with remembered(*self.place, self.kept, again=again):
            score = self.score(self.vector.rolled(grads))
        self.numerical = self.vector.unrolled(self.kept["value"])
        return bool(score <= self.limit)

    def value(self) -> float:
        """Return the loss of the vector."""
        return self.vector.loss(self.vector.start)


class CheckGrad(SciPy):
    """``scipy.optimize.check_grad``: the 2-norm of the difference, by forward differences."""

    place = (_optimize, "approx_fprime")
    limit = 1e-5  # SciPy names none

    def score(self, analytic: Floats) -> float:
        """Return the norm."""
        return float(check_grad(self.vector.loss, lambda _: analytic, self.vector.start))


class CheckDerivative(SciPy):
    """``check_derivative``: the worst error beside ``approx_derivative``, central differences."""

    place = (_numdiff, "approx_derivative")
    limit = 1e-6  # its documentation says

    def score(self, analytic: Floats) -> float:
        """Return the worst error, relative where the derivative is above one."""
        jac = _numdiff.check_derivative(self.vector.loss, lambda _: analytic, self.vector.start)
        return float(jac)
