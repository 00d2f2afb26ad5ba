"""Checking a gradient: the public verbs."""

from __future__ import annotations

import platform
from functools import cached_property
from importlib.metadata import version
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck import __version__, findings
from fastcheck.audit import audit_tensor
from fastcheck.bounds import Rounding, allowance, find_rounding
from fastcheck.errors import GradientMismatchError, InputError
from fastcheck.judge import judge_tensor
from fastcheck.objective import GraphObjective
from fastcheck.params import match_gradients, select_names
from fastcheck.plain import plain_bound, plain_differences, plain_step
from fastcheck.plan import Numerical, Planner
from fastcheck.result import (
    Audit,
    CheckResult,
    Coverage,
    Provenance,
    SpotCheck,
    TensorResult,
    overall_verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import ArrayLike, NDArray

    from fastcheck.graph.state import State
    from fastcheck.result import Finding

    Floats = NDArray[np.float64]
    Patterns = str | Iterable[str] | None
    Progress = Callable[[int, int], None]

ARITHMETICS = ("difference", "plain")
ENGINES = ("auto", "graph")


class NumericalGradient:
    """A numerical gradient with its error bounds.

    Attributes
    ----------
    values : dict of str to ndarray of float64
        The derivative with respect to each entry of each tensor.
    kinks : dict of str to ndarray of bool
        Entries at a kink, where the value is the mean of two one-sided slopes.
    plan, plan_reason : str
        How the probes were chosen, and why.
    complete : bool
        False if Ctrl-C ended the run; entries that were not reached are NaN.
    """

    def __init__(self, run: _Run) -> None:
        self._run = run
        self.values = {name: t.values for name, t in run.numerical.tensors.items()}
        self.kinks = {name: t.kink for name, t in run.numerical.tensors.items()}
        self.plan = run.numerical.plan
        self.plan_reason = run.numerical.reason
        self.complete = run.numerical.complete

    @cached_property
    def bounds(self) -> dict[str, Floats]:
        """The error bound of each value; four more backward passes at the first access."""
        return {name: self._run.bound(name, None) for name in self.values}


def numerical_gradient(
    loss: GraphObjective,
    params: Mapping[str, ArrayLike],
    *,
    plan: str = "auto",
    engine: str = "auto",
    step: float | None = None,
    arithmetic: str = "difference",
    n_jobs: int = 1,
    seed: int = 0,
    budget: float | None = None,
    only: Patterns = None,
    skip: Patterns = None,
    progress: Progress | None = None,
) -> NumericalGradient:
    """Return the gradient of a loss by finite differences.

    Parameters
    ----------
    loss : GraphObjective
        The loss at one minibatch, for example ``net.objective(batch)``.
    params : mapping of str to array_like
        The point; copied, never written to.
    plan : {"auto", "exhaustive", "units"}
        Which probes are made. "exhaustive" perturbs every entry; "units" perturbs every
        pre-activation in every sample and takes one exact outer product; "auto" is exhaustive if
        that is predicted to stay within `budget`.
    engine : {"auto", "graph"}
        What evaluates the probes.
    step : float, optional
        Absolute, in units of the probed value. Chosen by default: with difference arithmetic such
        that the first nonlinear operation moves by 2**-24 or less.
    arithmetic : {"difference", "plain"}
        "difference" propagates the change by exact identities, with errors near 1e-14; "plain"
        subtracts two losses, as textbooks do, with errors near 1e-9.
    n_jobs : int
        Threads; -1 for one per core. The result is the same to the last bit.
    seed : int
        Seed of whatever is drawn.
    budget : float, optional
        Seconds that an exhaustive plan may take, 2 by default.
    only, skip : str or iterable of str, optional
        Patterns of the names to check or to leave out, such as ``"W*"``.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    NumericalGradient

    Raises
    ------
    InputError
        If an argument is wrong.

    Notes
    -----
    Exhaustive: two probes per entry, each of which recomputes only what the entry changes.

    Examples
    --------
    >>> import fastcheck as fc
    >>> net = fc.Network([fc.Dense(3, 2)], loss=fc.SquaredError())
    >>> numerical = fc.numerical_gradient(
    ...     net.objective([[1.0, 2.0, 3.0]], [[0.0, 0.0]]),
    ...     {"W1": [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], "b1": [0.0, 0.0]},
    ... )
    >>> numerical.values["b1"].round(12).tolist()
    [2.0, 4.0]
    """
    run = _Run(loss, params, engine, step, arithmetic, seed, only, skip)
    run.probe(plan, budget, n_jobs, progress, spots=False)
    return NumericalGradient(run)


def check_gradients(
    loss: GraphObjective,
    params: Mapping[str, ArrayLike],
    grads: Mapping[str, ArrayLike],
    *,
    plan: str = "auto",
    engine: str = "auto",
    step: float | None = None,
    arithmetic: str = "difference",
    n_jobs: int = 1,
    seed: int = 0,
    budget: float | None = None,
    rtol: float = 1e-5,
    strict: bool = False,
    loss_value: float | None = None,
    only: Patterns = None,
    skip: Patterns = None,
    progress: Progress | None = None,
) -> CheckResult:
    """Compare an analytic gradient with a numerical one, entry by entry.

    Parameters
    ----------
    loss, params, plan, engine, step, arithmetic, n_jobs, seed, budget, only, skip, progress
        As for :func:`numerical_gradient`.
    grads : mapping of str to array_like
        The analytic gradient, by the names of the parameters or ``dW1`` for ``W1``; float32 is
        judged at its own precision.
    rtol : float
        An entry outside its error bound is "close", not wrong, while it differs by less than this,
        relative to the larger of both values and 1 % of the tensor's rms.
    strict : bool
        Whether a close entry fails.
    loss_value : float, optional
        Your loss at this point. It is compared first: if it is another function, comparing
        gradients means little.

    Returns
    -------
    CheckResult
        True in a boolean context if the gradient is right.

    Raises
    ------
    InputError
        If an argument is wrong.

    Notes
    -----
    Beside the probes: five backward and three forward passes for the bounds, and two evaluations
    per tensor that audit the numerical gradient along a random direction.

    Examples
    --------
    >>> import fastcheck as fc
    >>> net = fc.Network([fc.Dense(3, 4), fc.Tanh(), fc.Dense(4, 2)], fc.SoftmaxCrossEntropy())
    >>> params = net.init_params(seed=0)
    >>> objective = net.objective([[0.1, -0.4, 0.9], [0.3, 0.2, -0.5]], [0, 1])
    >>> bool(fc.check_gradients(objective, params, objective.gradient(params)))
    True
    """
    start = perf_counter()
    run = _Run(loss, params, engine, step, arithmetic, seed, only, skip)
    if not 0.0 <= rtol < 1.0:
        raise InputError(f"`rtol` must be in [0, 1), got {rtol!r}; the default is 1e-5")
    analytic, extra = match_gradients(loss.shapes, run.names, grads)
    found = [*findings.unused_gradients(extra), *findings.about_loss(run.state.loss, loss_value)]
    if not np.isfinite(run.state.loss):
        return _result(run, loss, {}, found, start)
    run.probe(plan, budget, n_jobs, progress, spots=True)
    tensors = {}
    with run.timed("judging"):
        for name, value in analytic.items():
            tensors[name] = run.judge(name, value, rtol, strict)
    return _result(run, loss, tensors, found, start)


def assert_gradients(
    loss: GraphObjective,
    params: Mapping[str, ArrayLike],
    grads: Mapping[str, ArrayLike],
    **options: Any,
) -> CheckResult:
    """Check a gradient and raise unless it passes.

    Parameters
    ----------
    loss, params, grads, **options
        As for :func:`check_gradients`.

    Returns
    -------
    CheckResult
        The result, which passed.

    Raises
    ------
    GradientMismatchError
        If the check does not pass; its ``result`` says why.
    """
    result = check_gradients(loss, params, grads, **options)
    if not result.passed:
        raise GradientMismatchError(str(result), result)
    return result


class _Run:
    """One check on its way: the base point, the numerical gradient, bounds and times."""

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
        _choice("engine", engine, ENGINES)
        _choice("arithmetic", arithmetic, ARITHMETICS)
        if step is not None and not 0.0 < step < np.inf:
            raise InputError(f"`step` must be a positive number, got {step!r}; None chooses one")
        self.names = select_names(list(objective.shapes), only, skip)
        self.arithmetic = arithmetic
        self.step = step
        self.seed = seed
        self.timings: dict[str, float] = {}
        self.numerical = Numerical({}, "none", "the loss is not finite", 0.0)
        with self.timed("forward"):
            self.state: State = objective.state(params)

    def timed(self, name: str) -> _Timer:
        """Return a context that adds its seconds to `timings`."""
        return _Timer(self.timings, name)

    @cached_property
    def rounding(self) -> Rounding:
        """What rounding errors are proportional to."""
        with self.timed("bounds"):
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
        if self.arithmetic == "plain":
            noise = self.rounding.loss
            self.step = plain_step(noise) if self.step is None else self.step
            with self.timed("numerical"):
                self.numerical = plain_differences(
                    self.state, self.names, noise, step=self.step, n_jobs=n_jobs, progress=progress
                )
            return
        with self.timed("numerical"):
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
            audit_tensor(self.state, name, found.values, self.rounding.loss, self.seed)
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
        raise InputError(f"`{argument}` must be one of {', '.join(choices)}, got {value!r}")


def _result(
    run: _Run,
    objective: GraphObjective,
    tensors: dict[str, TensorResult],
    found: list[Finding],
    start: float,
) -> CheckResult:
    audits: list[Audit] = []
    spots: list[SpotCheck] = []
    if tensors:
        with run.timed("audit"):
            audits, spots = run.audits(), run.spot_checks()
    found = [
        *found,
        *findings.about_audits(audits),
        *findings.about_spots(spots),
        *findings.about_kinks(run.numerical),
    ]
    interrupted = not run.numerical.complete
    run.timings["total"] = perf_counter() - start
    return CheckResult(
        verdict=overall_verdict(tensors, found, interrupted),
        tensors=tensors,
        findings=tuple(found),
        diagnosis=(),
        coverage=_coverage(run, tensors),
        engine="graph" if run.arithmetic == "difference" else "graph (plain subtraction)",
        plan=run.numerical.plan,
        plan_reason=run.numerical.reason,
        numerical={name: t.values for name, t in run.numerical.tensors.items()},
        bounds={name: run.bound(name, None) for name in tensors},
        audits=tuple(audits),
        spot_checks=tuple(spots),
        batch=_provenance(objective),
        timings=run.timings,
        versions=_versions(),
        interrupted=interrupted,
        loss=run.state.loss,
    )


def _coverage(run: _Run, tensors: dict[str, TensorResult]) -> Coverage:
    n_entries = sum(run.state.graph.params[name].size for name in run.names)
    n_checked = sum(t.n_checked for t in tensors.values())
    n_resolved = sum(t.n_agree + t.n_close + t.n_disagree for t in tensors.values())
    share = "every entry" if n_checked == n_entries else f"{n_checked:,} of {n_entries:,} entries"
    how = {
        "exhaustive": "each perturbed on its own",
        "units": "by perturbing every unit in every sample, and exact outer products",
    }.get(run.numerical.plan, "nothing was probed")
    left_out = len(run.state.graph.params) - len(run.names)
    note = f"; {left_out} tensors left out as asked" if left_out else ""
    statement = f"{share} of {len(run.names)} tensors checked, {how}{note}"
    return Coverage(n_entries, n_checked, n_resolved, statement)


def _provenance(objective: GraphObjective) -> Provenance | None:
    batch = objective.batch
    if batch is None:
        return None
    return Provenance(
        source=str(batch.source),
        sha256=batch.sha256,
        split=batch.split,
        seed=batch.seed,
        indices=tuple(int(i) for i in batch.indices),
        n_batch=len(batch.indices),
    )


def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in ("numpy", "numba", "joblib", "h5py")}
    return {"fastcheck": __version__, "python": platform.python_version(), **packages}
