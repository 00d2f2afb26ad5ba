"""Which probes are made: every entry, or every unit in every sample; and making them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError
from fastcheck.numdiff import Derivatives, Job, Prober, run_jobs, settle_step
from fastcheck.units import Site, UnitPlan, find_sites, pulled, whole_site

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Progress = Callable[[int, int], None]

PLANS = ("auto", "exhaustive", "units")
BUDGET = 2.0
"""Seconds that `auto` lets an exhaustive plan take where the user gives no budget."""
N_SPOTS = 32
"""Entries per tensor at which a units plan is compared with true per-entry probes."""


@dataclass(eq=False)
class TensorDerivatives:
    """The numerical gradient of one tensor; arrays have the tensor's shape.

    Attributes
    ----------
    values, minus, plus : ndarray of float64
        Central difference, and one-sided slopes.
    kink, known : ndarray of bool
        See :class:`fastcheck.numdiff.Derivatives`.
    truncation : float
        Estimated truncation error, absolute.
    n_crossed : int
        Probes that crossed a kink at the first step.
    """

    values: Floats
    minus: Floats
    plus: Floats
    kink: NDArray[np.bool_]
    known: NDArray[np.bool_]
    truncation: float = 0.0
    n_crossed: int = 0


@dataclass(eq=False)
class Numerical:
    """The numerical gradient, and how it was obtained.

    Attributes
    ----------
    tensors : dict of str to TensorDerivatives
        By name.
    plan, reason : str
        The plan, and why it was chosen, in a sentence.
    seconds : float
        Predicted time.
    spots : dict of str to (ndarray, Derivatives)
        Entries probed on their own as well, where the plan is not exhaustive.
    complete : bool
        False if the run was interrupted.
    """

    tensors: dict[str, TensorDerivatives]
    plan: str
    reason: str
    seconds: float
    spots: dict[str, tuple[Ints, Derivatives]] = field(default_factory=dict)
    complete: bool = True


class Planner:
    """Chooses and runs a plan for some parameters at one base point.

    Parameters
    ----------
    state : State
        The base point.
    names : sequence of str
        The parameters.
    step : float, optional
        Absolute step of the probes, in units of the probed value; chosen by default.
    seed : int
        Seed of whatever is drawn.
    """

    def __init__(
        self, state: State, names: Sequence[str], step: float | None = None, seed: int = 0
    ) -> None:
        self.state = state
        self.names = tuple(names)
        self.step = step
        self.seed = seed
        self.probers = {name: Prober(state, state.graph.params[name], step) for name in names}

    def choose(self, plan: str, budget: float | None) -> tuple[str, str, float]:
        """Return the plan to be used, why, and its predicted seconds.

        Raises
        ------
        InputError
            If `plan` is unknown.
        """
        if plan not in PLANS:
            raise InputError(f"`plan` must be one of {', '.join(PLANS)}, got {plan!r}; choose one")
        exhaustive = sum(p.seconds(p.node.size) for p in self.probers.values())
        if plan == "exhaustive":
            return plan, f"asked for; predicted {_time(exhaustive)}", exhaustive
        if plan == "auto":
            limit = BUDGET if budget is None else budget
            within = f"{_time(exhaustive)} for every entry"
            if exhaustive <= limit:
                reason = f"predicted {within} is within the budget of {_time(limit)}"
                return "exhaustive", reason, exhaustive
        units = self._unit_seconds()
        if plan == "units":
            return plan, f"asked for; predicted {_time(units)}", units
        if units >= exhaustive:
            reason = f"predicted {within} is above the budget of {_time(limit)}, yet the least"
            return "exhaustive", reason, exhaustive
        reason = f"predicted {within} is above the budget of {_time(limit)}; units take "
        return "units", reason + _time(units), units

    def run(
        self, plan: str, budget: float | None, *, n_jobs: int = 1, spots: bool = False,
        progress: Progress | None = None,
    ) -> Numerical:  # fmt: skip
        """Make the probes.

        Parameters
        ----------
        plan, budget
            See :meth:`choose`.
        n_jobs : int
            How many threads.
        spots : bool
            Whether to probe some entries on their own where the plan does not probe each.
        progress : callable, optional
            Called with the numbers of finished and of all probed entries.
        """
        chosen, reason, seconds = self.choose(plan, budget)
        run = self._exhaustive if chosen == "exhaustive" else self._units
        numerical = run(n_jobs, progress)
        numerical.plan, numerical.reason, numerical.seconds = chosen, reason, seconds
        if spots and chosen == "units" and numerical.complete:
            self._add_spots(numerical, n_jobs)
        return numerical

    def _exhaustive(self, n_jobs: int, progress: Progress | None) -> Numerical:
        truncation = {name: settle_step(p, self.seed) for name, p in self.probers.items()}
        jobs = {name: Job.of(p, p.entries()) for name, p in self.probers.items()}
        complete = run_jobs(tuple(jobs.values()), n_jobs=n_jobs, report=_counter(jobs.values(), progress))
        tensors = {
            name: _shaped(_in_place(job), job.prober.node.shape, truncation[name])
            for name, job in jobs.items()
        }
        return Numerical(tensors, "", "", 0.0, complete=complete)

    # ------------------------------------------------------------ units

    def _unit_probers(self) -> tuple[UnitPlan, list[Prober], dict[str, Prober]]:
        plan = find_sites(self.state, self.names)
        sites = [Prober(self.state, site.node, self.step) for site in plan.sites]
        params = self.state.graph.params
        direct = {
            name: Prober(self.state, params[name], self.step, blocked)
            for name, blocked in plan.direct.items()
        }
        return plan, sites, direct

    def _unit_seconds(self) -> float:
        _, sites, direct = self._unit_probers()
        return sum(p.seconds(p.node.size) for p in (*sites, *direct.values()))

    def _units(self, n_jobs: int, progress: Progress | None) -> Numerical:
        plan, sites, direct = self._unit_probers()
        probers = [*sites, *direct.values()]
        truncation = [settle_step(p, self.seed) for p in probers]
        jobs = [Job.of(p, p.entries()) for p in probers]
        complete = run_jobs(jobs, n_jobs=n_jobs, report=_counter(jobs, progress))
        shapes = {name: self.state.graph.params[name].shape for name in self.names}
        tensors = {name: _shaped(Derivatives.zero(int(np.prod(s))), s, 0.0) for name, s in shapes.items()}
        for site, job, error in zip(plan.sites, jobs, truncation, strict=False):
            found = whole_site(job.prober, job.result, job.entries)
            for name in site.paths:
                self._add_site(tensors[name], site, name, found, error)
        for name, job, error in zip(direct, jobs[len(sites):], truncation[len(sites):], strict=True):
            _add(tensors[name], _shaped(_in_place(job), shapes[name], error))
        return Numerical(tensors, "", "", 0.0, complete=complete)

    def _add_site(
        self, total: TensorDerivatives, site: Site, name: str, found: Derivatives, error: float
    ) -> None:
        shape = site.node.shape

        def pull(values: NDArray[np.generic], *, absolute: bool = False) -> Floats:
            cotangent = values.astype(np.float64).reshape(shape)
            return pulled(self.state, site, name, cotangent, absolute=absolute)

        total.values += pull(found.values)
        if found.kink.any():
            total.kink |= pull(found.kink, absolute=True) > 0.0
        total.minus += pull(found.minus)
        total.plus += pull(found.plus)
        if not found.known.all():
            total.known &= ~(pull(~found.known, absolute=True) > 0.0)
        total.n_crossed += found.n_crossed
        total.truncation += error * float(pull(np.ones(shape), absolute=True).max(initial=0.0))

    def _add_spots(self, numerical: Numerical, n_jobs: int) -> None:
        jobs = []
        for name, prober in self.probers.items():
            rng = np.random.default_rng([self.seed, prober.node.index])
            n = min(N_SPOTS, prober.node.size)
            entries = np.sort(rng.choice(prober.node.size, n, replace=False))
            settle_step(prober, self.seed)
            jobs.append((name, Job.of(prober, entries)))
        numerical.complete &= run_jobs([job for _, job in jobs], n_jobs=n_jobs)
        numerical.spots = {name: (job.entries, job.result) for name, job in jobs}


def _in_place(job: Job) -> Derivatives:
    """Return the result of `job` in flat order of the node."""
    whole = Derivatives.empty(job.prober.node.size)
    whole.put(job.entries, job.result)
    whole.n_crossed = job.result.n_crossed
    return whole


def _shaped(found: Derivatives, shape: tuple[int, ...], truncation: float) -> TensorDerivatives:
    arrays = (found.values, found.minus, found.plus, found.kink, found.known)
    return TensorDerivatives(*(a.reshape(shape) for a in arrays), truncation, found.n_crossed)


def _add(total: TensorDerivatives, other: TensorDerivatives) -> None:
    total.values += other.values
    total.minus += other.minus
    total.plus += other.plus
    total.kink |= other.kink
    total.known &= other.known
    total.truncation += other.truncation
    total.n_crossed += other.n_crossed


def _counter(jobs: Sequence[Job] | object, progress: Progress | None) -> Callable[[int], None] | None:
    if progress is None:
        return None
    total = sum(job.entries.size for job in jobs)  # type: ignore[attr-defined]
    done = 0

    def report(n: int) -> None:
        nonlocal done
        done += n
        progress(done, total)

    return report


def _time(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds >= 0.1 else f"{1e3 * seconds:.2g} ms"
