"""Which examples a sample consists of: without replacement, decided by the seed alone.

The keys are the raw output of PCG64. NumPy promises that the stream of a bit generator never
changes (NEP 19) and does not promise it of ``Generator.permutation``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

__all__ = ["class_sizes", "draw", "draw_balanced"]


def draw(n: int, n_total: int, seed: int) -> Ints:
    """Return `n` different numbers below `n_total`, ascending.

    A larger sample with the same seed contains the smaller one.

    Parameters
    ----------
    n : int
        At most `n_total`.
    n_total : int
        The size of the split.
    seed : int
        Not negative.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    return np.sort(_shuffled(n_total, seed)[:n])


def draw_balanced(sizes: Ints, labels: Ints, seed: int) -> Ints:
    """Return the places of ``sizes[k]`` different examples of each class ``k``, ascending.

    Parameters
    ----------
    sizes : ndarray of int64, shape (n_classes,)
        As :func:`class_sizes` returns them; none above the number of examples of its class.
    labels : ndarray of int64, shape (n_total,)
        The labels of the split.
    seed : int
        Not negative.

    Returns
    -------
    ndarray of int64, shape (sum(sizes),)
    """
    order = _shuffled(labels.size, seed)
    shuffled = labels[order]
    chosen = [order[np.flatnonzero(shuffled == k)[: sizes[k]]] for k in np.flatnonzero(sizes)]
    return np.sort(np.concatenate(chosen))


def class_sizes(n: int, n_classes: int, seed: int) -> Ints:
    """Return how many examples of each class make a balanced sample of `n`.

    The sizes differ by one at most; the seed decides which classes have one more.
    """
    sizes = np.full(n_classes, n // n_classes, dtype=np.int64)
    sizes[_shuffled(n_classes, seed)[: n % n_classes]] += 1
    return sizes


def _shuffled(n: int, seed: int) -> Ints:
    """Return the numbers below `n` in an order decided by the seed."""
    keys = np.random.PCG64(seed).random_raw(n)
    return np.argsort(keys, kind="stable").astype(np.int64, copy=False)
