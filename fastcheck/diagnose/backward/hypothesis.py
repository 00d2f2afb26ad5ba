"""Mistakes that explain the layers so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fastcheck.diagnose.backward.reason import Reason, is_included, is_same

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


AGAIN = 0.1
"""What the same mistake costs in a further tensor."""


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """Mistakes that explain all layers so far.

    Attributes
    ----------
    deltas : dict of int to ndarray
        The cotangents of the sites as the code has them.
    reasons : tuple of Reason
        The mistakes, those nearest to the loss first.
    complexity : float
        How far-fetched they are together.
    is_lost : bool
        Whether the delta of the layers that follow is unknown.
    """

    deltas: dict[int, Floats] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()
    complexity: float = 0.0
    is_lost: bool = False

    def with_(self, reasons: list[Reason], deltas: Mapping[int, Floats]) -> Hypothesis:
        """Return the same with further mistakes."""
        cost = sum(self._cost(reason, reasons[:k]) for k, reason in enumerate(reasons))
        return replace(
            self,
            deltas={**self.deltas, **deltas},
            reasons=(*self.reasons, *reasons),
            complexity=self.complexity + cost,
        )

    def _cost(self, reason: Reason, others: list[Reason]) -> float:
        for other in (*self.reasons, *others):
            if reason.is_shared and (is_same(reason, other) or is_included(reason, other)):
                return AGAIN
        return reason.complexity
