"""From what a file holds to what a network computes with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.datasets.dataset import Split

__all__ = ["as_features", "one_hot"]


def as_features(
    raw: NDArray[Any], indices: NDArray[np.int64], split: Split, *, scaled: bool
) -> NDArray[np.float64]:
    """Return examples as float64, bytes divided by 255 if `scaled`.

    Parameters
    ----------
    raw : ndarray of uint8, float32 or float64, shape (n, ...)
        As read.
    indices : ndarray of int64, shape (n,)
        Where each came from, for the message.
    split : Split
        Likewise.
    scaled : bool
        Whether to divide bytes.

    Returns
    -------
    ndarray of float64, shape (n, ...), C-contiguous

    Raises
    ------
    DataError
        If a feature is not finite.
    """
    x = np.array(raw, dtype=np.float64, order="C")
    if raw.dtype == np.uint8:
        if scaled:
            x /= 255.0
        return x
    bad = np.argwhere(~np.isfinite(x))
    if len(bad):
        row, *feature = (int(i) for i in bad[0])
        place = [int(indices[row]), *feature]
        raise DataError(
            f"{split.path}: {split.place}{place} is {x[tuple(bad[0])]}, and {len(bad)} of the "
            f"{x.size} features read are not finite; clean the data before importing them"
        )
    return x


def one_hot(y: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Return labels as rows of zeros with a single one.

    Parameters
    ----------
    y : ndarray of int64, shape (n,)
        From 0 to ``n_classes - 1``.
    n_classes : int
        The length of a row.

    Returns
    -------
    ndarray of float64, shape (n, n_classes)

    Examples
    --------
    >>> one_hot(np.array([1, 0]), 3)
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    rows = np.zeros((y.size, n_classes))
    rows[np.arange(y.size), y] = 1.0
    return rows
