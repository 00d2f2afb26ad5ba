"""Measuring a loss that is a graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck import findings
from fastcheck.audit import audit_tensor
from fastcheck.bounds import Rounding, allowance, find_rounding
from fastcheck.check.measurement import Measurement
from fastcheck.derivatives import Derivatives
from fastcheck.diagnose import explain, with_exact_ones
from fastcheck.diagnose.backward import explain_graph
from fastcheck.errors import InputError
from fastcheck.graph.route import find_route
from fastcheck.parallel import single_threaded_blas
from fastcheck.params import matches, select_names
from fastcheck.plain import plain_bound, plain_differences, plain_step
from fastcheck.plan import Planner
from fastcheck.preflight import about_steps_of_graph
from fastcheck.result import Audit, Finding, SpotCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import ArrayLike, NDArray

    from fastcheck.diagnose import Case
    from fastcheck.graph.state import State
    from fastcheck.objective import GraphObjective
    from fastcheck.result import Diagnosis

    Arrays = Mapping[str, NDArray[Any]]
    Floats = NDArray[np.float64]
    Patterns = str | Iterable[str] | None
    Progress = Callable[[int, int], None]


class GraphMeasurement(Measurement):
    """What is measured of a graph; parameters are those of a check.

    Attributes
    ----------
    state : State
        The base point.
    """

    def __init__(
        self,
        objective: GraphObjective,
        params: Mapping[str, ArrayLike],
        *,
        step: float | None,
        arithmetic: str,
        seed: int,
        only: Patterns,
        skip: Patterns,
    ) -> None:
        known = objective.shapes | objective.intermediates
        names = select_names(list(objective.shapes), only, skip, list(objective.intermediates))
        super().__init__(names, known, objective.batch)
        self._params = params
        self.intermediates = [
            name for name in objective.intermediates
            if name not in names and matches(name, only, skip)
        ]  # fmt: skip
        self.optional = set(objective.intermediates)
        self.engine = "graph" if arithmetic == "difference" else "graph (plain subtraction)"
        self.arithmetic = arithmetic
        self.step = step
        self.seed = seed
        self._planner: Planner | None = None
        with self.timed("forward"), single_threaded_blas():
            self.state: State = objective.state(params)
        self.loss = self.state.loss

    @cached_property
    def rounding(self) -> Rounding:
        """What rounding errors are proportional to."""
        with self.timed("bounds"), single_threaded_blas():
            return find_rounding(self.state, self.names)

    @property
    def graph_state(self) -> State | None:
        """The base point of the graph."""
        return self.state

    @property
    def point(self) -> Arrays:
        """The parameters, by name."""
        return {name: np.asarray(value) for name, value in self._params.items()}

    @property
    def n_samples(self) -> int | None:
        """The size of the batch, None where it is not known."""
        return self.state.graph.n_batch

    def reads(self, name: str) -> bool:
        """Return whether the loss reads a tensor: whether a way leads from it to the loss."""
        return bool(find_route(self.state.graph.tensor(name)).nodes)

    def explained(self, case: Case) -> tuple[Diagnosis, ...]:
        """Return why tensors are wrong, found by a walk from the loss backwards.

        Where the walk finds nothing, the gradients themselves may say it, as of a function without
        layers.
        """
        with single_threaded_blas(), np.errstate(all="ignore"):
            walked = explain_graph(case, self.state, self.seed)
            found = with_exact_ones(walked, case)
        told = {name for diagnosis in found for name in diagnosis.tensors}
        left = [tensor for tensor in case.failed if tensor.name not in told]
        return (*found, *explain(case.without(told))) if left else tuple(found)

    def include(self, grads: Any) -> None:
        """Check also the intermediate values for which there are gradients."""
        keys = grads if isinstance(grads, Mapping) else ()
        found = [n for n in self.intermediates if n in keys or f"d{n}" in keys]
        self.names = [*self.names, *found]
        self.asked = self.names

    def prepare(self) -> None:
        """Compute the rounding."""
        _ = self.rounding

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
        if self.arithmetic == "plain":
            if plan not in ("auto", "exhaustive"):
                raise InputError(
                    f'`plan` must be auto or exhaustive with arithmetic="plain", got {plan!r}; '
                    "leave one of them out"
                )
            noise = self.rounding.loss
            self.step = plain_step(noise) if self.step is None else self.step
            with self.timed("numerical"):
                self.numerical = plain_differences(
                    self.state,
                    self._filled,
                    noise,
                    step=self.step,
                    n_jobs=n_jobs,
                    progress=progress,
                )
            self._fill_in()
            return
        with self.timed("numerical"), single_threaded_blas():
            if self._planner is None:
                self._planner = Planner(self.state, self._filled, self.step, self.seed)
            self.numerical = self._planner.run(
                plan, budget, n_jobs=n_jobs, spots=analytic is not None, progress=progress,
                analytic=analytic, entries=self.entries,
            )  # fmt: skip
        self._fill_in()
        if self.step is not None:
            self.findings += about_steps_of_graph(self.step, self.numerical.tensors, rtol)

    def _fill_in(self) -> None:
        """Give tensors the shapes that they are declared with, and add those without entries."""
        found = self.numerical.tensors
        for name in self.names:
            shape = self.shapes[name]
            found[name] = (found.get(name) or Derivatives.unknown(shape)).reshaped(shape)

    @property
    def _filled(self) -> list[str]:
        """The tensors that have entries."""
        return [name for name in self.names if math.prod(self.shapes[name])]

    def bound(self, name: str, dtype: np.dtype[Any] | None) -> Floats:
        """Return the allowance of each entry of a tensor."""
        found = self.numerical.tensors[name]
        scale = self.rounding.scale[name].reshape(found.values.shape)
        bound = allowance(scale, found.truncation, dtype)
        if self.arithmetic == "plain" and self.step is not None:
            bound = bound + plain_bound(found, self.rounding.loss, self.step)
        return bound

    def terms(self, name: str) -> Floats | None:
        """Return the absolute terms of each derivative of a tensor."""
        return self.rounding.terms[name].reshape(self.shapes[name])

    def remarks(self) -> list[Finding]:
        """Return findings about the graph."""
        return [
            *findings.about_reach(self.state, self.names),
            *findings.about_coupling(self.state, self.names),
        ]

    def audits(self) -> list[Audit]:
        """Compare with plain differences along one direction per tensor."""
        if self.arithmetic == "plain" or not self.numerical.complete:
            return []
        return [
            audit_tensor(
                self.state, name, found.values, self.rounding.loss, self.seed, found.truncation,
                self.numerical.steps.get(name, math.inf),
            )
            for name, found in self.numerical.tensors.items()
            if found.known.size and found.known.all() and not found.kink.any()
        ]  # fmt: skip

    def spot_checks(self) -> list[SpotCheck]:
        """Compare the units plan with probes of single entries."""
        checks = []
        for name, (entries, single) in self.numerical.spots.items():
            values = self.numerical.tensors[name].values.reshape(-1)[entries]
            bound = 2.0 * self.bound(name, None).reshape(-1)[entries]
            usable = ~(single.kink | self.numerical.tensors[name].kink.reshape(-1)[entries])
            deviation = np.abs(values - single.values)[usable]
            worst = float(np.max(deviation / np.maximum(bound[usable], 1e-300), initial=0.0))
            checks.append(SpotCheck(name, int(usable.sum()), worst, worst <= 1.0))
        return checks
