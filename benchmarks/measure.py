"""What is measured of one case: first that it is right, then how long it takes."""

from __future__ import annotations

import gc
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

import fastcheck as fc
from benchmarks import floor
from benchmarks.loops import spread
from benchmarks.timing import interleaved, ratio, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from benchmarks.cases import Case
    from benchmarks.loops import Loop

    Floats = NDArray[np.float64]

RTOL = 1e-9
"""Allowed distance from the reference gradient, relative to the tensor's largest entry."""
ROUNDINGS = 256.0
"""Rounding error of a plain loss, in units of the spacing of numbers at its value."""
PER_TENSOR = 6
"""Entries per tensor that are compared with each loop."""
WHOLE_CHECK = 0.6
"""The share of each target that the whole check is meant to reach."""


class NotEqualError(AssertionError):
    """What was to be timed gives a wrong result."""


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Attributes
    ----------
    pairs : int
        Rounds per case at most.
    loop_seconds : float
        Time that each loop runs per case, all rounds together.
    clock : callable
        Of one thread: time that has passed, or time of the processor.
    """

    pairs: int = 7
    loop_seconds: float = 3.0
    clock: Callable[[], float] = perf_counter


@dataclass(frozen=True)
class Record:
    """Figures of one case against one loop; times are medians, ratios medians of pairs.

    Attributes
    ----------
    seconds, check_seconds : float
        Of ``numerical_gradient`` and of the whole ``check_gradients``.
    predicted_seconds : float
        What the engine expected.
    peer_seconds : float
        Of the loop over all entries, extrapolated from `slice_entries` of them.
    floor_seconds, floor_ratio : float
        See :mod:`benchmarks.floor`.
    target, check_target : float or None
        What `ratio` and `check_ratio` are meant to reach.
    """

    case: str
    title: str
    data: str
    plan: str
    n_params: int
    n_batch: int
    seconds: float
    check_seconds: float
    predicted_seconds: float
    peer: str
    peer_seconds: float
    extrapolated: bool
    slice_entries: int
    pairs: int
    ratio: float
    check_ratio: float
    floor_seconds: float
    floor_ratio: float
    target: float | None
    check_target: float | None
    n_kinks: int
    worst_of_reference: float

    def to_dict(self) -> dict[str, object]:
        """Return the record for a JSON file."""
        return asdict(self)


# ------------------------------------------------------------ right?


def compared(case: Case) -> tuple[int, float]:
    """Compare the numerical gradient with the reference gradient and with the loops.

    Returns
    -------
    int, float
        The number of kinks, and the worst distance from the reference gradient, relative to the
        largest entry of its tensor.

    Raises
    ------
    NotEqualError
        If an entry is too far from the reference gradient, or farther from the gradient of a loop
        than the loop's own error.
    """
    numerical = fc.numerical_gradient(case.objective, case.params, plan=case.plan)
    worst = _against_reference(case, numerical.values, numerical.kinks)
    for loop in case.loops:
        _against_loop(case, loop, numerical.values)
    return sum(int(kink.sum()) for kink in numerical.kinks.values()), worst


def _against_reference(
    case: Case, values: Mapping[str, Floats], kinks: Mapping[str, NDArray[np.bool_]]
) -> float:
    worst = 0.0
    for name, reference in case.objective.gradient(case.params).items():
        gap = np.where(kinks[name], 0.0, np.abs(values[name] - reference))
        far = float(gap.max(initial=0.0)) / max(float(np.abs(reference).max(initial=0.0)), 1e-300)
        if not far <= RTOL:
            place = tuple(int(i) for i in np.unravel_index(np.argmax(gap), gap.shape))
            raise NotEqualError(
                f"{case.name}: {name}{list(place)} is {values[name][place]!r} numerically and "
                f"{reference[place]!r} by backpropagation, {far:.1e} of the largest entry off"
            )
        worst = max(worst, far)
    return worst


def _against_loop(case: Case, loop: Loop, values: Mapping[str, Floats]) -> None:
    """Compare some entries of each tensor with a loop, within the loop's own error.

    That error is the rounding of two losses over the step, and the difference of the one-sided
    slopes, which bounds truncation and kinks.
    """
    some = {name: spread({name: value.shape}, PER_TENSOR)[name] for name, value in values.items()}
    ours, base = case.objective.loss(case.params), loop.base()
    noise = ROUNDINGS * float(np.spacing(max(abs(ours), 1.0)))
    if not abs(base - ours) <= noise:
        raise NotEqualError(
            f"{case.name}: the loss of the {loop.name} loop is {base!r}, not {ours!r}"
        )
    for name, ends in loop.run(some).items():
        up, down = ends[:, 0], ends[:, 1]
        slope = (up - down) / (2.0 * loop.step)
        error = (np.abs(up - 2.0 * base + down) + noise) / loop.step
        gap = np.abs(values[name].reshape(-1)[some[name]] - slope)
        if not np.all(gap <= error):
            k = int(np.argmax(gap / error))
            raise NotEqualError(
                f"{case.name}: entry {some[name][k]} of {name} is {gap[k]:.1e} from the "
                f"{loop.name} loop, whose error is {error[k]:.1e}"
            )


# ------------------------------------------------------------ how fast?


def measured(case: Case, effort: Effort) -> list[Record]:
    """Return a record per loop, after :func:`compared`."""
    n_kinks, worst = compared(case)
    n_rounds = min(case.pairs, effort.pairs)
    slices = {loop.name: _slice_size(case, loop, effort.loop_seconds / n_rounds)
              for loop in case.loops}  # fmt: skip
    measurements = _measurements(case, slices, effort.loop_seconds / n_rounds, effort.clock)
    found = interleaved(measurements, n_rounds)
    records = []
    for loop in case.loops:
        target = case.targets.get(loop.name)
        n_timed = slices[loop.name] * n_rounds
        records.append(
            Record(
                case.name, case.title, case.data, case.plan, case.n_params, case.n_batch,
                seconds=median(found["numerical"]),
                check_seconds=median(found["check"]),
                predicted_seconds=predicted(case),
                peer=loop.name,
                peer_seconds=median(found[loop.name]),
                extrapolated=slices[loop.name] < case.n_params,
                slice_entries=min(n_timed, case.n_params),
                pairs=n_rounds,
                ratio=ratio(found[loop.name], found["numerical"]),
                check_ratio=ratio(found[loop.name], found["check"]),
                floor_seconds=median(found["floor"]),
                floor_ratio=ratio(found["numerical"], found["floor"]),
                target=target,
                check_target=None if target is None else WHOLE_CHECK * target,
                n_kinks=n_kinks,
                worst_of_reference=worst,
            )
        )  # fmt: skip
    return records


def _measurements(
    case: Case, slices: Mapping[str, int], shortest: float, clock: Callable[[], float]
) -> dict[str, Callable[[], float]]:
    """Return what is measured in each round, by name: functions that return seconds.

    Each runs for `shortest` seconds, as long as a loop does, so that what else the machine does
    disturbs all alike.
    """
    grads = case.objective.gradient(case.params)
    options = {"plan": case.plan}
    work = floor.needed(case)

    def check() -> None:
        result = fc.check_gradients(case.objective, case.params, grads, **options)
        if not result.passed:
            raise NotEqualError(f"{case.name}: the check of the reference gradient: {result}")

    def numerical() -> None:
        fc.numerical_gradient(case.objective, case.params, **options)

    check()  # compiles
    found: dict[str, Callable[[], float]] = {
        "numerical": partial(seconds_of, numerical, shortest, clock),
        "check": partial(seconds_of, check, shortest, clock),
    }
    for loop in case.loops:
        found[loop.name] = _LoopTimer(case, loop, slices[loop.name], clock)
    found["floor"] = partial(floor.least_seconds, work)
    return found


class _LoopTimer:
    """Times a loop on some entries, others in each round, and extrapolates to all."""

    def __init__(self, case: Case, loop: Loop, n_entries: int, clock: Callable[[], float]) -> None:
        self.case = case
        self.loop = loop
        self.n_entries = n_entries
        self.clock = clock
        self.starts = iter(np.random.default_rng(0).permutation(64) / 64)

    def __call__(self) -> float:
        shapes = self.case.objective.shapes
        some = spread(shapes, self.n_entries, float(next(self.starts)))
        gc.collect()
        seconds = seconds_of(partial(self.loop.run, some), 0.0, self.clock)
        return seconds / self.n_entries * self.case.n_params


def _slice_size(case: Case, loop: Loop, seconds: float) -> int:
    """Return how many entries `loop` does in `seconds`, all at most."""
    few = spread(case.objective.shapes, 3)
    loop.run(few)
    each = seconds_of(partial(loop.run, few), 0.0) / 3
    return min(max(4, int(seconds / each)), case.n_params)


def predicted(case: Case) -> float:
    """Return the time that the engine expects."""
    from fastcheck.plan import Planner

    planner = Planner(case.objective.state(case.params), list(case.params))
    return planner.choose(case.plan, None)[2]
