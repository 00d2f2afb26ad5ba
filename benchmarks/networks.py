"""Networks that are not plain dense: ``python benchmarks/networks.py [--quick] [--json FILE]``.

Each case is first compared with its reference gradient and with the plain NumPy loop over the same
network, then timed against it in the same run, one thread each. The loop is timed on a sample of
entries and extrapolated. The floor counts what the probes of one plan compute: flops of the matrix
products at the measured speed of a large product, and elements of all other results at the
measured time of an element that is multiplied and written in the cache.

Exit status 1 if a comparison fails; a missed target is marked in the table.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout is measured

import fastcheck as fc
from benchmarks.loops import spread
from benchmarks.measure import NotEqualError, compared, predicted
from benchmarks.network_cases import CASES, SMALL
from benchmarks.tally import counted, speeds
from benchmarks.timing import duration, machine, one_blas_thread, ratio, table, write_json

if TYPE_CHECKING:
    from benchmarks.cases import Case

QUICK = ("lstm", "lenet")
LOOP_SECONDS = 2.0
"""Time that the loop runs per round."""


@dataclass(frozen=True)
class Record:
    """Figures of one case; times are medians of rounds, the ratio the median of their ratios."""

    case: str
    title: str
    plan: str
    chosen: str
    n_params: int
    n_batch: int
    seconds: float
    predicted_seconds: float
    loop_seconds: float
    sampled_entries: int
    rounds: int
    ratio: float
    target: float
    floor_seconds: float
    product_seconds: float
    element_seconds: float
    gigaflop: float
    giga_elements: float
    worst_of_reference: float


def main(argv: list[str] | None = None) -> int:
    """Measure, print a table, write JSON; return the exit status."""
    options = _parser().parse_args(argv)
    names = options.case or (QUICK if options.quick else CASES)
    about = machine()
    print(f"{about['processor']}, load {about['load'][0]}, numpy {about['numpy']}, one thread")
    report: dict[str, Any] = {"machine": about, "cases": [], "failures": []}
    with one_blas_thread():
        for name in names:
            try:
                compared(SMALL[name]())
                record = measured(CASES[name](), 1 if options.quick else options.rounds)
            except NotEqualError as problem:
                report["failures"].append(str(problem))
                continue
            report["cases"].append(asdict(record))
            print(f"{record.case}: {record.title}", flush=True)
            print(described([record]), flush=True)
    if len(report["cases"]) > 1:
        print("\n" + described([Record(**case) for case in report["cases"]]))
    for failure in report["failures"]:
        print(f"WRONG: {failure}", file=sys.stderr)
    write_json(options.json, report)
    return 1 if report["failures"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two cases, one round each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--rounds", type=int, default=3, help="rounds per case, 3 by default")
    parser.add_argument("--case", nargs="+", choices=CASES, metavar="NAME",
                        help=f"some of {', '.join(CASES)}")  # fmt: skip
    return parser


def measured(case: Case, n_rounds: int) -> Record:
    """Compare `case` with its reference gradient, then time it against its loop."""
    times: dict[str, list[float]] = {"ours": [], "loop": []}
    n_sampled = 0
    for k in range(min(n_rounds, case.pairs)):
        start = perf_counter()
        numerical = fc.numerical_gradient(case.objective, case.params, plan=case.plan)
        if k or case.pairs == 1:  # the first run of a short case fills caches
            times["ours"].append(perf_counter() - start)
        worst = _checked(case, numerical.values)
        seconds, n = _loop_seconds(case, k)
        n_sampled += n
        if k or case.pairs == 1:
            times["loop"].append(seconds)
    if not times["ours"]:
        start = perf_counter()
        fc.numerical_gradient(case.objective, case.params, plan=case.plan)
        times = {"ours": [perf_counter() - start], "loop": [_loop_seconds(case, 0)[0]]}
    tally = counted(case)
    product, element = speeds()
    in_products, in_elements = tally.flops * product, tally.elements * element
    return Record(
        case.name, case.title, case.plan, chosen_plan(case), case.n_params, case.n_batch,
        seconds=median(times["ours"]), predicted_seconds=predicted(case),
        loop_seconds=median(times["loop"]), sampled_entries=n_sampled, rounds=len(times["ours"]),
        ratio=ratio(times["loop"], times["ours"]), target=case.targets["plain"],
        floor_seconds=in_products + in_elements, product_seconds=in_products,
        element_seconds=in_elements, gigaflop=tally.flops / 1e9,
        giga_elements=tally.elements / 1e9, worst_of_reference=worst,
    )  # fmt: skip


def chosen_plan(case: Case) -> str:
    """Return the plan that "auto" chooses."""
    from fastcheck.plan import Planner

    planner = Planner(case.objective.state(case.params), list(case.params))
    return planner.choose("auto", None)[0]


def _checked(case: Case, values: Any) -> float:
    """Return the worst distance from the reference gradient, relative to the largest entry."""
    worst = 0.0
    for name, reference in case.objective.gradient(case.params).items():
        far = float(np.abs(values[name] - reference).max() / np.abs(reference).max())
        if not far <= 1e-9:
            raise NotEqualError(f"{case.name}: {name} is {far:.1e} of its largest entry off")
        worst = max(worst, far)
    return worst


def _loop_seconds(case: Case, k: int) -> tuple[float, int]:
    """Return the time of the loop over all entries, from some of them, and how many these are."""
    (loop,) = case.loops
    few = spread(case.objective.shapes, 4)
    loop.run(few)
    start = perf_counter()
    loop.run(few)
    n = max(8, int(4 * LOOP_SECONDS / (perf_counter() - start)))
    some = spread(case.objective.shapes, n, (k + 0.5) / 8)
    n = sum(entries.size for entries in some.values())
    start = perf_counter()
    loop.run(some)
    return (perf_counter() - start) / n * case.n_params, n


def described(records: list[Record]) -> str:
    """Return the figures as text; a missed target has an exclamation mark."""
    head = ["case", "params", "batch", "plan", "auto", "ours", "predicted", "loop", "sample",
            "ratio", "target", "floor", "to floor", "products", "elements"]  # fmt: skip
    rows = [
        [
            r.case, str(r.n_params), str(r.n_batch), r.plan, r.chosen, duration(r.seconds),
            duration(r.predicted_seconds), duration(r.loop_seconds), str(r.sampled_entries),
            f"{r.ratio:.0f}", f"{r.target:.0f}" + "!" * (r.ratio < r.target),
            duration(r.floor_seconds), f"{r.seconds / r.floor_seconds:.1f}",
            duration(r.product_seconds), duration(r.element_seconds),
        ]
        for r in records
    ]  # fmt: skip
    return table(head, rows)


if __name__ == "__main__":
    raise SystemExit(main())
