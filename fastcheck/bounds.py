"""What rounding can do to a derivative, ours and the user's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.reference import Noise, gradient, gradient_and_terms, shaken_values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]

ROUNDINGS = 32.0
"""Allowance in units of the scale. On right gradients the constant stays below 10."""
SHAKE = 2.0**-46
"""Size of the random disturbance of every intermediate value: far above rounding, and small enough
that ``1 - a`` keeps its sign for a sigmoid that is saturated to within 1e-13."""
N_SHAKES = 3
UNITS = {"f8": 2.0**-53, "f4": 2.0**-24, "f2": 2.0**-11}
"""Unit roundoff by dtype of the analytic gradient."""


@dataclass(frozen=True, eq=False)
class Rounding:
    """What rounding errors are proportional to.

    Attributes
    ----------
    scale : dict of str to ndarray of float64
        For each parameter entry, in units of the gradient.
    terms : dict of str to ndarray of float64
        The part of it that is the sum of the absolute terms of the derivative.
    loss : float
        By how much one rounding error in each operation moves the loss, absolute.
    """

    scale: dict[str, Floats]
    terms: dict[str, Floats]
    loss: float


def find_rounding(state: State, names: Iterable[str] | None = None) -> Rounding:
    """Return how much rounding can move the derivatives and the loss.

    Parameters
    ----------
    state : State
        The base point.
    names : iterable of str, optional
        The tensors, by default all parameters.

    Notes
    -----
    The scale of an entry is ``G + max(S, mean(S) / 2)``. ``G`` is the sum of the absolute values of
    the terms that the derivative is summed from. ``S`` is how much the reference gradient moves,
    relative to the shake, when every intermediate value is multiplied by ``1 +- 2**-46`` and the
    result of every vjp is moved by ``2**-46`` of its absolute terms, with random signs, the worst
    of three. Errors of single operations thus meet as they do in a computation: with signs, and
    not each at its worst, which would let the bound of a deep network grow with every layer. That
    the terms of each operation count by absolute value covers algorithms that lose digits where
    ours does not, such as ``1 - a*a`` for a saturated tanh.

    Costs four backward passes, three of them with the absolute terms beside the signed ones, and
    three forward passes. No derivative is computed with any of them.
    """
    graph = state.graph
    names = tuple(graph.params if names is None else names)
    base, terms = gradient_and_terms(graph, state.values, names)
    moved = {name: np.zeros_like(g) for name, g in base.items()}
    loss = abs(state.loss) * SHAKE
    for seed in range(N_SHAKES):
        values = shaken_values(graph, state.values, seed, SHAKE)
        assert graph.loss is not None
        loss = max(loss, abs(float(values[graph.loss.index].reshape(())) - state.loss))
        for name, g in gradient(graph, values, names, Noise(seed, SHAKE, state.values)).items():
            g -= base[name]
            np.maximum(moved[name], np.abs(g, out=g), out=moved[name])
    scale = {}
    for name, size in terms.items():
        shaken = np.divide(moved[name], SHAKE, out=moved[name])
        floor = shaken.mean() / 2 if shaken.size else 0.0
        scale[name] = size + np.maximum(shaken, floor, out=shaken)
    return Rounding(scale, terms, loss / SHAKE * UNITS["f8"])


def allowance(scale: Floats, truncation: float, dtype: np.dtype[np.generic] | None) -> Floats:
    """Return the bound of each entry: our error, plus that of an analytic gradient of `dtype`.

    Parameters
    ----------
    scale : ndarray of float64
        See :func:`find_rounding`.
    truncation : float
        Truncation error of the numerical derivative, absolute.
    dtype : dtype or None
        That of the analytic gradient; None for the bound of the numerical derivative alone.
    """
    unit = UNITS["f8"]
    if dtype is not None:
        unit += UNITS.get(f"{dtype.kind}{dtype.itemsize}", UNITS["f8"])
    return ROUNDINGS * unit * scale + truncation
