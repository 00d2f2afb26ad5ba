"""One check on its way: base point, numerical gradient, bounds and times."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck import findings
from fastcheck.audit import audit_tensor
from fastcheck.bounds import Rounding, allowance, find_rounding
from fastcheck.check.coverage import sample_statement, with_guarantee
from fastcheck.check.gradient_of import gradient_of
from fastcheck.derivatives import Derivatives
from fastcheck.errors import InputError
from fastcheck.holding import errors_of, named_gradients, taken
from fastcheck.judge import judge_tensor
from fastcheck.parallel import single_threaded_blas
from fastcheck.params import matches, select_names
from fastcheck.plain import plain_bound, plain_differences, plain_step
from fastcheck.plan import Numerical, Planner
from fastcheck.preflight import GradientCalls, about_steps_of_graph, named_mode
from fastcheck.result import Audit, Finding, SpotCheck, TensorResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import ArrayLike, NDArray

    from fastcheck.blackbox import BlackBox
    from fastcheck.graph.state import State
    from fastcheck.objective import GraphObjective
    from fastcheck.preflight import Preflight

    Arrays = Mapping[str, NDArray[Any]]
    Floats = NDArray[np.float64]
    Patterns = str | Iterable[str] | None
    Progress = Callable[[int, int], None]


class Measurement(ABC):
    """Everything that is measured at one point.

    Attributes
    ----------
    names : list of str
        The tensors to be checked.
    shapes : dict of str to tuple of int
        Of all tensors.
    loss : float
        The loss at the point.
    optional : set of str
        The tensors that need no gradient: named intermediate values.
    engine, engine_reason : str
        What evaluates the loss, and why.
    findings : list of Finding
        What was found before any number was compared.
    numerical : Numerical
        The numerical gradient, after :meth:`probe`.
    timings : dict of str to float
        Seconds by stage.
    batch : object or None
        Where the data came from.
    box : BlackBox or None
        The loss as the user gave it, if that is a function.
    preflight : Preflight or None
        What was found out about it.
    asked : list of str
        The tensors that were to be checked; `names` are those whose gradients can be.
    refused : dict of str to TensorResult
        The tensors whose gradients cannot be compared.
    unread : list of str
        The tensors that the loss does not read.
    """

    def __init__(
        self, names: list[str], shapes: Mapping[str, tuple[int, ...]], batch: Any = None
    ) -> None:
        self.names = names
        self.shapes = dict(shapes)
        self.batch = batch
        self.box: BlackBox | None = None
        self.preflight: Preflight | None = None
        self.asked = names
        self.refused: dict[str, TensorResult] = {}
        self.unread: list[str] = []
        self.slack: dict[str, Floats] = {}
        self.engine = self.engine_reason = ""
        self.findings: list[Finding] = []
        self.loss = math.nan
        self.optional: set[str] = set()
        self.timings: dict[str, float] = {}
        self.numerical = Numerical({}, "none", "the loss cannot be probed", 0.0)

    def timed(self, name: str) -> _Timer:
        """Return a context that adds its seconds to `timings`."""
        return _Timer(self.timings, name)

    @property
    def is_sound(self) -> bool:
        """Whether there is something to probe."""
        errors = [f for f in self.findings if f.severity == "error" and f.tensor is None]
        return math.isfinite(self.loss) and not errors

    def restore(self) -> None:
        """Write back whatever arrays the loss and the gradient have written into.

        Where nothing could be probed, also counters and states that the loss carries.
        """
        if self.preflight is not None:
            reach = self.preflight.reach
            (reach.restore if self.is_sound else reach.restore_all)()

    @property
    def point(self) -> Arrays:
        """The parameters, by name."""
        return {} if self.box is None else self.box.arrays

    def reached(self) -> Arrays:
        """Return the arrays that the loss reads, by name, as far as they can be found."""
        if self.box is None or self.preflight is None:
            return {}
        reach = self.preflight.reach
        return {reach.name_of(array): array for array, _ in reach.kept} | self.box.arrays

    def include(self, grads: Any) -> None:
        """Check also what the gradients name beside parameters; nothing by default."""
        return

    def received(self, grads: Any, params: Any) -> dict[str, Any]:
        """Return the gradients that the user gave by name; a function is called for them.

        It is called three times, and may change neither parameters nor what the loss reads: all
        is restored, and it is an error.
        """
        box = self.box
        if box is None:
            names, point, structure = [n for n in params if n in self.shapes], params, params
        else:
            names, structure = [*box.held.leaves], box.held.structure
            point = box.held.point()

        fills = False

        def call() -> dict[str, Any]:
            nonlocal fills
            if box is not None:
                box.held.publish()
                if box.before_each is not None:
                    box.before_each()
            returned = gradient_of(grads, point)
            fills = returned is None  # .grad, which adds up by contract
            return named_gradients(taken(returned, structure), names)

        given = (
            self._called(call, grads, lambda: not fills)
            if callable(grads)
            else named_gradients(grads, names)
        )
        self.slack = errors_of(given)
        return given

    def _called(
        self, call: Callable[[], dict[str, Any]], function: Any, may_repeat: Callable[[], bool]
    ) -> dict[str, Any]:
        """Return what the first of several calls gives as the gradient."""
        roots = [function] if self.box is None else [function, *self.box.roots]
        with self.timed("gradient"), single_threaded_blas():
            calls = GradientCalls(call, self.box, self.loss, roots, may_repeat)
            calls.reach.restore()
            if calls.draws and self.box is not None and self.preflight is not None:
                calls.findings = named_mode(
                    calls.findings, self.box, self.preflight.reach, self.loss
                )
        self.findings += calls.findings
        return calls.first  # type: ignore[no-any-return]

    def tied(self, analytic: dict[str, NDArray[Any]], given: Any) -> dict[str, NDArray[Any]]:
        """Return the gradients that are compared, parts added up where tensors share memory."""
        return analytic

    @abstractmethod
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
        """Compute the numerical gradient, to be compared with `analytic` if that is given."""

    @abstractmethod
    def bound(self, name: str, dtype: np.dtype[Any] | None) -> Floats:
        """Return the allowance of each entry of a tensor, for an analytic gradient of `dtype`."""

    def prepare(self) -> None:
        """Compute what all bounds need, timed on its own and not as part of judging."""
        return

    def judge_all(self, analytic: Arrays, rtol: float, strict: bool) -> dict[str, TensorResult]:
        """Return the verdict on each tensor."""
        self.prepare()
        with self.timed("judging"):
            return {name: self.judge(name, g, rtol, strict) for name, g in analytic.items()}

    def judge(self, name: str, analytic: NDArray[Any], rtol: float, strict: bool) -> TensorResult:
        """Return the verdict on one tensor."""
        found = self.numerical.tensors[name]
        judged = judge_tensor(
            name,
            analytic.astype(np.float64),
            found.values,
            self.bound(name, analytic.dtype) + self.slack.get(name, 0.0),
            kink=found.kink,
            slopes=(found.minus, found.plus),
            checked=None if found.known.all() else found.known,
            terms=self.terms(name),
            rtol=rtol,
            strict=strict,
        )
        judged = replace(judged, is_intermediate=name in self.optional)
        sample = self.numerical.samples.get(name)
        return judged if sample is None else with_guarantee(judged, sample)

    def terms(self, name: str) -> Floats | None:
        """Return the absolute terms of each derivative of a tensor, None if they are not known."""
        return None

    def guarantee(self, tensors: Iterable[TensorResult]) -> str:
        """Return what follows for entries that were not perturbed on their own, in a sentence."""
        return sample_statement(list(tensors), self.numerical.samples)

    def remarks(self) -> list[Finding]:
        """Return what is said beside the verdicts, after the probes."""
        return []

    def audits(self) -> list[Audit]:
        """Return comparisons with an independent computation; none by default."""
        return []

    def spot_checks(self) -> list[SpotCheck]:
        """Return comparisons of a plan with probes of single entries; none by default."""
        return []


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
        with self.timed("forward"), single_threaded_blas():
            self.state: State = objective.state(params)
        self.loss = self.state.loss

    @cached_property
    def rounding(self) -> Rounding:
        """What rounding errors are proportional to."""
        with self.timed("bounds"), single_threaded_blas():
            return find_rounding(self.state, self.names)

    @property
    def point(self) -> Arrays:
        """The parameters, by name."""
        return {name: np.asarray(value) for name, value in self._params.items()}

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
            planner = Planner(self.state, self._filled, self.step, self.seed)
            self.numerical = planner.run(
                plan, budget, n_jobs=n_jobs, spots=analytic is not None, progress=progress,
                analytic=analytic,
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
                self.state, name, found.values, self.rounding.loss, self.seed, found.truncation
            )
            for name, found in self.numerical.tensors.items()
            if found.known.size and found.known.all() and not found.kink.any()
        ]

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


class _Timer:
    def __init__(self, timings: dict[str, float], name: str) -> None:
        self.timings = timings
        self.name = name

    def __enter__(self) -> None:
        self.start = perf_counter()

    def __exit__(self, *exception: object) -> None:
        self.timings[self.name] = self.timings.get(self.name, 0.0) + perf_counter() - self.start
