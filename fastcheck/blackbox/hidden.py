"""Noise that shows only where points are further apart: float32 beside a smooth float64 term."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from fastcheck.blackbox.loss import BlackBox

    Floats = NDArray[np.float64]

CLOSEST, NEAR, FAR = -34, -20, -8
"""Steps of a first look, as powers of two of the size of the parameters or 1: as close as noise is
looked for, a tenth of the step with which single entries are perturbed, and far enough for what is
coarser than float32."""
SUSPECT = 25.0
"""Fourth difference, in units of the noise, that rounding does not explain: its standard deviation
is 8."""
BEND = 4.0
"""How much of what changes from one step to twice that is allowed to curvature and kinks."""
FINE, COARSE = (-23, -20, -17, -14), (-11, -8, -5)
"""Distances of neighbouring points on a ladder, as powers of two."""
N_VALUES = 12
N_LINES = 3
"""Directions in which a ladder is climbed if the first may show noise."""
N_EVEN = 3
EVEN = 16.0
"""In how many rows of a ladder noise must be the same, and within which factor: over these, what
kinks and curvature do grows by 64 at least."""
ABOVE = 4.0
"""How many times the noise that is known already there must be."""
SLOPE = -40
"""Step of a slope beside which jumps are looked for: hardly one is that near."""
SHORT, SHORTER = -43, -48
STAYS = 0.125
"""Lengths within which a jump is looked for, and how much of a change over the one there must be
over the other, and the other way round: of what is continuous, a 32nd is, and at a pole 32 times as
much."""
CLEAR = 64.0
"""How many times the noise that is known already a jump must be."""
FIRST, LAST = 3, 6
"""Orders of the differences that are looked at."""
SHARE, NORMAL = 2.0 / 3.0, 0.447
"""Share of the differences, the smallest, that are looked at: a kink or a step is in few of them.
And their mean of what is normally distributed, in standard deviations."""
DIGITS = -26
"""Last digit of a move, as a power of two of its size."""
UNIT = 2.0**-53
"""One rounding of a loss in float64, relative."""


class Line:
    """Losses along a random direction.

    Parameters
    ----------
    box : BlackBox
        The loss.
    kept : mapping of str to ndarray
        The point, and which tensors move.
    rng : Generator
        Draws the direction: every entry moves by between half and one and a half times the size of
        its tensor or 1.
    """

    places = np.arange(N_VALUES) - 0.5 * (N_VALUES - 1)
    """Where the points of a row are, in units of its spacing."""

    def __init__(
        self, box: BlackBox, kept: dict[str, NDArray[Any]], rng: np.random.Generator
    ) -> None:
        self.box = box
        self.kept = kept
        self.moves = {name: _drawn(array, rng) for name, array in kept.items()}

    def at(self, points: Iterable[float]) -> Floats:
        """Return the losses at some distances; NaN where there is none."""
        values = []
        for t in points:
            for name, array in self.kept.items():
                np.copyto(self.box.arrays[name], array + t * self.moves[name])
            values.append(self.box.tried())
        for name, array in self.kept.items():
            np.copyto(self.box.arrays[name], array)
        return np.array(values)

    def row(self, power: int) -> Floats:
        """Return losses at equal distances on both sides of the point."""
        return self.at(2.0**power * self.places)


def _drawn(array: NDArray[Any], rng: np.random.Generator) -> Floats:
    """Return a move of each entry, of so few digits that the points of rows are stored exactly."""
    size = max(float(np.abs(array).max(initial=0.0)), 1.0)
    unit = 2.0 ** (np.ceil(np.log2(size)) + DIGITS)
    numbers = np.round(rng.uniform(0.5, 1.5, array.shape) * size / unit)
    return np.asarray(numbers * unit * rng.choice([-1.0, 1.0], array.shape))


def find_hidden(
    box: BlackBox, loss: float, noise: float, seed: int, *, is_short: bool = False
) -> float:
    """Return the noise of a loss at the steps of its probes; 0 if it is not above `noise`.

    Parameters
    ----------
    box : BlackBox
        The loss; its arrays are moved and restored.
    loss, noise : float
        Its value at the point, and the noise that is seen in its closest neighbourhood.
    seed : int
        Seed of the directions.
    is_short : bool
        Whether tensors are not looked at one by one, nor what is coarser than float32, because
        evaluations take long.

    Notes
    -----
    Where a part of a loss is computed in float32 and another is smooth, close neighbours differ by
    the smooth part alone: there is no noise among them, and no trace of the rest of the derivative.
    So ten losses at larger steps are looked at (:func:`is_suspect`), and if they are not those of
    a smooth function, a ladder of spacings (:func:`noise_on`), of each tensor as well if all
    together show nothing. Where one may show noise, two more are climbed.
    """
    with np.errstate(all="ignore"), box.restoring() as every:
        kept = {name: array for name, array in every.items() if array.dtype.itemsize >= 8}
        rng = np.random.default_rng([seed, 13])
        if not kept or not is_suspect(Line(box, kept, rng), loss, noise):
            return 0.0
        moved = [kept]
        if len(kept) > 1 and not is_short:
            moved += [{name: array} for name, array in kept.items()]
        for some in moved:
            coarse = COARSE if some is kept and not is_short else ()
            found = 0.0
            for _ in range(N_LINES):
                one = _found(Line(box, some, rng), noise, coarse)
                if one is None:
                    break
                found = max(found, one)
            if found:
                return found
    return 0.0


def is_suspect(line: Line, loss: float, noise: float) -> bool:
    """Return whether losses at larger steps are not those of a smooth function without noise.

    Their fourth difference is above rounding, or slopes differ from one step to a much larger one
    by more than they do from that to twice that. Ten evaluations.
    """
    slopes, jumps = [], []
    for power in (CLOSEST, NEAR, NEAR + 1, FAR, FAR + 1):
        up, down = line.at((2.0**power, -(2.0**power)))
        slopes.append((up - down) / 2.0 ** (power + 1))
        jumps.append(((up - loss) + (down - loss)) / 2.0**power)
    if abs(jumps[2] - 2.0 * jumps[1]) > SUSPECT * noise / 2.0 ** (NEAR + 1):
        return True
    for k, least in ((1, CLOSEST), (3, NEAR)):
        bend = abs(slopes[k + 1] - slopes[k]) + abs(jumps[k + 1] - 2.0 * jumps[k])
        if abs(slopes[k] - slopes[max(0, k - 2)]) > BEND * bend + SUSPECT * noise / 2.0**least:
            return True
    return False


def _found(line: Line, noise: float, coarse: tuple[int, ...]) -> float | None:
    """Return the noise along one direction if it is above that which is known, else 0.

    None if no other direction need be looked at, because the closest rows show nothing either.
    Coarse rows come last, and fine ones end where the first three show nothing.
    """
    powers = FINE[:N_EVEN]
    ladder = [line.row(power) for power in powers]
    if coarse or any(level_of(values) > ABOVE * noise for values in ladder):
        powers = (*FINE, *coarse)
        ladder += [line.row(power) for power in powers[N_EVEN:]]
    found, k = noise_on(ladder)
    known = max(noise, UNIT * float(np.abs(ladder[k]).max()))
    if found > ABOVE * known and _has_jump(line, powers[k], ladder[k], known):
        return found
    is_calm = min(map(level_of, ladder[:N_EVEN])) <= ABOVE * noise
    return None if is_calm else 0.0


def _has_jump(line: Line, power: int, values: Floats, noise: float) -> bool:
    """Return whether the loss is discontinuous, as what is rounded is, and what oscillates is not.

    Between those two points of a row where it changes most beside its slope, which is the median of
    that close to some points, by bisection: one evaluation for each power of two.
    """
    points, close = 2.0**power * line.places[::2], 2.0**SLOPE
    slope = float(np.median(line.at(points + close) - line.at(points - close))) / (2.0 * close)
    changes = np.diff(values) - slope * 2.0**power
    k = int(np.argmax(np.abs(changes)))
    start, change, before = line.places[k] * 2.0**power, float(changes[k]), np.inf
    low = float(values[k])
    for length in range(power - 1, SHORTER - 1, -1):
        (middle,) = line.at((start + 2.0**length,))
        first = float(middle) - low - slope * 2.0**length
        if abs(first) < abs(change - first):
            start, low, first = start + 2.0**length, float(middle), change - first
        change = first
        before = abs(change) if length == SHORT else before
    stays = STAYS * before < abs(change) < before / STAYS
    return stays and abs(change) > CLEAR * noise


def noise_on(ladder: Sequence[Floats]) -> tuple[float, int]:
    """Return the noise in values of which each row is 8 times as widely spaced as that before.

    And the first row of those that show it.

    Notes
    -----
    In each row the least of :func:`level_of` is what neither curvature nor a single kink explains.
    What many kinks do, or curvature of high order, grows with the spacing, and a smooth cliff is
    steep at one spacing only; what rounding does is the same in many rows. So the largest that is
    about the same in three is the noise, 0 if there is none. Rows are symmetric about the point, so
    that a kink beside it lies in the middle of all of them.
    """
    levels = [level_of(values) for values in ladder]
    found = [(0.0, 0)]
    for k in range(len(levels) - N_EVEN + 1):
        rows = levels[k : k + N_EVEN]
        if max(rows) <= EVEN * min(rows) < np.inf:
            found.append((max(rows), k))
    return max(found)


def level_of(values: Floats) -> float:
    """Return the least noise that differences of high order show; infinite if a value is missing.

    As in :func:`.noise.noise_of`, but of the smaller ones of them.
    """
    if not np.isfinite(values).all():
        return float("inf")
    gamma, table, levels = 1.0, values, []
    for k in range(1, LAST + 1):
        gamma *= k / (2.0 * (2.0 * k - 1.0))
        table = np.diff(table)
        if k >= FIRST:
            few = np.sort(np.abs(table))[: int(SHARE * table.size)]
            levels.append(np.sqrt(gamma) * float(few.mean()) / NORMAL)
    return float(min(levels))
