"""Numerical derivatives, and what is known about each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]

ARRAYS = ("values", "minus", "plus", "kink", "known")


@dataclass(eq=False)
class Derivatives:
    """Derivatives of the loss with respect to some entries; all arrays have one shape.

    Attributes
    ----------
    values : ndarray of float64
        Central differences.
    minus, plus : ndarray of float64
        One-sided slopes below and above the point.
    kink : ndarray of bool
        Entries at a kink that a smaller step does not avoid.
    known : ndarray of bool
        False for entries that were not reached (an interrupted run).
    truncation : float
        Estimated truncation error, absolute.
    n_crossed : int
        How many entries crossed a kink at the first step.
    """

    values: Floats
    minus: Floats
    plus: Floats
    kink: Bools
    known: Bools
    truncation: float = 0.0
    n_crossed: int = 0

    @classmethod
    def unknown(cls, shape: int | tuple[int, ...]) -> Derivatives:
        """Return derivatives of which none is known yet; their values are NaN."""
        return cls(
            values=np.full(shape, np.nan),
            minus=np.full(shape, np.nan),
            plus=np.full(shape, np.nan),
            kink=np.zeros(shape, bool),
            known=np.zeros(shape, bool),
        )

    @classmethod
    def zero(cls, shape: int | tuple[int, ...]) -> Derivatives:
        """Return derivatives that are known to be exactly zero."""
        return cls(
            values=np.zeros(shape),
            minus=np.zeros(shape),
            plus=np.zeros(shape),
            kink=np.zeros(shape, bool),
            known=np.ones(shape, bool),
        )

    def reshaped(self, shape: tuple[int, ...]) -> Derivatives:
        """Return the same derivatives in another shape."""
        arrays = {name: getattr(self, name).reshape(shape) for name in ARRAYS}
        return replace(self, **arrays)

    def put(self, place: Ints | slice, other: Derivatives) -> None:
        """Write the derivatives of `other` to positions `place` of the flat arrays."""
        for name in ARRAYS:
            getattr(self, name).reshape(-1)[place] = getattr(other, name).reshape(-1)
        self.n_crossed += other.n_crossed

    def add(self, other: Derivatives) -> None:
        """Add the derivatives of another part of the loss, of the same shape."""
        self.values += other.values
        self.minus += other.minus
        self.plus += other.plus
        self.kink |= other.kink
        self.known &= other.known
        self.truncation += other.truncation
        self.n_crossed += other.n_crossed
