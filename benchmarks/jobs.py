"""Two threads against one: the same bits, and how much faster.

Where one core needs `LONG` seconds or more there is a control: the chunks of the same probes,
shared out to two bare threads. That is what the processor and its memory allow.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

import fastcheck as fc
from benchmarks.measure import Effort, NotEqualError
from benchmarks.timing import interleaved, one_blas_thread, ratio, seconds_of
from fastcheck.numdiff import Prober, settle_step
from fastcheck.units import find_sites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from benchmarks.cases import Case

    Item = tuple[Prober, NDArray[np.int64]]

LONG = 2.0
"""Seconds on one core from which the gain of a second core is promised."""
SHARE = 0.85
"""The share of the control's speed-up that is promised."""
SLOWER = 1.05
"""What "not slower" means where times scatter by some per cent."""


@dataclass(frozen=True)
class JobsRecord:
    """One case with one and with two threads; ratios are medians of pairs.

    Attributes
    ----------
    seconds_1, seconds_2 : float
        Of ``numerical_gradient``.
    speedup : float
        Their ratio.
    control_speedup : float or None
        That of bare threads; None where the case is short.
    share : float or None
        `speedup` over `control_speedup`.
    """

    case: str
    seconds_1: float
    seconds_2: float
    speedup: float
    control_speedup: float | None
    share: float | None

    @property
    def met(self) -> bool:
        """Whether what is promised holds."""
        if self.share is None:
            return self.speedup >= 1.0 / SLOWER
        return self.share >= SHARE

    def to_dict(self) -> dict[str, object]:
        """Return the record for a JSON file."""
        return {**asdict(self), "met": self.met}


def measured_jobs(case: Case, effort: Effort, long: float = LONG) -> JobsRecord:
    """Compare two threads with one.

    Raises
    ------
    NotEqualError
        If a bit differs.
    """
    same_bits(case)
    n_rounds = min(case.pairs, effort.pairs)
    shortest = effort.loop_seconds / n_rounds
    one, two = (partial(seconds_of, partial(_numerical, case, n), shortest) for n in (1, 2))
    first = one()
    measurements: dict[str, Callable[[], float]] = {"one": one, "two": two}
    if first >= long:
        items = chunks(case)
        for name, n in (("bare one", 1), ("bare two", 2)):
            measurements[name] = partial(seconds_of, partial(bare, items, n), shortest)
    found = interleaved(measurements, n_rounds)
    speedup, control = ratio(found["one"], found["two"]), None
    if first >= long:
        control = ratio(found["bare one"], found["bare two"])
    share = None if control is None else speedup / control
    return JobsRecord(
        case.name, median(found["one"]), median(found["two"]), speedup, control, share
    )


def same_bits(case: Case) -> None:
    """Compare the results of one and of two threads, bit by bit.

    The engine may decide that two threads do not pay; whatever it decides must not show.
    """
    one, two = (_numerical(case, n) for n in (1, 2))
    for name, value in one.values.items():
        if value.tobytes() != two.values[name].tobytes():
            raise NotEqualError(f"{case.name}: {name} differs between n_jobs=1 and n_jobs=2")
        if not np.array_equal(one.kinks[name], two.kinks[name]):
            raise NotEqualError(f"{case.name}: kinks of {name} differ between n_jobs=1 and 2")


def _numerical(case: Case, n_jobs: int) -> fc.NumericalGradient:
    return fc.numerical_gradient(case.objective, case.params, plan=case.plan, n_jobs=n_jobs)


def chunks(case: Case) -> list[Item]:
    """Return the chunks of a case as the engine cuts them, with what probes them."""
    state = case.objective.state(case.params)
    if case.plan == "units":
        sites = find_sites(state, tuple(case.params)).sites
        probers = [Prober(state, site.node) for site in sites]
    else:
        probers = [Prober(state, node) for node in state.graph.params.values()]
    for prober in probers:
        settle_step(prober)
    return [(p, chunk) for p in probers for _, chunk in p.chunks(p.entries())]


def bare(items: Iterable[Item], n_threads: int) -> None:
    """Probe all chunks on bare threads that take the next one when they are free."""
    queue, lock = iter(items), threading.Lock()

    def work() -> None:
        while True:
            with lock:
                item = next(queue, None)
            if item is None:
                return
            prober, chunk = item
            prober.probe(chunk)

    with one_blas_thread():
        threads = [threading.Thread(target=work) for _ in range(n_threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
