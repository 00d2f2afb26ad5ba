"""Which probes are made: every entry, a sample of them, or every unit in every sample."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.derivatives import Derivatives
from fastcheck.errors import InputError
from fastcheck.numdiff import Job, Prober, run_jobs, settle_step
from fastcheck.pieces import find_pieces, joined
from fastcheck.result.wording import count, quantity
from fastcheck.sampling import draw, shares, so_many
from fastcheck.units import UnitPlan, find_sites, pulled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.graph.state import State
    from fastcheck.sampling import Sample

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Progress = Callable[[int, int], None]

PLANS = ("auto", "exhaustive", "units", "sample")
BUDGET = 2.0
"""Seconds that `auto` lets an exhaustive plan take where the user gives no budget."""
N_SPOTS = 32
"""Entries per tensor at which a units plan is compared with true per-entry probes."""
SPOT_SHRINK = 2.0**-20


@dataclass(eq=False)
class Numerical:
    """The numerical gradient, and how it was obtained.

    Attributes
    ----------
    tensors : dict of str to Derivatives
        By name.
    plan, reason : str
        The plan, and why it was chosen, in a sentence.
    seconds : float
        Predicted time.
    spots : dict of str to (ndarray, Derivatives)
        Entries probed on their own as well, where the plan is not exhaustive.
    complete : bool
        False if the run was interrupted.
    samples : dict of str to Sample
        Which entries were probed on their own, where that are not all.
    steps : dict of str to float
        The step of the probes of each tensor, absolute.
    """

    tensors: dict[str, Derivatives]
    plan: str
    reason: str
    seconds: float
    spots: dict[str, tuple[Ints, Derivatives]] = field(default_factory=dict)
    complete: bool = True
    samples: dict[str, Sample] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)


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
        self._truncation: dict[Prober, float] = {}
        self.pieces = {name: find_pieces(state.graph.tensor(name)) for name in names}
        self.probers = {
            name: [Prober(state, piece.node, step) for piece in pieces]
            for name, pieces in self.pieces.items()
        }

    def choose(self, plan: str, budget: float | None) -> tuple[str, str, float]:
        """Return the plan to be used, why, and its predicted seconds.

        Raises
        ------
        InputError
            If `plan` is unknown.
        """
        if plan == "directions":
            raise InputError(
                "`plan` must be one of auto, exhaustive, units, sample for a loss that is a graph "
                "or was traced, got 'directions'; units take about as long and see every entry, "
                'or pass engine="black box" to have a function called'
            )
        if plan not in PLANS:
            raise InputError(f"`plan` must be one of {', '.join(PLANS)}, got {plan!r}; choose one")
        if plan == "units":
            units = self._seconds(self._all_of_units)
            return plan, f"asked for; predicted {_time(units)}", units
        exhaustive = self._seconds([p for parts in self.probers.values() for p in parts])
        if plan == "exhaustive":
            return plan, f"asked for; predicted {_time(exhaustive)}", exhaustive
        limit = BUDGET if budget is None else budget
        if plan == "sample":
            return plan, f"asked for; budget {_time(limit)}", min(limit, exhaustive)
        within = f"predicted {_time(exhaustive)} for every entry is"
        if exhaustive <= limit:
            return "exhaustive", f"{within} within the budget of {_time(limit)}", exhaustive
        units = self._seconds(self._all_of_units)
        reason = f"{within} above the budget of {_time(limit)}"
        if units >= exhaustive:
            return "exhaustive", f"{reason}, yet the least", exhaustive
        return "units", f"{reason}; units take {_time(units)}", units

    @property
    def _all_of_units(self) -> list[Prober]:
        """The probers of a units plan."""
        _, sites, direct = self._unit_probers
        return [*sites, *direct.values()]

    def _seconds(self, probers: Iterable[Prober]) -> float:
        """Return the predicted time of probing all entries, once steps are settled."""
        total = 0.0
        for prober in probers:
            self._settled(prober)
            total += prober.seconds(prober.entries().size)
        return total

    def _settled(self, prober: Prober) -> float:
        """Settle the step of `prober`, once; return the truncation."""
        if prober not in self._truncation:
            self._truncation[prober] = settle_step(prober, self.seed)
        return self._truncation[prober]

    def run(
        self, plan: str, budget: float | None, *, n_jobs: int = 1, spots: bool = False,
        progress: Progress | None = None, analytic: Mapping[str, NDArray[Any]] | None = None,
        entries: int | None = None,
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
        analytic : mapping of str to ndarray, optional
            The gradient; the largest values are part of a sample.
        entries : int, optional
            How many entries of each tensor a sample has; by default as many as there is time for.
        """
        chosen, reason, seconds = "exhaustive" if plan == "auto" else plan, "interrupted", 0.0
        try:
            chosen, reason, seconds = self.choose(plan, budget)
            if chosen == "sample":
                numerical = self._sample(seconds, entries, analytic or {}, n_jobs, progress)
                n = sum(sample.places.size for sample in numerical.samples.values())
                reason = "asked for" if entries is not None else reason
                reason += f", {quantity(n, 'entry', 'entries')} of {count(self._n_entries)}"
            else:
                run = self._exhaustive if chosen == "exhaustive" else self._units
                numerical = run(n_jobs, progress)
        except KeyboardInterrupt:  # before the first chunk
            numerical = self._nothing()
        numerical.plan, numerical.reason, numerical.seconds = chosen, reason, seconds
        numerical.steps = {name: min(p.step for p in own) for name, own in self.probers.items()}
        if spots and chosen == "units" and numerical.complete:
            try:
                self._add_spots(numerical, n_jobs)
            except KeyboardInterrupt:
                numerical.complete = False
        return numerical

    def _nothing(self) -> Numerical:
        shapes = {name: self.state.graph.tensor(name).shape for name in self.names}
        tensors = {name: Derivatives.unknown(shape) for name, shape in shapes.items()}
        return Numerical(tensors, "", "", 0.0, complete=False)

    def _exhaustive(self, n_jobs: int, progress: Progress | None) -> Numerical:
        probers = [p for parts in self.probers.values() for p in parts]
        truncation = [self._settled(p) for p in probers]
        jobs = [Job.of(p, p.entries()) for p in probers]
        complete = run_jobs(jobs, n_jobs=n_jobs, report=_report(jobs, progress))
        found = [job.in_place(error) for job, error in zip(jobs, truncation, strict=True)]
        tensor, rest = self.state.graph.tensor, iter(found)
        tensors = {
            name: joined(tensor(name), pieces, [next(rest) for _ in pieces])
            for name, pieces in self.pieces.items()
        }
        return Numerical(tensors, "", "", 0.0, complete=complete)

    # ------------------------------------------------------------ a sample

    @property
    def _n_entries(self) -> int:
        return sum(self.state.graph.tensor(name).size for name in self.names)

    def _sample(
        self, seconds: float, entries: int | None, analytic: Mapping[str, NDArray[Any]],
        n_jobs: int, progress: Progress | None,
    ) -> Numerical:  # fmt: skip
        """Probe as many entries as there is time for, or so many of each tensor."""
        shapes = {name: self.state.graph.tensor(name).shape for name in self.names}
        probers = {name: self._prober_of(name) for name in self.names}
        truncation = {name: self._settled(prober) for name, prober in probers.items()}
        whole = self._seconds(probers.values())
        part = min(1.0, seconds / whole) if whole else 1.0
        counts = (
            shares(shapes, int(part * self._n_entries)) if entries is None
            else so_many(shapes, entries)
        )  # fmt: skip
        samples = {
            name: draw(shape, counts[name], analytic.get(name), self.seed)
            for name, shape in shapes.items()
        }
        jobs = {name: Job.of(probers[name], samples[name].places) for name in self.names}
        complete = run_jobs(
            [*jobs.values()], n_jobs=n_jobs, report=_report(jobs.values(), progress)
        )
        tensors = {name: Derivatives.unknown(shapes[name]) for name in self.names}
        for name, job in jobs.items():
            tensors[name].put(job.entries, job.result)
            tensors[name].truncation = truncation[name]
        return Numerical(tensors, "", "", 0.0, complete=complete, samples=samples)

    def _prober_of(self, name: str) -> Prober:
        """Return a prober of a whole tensor, also where it is probed in pieces."""
        if self.pieces[name][0].places is None:
            return self.probers[name][0]
        return Prober(self.state, self.state.graph.tensor(name), self.step)

    # ------------------------------------------------------------ units

    @cached_property
    def _unit_probers(self) -> tuple[UnitPlan, list[Prober], dict[str, Prober]]:
        plan = find_sites(self.state, self.names)
        sites = [Prober(self.state, site.node, self.step) for site in plan.sites]
        tensor = self.state.graph.tensor
        direct = {
            name: Prober(self.state, tensor(name), self.step, blocked)
            for name, blocked in plan.direct.items()
        }
        return plan, sites, direct

    def _units(self, n_jobs: int, progress: Progress | None) -> Numerical:
        plan, sites, direct = self._unit_probers
        probers = self._all_of_units
        truncation = [self._settled(p) for p in probers]
        jobs = [Job.of(p, p.entries()) for p in probers]
        complete = run_jobs(jobs, n_jobs=n_jobs, report=_report(jobs, progress))
        found = [job.in_place(error) for job, error in zip(jobs, truncation, strict=True)]
        tensor = self.state.graph.tensor
        tensors = {name: Derivatives.zero(tensor(name).shape) for name in self.names}
        for site, at_site in zip(plan.sites, found, strict=False):
            for name in site.paths:
                tensors[name].add(pulled(self.state, site, name, at_site))
        for name, part in zip(direct, found[len(sites) :], strict=True):
            tensors[name].add(part)
        return Numerical(tensors, "", "", 0.0, complete=complete)

    def _add_spots(self, numerical: Numerical, n_jobs: int) -> None:
        jobs = []
        for name in self.names:
            prober = self._prober_of(name)
            rng = np.random.default_rng([self.seed, prober.node.index])
            n = min(N_SPOTS, prober.node.size)
            entries = np.sort(rng.choice(prober.node.size, n, replace=False))
            if prober.is_chosen:  # far below any truncation, which costs nothing
                prober.step *= SPOT_SHRINK
            jobs.append((name, Job.of(prober, entries)))
        numerical.complete &= run_jobs([job for _, job in jobs], n_jobs=n_jobs)
        numerical.spots = {name: (job.entries, job.result) for name, job in jobs}


def _report(jobs: Iterable[Job], progress: Progress | None) -> Callable[[int], None] | None:
    return counter(sum(job.entries.size for job in jobs), progress)


def counter(total: int, progress: Progress | None) -> Callable[[int], None] | None:
    """Return a function that adds up finished entries and reports them, None without `progress`."""
    if progress is None:
        return None
    done = 0

    def report(n: int) -> None:
        nonlocal done
        done += n
        progress(done, total)

    return report


def _time(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds >= 0.1 else f"{1e3 * seconds:.2g} ms"
