"""Units, samples or inputs with factors of their own: no known mistake, but a place to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.reason import Reason
from fastcheck.result.wording import listing, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.dense import Dense

    Floats = NDArray[np.float64]

MOST_FACTORS = 8
NEAR = 5e-4
EXACT = 1e-10
"""How near one a number is shown by its distance, and how near it is one."""
MOST_EQUATIONS = 4096
"""Entries from which the weights of samples are solved for."""


def find_weighted(
    dense: Dense, delta: Floats, names: tuple[str, ...]
) -> Iterator[tuple[Reason, Floats]]:
    """Yield deltas that differ from the right one by a factor for each unit, or each sample.

    Parameters
    ----------
    dense : Dense
        The layer.
    delta : ndarray of float64, shape (m, n_out)
        The right one, samples first.
    names : tuple of str
        The gradients of the layer.

    Notes
    -----
    Factors of units by one division per column, weights of samples by least squares. Whether they
    explain every entry is for the caller to find out.
    """
    right = dense.x.T @ delta
    square = (right * right).sum(axis=0)
    factors = np.divide(
        (dense.given * right).sum(axis=0), square, out=np.ones_like(square), where=square > 0.0
    )
    text = (
        f"it is known that each unit comes out {_listed(factors)} times as large as it should be: "
        "look for an extra factor per unit in the line that computes what they are made from{usual}"
    )
    yield Reason("unexplained", text, 3.0, names, passes_on=True, is_exact=False), delta * factors
    weights = _weights(dense, delta)
    if weights is not None:
        text = (
            f"it is known that each sample has a weight of its own, {_listed(weights)}: look for "
            "one per sample, or for samples that are left out"
        )
        reason = Reason("unexplained", text, 3.5, names, passes_on=True, is_exact=False)
        yield reason, delta * weights[:, None]


def _weights(dense: Dense, delta: Floats) -> Floats | None:
    """Return the weights of samples with which the gradient of the weights is nearest."""
    m, n_in = dense.x.shape
    n_out = delta.shape[1]
    if n_in * n_out <= 2 * m:
        return None
    step = max(1, n_in * n_out // max(MOST_EQUATIONS, 4 * m))
    places = np.arange(0, n_in * n_out, step)
    i, j = np.divmod(places, n_out)
    matrix = dense.x[:, i].T * delta[:, j].T
    solved, _, rank, _ = np.linalg.lstsq(matrix, dense.given[i, j], rcond=1e-12)
    return np.asarray(solved, np.float64) if rank == m else None


def _shown(value: float) -> str:
    """Return a number; of one that is nearly one, by how much it is not."""
    apart = value - 1.0
    if EXACT < abs(apart) < NEAR:
        return f"1 {'+' if apart > 0.0 else '-'} {abs(apart):.1g}"
    return short(round(value, 6) + 0.0)


def _listed(values: Floats) -> str:
    """Return the first few numbers of an array, so that none looks like one that is not."""
    shown = [_shown(float(v)) for v in values[:MOST_FACTORS]]
    if values.size > MOST_FACTORS:
        return f"{', '.join(shown)}, ..."
    return listing(shown, MOST_FACTORS)
