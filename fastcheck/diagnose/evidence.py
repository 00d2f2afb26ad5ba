"""What explanations rest on: two gradients, their bounds and the parameters, by tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

ROUNDING = 2.0**-49
"""Allowance for what an explanation computes, relative to the larger of both values."""
CLEAR = 100.0
"""An entry tells something if it is off by at least so many bounds."""
FIRST = 64
"""Entries that are compared before all are."""


@dataclass(eq=False)
class Evidence:
    """One tensor: what was given, what was measured, and how well.

    Attributes
    ----------
    name : str
        The tensor.
    analytic, numerical, allowance : ndarray of float64, in its shape
        The two gradients, and by how much they may differ if both are right.
    known : ndarray of bool, same shape
        The entries that were measured, off kinks.
    values : ndarray of float64 or None
        The parameter itself, None if it is not known.
    failed : bool
        Whether it is to be explained.
    """

    name: str
    analytic: Floats
    numerical: Floats
    allowance: Floats
    known: Flags
    values: Floats | None
    failed: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.analytic.shape

    @cached_property
    def is_complete(self) -> bool:
        """Whether every entry was measured."""
        return bool(self.known.all())

    @cached_property
    def wrong(self) -> Flags:
        """The entries that are known to be outside their bounds."""
        return self.known & (np.abs(self.analytic - self.numerical) > self.allowance)

    @cached_property
    def clear(self) -> Flags:
        """The entries that are wrong by so much that a chance agreement means nothing."""
        off = np.abs(self.analytic - self.numerical)
        return self.known & (off > CLEAR * self.allowance)

    @cached_property
    def n_clear(self) -> int:
        """How many entries are clearly wrong."""
        return int(np.count_nonzero(self.clear))

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.known)

    def explained_by(self, other: Floats) -> bool:
        """Return whether `other`, in the shape of the tensor, is right in every known entry."""
        right, given = self.numerical.reshape(-1), other.reshape(-1)
        allowed = self.allowance.reshape(-1)
        for places in (self._places[:FIRST], self._places):
            size = np.maximum(np.abs(given[places]), np.abs(right[places]))
            off = np.abs(given[places] - right[places])
            if not np.all(off <= allowed[places] + ROUNDING * size):
                return False
        return True

    def informs(self, other: Floats) -> int:
        """Return in how many clearly wrong entries `other` differs from what was given."""
        off = np.abs(other - self.analytic)
        return int(np.count_nonzero(self.clear & (off > CLEAR * self.allowance)))


@dataclass(eq=False)
class Case:
    """All tensors of a check.

    Attributes
    ----------
    tensors : list of Evidence
        Those that were compared.
    data : dict of str to ndarray
        What else the loss reads, by name.
    n_samples : int or None
        The size of the batch, where it is known.
    """

    tensors: list[Evidence]
    data: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    n_samples: int | None = None

    @cached_property
    def failed(self) -> list[Evidence]:
        """Those that are to be explained."""
        return [tensor for tensor in self.tensors if tensor.failed]

    def without(self, names: set[str]) -> Case:
        """Return the same with the tensors of `names` taken for explained."""
        kept = [
            replace(tensor, failed=False) if tensor.name in names else tensor
            for tensor in self.tensors
        ]
        return replace(self, tensors=kept)

    @cached_property
    def by_name(self) -> dict[str, Evidence]:
        """The same by name."""
        return {tensor.name: tensor for tensor in self.tensors}

    @cached_property
    def lengths(self) -> dict[int, str]:
        """What lengths there are, and of what; the likeliest first."""
        found: dict[int, str] = {}
        if self.n_samples is not None and self.n_samples > 1:
            found[self.n_samples] = "the number of samples"
        shapes = {name: np.shape(array) for name, array in self.data.items()}
        shapes |= {tensor.name: tensor.shape for tensor in self.tensors}
        for name, shape in shapes.items():
            for axis, length in enumerate(shape):
                if length > 1:
                    where = f"axis {axis} of {name}" if len(shape) > 1 else name
                    found.setdefault(length, f"the length of {where}")
        return found

    @cached_property
    def norm(self) -> float:
        """The Euclidean norm of the whole analytic gradient."""
        return math.sqrt(sum(float(np.sum(t.analytic**2)) for t in self.tensors))
