"""Measuring a loss that can only be called."""

from __future__ import annotations

import math
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck import findings
from fastcheck.blackbox import CompiledBox, Survey, Surveyor, rms
from fastcheck.blackbox.budget import Budget
from fastcheck.blackbox.ties import holds_totals
from fastcheck.blackbox.truncation import find_truncation
from fastcheck.blackbox.workers import spread
from fastcheck.bounds import UNITS
from fastcheck.check.coverage import directions_statement, power_statement
from fastcheck.check.measurement import Measurement
from fastcheck.directions import foreseen, joined, look_along, seen_statement
from fastcheck.parallel import single_threaded_blas
from fastcheck.params import select_names
from fastcheck.plan import Numerical, counter
from fastcheck.preflight import about_precision, about_step, drifted, mutated, receive
from fastcheck.sampling import FEWEST, draw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox
    from fastcheck.blackbox.truncation import Truncation
    from fastcheck.directions import Seen
    from fastcheck.directions.reading import Single
    from fastcheck.preflight import Preflight
    from fastcheck.result import Finding, TensorResult

    Arrays = Mapping[str, NDArray[Any]]
    Floats = NDArray[np.float64]
    Patterns = str | Iterable[str] | None
    Progress = Callable[[int, int], None]

N_SHOWN = 2
"""Entries of a tensor in which the truncation error of a given step is measured."""
MOST_TENSORS = 16
"""Tensors in which it is."""
ROUNDINGS = 256.0
"""Allowance for the analytic gradient, in roundings of its values."""
CANCELLED = 2.0**14
"""Allowance for it where all of a tensor is zero because terms cancel, of which it is not known how
large they were, in roundings of the loss, or of one if that is zero, over the size of the
parameters."""


class BlackBoxMeasurement(Measurement):
    """What is measured of a Python function; parameters are those of a check.

    Attributes
    ----------
    surveyor : Surveyor or None
        What knows steps and noise, after :meth:`probe`.
    """

    def __init__(
        self,
        box: BlackBox,
        preflight: Preflight,
        *,
        step: float | None,
        seed: int,
        only: Patterns,
        skip: Patterns,
    ) -> None:
        super().__init__(select_names(list(box.shapes), only, skip), box.shapes)
        self.box: BlackBox = box
        self.engine = "black box"
        self.step = step
        self.seed = seed
        self.surveyor: Surveyor | None = None
        self.bounds: dict[str, Floats] = {}
        self.preflight: Preflight = preflight
        self.units: dict[str, float] = {}
        self.seen: dict[str, Seen] = {}
        self.n_directions = 0
        self.loss = preflight.loss
        self.findings.extend(preflight.findings)

    def tied(self, analytic: dict[str, NDArray[Any]], given: Any) -> dict[str, NDArray[Any]]:
        """Return the gradients that are compared, parts added up where tensors share memory."""
        aliases = self.box.aliases
        if aliases is None:
            return analytic
        partners = {other for name in analytic for other in aliases.partners(name)}
        missing = [name for name in self.shapes if name in partners and name not in analytic]
        others = [name for name in missing if given.get(name) is not None]
        parts = analytic | receive(self.shapes, others, given).analytic
        with single_threaded_blas():
            totals = {
                g for g in aliases.groups if self.is_sound and holds_totals(self.box, g, parts)
            }
        self.findings[:0] = [
            findings.about_aliases(aliases, g, g in totals) for g in aliases.groups
        ]
        apart = {name: part for name, part in parts.items() if aliases.group_of(name) not in totals}
        self.slack |= aliases.summed({n: e for n, e in self.slack.items() if n in apart})
        for name, size in aliases.rounding(apart, ROUNDINGS).items():
            self.slack[name] = self.slack.get(name, 0.0) + size
        compared = analytic | aliases.summed(apart)
        return {name: compared[name] for name in analytic}

    def probe(
        self,
        plan: str,
        budget: float | None,
        n_jobs: int,
        progress: Progress | None,
        *,
        analytic: Arrays | None = None,
        rtol: float = 1e-5,
    ) -> None:
        """Compute the numerical gradient."""
        if isinstance(self.box, CompiledBox):
            self.box.n_jobs = n_jobs
        surveys = {name: Survey.unknown(self.shapes[name]) for name in self.names}
        tensors = {name: survey.found for name, survey in surveys.items()}
        self.bounds = {name: survey.bound for name, survey in surveys.items()}
        self.numerical = Numerical(tensors, plan, "", 0.0, complete=False)
        self.units = {name: self._unit(g.dtype) for name, g in (analytic or {}).items()}
        given = (
            None
            if analytic is None
            else {name: g.astype(np.float64) for name, g in analytic.items()}
        )
        try:
            with self.timed("numerical"), single_threaded_blas(), self.box.restoring() as kept:
                self._survey(plan, budget, n_jobs, progress, given, rtol, surveys)
                changed = self.box.changed(kept)
        except KeyboardInterrupt:
            return
        if changed:
            self.findings.append(mutated("the loss", changed))
        self.numerical.complete = True

    def _survey(
        self,
        plan: str,
        budget: float | None,
        n_jobs: int,
        progress: Progress | None,
        analytic: Mapping[str, Floats] | None,
        rtol: float,
        surveys: dict[str, Survey],
    ) -> None:
        """Probe entry by entry, tensor by tensor."""
        start = perf_counter()
        costs = Budget(
            {name: self.shapes[name] for name in self.names},
            seconds=self.box.seconds,
            n_calls=2 if analytic is not None else 4,
            budget=budget,
            obstacle=self._obstacle(analytic),
            entries=self.entries,
        )
        chosen = costs.choose(plan)
        self.numerical.plan, self.numerical.reason = chosen.plan, chosen.reason
        self.numerical.seconds = chosen.seconds
        with spread(self.box, n_jobs, chosen.seconds, self.findings):
            self.surveyor = surveyor = Surveyor(
                self.box, self.loss, seed=self.seed, rtol=rtol, step=self.step,
                thrifty=costs.is_short,
            )  # fmt: skip
            if chosen.plan == "directions" and analytic is not None:
                self._look_along(analytic, start + chosen.limit, surveys)
            counts = dict(chosen.counts)
            if plan == "auto":  # what directions cannot say of a noisy loss, a few entries can
                unclear = [name for name, seen in self.seen.items() if not seen.is_settled]
                counts |= {n: max(counts[n], min(FEWEST, surveys[n].bound.size)) for n in unclear}
            self._look_at_entries(
                surveyor, counts, analytic, surveys, start + chosen.limit, progress
            )
        with self.box.restoring():
            self.findings.extend(drifted(self.loss, self.box))
        if self.step is not None:
            self.findings.extend(self._about_step(self.step, surveyor, analytic, rtol))

    def _look_at_entries(
        self,
        surveyor: Surveyor,
        counts: Mapping[str, int],
        analytic: Mapping[str, Floats] | None,
        surveys: dict[str, Survey],
        deadline: float,
        progress: Progress | None,
    ) -> None:
        """Probe some entries of each tensor, or all."""
        report = counter(sum(counts.values()), progress)
        for name, survey in surveys.items():
            given = None if analytic is None else analytic[name]
            sample = draw(self.shapes[name], counts[name], given, self.seed)
            if not sample.places.size:
                continue
            self.numerical.samples[name] = sample
            surveyor.survey(
                name, sample.places, given, into=survey, deadline=deadline, report=report
            )

    def _about_step(
        self,
        step: float,
        surveyor: Surveyor,
        analytic: Mapping[str, Floats] | None,
        rtol: float,
    ) -> list[Finding]:
        """Return a warning if the user's step is too large, as the largest entries show it."""
        found: dict[str, Truncation] = {}
        for name in self.names:
            values = self.numerical.tensors[name].values if analytic is None else analytic[name]
            size = np.nan_to_num(np.abs(values.reshape(-1)), posinf=0.0)
            places = np.argsort(-size, kind="stable")[:N_SHOWN]
            if places.size and len(found) < MOST_TENSORS:
                found[name] = find_truncation(
                    self.box, name, places, step, loss=self.loss, noise=surveyor.noise, rtol=rtol
                )
        return about_step(step, found, self.shapes, rtol)

    def _obstacle(self, analytic: Mapping[str, Floats] | None) -> str:
        """Return why no directions can be probed; empty if they can."""
        if analytic is None:
            return "there is no gradient to compare with"
        if self.box.aliases is not None:
            return "parameters share memory"
        return "the gradient was recovered from an update" if self.slack else ""

    def _look_along(
        self, analytic: Mapping[str, Floats], deadline: float, surveys: dict[str, Survey]
    ) -> None:
        """Probe directions, and entries where they say that something is wrong."""
        surveyor = self.surveyor
        if surveyor is None:
            return
        visible = foreseen(surveyor.noise, self.loss)
        self.numerical.reason += power_statement(visible, analytic.values())
        noisy = surveyor.is_noisy

        def keep(name: str, index: tuple[int, ...], single: Single) -> None:
            given = float(analytic[name][index])
            value = (given if math.isfinite(given) else 0.0) - single.error
            surveys[name].put_single(index, value, single.minus, single.plus, single.bound)

        self.seen, self.n_directions = look_along(
            self.box,
            self.loss,
            surveyor.noise,
            analytic,
            {name: max(unit, UNITS["f4"]) if noisy else unit for name, unit in self.units.items()},
            seed=self.seed,
            is_noisy=noisy,
            step=self.step,
            is_late=lambda: perf_counter() > deadline,
            keep=keep,
        )

    def judge(self, name: str, analytic: NDArray[Any], rtol: float, strict: bool) -> TensorResult:
        """Return the verdict on one tensor, with what directions and samples say of the rest."""
        judged = super().judge(name, analytic, rtol, strict)
        if name in self.seen:
            known = self.numerical.tensors[name].known
            judged = joined(
                judged,
                self.seen[name],
                known,
                is_sampled=name in self.numerical.samples,
                rtol=rtol,
                strict=strict,
            )
        return judged

    def guarantee(self, tensors: Iterable[TensorResult]) -> str:
        """Return what directions and samples rule out."""
        found = list(tensors)
        parts = [super().guarantee(found)]
        if self.n_directions:
            parts = [directions_statement(self.n_directions), seen_statement(found), *parts]
        return "; ".join(filter(None, parts))

    @staticmethod
    def _unit(dtype: np.dtype[Any]) -> float:
        return UNITS.get(f"{dtype.kind}{dtype.itemsize}", UNITS["f8"])

    def bound(self, name: str, dtype: np.dtype[Any] | None) -> Floats:
        """Return the allowance of each entry of a tensor."""
        bound = self.bounds[name]
        if dtype is None:
            return bound
        unit = self._unit(dtype)
        if self.surveyor is not None and self.surveyor.is_noisy:
            unit = max(unit, UNITS["f4"])
        size = np.abs(self.numerical.tensors[name].values)
        allowed = ROUNDINGS * unit * np.maximum(size, rms(size[np.isfinite(size)]))
        if np.all((size <= bound)[np.isfinite(size)]):
            largest = float(np.abs(self.box.arrays[name]).max(initial=1.0))
            allowed = np.maximum(allowed, CANCELLED * unit * (abs(self.loss) or 1.0) / largest)
        return bound + allowed

    def remarks(self) -> list[Finding]:
        """Return findings about the precision of the loss, and on what it does not depend."""
        outside = findings.about_domain(self.box, self.numerical.tensors)
        if self.surveyor is not None and self.surveyor.stairs:  # is why anything else was found
            return [findings.about_stairs(self.surveyor.stairs, self.loss), *outside]
        found = findings.about_influence(self.numerical.tensors, self.box.is_closure)
        found += findings.about_zeros(self.numerical.tensors, self.bounds)
        found += outside
        if self.surveyor is not None and self.surveyor.is_noisy:
            found += about_precision(
                self.surveyor.noise, self.loss, self.box.unit, self.box.arrays, self.preflight.reach
            )
        return found
