"""Derivatives of all or some entries of each tensor, by calling the loss."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.blackbox.losses import Slopes
from fastcheck.blackbox.noise import find_noise
from fastcheck.blackbox.scale import rms
from fastcheck.blackbox.stencil import NOISE, Pair, Stencil, Wanted, refined
from fastcheck.blackbox.step import Step, find_step
from fastcheck.derivatives import Derivatives

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastcheck.blackbox.loss import BlackBox
    from fastcheck.blackbox.stencil import Estimate

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]
    Report = Callable[[int], None]

N_PILOTS = 4
"""Entries, of the largest and at random each, in which the step of a tensor is found; one each
where time is short. A tensor of no more entries than both together has it found in all."""
FLOOR = 0.01
"""Smallest scale of an entry, relative to the rms of its tensor, as in judging."""
STEEP = 0.03
"""Difference of one-sided slopes, relative to the derivative, that looks like a kink."""
MOST_WRONG = 64
"""Entries of a tensor in which a disagreement is confirmed; a wrong gradient need not be confirmed
everywhere."""
MOST_OUTSIDE = 16
"""Entries of a tensor for which smaller steps did not lead back into the domain of the loss, after
which that is not tried any more."""
MOST_RAISED = 256
"""Exceptions in a tensor after which it is given up, if nothing but exceptions came."""
MOST_FUTILE = 32
"""Entries of a tensor after which nothing more is tried against noise if it did not help."""
NOISY = 1e-12
"""Relative noise from which steps are so wide that a step can hold several kinks."""
ENOUGH = 5e-4
"""Relative accuracy that is aimed at where the loss is noisy: half of what judging asks for."""


@dataclass(eq=False)
class Survey:
    """What was found out about one tensor.

    Attributes
    ----------
    found : Derivatives
        The derivatives.
    bound : ndarray of float64
        By how much each can be wrong, absolute; NaN where it is not known.
    step : ndarray of float64
        The steps of the first pair, as they were stored.
    """

    found: Derivatives
    bound: Floats
    step: Floats

    @classmethod
    def unknown(cls, shape: tuple[int, ...]) -> Survey:
        """Return a survey of which nothing is known yet."""
        return cls(Derivatives.unknown(shape), np.full(shape, np.nan), np.full(shape, np.nan))

    def put(self, places: Ints, slopes: Slopes, bound: Floats) -> None:
        """Write plain central differences of some entries."""
        found = self.found
        for array, values in (
            (found.values, slopes.value),
            (found.minus, slopes.minus),
            (found.plus, slopes.plus),
            (self.bound, bound),
            (self.step, slopes.step),
        ):
            array.reshape(-1)[places] = values
        found.known.reshape(-1)[places] = True

    def put_single(
        self, index: tuple[int, ...], value: float, minus: float, plus: float, bound: float
    ) -> None:
        """Write what was found of an entry along a line of its own."""
        found = self.found
        found.values[index], found.known[index], self.bound[index] = value, True, bound
        found.minus[index], found.plus[index] = minus, plus

    def pair(self, place: int) -> Pair:
        """Return the first pair of an entry, as long as nothing better was written."""
        found = self.found
        arrays = (self.step, found.minus, found.plus, found.values)
        return Pair(*(float(array.flat[place]) for array in arrays))

    def refine(self, place: int, estimate: Estimate, kink: bool) -> None:
        """Write what is better known of an entry."""
        found, pair = self.found, estimate.pair
        found.values.flat[place] = estimate.value
        found.minus.flat[place] = pair.minus
        found.plus.flat[place] = pair.plus
        found.kink.flat[place] = kink
        self.bound.flat[place] = estimate.bound


class Surveyor:
    """Probes tensors at one point.

    Parameters
    ----------
    box : BlackBox
        The loss; its arrays are moved and restored.
    loss : float
        Its value at the point.
    seed : int
        Seed of whatever is drawn.
    rtol : float
        The relative accuracy that is aimed at.
    step : float, optional
        Absolute step; found for each tensor by default.
    thrifty : bool
        Whether noise and steps are found with few evaluations, because each takes long.

    Attributes
    ----------
    noise : float
        Standard deviation of the rounding of the loss, absolute.
    stairs : float
        The step in which the loss moves if it is rounded far above its precision, else 0.
    """

    def __init__(
        self,
        box: BlackBox,
        loss: float,
        *,
        seed: int,
        rtol: float,
        step: float | None = None,
        thrifty: bool = False,
    ) -> None:
        self.box = box
        self.loss = loss
        self.seed = seed
        self.step = step
        self.n_pilots = 1 if thrifty else N_PILOTS
        n_directions = 1 if thrifty or len(box.arrays) > 1 else 3
        noise = find_noise(box, loss, seed, n_directions, is_short=thrifty)
        self.noise, self.stairs = noise.size, noise.stairs
        self.rtol = max(rtol, ENOUGH) if self.is_noisy else rtol

    @property
    def is_noisy(self) -> bool:
        """Whether the loss has the precision of float32 or less."""
        return self.noise > NOISY * abs(self.loss)

    def survey(
        self,
        name: str,
        places: Ints,
        analytic: Floats | None,
        *,
        into: Survey,
        deadline: float = np.inf,
        report: Report | None = None,
    ) -> None:
        """Find the derivatives of some entries of a tensor.

        Parameters
        ----------
        name : str
            The tensor.
        places : ndarray of int64
            The entries, in C order.
        analytic : ndarray of float64 or None
            The gradient that they will be compared with. Two evaluations per entry are then enough
            where both agree, because a wrong value would have to meet the error of the numerical
            one. Without it there are four.
        into : Survey
            Where they are written, as they are found.
        deadline : float
            Time, of ``perf_counter``, after which bounds are not improved any more.
        report : callable, optional
            Called with the number of entries that were done.
        """
        flat = None if analytic is None else analytic.reshape(-1)
        step = self._step(name, places, flat)
        reached = np.sort(self._sweep(name, places, step, into, report))
        self._refine(name, reached, flat, into, step, deadline)

    def _sweep(
        self, name: str, places: Ints, step: Step, into: Survey, report: Report | None
    ) -> Ints:
        """Make the first pair of all entries; return those that were reached."""
        reached: list[Ints] = []
        n_raised = n_calls = 0
        for part, losses in self.box.probed(name, places, step.size):
            slopes = Slopes.of(losses, self.loss)
            with np.errstate(all="ignore"):
                bound = NOISE * self.noise / slopes.step + 2.0 * step.truncation
            into.put(part, slopes, np.where(np.isfinite(slopes.value), bound, np.inf))
            reached.append(part)
            if report is not None:
                report(part.size)
            n_raised, n_calls = n_raised + losses.n_raised, n_calls + 2 * part.size
            if n_raised >= MOST_RAISED and n_raised == n_calls:
                break
        return np.concatenate([places[:0], *reached])

    def _stencil(self, name: str, place: int, step: Step, *pairs: Pair) -> Stencil:
        """Return a stencil that has its first pairs already."""
        stencil = Stencil(
            self.box, name, place, loss=self.loss, step=step.size, noise=self.noise,
            widest=step.widest,
        )  # fmt: skip
        stencil.pairs.update(enumerate(pairs))
        return stencil

    def _step(self, name: str, places: Ints, analytic: Floats | None) -> Step:
        if self.step is not None:
            return Step(self.step, 0.0, np.inf)
        pilots = self._pilots(self.box.arrays[name].size, places, analytic)
        return find_step(self.box, name, pilots, loss=self.loss, noise=self.noise, rtol=self.rtol)

    def _pilots(self, size: int, places: Ints, analytic: Floats | None) -> list[int]:
        """Return the entries in which the step is found: all of a tiny tensor."""
        if places.size <= 2 * self.n_pilots:
            return sorted(places.tolist())
        rng = np.random.default_rng([self.seed, 11, size])
        pilots = set(rng.choice(places, self.n_pilots, replace=False).tolist())
        if analytic is not None:
            large = np.nan_to_num(np.abs(analytic[places]), posinf=0.0)
            pilots |= set(places[np.argsort(-large, kind="stable")[: self.n_pilots]].tolist())
        return sorted(pilots)

    # ------------------------------------------------------------ entries that need a closer look

    def _refine(
        self,
        name: str,
        places: Ints,
        analytic: Floats | None,
        into: Survey,
        step: Step,
        deadline: float,
    ) -> None:
        given = None if analytic is None else analytic[places]
        scale = _scale(into.found.values.reshape(-1)[places], given)
        wrong, poor = self._suspects(places, given, scale, into)
        suspects = np.flatnonzero(wrong | poor)
        wider = self._wider(name, places[suspects], step) if given is None else {}
        n_wrong = n_outside = n_tried = n_helped = 0
        for i in suspects:
            place = int(places[i])
            pair = into.pair(place)
            stencil = self._stencil(name, place, step, pair, *wider.get(place, ()))
            if wrong[i] and n_wrong >= MOST_WRONG:
                into.bound.flat[place] = self._loose(pair, step)
                continue
            if not pair.is_inside and n_outside >= MOST_OUTSIDE:
                continue
            futile = n_tried >= MOST_FUTILE and 4 * n_helped < n_tried
            if not wrong[i] and (futile or perf_counter() > deadline):
                if given is None:
                    into.refine(place, stencil.estimate(0), False)
                continue
            a = None if given is None or not np.isfinite(given[i]) else float(given[i])
            wanted = Wanted(a, self.rtol * float(scale[i]), self.is_noisy)
            estimate, kink = refined(stencil, wanted)
            n_outside += not np.isfinite(estimate.value)
            if not wrong[i]:
                n_tried += 1
                n_helped += estimate.bound <= wanted.bound
            elif a is None or not kink:
                n_wrong += wanted.is_missed(estimate)
            into.refine(place, estimate, kink)

    def _wider(self, name: str, places: Ints, step: Step) -> dict[int, tuple[Pair]]:
        """Return the pairs at twice the step, which every entry needs without an analytic value."""
        found = {}
        for part, losses in self.box.probed(name, places, 2.0 * step.size):
            slopes = Slopes.of(losses, self.loss)
            found.update({int(place): (Pair.of(slopes, k),) for k, place in enumerate(part)})
        return found

    def _suspects(
        self, places: Ints, given: Floats | None, scale: Floats, into: Survey
    ) -> tuple[Bools, Bools]:
        """Return which entries look wrong or at a kink, and which are not known well enough."""
        found = into.found
        values, bound = found.values.reshape(-1)[places], into.bound.reshape(-1)[places]
        jump = np.abs(found.plus.reshape(-1)[places] - found.minus.reshape(-1)[places])
        poor = ~(bound <= self.rtol * scale)
        steep = jump > np.maximum(STEEP * scale, 4.0 * bound)
        if given is None:
            moved = (values != 0.0) | (jump != 0.0)
            return steep | ~np.isfinite(values), moved
        nothing = (values == 0.0) & (given == 0.0) & (jump == 0.0)
        wrong = ~(np.abs(given - values) <= bound) | steep
        return wrong & ~nothing & np.isfinite(given), poor & ~wrong & ~nothing

    def _loose(self, pair: Pair, step: Step) -> float:
        """Return a bound from two losses alone, with room for a kink."""
        bound = NOISE * self.noise / pair.step + 8.0 * step.truncation + abs(pair.jump)
        return bound if np.isfinite(bound) else np.inf


def _scale(values: Floats, given: Floats | None) -> Floats:
    """Return what a relative error of each entry refers to, as in judging."""
    floor = FLOOR * rms(values[np.isfinite(values)])
    size = np.fmax(np.abs(values), floor)
    return size if given is None else np.fmax(size, np.where(np.isfinite(given), np.abs(given), 0))
