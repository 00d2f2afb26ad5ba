"""A minibatch with its provenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Batch"]


@dataclass(frozen=True, eq=False, repr=False)
class Batch:
    """Some examples of a data set, and where they come from.

    The arrays belong to the batch alone: nothing else sees it when they are written to.

    Attributes
    ----------
    x : ndarray of float64, shape (n, n_features) or (n, ...), C-contiguous
        The examples.
    y : ndarray of int64, shape (n,), or of float64, shape (n, n_classes)
        The labels: integers, or one-hot.
    indices : ndarray of int64, shape (n,)
        The places of the examples in their split, in the order of `x`.
    source : str
        The file they were read from.
    split : str
        The name of the split.
    sha256 : str
        Of the file `source`, 64 hexadecimal digits.
    seed : int or None
        What the sample was drawn with; None for examples that were named.
    n_classes : int
        The number of classes of the data set, whether or not they occur in the batch.
    classes : tuple of str
        Their names; label ``k`` means ``classes[k]``.
    synthetic : bool
        Whether the data were made by an algorithm.
    title : str
        What the data set calls itself.
    """

    x: NDArray[np.float64]
    y: NDArray[np.int64] | NDArray[np.float64]
    indices: NDArray[np.int64]
    source: str
    split: str
    sha256: str
    seed: int | None
    n_classes: int
    classes: tuple[str, ...]
    synthetic: bool
    title: str

    def __len__(self) -> int:
        return int(self.x.shape[0])

    def __repr__(self) -> str:
        origin = "named" if self.seed is None else f"seed={self.seed}"
        return (
            f"Batch(x={self.x.shape}, y={self.y.shape}, split={self.split!r}, {origin}, "
            f"source={self.source!r}, sha256={self.sha256[:12]!r}, synthetic={self.synthetic})"
        )
