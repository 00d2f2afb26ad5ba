"""The derivative in one entry, from losses at several steps, with an error bound that holds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.blackbox.losses import Slopes

if TYPE_CHECKING:
    from fastcheck.blackbox.loss import BlackBox

NOISE = 4.5
"""What the rounding of two losses can do to their difference, in units of the noise. The largest
rounding errors that were seen are 4 standard deviations."""
BEND = 1.5
KINK_NOISE = 12.0
"""What rounding can do to the difference of two jumps of slope, in units of the noise over the
step."""
CAUTION = 8.0 / 3.0
"""How much more is allowed to curvature and kinks before a value is called wrong where the loss is
so noisy that a step may hold several kinks."""
DOWN = (-3, -6, -9, -12)
EDGE = (-15, -18)
"""Levels at which the loss is tried where it cannot be evaluated on both sides at those above."""
UP = (1, 2, 3, 4, 5, 6)
NEAREST = -18
"""The lowest level at which what looks wrong is looked at again."""
CLEAR = 4.0
"""How many times its rounding the difference that is to be seen must be there."""
ONE_SIDED = 8.0
"""How much of the difference of two one-sided estimates is allowed for."""
FAR_OFF = 0.1
"""Relative difference from which two one-sided estimates say nothing: at a distance from the edge
of a root that is far below the step, all differ by such a part, and are wrong by several times
their value."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two losses, one step above and one below the point.

    Attributes
    ----------
    step : float
        The mean of both distances.
    minus, plus : float
        One-sided slopes; NaN where the loss could not be evaluated.
    value : float
        Central difference, of second order for unequal distances too.
    """

    step: float
    minus: float
    plus: float
    value: float

    @classmethod
    def of(cls, slopes: Slopes, k: int) -> Pair:
        """Return the slopes of one of several entries."""
        arrays = (slopes.step, slopes.minus, slopes.plus, slopes.value)
        return cls(*(float(array[k]) for array in arrays))

    @property
    def is_inside(self) -> bool:
        """Whether the loss could be evaluated on both sides."""
        return math.isfinite(self.value)

    @property
    def jump(self) -> float:
        """By how much the slopes differ: ``h f''`` where the loss is smooth."""
        return self.plus - self.minus


@dataclass(frozen=True, slots=True)
class Estimate:
    """A derivative with what is known of its error.

    Attributes
    ----------
    value : float
        The derivative.
    noise, bend : float
        Bounds of what rounding did, and of what curvature and kinks did.
    pair : Pair
        The slopes at the smallest step of which it was made.
    """

    value: float
    noise: float
    bend: float
    pair: Pair

    @property
    def bound(self) -> float:
        """By how much the derivative can be wrong."""
        return self.noise + self.bend

    @property
    def is_smooth(self) -> bool:
        """Whether rounding is all that disturbs it."""
        return self.bend <= self.noise


class Stencil:
    """Losses around the point along one entry, at steps ``step * 2**level``.

    Parameters
    ----------
    box : BlackBox
        The loss.
    name, place : str, int
        The tensor, and the entry in C order.
    loss : float
        The loss at the point.
    step : float
        The step at level 0.
    noise : float
        Standard deviation of the rounding of the loss, absolute.
    widest : float
        The largest step that makes sense.
    """

    def __init__(
        self, box: BlackBox, name: str, place: int, *, loss: float, step: float, noise: float,
        widest: float = math.inf,
    ) -> None:  # fmt: skip
        self.box = box
        self.name = name
        self.place = place
        self.loss = loss
        self.step = step
        self.noise = noise
        self.widest = widest
        self.pairs: dict[int, Pair] = {}

    @property
    def size(self) -> float:
        """The largest entry of the tensor; infinite if all are zero."""
        return float(np.abs(self.box.arrays[self.name]).max(initial=0.0)) or math.inf

    def pair(self, level: int) -> Pair:
        """Return the losses at a level; two evaluations at the first call."""
        if level not in self.pairs:
            self.pairs[level] = self._evaluated(self.step * 2.0**level)
        return self.pairs[level]

    def _evaluated(self, step: float) -> Pair:
        losses = self.box.losses(self.name, np.array([self.place]), step)
        return Pair.of(Slopes.of(losses, self.loss), 0)

    def estimate(self, level: int) -> Estimate:
        """Return the derivative at a level, with a bound from the level above.

        Notes
        -----
        With ``D1, D2`` and ``S1, S2`` the central differences and the jumps of slope at ``h`` and
        ``2h``, the error is at most ``4.5 noise/h + 1.5 (|D2 - D1| + |S2 - 2 S1|)``. The first
        difference is ``h**2 f'''/2``, three times the truncation. A kink of size J at distance c
        adds ``J (1 - c/h)/2`` to D1, and never more than both differences together. As much of
        ``|S2 - 2 S1|`` as rounding explains counts half, because a small kink may hide in it.
        """
        near, far = self.pair(level), self.pair(level + 1)
        if not near.is_inside:
            return Estimate(math.nan, 0.0, math.inf, near)
        kink, hidden = self._kink(abs(far.jump - far.step / near.step * near.jump), 1.0, near)
        noise = NOISE * self.noise / near.step + hidden
        bend = BEND * (abs(far.value - near.value) + kink)
        if not math.isfinite(bend):
            return Estimate(near.value, noise, math.inf, near)
        return Estimate(near.value, noise, bend, near)

    def extrapolated(self, level: int) -> Estimate:
        """Return ``(4 D1 - D2)/3``, of fourth order, with a bound from two levels above.

        Notes
        -----
        Its truncation is a fifteenth of the difference to the same at twice the step where the loss
        is smooth, and all of it where the curvature jumps at the point: so much is allowed, and
        a half more. What kinks can do, and such a jump beside it, is found as for
        :meth:`estimate`.
        """
        one, two, four = (self.pair(level + k) for k in (0, 1, 2))
        if not one.is_inside:
            return Estimate(math.nan, 0.0, math.inf, one)
        low, high = (4.0 * one.value - two.value) / 3.0, (4.0 * two.value - four.value) / 3.0
        kinks = abs(two.jump - 2.0 * one.jump) + abs(four.jump - 2.0 * two.jump)
        kinks, hidden = self._kink(kinks, 2.0, one)
        noise = 5.0 / 3.0 * NOISE * self.noise / one.step + hidden
        bend = BEND * (abs(high - low) + kinks)
        return Estimate(low, noise, bend if math.isfinite(bend) else math.inf, one)

    def _kink(self, seen: float, n: float, pair: Pair) -> tuple[float, float]:
        """Return how much of `n` differences of jumps is a kink, and what may hide in rounding."""
        rounding = n * KINK_NOISE * self.noise / pair.step
        return max(0.0, seen - rounding), 0.5 * min(seen, rounding)

    def one_sided(self, level: int) -> Estimate:
        """Return the derivative from one side, where the other is outside the domain.

        Notes
        -----
        ``D1 = 2 S(h) - S(2h)`` of the slopes of one side is of second order; its error is a third
        of ``|D1 - D2|`` where the loss is smooth, and up to twice that where a root or a logarithm
        ends at a distance of the step. Eight times is allowed, which `t log t` needs far beyond.
        """
        pairs = [self.pair(level + k) for k in (0, 1, 2)]
        best = Estimate(math.nan, 0.0, math.inf, pairs[0])
        if not pairs[0].step:
            return best
        for side in ("plus", "minus"):
            one, two, four = (getattr(pair, side) for pair in pairs)
            near, far = 2.0 * one - two, 2.0 * two - four
            noise = 3.0 * NOISE * self.noise / pairs[0].step
            bend = ONE_SIDED * abs(far - near)
            if bend < best.bend and abs(far - near) <= FAR_OFF * abs(near) + noise:
                best = Estimate(near, noise, bend, pairs[0])
        return best


@dataclass(frozen=True, slots=True)
class Wanted:
    """When an entry is known well enough.

    Attributes
    ----------
    analytic : float or None
        What it is compared with.
    bound : float
        The bound that is aimed at, absolute.
    noisy : bool
        Whether the loss is so noisy that steps are wide and hold many kinks.
    """

    analytic: float | None
    bound: float
    noisy: bool

    def is_met(self, found: Estimate) -> bool:
        """Return whether nothing more needs to be evaluated."""
        if not math.isfinite(found.bound):
            return False
        if self.is_missed(found):
            return found.is_smooth and not self.noisy
        return found.bound <= self.bound

    def is_missed(self, found: Estimate) -> bool:
        """Return whether the analytic value is outside the bound."""
        return self.analytic is not None and abs(self.analytic - found.value) > found.bound


def refined(stencil: Stencil, wanted: Wanted) -> tuple[Estimate, bool]:
    """Return the derivative in an entry, and whether it lies at a kink.

    Steps shrink while kinks, curvature or the edge of the domain disturb, and grow while rounding
    does. Where one side is outside the domain at every step, the other has to do. What looks wrong
    is looked at again at a smaller step.
    """
    found, is_kink = _refined(stencil, wanted)
    if is_kink or wanted.noisy or not wanted.is_missed(found):
        return found, is_kink
    return _nearer(stencil, wanted, found), False


def _nearer(stencil: Stencil, wanted: Wanted, found: Estimate) -> Estimate:
    """Return the estimate by which an analytic value is wrong, or one nearby that contradicts it.

    Several kinks on both sides of the point may lie so much within a step that all differences are
    as those of a line. The smallest step at which rounding still lets the two values be told apart
    shows which of them holds there. Where even that is larger than all entries of the tensor, it
    does not: what their size decides, such as which is the largest, may change within it. Two
    evaluations where the first estimate was right.
    """
    assert wanted.analytic is not None
    off = abs(wanted.analytic - found.value)
    unclear = replace(found, bend=found.bend + off)
    highest = round(math.log2(found.pair.step / stencil.step)) - 1
    least = math.log2(max(CLEAR * NOISE * stencil.noise / off, 1e-300) / stencil.step)
    level = max(math.ceil(least), NEAREST)
    if stencil.step * 2.0 ** min(level, highest + 1) > stencil.size:
        return unclear
    if level > highest or not abs(stencil.pair(level).value - found.value) > 0.5 * off:
        return found
    near = stencil.estimate(level)
    return near if math.isfinite(near.bound) else unclear


def _refined(stencil: Stencil, wanted: Wanted) -> tuple[Estimate, bool]:
    """Return the derivative in an entry with the smallest bound, and whether it lies at a kink."""
    first = stencil.estimate(0)
    if wanted.is_met(first):
        return first, False
    if first.is_smooth and not (wanted.noisy and wanted.is_missed(first)):
        return _chosen([first, *_wider(stencil, wanted)], wanted), False
    found = [first]
    for level in DOWN:
        found.append(stencil.estimate(level))
        if wanted.is_met(found[-1]) or found[-1].is_smooth:
            return _chosen(found, wanted), False
    if _is_kink(found[-2], found[-1], KINK_NOISE * stencil.noise):
        at = found[-1]
        return Estimate(at.value, at.noise, 0.0, at.pair), True
    if not any(map(_is_known, found)):
        found = _beside_edge(stencil)
    return _chosen(found, wanted), False


def _wider(stencil: Stencil, wanted: Wanted) -> list[Estimate]:
    """Return estimates at larger and larger steps, as long as rounding is what disturbs."""
    found: list[Estimate] = []
    for level in UP:
        if stencil.step * 2.0 ** (level + 1) > stencil.widest:
            break
        two = [stencil.extrapolated(level - 1), stencil.estimate(level)]
        found += two
        if any(map(wanted.is_met, two)) or not any(e.is_smooth for e in two):
            break
    return found


def _beside_edge(stencil: Stencil) -> list[Estimate]:
    """Return estimates where the loss cannot be evaluated on both sides at any usual step."""
    found = [stencil.estimate(level) for level in EDGE]
    if any(map(_is_known, found)):
        return found
    return [stencil.one_sided(level) for level in (0, *DOWN, *EDGE)]


def _is_known(found: Estimate) -> bool:
    return math.isfinite(found.bound)


def _is_kink(wider: Estimate, narrower: Estimate, noise: float) -> bool:
    """Return whether slopes differ by as much at a much smaller step, and by more than noise."""
    jump = abs(narrower.pair.jump)
    return jump > 0.5 * abs(wider.pair.jump) and jump * narrower.pair.step > noise


def _chosen(found: list[Estimate], wanted: Wanted) -> Estimate:
    """Return the estimate with the smallest bound, of those that no kink disturbs if there are.

    Where kinks may be more than one to a step, an analytic value is wrong only if it is outside
    the bounds at every step, and these are wider.
    """
    if wanted.noisy and all(map(wanted.is_missed, found)):
        found = [replace(e, bend=CAUTION * e.bend) for e in found]
    smooth = [e for e in found if e.is_smooth]
    if smooth and not wanted.noisy:
        return min(smooth, key=lambda e: e.bound)
    best = min(found, key=lambda e: e.bound)
    a = wanted.analytic
    if a is None or not wanted.is_missed(best):
        return best
    return min(found, key=lambda e: abs(a - e.value) / e.bound if e.bound else math.inf)
