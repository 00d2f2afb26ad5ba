"""The per-run audit: difference arithmetic against plain subtraction of two losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.state import reevaluated
from fastcheck.result import Audit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]

STEP = 1e-5
"""Length of the step, relative to the tensor's rms or 1e-2."""
STEPS = 2.0**8
"""How many steps of a probe that is at most, which know over what length the network bends."""
ROUNDINGS = 16.0
"""Allowance for the rounding of a loss, in units of `noise`."""


def audit_tensor(
    state: State,
    name: str,
    numerical: Floats,
    noise: float,
    seed: int,
    truncation: float = 0.0,
    step: float = np.inf,
) -> Audit:
    """Compare the derivative along one random direction with two plainly evaluated losses.

    Every entry takes part, with a weight of size 1/2 to 3/2 and random sign, so that errors in
    single entries cannot cancel.

    Parameters
    ----------
    state : State
        The base point.
    name : str
        The tensor.
    numerical : ndarray of float64
        Its numerical gradient.
    noise : float
        By how much one rounding error in each operation moves the loss.
    seed : int
        Seed of the direction.
    truncation : float
        Truncation error of an entry of `numerical`, absolute.
    step : float
        Step of a probe, absolute.

    Notes
    -----
    The tolerance is the rounding noise of the two losses divided by the step, plus the difference
    of the one-sided slopes, which bounds the effect of curvature and of kinks between.
    """
    node = state.graph.tensor(name)
    value = state.value(node)
    rng = np.random.default_rng([seed, node.index])
    direction = rng.uniform(0.5, 1.5, value.shape) * rng.choice([-1.0, 1.0], value.shape)
    rms = float(np.sqrt(np.mean(value * value))) if value.size else 0.0
    step = min(STEP * max(rms, 1e-2), STEPS * step) / np.sqrt(max(value.size, 1))
    above, below = value + step * direction, value - step * direction
    up, down = (reevaluated(state, node, moved) for moved in (above, below))
    terms = numerical.reshape(node.shape) * (
        (above - below) / (2.0 * step)
    )  # as moved, after rounding
    bend = abs((up - state.loss) - (state.loss - down)) / step
    tolerance = ROUNDINGS * noise / step + bend + 1e-12 * float(np.abs(terms).sum())
    tolerance += truncation * float(np.abs(direction).sum())
    predicted, measured = float(terms.sum()), (up - down) / (2.0 * step)
    passed = bool(abs(predicted - measured) <= tolerance)
    return Audit(name, predicted, measured, tolerance, passed)
