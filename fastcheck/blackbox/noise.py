"""How noisy a loss is: rounding, seen from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.blackbox.hidden import find_hidden
from fastcheck.blackbox.scale import rms
from fastcheck.blackbox.stairs import find_stairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.blackbox.loss import BlackBox

    Array = NDArray[Any]
    Floats = NDArray[np.float64]

N_VALUES = 8
N_ATTEMPTS = 4
MOST_ATTEMPTS = 8
"""Distances of points that are tried: these, and all if the loss did not move at any."""
NEAR = 18
"""Distance of neighbouring points, as a power of two of the spacing of numbers: 2**-34 relative in
float64."""
NEAR_SINGLE = 3
FLAT = 12.0**-0.5
"""Standard deviation of rounding to whole numbers."""
STRIDE = 6
"""By how many powers of two that distance changes where it was too near or too far; half as many
at each turn."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What disturbs a loss.

    Attributes
    ----------
    size : float
        Standard deviation of its rounding errors, absolute.
    stairs : float
        The step in which it moves if that is far above the precision of its type, absolute; else 0.
    """

    size: float
    stairs: float


def find_noise(
    box: BlackBox, loss: float, seed: int, n_directions: int = 3, *, is_short: bool = False
) -> Noise:
    """Return how noisy a loss is.

    Parameters
    ----------
    box : BlackBox
        The loss; its arrays are moved and restored.
    loss : float
        Its value at the point.
    seed : int
        Seed of the directions.
    n_directions : int
        How many in which all tensors move.
    is_short : bool
        Whether evaluations take long.

    Notes
    -----
    The largest of some estimates by :func:`noise_of`, each from 8 values along a random
    direction, and at least one unit roundoff of the loss. Of several tensors each also moves alone:
    where one acts through float32 and another does not, the steps of the first are not seen while
    the second moves. Points are whole numbers of spacings apart, so that what is stored is what was
    meant, in float32 too. Up to 32 evaluations for each direction, and 32 more if it was not seen
    in any of them. What does not show so near the point is looked for at larger steps
    (:func:`find_hidden`).
    """
    rng = np.random.default_rng([seed, 7])
    moved = [list(box.arrays)] * n_directions
    if len(box.arrays) > 1:
        moved += [[name] for name in box.arrays]
    sizes, values = zip(*(_along(box, names, rng) for names in moved), strict=True)
    rounding = box.unit * abs(loss)
    size = max(rounding, *sizes)
    size = max(size, find_hidden(box, loss, size, seed, is_short=is_short))
    return Noise(size, find_stairs(np.concatenate(values), rounding=rounding, noise=size))


def _along(box: BlackBox, names: list[str], rng: np.random.Generator) -> tuple[float, Floats]:
    """Return the noise along one random direction in some tensors, and all values there."""
    with box.restoring() as every:
        kept = {name: every[name] for name in names}
        drawn = {name: _drawn(array, rng) for name, array in kept.items()}
        farthest = min((_room(array.dtype) for array in kept.values()), default=0)
        power, stride, last, best, seen = 0, STRIDE, 0, 0.0, []
        for attempt in range(MOST_ATTEMPTS):
            if power > farthest or (attempt >= N_ATTEMPTS and best > 0.0):
                break
            step = {name: _whole(n, 2.0**power) * unit for name, (n, unit) in drawn.items()}
            values = np.empty(N_VALUES)
            for j in range(N_VALUES):
                for name, array in kept.items():
                    np.copyto(box.arrays[name], array + j * step[name])
                values[j] = box.tried()
            seen.append(values)
            if not np.isfinite(values).all():
                power -= 2 * STRIDE
                continue
            noise, advice = noise_of(values)
            best = max(best, noise) if advice > 0 else noise
            if advice == 0:
                break
            if advice == -last:
                stride = max(1, stride // 2)
            power, last = power + advice * stride, advice
        return best, np.concatenate([np.zeros(0), *seen])


def _near(dtype: np.dtype[Any]) -> int:
    """Return the distance of neighbouring points as a power of two of the spacing of numbers."""
    return NEAR if dtype.itemsize >= 8 else NEAR_SINGLE


def _room(dtype: np.dtype[Any]) -> int:
    """Return by which power of two that distance can grow to that between a number and its half."""
    return int(np.finfo(dtype).nmant) - 1 - _near(dtype)


def _drawn(array: Array, rng: np.random.Generator) -> tuple[Floats, Array]:
    """Return by how many of their spacings entries move along a random direction, and these.

    Numbers that are no powers of two, else sums with other numbers could be exact.
    """
    size = np.abs(array.astype(np.float64))
    spacing = np.spacing(np.maximum(size, rms(size) or 1.0).astype(array.dtype))
    near = _near(array.dtype)
    numbers = rng.integers(2 ** (near - 1), 2**near, array.shape) | 1
    return numbers * rng.choice([-1.0, 1.0], array.shape), spacing


def _whole(numbers: Floats, factor: float) -> Floats:
    """Return multiples of `numbers` as whole numbers that are not zero."""
    return np.copysign(np.maximum(np.round(np.abs(numbers) * factor), 1.0), numbers)


def noise_of(values: Floats) -> tuple[float, int]:
    """Return the noise in equally spaced values, and where to look if it is not certain.

    Returns
    -------
    noise : float
        Standard deviation; where most values are equal, that of rounding to the steps between.
    advice : {-1, 0, 1}
        0 if the estimate holds; 1 if points were too close, -1 if they were too far apart.

    Notes
    -----
    Differences of order k of a smooth function vanish while those of independent errors grow:
    ``noise**2 = gamma_k mean(T_k**2)`` with ``gamma_k = (k!)**2 / (2k)!``. It is accepted at the
    first order from which three estimates are within a factor of 4 and signs change.

    References
    ----------
    Moré, Wild, Estimating computational noise, SIAM J. Sci. Comput. 33 (2011) 1292-1314.
    """
    table = np.diff(values)
    moves = table != 0.0
    if 2 * np.count_nonzero(moves) <= table.size:
        alone = moves.any() and not (moves[1:] & moves[:-1]).any()
        return (FLAT * float(np.abs(table[moves]).min()) if alone else 0.0), 1
    if np.ptp(values) > 0.1 * np.abs(values).max():
        return 0.0, -1
    gamma, levels, alternates = 1.0, [], []
    for k in range(1, values.size - 1):
        gamma *= k / (2.0 * (2.0 * k - 1.0))
        levels.append(float(np.sqrt(gamma)) * rms(table))
        alternates.append(bool(table.min() < 0.0 < table.max()))
        table = np.diff(table)
    for k in range(len(levels) - 2):
        three = levels[k : k + 3]
        if max(three) <= 4.0 * min(three) and alternates[k]:
            return levels[k], 0
    return min(levels), -1
