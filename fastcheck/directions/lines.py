"""Directional derivatives of a loss that can only be called, with what they can be wrong by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.blackbox.scale import rms
from fastcheck.blackbox.stencil import BEND, KINK_NOISE, NOISE
from fastcheck.blackbox.step import first_step
from fastcheck.directions.boxes import Box
from fastcheck.directions.reading import Reading, Single

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox
    from fastcheck.directions.reading import Move

    Array = NDArray[Any]
    Floats = NDArray[np.float64]

NARROW = 0.1
"""Step of a direction over all entries, relative to that of single entries."""
ROUNDINGS = 256.0
"""Allowance for the analytic gradient, in roundings of its values, as for single entries."""
CURVED = 3.0
"""How many times the curvature of all directions together a part of it may have before a kink is
suspected."""
FINE = 1e-5
"""Visible error of a single entry, relative to the typical one, below which steps need not grow."""
DOWN = (0, -3, -6, -9)
MOST_LEVELS = 8
LOWEST = -20
"""Powers of two below the first step, under which no step is taken: entries would hardly move."""
WIDEST = 2.0**-5


@dataclass(frozen=True, slots=True)
class Pair:
    """Two losses along a displacement, up and down; all in units of the loss.

    Attributes
    ----------
    value : float
        The change that the gradient predicts less half the difference of both losses.
    jump : float
        Second difference.
    rounding : float
        What rounding in the analytic gradient may add.
    """

    value: float
    jump: float
    rounding: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A reading at one level, and how its tolerance is made up."""

    reading: Reading
    noise: float
    bend: float
    kink: float
    jump: float

    @property
    def is_smooth(self) -> bool:
        """Whether rounding is all that disturbs it."""
        return self.bend <= self.noise


def foreseen(noise: float, loss: float) -> float:
    """Return the smallest error of a single entry that directions are likely to show.

    Where typical parameters are not larger than 1, and neither kinks nor curvature force steps
    to be smaller.
    """
    return 4.0 * NOISE * noise / _power(NARROW * first_step(noise, loss, 1.0))


class Lines:
    """Probes along directions at one point; an :class:`Oracle`.

    Parameters
    ----------
    box : BlackBox
        The loss; its arrays are moved and restored.
    loss, noise : float
        Its value at the point, and the standard deviation of its rounding.
    analytic : mapping of str to ndarray of float64
        The gradient, finite.
    units : mapping of str to float
        Unit roundoff of each tensor of the gradient.
    is_noisy : bool
        Whether the loss has the precision of float32 or less. Entries must then be wrong at
        several steps.

    Attributes
    ----------
    n_probes : int
        Directional derivatives so far, of two evaluations each.
    steps : dict of str to float
        By how much typical entries of each tensor are moved, absolute; powers of two.
    bend, curve : float
        What truncation can do to a probe, and the second difference that is no kink, as far as
        :meth:`calibrate` saw; in units of the loss.

    Notes
    -----
    With ``f±`` the losses at ``theta ± u`` and the true displacements after rounding, the value is
    ``a·u - (f+ - f-)/2``, its noise at most 4.5 standard deviations of the loss. What truncation
    and kinks add is bounded from a second step as for single entries
    (:class:`fastcheck.blackbox.stencil.Stencil`): ``1.5 (|D2 - D1| + |S2 - 2 S1|)``. A reading
    of one probe takes both from :meth:`calibrate`, and is repeated at several steps if its second
    difference hints at a kink.
    """

    def __init__(
        self,
        box: BlackBox,
        loss: float,
        noise: float,
        analytic: Mapping[str, Floats],
        units: Mapping[str, float],
        *,
        is_noisy: bool = False,
    ) -> None:
        self.box = box
        self.loss = loss
        self.noise = noise
        self.analytic = analytic
        self.units = units
        self.is_noisy = is_noisy
        self.n_probes = 0
        self.bend = self.curve = 0.0
        self.kept = {name: box.arrays[name].copy() for name in analytic}
        self.typical = {name: rms(g) for name, g in analytic.items()}
        self.steps: dict[str, float] = {}
        for name in analytic:
            self.reset(name)

    def _first(self, name: str, most: bool = False) -> float:
        """Return the step for an entry, as wide as suits the typical or the largest of a tensor."""
        values = self.kept[name].astype(np.float64)
        size = float(np.abs(values).max(initial=0.0)) if most else rms(values)
        return first_step(self.noise, self.loss, size)

    def reset(self, name: str) -> None:
        """Set the step of a tensor to that with which calibration begins."""
        self.steps[name] = _power(NARROW * self._first(name))

    def step(self, name: str) -> float:
        """Return by how much a typical entry is moved in a direction."""
        return self.steps[name]

    def visible(self, name: str, tolerance: float | None = None) -> float:
        """Return the smallest error of a single entry that a direction shows for certain.

        The smallest weight is 1/2, and noise may hide as much as it may feign.
        """
        allowed = NOISE * self.noise + self.bend if tolerance is None else tolerance
        return 4.0 * allowed / self.steps[name]

    # ------------------------------------------------------------ evaluations

    def pair(self, move: Move, scale: float = 1.0) -> Pair:
        """Return what two losses say, with the displacement times `scale`; arrays are restored.

        Cost: two evaluations, and some passes over the entries that are moved.
        """
        self.n_probes += 1
        up, above, square = self._moved(move, scale)
        down, below, _ = self._moved(move, -scale)
        return Pair(
            0.5 * ((above - below) - (up - down)), up + down - 2.0 * self.loss, math.sqrt(square)
        )

    def _moved(self, move: Move, scale: float) -> tuple[float, float, float]:
        """Return the loss, the change that is predicted, and the square of its allowance."""
        predicted = square = 0.0
        try:
            for box, displacement in move:
                live, kept = box.of(self.box.arrays[box.name]), box.of(self.kept[box.name])
                np.copyto(live, kept + scale * displacement, casting="same_kind")
                real = live.astype(np.float64) - kept
                unit = ROUNDINGS * self.units[box.name]
                square += (unit * self.typical[box.name]) ** 2 * float(np.vdot(real, real))
                real *= box.of(self.analytic[box.name])
                square += unit**2 * float(np.vdot(real, real))
                predicted += float(real.sum())
            with np.errstate(all="ignore"):
                return self.box.loss(), predicted, square
        except Exception:  # outside the domain
            return math.nan, predicted, square
        finally:
            for box, _ in move:
                np.copyto(box.of(self.box.arrays[box.name]), box.of(self.kept[box.name]))

    def _estimate(self, pairs: dict[int, Pair], move: Move, level: int) -> Estimate:
        """Return what is known at a level from the level above, for the displacement at 0."""
        for wanted in (level, level + 1):
            if wanted not in pairs:
                pairs[wanted] = self.pair(move, 2.0**wanted)
        near, far, scale = pairs[level], pairs[level + 1], 2.0**level
        noise = (NOISE * self.noise + near.rounding) / scale
        kink = abs(far.jump / 2.0 - 2.0 * near.jump) - KINK_NOISE * self.noise
        kink = max(0.0, kink) / scale
        bend = BEND * (abs(far.value / 2.0 - near.value) / scale + kink)
        if not math.isfinite(bend):
            return Estimate(Reading(0.0, math.inf), noise, math.inf, math.inf, math.inf)
        return Estimate(Reading(near.value / scale, noise + bend), noise, bend, kink, near.jump)

    # ------------------------------------------------------------ readings

    def quick(self, move: Move) -> Reading:
        """Return a reading of one probe; of more where a kink may have been crossed."""
        near = self.pair(move)
        allowed = NOISE * self.noise + near.rounding + self.bend
        excess = abs(near.jump) - CURVED * self.curve - KINK_NOISE * self.noise
        if excess <= 2.0 * allowed:
            return Reading(near.value, allowed + 0.5 * max(0.0, excess))
        return self._refined(move, near)

    def careful(self, move: Move) -> Reading:
        """Return a reading that is confirmed at another step if it is loud."""
        near = self.pair(move)
        allowed = NOISE * self.noise + near.rounding + self.bend
        excess = abs(near.jump) - CURVED * self.curve - KINK_NOISE * self.noise
        if abs(near.value) <= allowed and excess <= 2.0 * allowed:
            return Reading(near.value, allowed + 0.5 * max(0.0, excess))
        return self._refined(move, near)

    def _refined(self, move: Move, near: Pair) -> Reading:
        """Return the best reading of several steps, the smaller the more kinks disturb."""
        pairs, best = {0: near}, Reading(0.0, math.inf)
        for level in DOWN:
            found = self._estimate(pairs, move, level)
            if found.reading.tolerance < best.tolerance:
                best = found.reading
            if found.bend <= 3.0 * found.noise:
                break
        return best

    def single(self, name: str, index: tuple[int, ...]) -> Single:
        """Return what is wrong with one entry: one probe if nothing is, else at least two."""
        box = Box(name, tuple((i, i + 1) for i in index))
        step = _power(self._first(name, most=True))
        move = [(box, np.full(box.shape, step))]
        pairs = {0: self.pair(move)}
        bound = NOISE * self.noise + pairs[0].rounding
        best = Reading(pairs[0].value, bound)
        jump, is_wrong = pairs[0].jump, not abs(best.value) <= bound
        if is_wrong:
            tried = []
            for level in (*DOWN, 2) if self.is_noisy else DOWN:
                found = self._estimate(pairs, move, level)
                tried.append(found)
                if found.is_smooth and not self.is_noisy:
                    break
            smooth = [e for e in tried if e.is_smooth] or tried
            chosen = min(smooth, key=lambda e: e.reading.tolerance)
            best, jump = chosen.reading, chosen.jump
            is_wrong = all(e.reading.is_loud for e in (tried if self.is_noisy else [chosen]))
        error, half = best.value / step, 0.5 * jump / step
        numerical = float(self.analytic[name][index]) - error
        return Single(error, best.tolerance / step, numerical - half, numerical + half, is_wrong)

    # ------------------------------------------------------------ steps

    def calibrate(self, names: Sequence[str], rng: np.random.Generator) -> None:
        """Find steps for some tensors together, so that truncation and kinks stay below noise.

        They shrink while those disturb, and grow while noise hides errors that matter and nothing
        else disturbs. Two probes if the first step suits, one or two more for each other.
        """
        move: Move = []
        for name in names:
            shape = self.kept[name].shape
            weights = rng.uniform(0.5, 1.5, shape) * (2.0 * rng.integers(0, 2, shape) - 1.0)
            move.append((Box.whole(name, shape), self.steps[name] * weights))
        pairs: dict[int, Pair] = {}
        found, level, may_grow = self._estimate(pairs, move, 0), 0, True
        for _ in range(MOST_LEVELS):
            if not found.is_smooth:
                if level < LOWEST:
                    break
                may_grow = False
                level -= _shrinkage(found)
            elif may_grow and self._is_coarse(names, found, level):
                wider = self._estimate(pairs, move, level + 1)
                if not wider.is_smooth:
                    break
                found, level = wider, level + 1
                continue
            else:
                break
            found = self._estimate(pairs, move, level)
        for name in names:
            self.steps[name] *= 2.0**level
        if math.isfinite(found.bend):
            self.bend = max(self.bend, found.bend * 2.0**level)
            self.curve = max(self.curve, abs(found.jump))

    def _is_coarse(self, names: Sequence[str], found: Estimate, level: int) -> bool:
        """Return whether noise hides errors that matter, and a wider step can be taken."""
        if max(self.steps[name] for name in names) * 2.0 ** (level + 2) > WIDEST:
            return False
        return any(
            4.0 * found.reading.tolerance / self.steps[name] > FINE * self.typical[name]
            for name in names
        )


def _shrinkage(found: Estimate) -> int:
    """Return by how many powers of two a step has to be smaller."""
    if not math.isfinite(found.bend):
        return 6
    if 2.0 * BEND * found.kink > found.bend:
        return 3
    return max(1, math.ceil(math.log2(found.bend / found.noise) / 3.0))


def _power(h: float) -> float:
    """Return the power of two below `h`."""
    return float(2.0 ** np.floor(np.log2(h)))
