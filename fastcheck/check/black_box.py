"""Measuring a loss that can only be called."""

from __future__ import annotations

import math
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck import findings
from fastcheck.blackbox import CompiledBox, Preflight, Survey, Surveyor, rms
from fastcheck.blackbox.preflight import drifted, mutated
from fastcheck.blackbox.sample import Budget, chosen_entries
from fastcheck.bounds import UNITS
from fastcheck.check.measurement import Measurement
from fastcheck.parallel import single_threaded_blas
from fastcheck.params import select_names
from fastcheck.plan import Numerical, counter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox
    from fastcheck.result import Finding

    Arrays = Mapping[str, NDArray[Any]]
    Floats = NDArray[np.float64]
    Patterns = str | Iterable[str] | None
    Progress = Callable[[int, int], None]

ROUNDINGS = 256.0
"""Allowance for the analytic gradient, in roundings of its values."""


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
        with self.timed("forward"), single_threaded_blas():
            preflight = Preflight(box)
        self.loss = preflight.loss
        self.findings.extend(preflight.findings)

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
        given = (
            None
            if analytic is None
            else {name: g.astype(np.float64) for name, g in analytic.items()}
        )
        try:
            with self.timed("numerical"), single_threaded_blas(), self.box.restoring() as kept:
                self._survey(plan, budget, progress, given, rtol, surveys)
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
        progress: Progress | None,
        analytic: Mapping[str, Floats] | None,
        rtol: float,
        surveys: dict[str, Survey],
    ) -> None:
        """Probe entry by entry, tensor by tensor."""
        start = perf_counter()
        costs = Budget(
            {name: math.prod(self.shapes[name]) for name in self.names},
            seconds=self.box.seconds,
            n_calls=2 if analytic is not None else 4,
            budget=budget,
        )
        chosen = costs.choose(plan)
        surveyor = Surveyor(
            self.box, self.loss, seed=self.seed, rtol=rtol, step=self.step, thrifty=costs.is_short
        )
        self.surveyor = surveyor
        self.numerical.plan, self.numerical.reason = chosen.plan, chosen.reason
        self.numerical.seconds = chosen.seconds
        report = counter(sum(chosen.counts.values()), progress)
        for name, survey in surveys.items():
            given = None if analytic is None else analytic[name]
            places = chosen_entries(survey.bound.size, chosen.counts[name], given, self.seed)
            surveyor.survey(
                name, places, given, into=survey, deadline=start + chosen.limit, report=report
            )
        with self.box.restoring():
            self.findings.extend(drifted(self.loss, self.box))

    def bound(self, name: str, dtype: np.dtype[Any] | None) -> Floats:
        """Return the allowance of each entry of a tensor."""
        bound = self.bounds[name]
        if dtype is None:
            return bound
        unit = UNITS.get(f"{dtype.kind}{dtype.itemsize}", UNITS["f8"])
        if self.surveyor is not None and self.surveyor.is_noisy:
            unit = max(unit, UNITS["f4"])
        size = np.abs(self.numerical.tensors[name].values)
        return bound + ROUNDINGS * unit * np.maximum(size, rms(size[np.isfinite(size)]))

    def remarks(self) -> list[Finding]:
        """Return findings about the precision of the loss, and on what it does not depend."""
        outside = findings.about_domain(self.box, self.numerical.tensors)
        if self.surveyor is not None and self.surveyor.stairs:  # is why anything else was found
            return [findings.about_stairs(self.surveyor.stairs, self.loss), *outside]
        found = findings.about_influence(self.numerical.tensors, self.box.is_closure)
        found += findings.about_zeros(self.numerical.tensors, self.bounds)
        found += outside
        if self.surveyor is not None and self.surveyor.is_noisy:
            found.append(findings.about_noise(self.surveyor.noise, self.loss))
        return found
