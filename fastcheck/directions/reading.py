"""What one directional derivative says, and what a search may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.directions.boxes import Box

    Floats = NDArray[np.float64]
    Move = list[tuple[Box, NDArray[Any]]]
    """By how much the entries of some boxes are moved; arrays have the shapes of the boxes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """By how much a gradient is wrong along a direction, in units of the loss.

    Attributes
    ----------
    value : float
        What the gradient predicts less what the loss does, for the displacement that was asked.
    tolerance : float
        By how much that can be off.
    """

    value: float
    tolerance: float

    @property
    def is_loud(self) -> bool:
        """Whether something must be wrong; not so if the loss is not finite."""
        return abs(self.value) > self.tolerance

    @property
    def ratio(self) -> float:
        """The value in units of its tolerance."""
        return abs(self.value) / self.tolerance if self.tolerance else np.inf

    def less(self, other: Reading) -> Reading:
        """Return what is left if a part is taken away."""
        return Reading(self.value - other.value, self.tolerance + other.tolerance)


@dataclass(frozen=True, slots=True)
class Single:
    """One entry that was probed on its own.

    Attributes
    ----------
    error : float
        Analytic less numerical derivative.
    bound : float
        By how much that can be off.
    minus, plus : float
        One-sided slopes.
    is_wrong : bool
        Whether the entry is outside its bound, confirmed at another step.
    """

    error: float
    bound: float
    minus: float
    plus: float
    is_wrong: bool


class Oracle(Protocol):
    """What a search asks: directional derivatives, each of two evaluations.

    Attributes
    ----------
    n_probes : int
        How many there were.
    """

    n_probes: int

    def step(self, name: str) -> float:
        """Return by how much a typical entry of a tensor is moved in a direction."""

    def quick(self, move: Move) -> Reading:
        """Return a reading of one probe."""

    def careful(self, move: Move) -> Reading:
        """Return a reading whose tolerance is measured at several steps, if it is loud."""

    def single(self, name: str, index: tuple[int, ...]) -> Single:
        """Return what is wrong with one entry: one probe if nothing is, else at least two."""
