"""Constants that people multiply by: the batch, two, minus one, and what is not one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EXACT = 1e-11
"""Least relative error of a fitted constant at which it is taken for a simple one."""
MOST_EQUATIONS = 512
MOST_LOOKED_AT = 8192
"""Entries of which the equations are taken."""
ARBITRARY = 2.5
"""What it costs to explain something by a constant that is no simple number."""
MOST_WHOLE = 64


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant and how far-fetched it is.

    Attributes
    ----------
    value : float
        The constant.
    text : str
        As a person would write it: ``"1/100"``.
    complexity : float
        0 for one, 1 for a usual suspect, 2.5 for any number.
    """

    value: float
    text: str
    complexity: float

    @property
    def is_one(self) -> bool:
        """Whether it changes nothing."""
        return self.value == 1.0


ONE = Constant(1.0, "1", 0.0)
ZERO = Constant(0.0, "0", 1.0)


class Constants:
    """The simple constants of a network.

    Parameters
    ----------
    n_samples : int or None
        The size of the batch.
    n_outputs : int or None
        How many outputs it has.
    """

    def __init__(self, n_samples: int | None, n_outputs: int | None) -> None:
        found = [(-1.0, "-1", 1.0), (2.0, "2", 1.0), (0.5, "1/2", 1.0)]
        m, k = n_samples or 1, n_outputs or 1
        if m > 1:
            found += [(m, str(m), 1.0), (1 / m, f"1/{m}", 1.0)]
            found += [(2 / m, f"2/{m}", 1.2), (m / 2, f"{m}/2", 1.2)]
            found += [(-m, f"-{m}", 1.2), (-1 / m, f"-1/{m}", 1.2)]
            found += [((m - 1) / m, f"{m - 1}/{m}", 1.3), (m / (m - 1), f"{m}/{m - 1}", 1.3)]
            found += [(m * m, f"{m}²", 1.3), (1 / m**2, f"1/{m}²", 1.3)]
        if k > 1:
            found += [(k, str(k), 1.1), (1 / k, f"1/{k}", 1.1)]
            found += [(m * k, f"{m * k}", 1.3), (1 / (m * k), f"1/{m * k}", 1.3)]
            found += [(k / 2, f"{k}/2", 1.3), (2 / k, f"2/{k}", 1.3)]
        found += [(v, f"{v:g}", 1.4) for v in (-2.0, -0.5, 10.0, 100.0, 0.1, 0.01, 0.001)]
        found += [(float(n), str(n), 1.5) for n in range(3, MOST_WHOLE)]
        found += [(1 / n, f"1/{n}", 1.5) for n in range(3, MOST_WHOLE)]
        found += [(n / 4, f"{n}/4", 1.8) for n in (3, 5)] + [(2 / 3, "2/3", 1.8), (1.5, "3/2", 1.8)]
        self.simple = [Constant(float(v), text, cost) for v, text, cost in found]
        self.values = np.array([c.value for c in self.simple])

    def called(self, value: float, error: float) -> Constant:
        """Return `value`, which is known to a relative `error`, as a constant."""
        error = max(error, EXACT)
        if abs(value - 1.0) <= error:
            return ONE
        if abs(value) <= error:
            return ZERO
        near = np.flatnonzero(np.abs(self.values - value) <= error * np.abs(self.values))
        if near.size:
            return min((self.simple[i] for i in near), key=lambda c: c.complexity)
        return Constant(value, f"{value:.6g}", ARBITRARY)


def fitted(target: Floats, columns: Sequence[Floats], allowance: Floats) -> tuple[Floats, Floats]:
    """Return the constants with which `columns` add up to `target`, and their relative errors.

    Parameters
    ----------
    target, allowance : ndarray of float64, shape (n,)
        What is to be explained, and how exactly.
    columns : sequence of ndarray, shape (n,)
        What it is explained by.

    Notes
    -----
    Weighted least squares over at most 512 entries, spread evenly over the order of their sizes.
    The residuals of all entries decide afterwards: this only proposes.
    """
    step = slice(None, None, max(1, target.size // MOST_LOOKED_AT))
    target, allowance = target[step], allowance[step]
    columns = [column[step] for column in columns]
    size = np.sum([np.abs(c) for c in columns], axis=0)
    floor = 1e-16 * float(np.max(np.abs(target), initial=0.0)) + 1e-300
    weight = 1.0 / np.maximum(allowance, floor)
    places = np.argsort(-size * weight)
    places = places[: np.count_nonzero(size)]
    if places.size > MOST_EQUATIONS:
        half = MOST_EQUATIONS // 2
        rest = places[half:]
        places = np.concatenate([places[:half], rest[:: -(-rest.size // half)]])
    matrix = np.stack([c[places] for c in columns], axis=1) * weight[places, None]
    norms = np.linalg.norm(matrix, axis=0)
    alive = norms > 0.0
    found, errors = np.zeros(len(columns)), np.full(len(columns), np.inf)
    if not alive.any():
        return found, errors
    scaled = matrix[:, alive] / norms[alive]
    solution, *_ = np.linalg.lstsq(scaled, target[places] * weight[places], rcond=1e-12)
    found[alive] = solution / norms[alive]
    spread = np.sqrt(np.diag(np.linalg.pinv(scaled.T @ scaled)))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = 8.0 * spread / norms[alive] / np.maximum(np.abs(found[alive]), 1e-3)
    errors[alive] = relative
    return found, errors
