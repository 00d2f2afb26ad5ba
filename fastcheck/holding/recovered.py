"""Gradients that were read off something else, with the error that this brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Recovered(np.ndarray[Any, Any]):
    """An array that knows by how much each entry may be wrong.

    Attributes
    ----------
    error : ndarray of float64, same shape, or None
        Absolute. Whatever is computed from the array has none.
    """

    error: NDArray[np.float64] | None

    def __array_finalize__(self, source: object) -> None:
        self.error = None


def recovered(values: NDArray[Any], error: NDArray[np.float64]) -> Recovered:
    """Return `values` with their errors, absolute; no copy."""
    array = np.asarray(values).view(Recovered)
    array.error = error
    return array
