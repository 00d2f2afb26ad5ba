"""One check on its way: base point, numerical gradient, bounds and times."""

from __future__ import annotations

from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.audit import audit_tensor
from fastcheck.bounds import Rounding, allowance, find_rounding
from fastcheck.check.options import check_options, is_positive
from fastcheck.errors import InputError
from fastcheck.judge import judge_tensor
from fastcheck.objective import GraphObjective
from fastcheck.parallel import single_threaded_blas
from fastcheck.params import select_names
from fastcheck.plain import plain_bound, plain_differences, plain_step
from fastcheck.plan import Numerical, Planner
from fastcheck.result import Audit, SpotCheck, TensorResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import ArrayLike, NDArray

    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]
    Patterns = str | Iterable[str] | None
    Progress = Callable[[int, int], None]

ARITHMETICS = ("difference", "plain")
ENGINES = ("auto", "graph")


class Measurement:
    """Everything that is measured at one point; parameters are those of a check.

    Attributes
    ----------
    names : list of str
        The tensors to be checked.
    state : State
        The base point.
    numerical : Numerical
        The numerical gradient, after :meth:`probe`.
    timings : dict of str to float
        Seconds by stage.
    """

    def __init__(
        self,
        objective: GraphObjective,
        params: Mapping[str, ArrayLike],
        engine: str,
        step: float | None,
        arithmetic: str,
        seed: int,
        only: Patterns,
        skip: Patterns,
    ) -> None:
        if not isinstance(objective, GraphObjective):
            raise InputError(
                f"`loss` must be an objective, got {type(objective).__name__}; make one with "
                "Network.objective(batch) or GraphObjective(graph)"
            )
        check_options(seed=seed)
        _choice("engine", engine, ENGINES)
        _choice("arithmetic", arithmetic, ARITHMETICS)
        if step is not None and not is_positive(step):
            raise InputError(f"`step` must be a positive number, got {step!r}; None chooses one")
        self.names = select_names(list(objective.shapes), only, skip)
        self.arithmetic = arithmetic
        self.step = step
        self.seed = seed
        self.timings: dict[str, float] = {}
        self.numerical = Numerical({}, "none", "the loss is not finite", 0.0)
        with self.timed("forward"), single_threaded_blas():
            self.state: State = objective.state(params)

    def timed(self, name: str) -> _Timer:
        """Return a context that adds its seconds to `timings`."""
        return _Timer(self.timings, name)

    @cached_property
    def rounding(self) -> Rounding:
        """What rounding errors are proportional to."""
        with self.timed("bounds"), single_threaded_blas():
            return find_rounding(self.state)

    def probe(
        self,
        plan: str,
        budget: float | None,
        n_jobs: int,
        progress: Progress | None,
        *,
        spots: bool,
    ) -> None:
        """Compute the numerical gradient."""
        check_options(n_jobs=n_jobs, budget=budget, progress=progress)
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
                    self.state, self.names, noise, step=self.step, n_jobs=n_jobs, progress=progress
                )
            return
        with self.timed("numerical"), single_threaded_blas():
            planner = Planner(self.state, self.names, self.step, self.seed)
            self.numerical = planner.run(
                plan, budget, n_jobs=n_jobs, spots=spots, progress=progress
            )

    def bound(self, name: str, dtype: np.dtype[Any] | None) -> Floats:
        """Return the allowance of each entry of a tensor."""
        found = self.numerical.tensors[name]
        bound = allowance(self.rounding.scale[name], found.truncation, dtype)
        if self.arithmetic == "plain" and self.step is not None:
            bound = bound + plain_bound(found, self.rounding.loss, self.step)
        return bound

    def judge_all(
        self, analytic: Mapping[str, NDArray[Any]], rtol: float, strict: bool
    ) -> dict[str, TensorResult]:
        """Return the verdict on each tensor."""
        _ = self.rounding  # timed on its own, not as part of judging
        with self.timed("judging"):
            return {name: self.judge(name, g, rtol, strict) for name, g in analytic.items()}

    def judge(self, name: str, analytic: NDArray[Any], rtol: float, strict: bool) -> TensorResult:
        """Return the verdict on one tensor."""
        found = self.numerical.tensors[name]
        return judge_tensor(
            name,
            analytic.astype(np.float64),
            found.values,
            self.bound(name, analytic.dtype),
            kink=found.kink,
            slopes=(found.minus, found.plus),
            checked=None if found.known.all() else found.known,
            rtol=rtol,
            strict=strict,
        )

    def audits(self) -> list[Audit]:
        """Compare with plain differences along one direction per tensor."""
        if self.arithmetic == "plain" or not self.numerical.complete:
            return []
        return [
            audit_tensor(
                self.state, name, found.values, self.rounding.loss, self.seed, found.truncation
            )
            for name, found in self.numerical.tensors.items()
            if found.known.all() and not found.kink.any()
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


def _choice(argument: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(
            f"`{argument}` must be one of {', '.join(choices)}, got {value!r}; choose one"
        )
