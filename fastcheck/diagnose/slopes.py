"""Slopes of a loss along random directions, to judge a gradient by a few evaluations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox

    Array = NDArray[Any]

N_DIRECTIONS = 3
MOVE = 1e-5
"""Size of a move, relative to the rms of each tensor or 0.01."""
LEAST = 1e-2
RIGHT = 1e-6
"""How far a slope may be from that of a right gradient, relative to the norm of its terms."""
WRONG = 1e-4
"""How far it must be from that of a wrong one."""
ROUNDINGS = 8.0
N_LOSSES = 4 * N_DIRECTIONS
"""Evaluations of one judgement."""


class Slopes:
    """Random directions in some parameters of a loss.

    Parameters
    ----------
    box : BlackBox
        The loss; its arrays are moved, and restored bit for bit.
    names : list of str
        The parameters that are moved.
    seed : int
        Seed of the directions.
    """

    def __init__(self, box: BlackBox, names: list[str], seed: int) -> None:
        rng = np.random.default_rng([seed, 23])
        self.box = box
        self.names = names
        self.moves = [{n: _move(box.arrays[n], rng) for n in names} for _ in range(N_DIRECTIONS)]

    def are_of(self, gradient: Mapping[str, Array]) -> bool | None:
        """Return whether a gradient agrees with the loss along all directions.

        Returns
        -------
        bool or None
            None where that cannot be told: by noise, kinks, or where the loss raises.

        Notes
        -----
        Central differences of two sizes; their distance and the rounding of the losses say how
        wrong they can be. Twelve evaluations.
        """
        verdicts = [self._agrees(moves, gradient) for moves in self.moves]
        if False in verdicts:
            return False
        return None if None in verdicts else True

    def _agrees(self, moves: dict[str, Array], gradient: Mapping[str, Array]) -> bool | None:
        terms = np.concatenate(
            [(moves[n] * np.asarray(gradient[n], np.float64)).reshape(-1) for n in self.names]
        )
        size, predicted = float(np.linalg.norm(terms)), float(terms.sum())
        with self.box.restoring() as kept:
            ups, downs = zip(
                *[[self._at(kept, moves, sign * far) for sign in (1, -1)] for far in (1, 2)],
                strict=True,
            )
        slopes = [(up - down) / (2 * far) for up, down, far in zip(ups, downs, (1, 2), strict=True)]
        error = abs(slopes[0] - slopes[1])
        error += ROUNDINGS * self.box.unit * max(map(abs, (*ups, *downs)))
        off = abs(slopes[0] - predicted)
        if not (math.isfinite(off) and math.isfinite(error)) or not size > 0.0:
            return None
        if off <= 4.0 * error + RIGHT * size:
            return True if error <= WRONG * size else None
        return False if off > 20.0 * error + WRONG * size else None

    def _at(self, kept: Mapping[str, Array], moves: dict[str, Array], far: float) -> float:
        for name in self.names:
            moved = kept[name] + far * moves[name]
            np.copyto(self.box.arrays[name], moved, casting="same_kind")
        return self.box.tried()


def _move(array: Array, rng: np.random.Generator) -> Array:
    values = array.astype(np.float64)
    scale = max(float(np.sqrt(np.mean(np.square(values)))), LEAST) if array.size else 0.0
    size = MOVE if array.dtype.itemsize >= 8 else 1e-2
    return np.asarray(size * scale * rng.standard_normal(array.shape), np.float64)
