"""Unmodified NumPy networks, traced: ``python benchmarks/wild.py [NAME ...] [--large]``.

Each network of ``tests/wild`` is traced as it is and its numerical gradient compared with the loop
that its author would write, central differences of the same code with one number moved in place,
on a sample of entries; then both are timed in the same run, on one thread, and the loop is
extrapolated to all entries. Every entry is probed. ``--usual`` takes some networks at the sizes at
which people use them, ``--large`` four at full size, with the plan that `auto` chooses. Exit status
1 if a comparison fails.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout is measured

import fastcheck as fc
from benchmarks.timing import duration, machine, one_blas_thread, table, write_json
from fastcheck.traced import trace_closure
from tests.wild.cases import CASES, LARGE, USUAL, name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Params = dict[str, NDArray[np.float64]]

STEPS = (1e-5, 1e-6, 1e-7)
"""Steps of the loop; it is timed with the first."""
SAMPLED = 60
"""Entries of the loop that are evaluated."""
SECONDS = 0.3
"""Time that short measurements are repeated for."""
ALLOWED = 1e-5
"""Deviation of a loop's entry from ours, relative to the largest of its tensor."""


def main(argv: list[str] | None = None) -> int:
    """Measure, print a table, write JSON; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="some of the networks")
    parser.add_argument("--large", action="store_true", help="four networks at full size")
    parser.add_argument("--usual", action="store_true", help="some at the sizes of their users")
    parser.add_argument("--plan", choices=("auto", "exhaustive", "units"), help="of --large")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args(argv)
    known = {name_of(make): make for make in CASES}
    known = LARGE if options.large else USUAL if options.usual else known
    about = machine()
    print(f"{about['processor']}, load {about['load'][0]}, numpy {about['numpy']}, one thread")
    warnings.simplefilter("ignore")  # of the authors' code
    with one_blas_thread():
        found = [
            measured(name, known[name], options.plan or ("auto" if options.large else "exhaustive"))
            for name in options.names or known
        ]
    print(as_table(found))
    write_json(options.json, {"machine": about, "networks": found})
    return 0 if all(one["worst"] <= ALLOWED for one in found) else 1


def measured(name: str, make: Callable[..., Any], plan: str) -> dict[str, Any]:
    """Return the figures of one network."""
    case = make(0)
    params = by_name(case.params)
    start = perf_counter()
    objective = trace_closure(case.loss, params)
    traced = perf_counter() - start
    point = {key: np.array(value) for key, value in params.items()}

    def ours() -> Any:
        return fc.numerical_gradient(objective, point, plan=plan)

    numerical = ours()  # kernels are compiled before anything is timed
    places = sample(params)
    worst = max(deviation(case.loss, params[key], place, numerical.values[key])
                for key, place in places)  # fmt: skip
    rounds = [(repeated(ours), loop_time(case.loss, params, places)) for _ in range(3)]
    n_params = sum(value.size for value in params.values())
    return {
        "name": name,
        "n_params": n_params,
        "plan": numerical.plan,
        "trace_seconds": traced,
        "seconds": median(own for own, _ in rounds),
        "loop_seconds": median(loop * n_params for _, loop in rounds),
        "ratio": median(loop * n_params / own for own, loop in rounds),
        "worst": worst,
    }


def by_name(params: Any) -> Params:
    """Return the live arrays by name."""
    if isinstance(params, np.ndarray):
        return {"theta": params}
    if isinstance(params, dict):
        return params
    return {str(i): array for i, array in enumerate(params)}


def sample(params: Params) -> list[tuple[str, tuple[int, ...]]]:
    """Return entries spread over the tensors in proportion to their sizes."""
    rng = np.random.default_rng(0)
    total = sum(value.size for value in params.values())
    places = []
    for key, value in params.items():
        n = max(1, round(SAMPLED * value.size / total))
        flat = rng.choice(value.size, min(n, value.size), replace=False)
        places += [(key, tuple(int(i) for i in np.unravel_index(f, value.shape))) for f in flat]
    return places


def slope(
    loss: Callable[[], Any],
    array: NDArray[np.float64],
    place: tuple[int, ...],
    step: float = STEPS[0],
) -> float:
    """Return a central difference, as people write it."""
    kept = array[place]
    array[place] = kept + step
    up = float(loss())
    array[place] = kept - step
    down = float(loss())
    array[place] = kept
    return (up - down) / (2.0 * step)


def deviation(
    loss: Callable[[], Any],
    array: NDArray[np.float64],
    place: tuple[int, ...],
    ours: NDArray[np.float64],
) -> float:
    """Return how far the loop is from ours in one entry, relative to the tensor's largest.

    The best of several steps counts: at the first the loop itself may cross a kink.
    """
    scale = max(float(np.abs(ours).max()), 1e-3)
    found = (slope(loss, array, place, step) for step in STEPS)
    return min(abs(one - float(ours[place])) for one in found) / scale


def loop_time(
    loss: Callable[[], Any], params: Params, places: list[tuple[str, tuple[int, ...]]]
) -> float:
    """Return the seconds that the loop takes for one entry."""
    start, n = perf_counter(), 0
    while True:
        for key, place in places:
            slope(loss, params[key], place)
            n += 1
            passed = perf_counter() - start
            if passed > SECONDS and n >= min(10, len(places)):
                return passed / n


def repeated(work: Callable[[], object]) -> float:
    """Return the seconds of one call; short calls are repeated."""
    start, n = perf_counter(), 0
    while not n or perf_counter() - start < SECONDS:
        work()
        n += 1
    return (perf_counter() - start) / n


def as_table(found: list[dict[str, Any]]) -> str:
    """Return the figures as text, large networks first."""
    rows = [
        [
            one["name"], f"{one['n_params']:,}".replace(",", " "), one["plan"],
            duration(one["trace_seconds"]), duration(one["seconds"]),
            duration(one["loop_seconds"]), f"{one['ratio']:.3g}", f"{one['worst']:.0e}",
        ]
        for one in sorted(found, key=lambda one: -one["n_params"])
    ]  # fmt: skip
    head = ["network", "parameters", "plan", "trace", "numerical", "loop", "times", "deviation"]
    return table(head, rows)


if __name__ == "__main__":
    raise SystemExit(main())
