"""Where the examples of a split are kept: one protocol, and the kind that is in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ArrayRows", "Rows"]


class Rows(Protocol):
    """An array in a file or in memory of which single rows can be read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the whole, examples first."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements: uint8, float32 or float64."""

    @property
    def storage(self) -> str:
        """How the array is kept, for people."""

    def read(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        """Return the rows at ascending, different `indices` as a new array."""


@dataclass(frozen=True, eq=False)
class ArrayRows:
    """Rows of an array in memory, which is not written to.

    Parameters
    ----------
    array : ndarray, shape (n, ...)
        The examples.
    storage : str
        How the file keeps them.
    """

    array: NDArray[Any]
    storage: str

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the whole."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
        return self.array.dtype

    def read(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        """Return a copy of the rows at `indices`."""
        return self.array[indices]
