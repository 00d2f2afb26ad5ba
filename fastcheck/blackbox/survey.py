"""Derivatives of all or some entries of each tensor, by calling the loss."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.blackbox.noise import find_noise
from fastcheck.blackbox.stencil import NOISE, Stencil, Wanted, refined
from fastcheck.blackbox.step import Step, find_step
from fastcheck.derivatives import Derivatives

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastcheck.blackbox.loss import BlackBox
    from fastcheck.blackbox.stencil import Estimate, Pair

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]
    Report = Callable[[int], None]

N_PILOTS = 4
"""Entries, of the largest and at random each, in which the step of a tensor is found; one each
where time is short."""
FLOOR = 0.01
"""Smallest scale of an entry, relative to the rms of its tensor, as in judging."""
STEEP = 0.03
"""Difference of one-sided slopes, relative to the derivative, that looks like a kink."""
MOST_WRONG = 64
"""Entries of a tensor in which a disagreement is confirmed; a wrong gradient need not be confirmed
everywhere."""
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
    """

    found: Derivatives
    bound: Floats

    @classmethod
    def unknown(cls, shape: tuple[int, ...]) -> Survey:
        """Return a survey of which nothing is known yet."""
        return cls(Derivatives.unknown(shape), np.full(shape, np.nan))

    def put(self, place: int, estimate: Estimate, kink: bool) -> None:
        """Write what is known of an entry."""
        pair = estimate.pair
        self._write(place, estimate.value, pair, estimate.bound)
        self.found.kink.flat[place] = kink

    def put_pair(self, place: int, pair: Pair, bound: float) -> None:
        """Write a plain central difference."""
        self._write(place, pair.value, pair, bound)

    def put_single(
        self, index: tuple[int, ...], value: float, minus: float, plus: float, bound: float
    ) -> None:
        """Write what was found of an entry along a line of its own."""
        found = self.found
        found.values[index], found.known[index], self.bound[index] = value, True, bound
        found.minus[index], found.plus[index] = minus, plus

    def _write(self, place: int, value: float, pair: Pair, bound: float) -> None:
        found = self.found
        found.values.flat[place] = value
        found.minus.flat[place] = pair.minus
        found.plus.flat[place] = pair.plus
        found.known.flat[place] = True
        self.bound.flat[place] = bound


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
        self.noise = find_noise(box, loss, seed, n_directions=1 if thrifty else 3)
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
        pairs = []
        for place in places:
            pair = self._stencil(name, int(place), step).pair(0)
            pairs.append(pair)
            bound = NOISE * self.noise / pair.step + 2.0 * step.truncation
            into.put_pair(int(place), pair, bound if np.isfinite(pair.value) else np.inf)
            if report is not None:
                report(1)
        self._refine(name, pairs, places, flat, into, step, deadline)

    def _stencil(self, name: str, place: int, step: Step) -> Stencil:
        return Stencil(self.box, name, place, loss=self.loss, step=step.size, noise=self.noise)

    def _resumed(self, name: str, place: int, step: Step, pair: Pair) -> Stencil:
        """Return a stencil that has its first pair already."""
        stencil = self._stencil(name, place, step)
        stencil.pairs[0] = pair
        return stencil

    def _step(self, name: str, places: Ints, analytic: Floats | None) -> Step:
        if self.step is not None:
            return Step(self.step, 0.0)
        rng = np.random.default_rng([self.seed, 11, self.box.arrays[name].size])
        pilots = set(rng.choice(places, min(self.n_pilots, places.size), replace=False).tolist())
        if analytic is not None:
            size = np.nan_to_num(np.abs(analytic[places]), posinf=0.0)
            pilots |= set(places[np.argsort(-size, kind="stable")[: self.n_pilots]].tolist())
        return find_step(
            self.box, name, sorted(pilots), loss=self.loss, noise=self.noise, rtol=self.rtol
        )

    # ------------------------------------------------------------ entries that need a closer look

    def _refine(
        self,
        name: str,
        pairs: list[Pair],
        places: Ints,
        analytic: Floats | None,
        into: Survey,
        step: Step,
        deadline: float,
    ) -> None:
        values = into.found.values.reshape(-1)[places]
        given = None if analytic is None else analytic[places]
        scale = _scale(values, given)
        wrong, poor = self._suspects(places, given, scale, into)
        n_wrong = n_tried = n_helped = 0
        for i in np.flatnonzero(wrong | poor):
            place, pair = int(places[i]), pairs[i]
            if wrong[i] and n_wrong >= MOST_WRONG:
                into.bound.flat[place] = self._loose(pair, step)
                continue
            futile = n_tried >= MOST_FUTILE and 4 * n_helped < n_tried
            if not wrong[i] and (futile or perf_counter() > deadline):
                if given is None:
                    into.put(place, self._resumed(name, place, step, pair).estimate(0), False)
                continue
            a = None if given is None or not np.isfinite(given[i]) else float(given[i])
            wanted = Wanted(a, self.rtol * float(scale[i]), self.is_noisy)
            estimate, kink = refined(self._resumed(name, place, step, pair), wanted)
            if not wrong[i]:
                n_tried += 1
                n_helped += estimate.bound <= wanted.bound
            elif a is None or not kink:
                n_wrong += wanted.is_missed(estimate)
            into.put(place, estimate, kink)

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
    finite = values[np.isfinite(values)]
    floor = FLOOR * float(np.sqrt(np.mean(np.square(finite)))) if finite.size else 0.0
    size = np.fmax(np.abs(values), floor)
    return size if given is None else np.fmax(size, np.where(np.isfinite(given), np.abs(given), 0))
