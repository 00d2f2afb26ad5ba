"""How much faster than a Python loop: ``python benchmarks/speed.py [--quick] [--json FILE]``.

Each case is first compared with the reference gradient and with the loops, then timed against
them, one BLAS thread each, on the same network, batch and dtype in the same run.

Exit status 1 if a comparison fails; a missed target is marked in the table.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout is measured

from benchmarks import jobs, memory
from benchmarks.cases import CASES
from benchmarks.measure import Effort, NotEqualError, Record, measured
from benchmarks.timing import duration, machine, one_blas_thread, table, write_json

if TYPE_CHECKING:
    from benchmarks.cases import Case

QUICK = ("s3", "s1", "wide", "wide-units", "jobs")
LARGE = "large-units"
LIMIT_BYTES = 2e9
"""Memory that the largest case is meant to stay below."""


def main(argv: list[str] | None = None) -> int:
    """Measure, print tables, write JSON; return the exit status."""
    options = _parser().parse_args(argv)
    names = options.case or (list(QUICK) if options.quick else [*CASES, "jobs"])
    clock = thread_time if options.clock == "cpu" else perf_counter
    effort = Effort(*((3, 0.6) if options.quick else (7, 3.0)), clock)
    report: dict[str, Any] = {
        "machine": machine(), "clock": options.clock, "cases": [], "jobs": [], "failures": [],
    }  # fmt: skip
    print(_described(report["machine"]))
    made = {name: CASES[name]() for name in names if name != "jobs"}
    for case in made.values():
        print(f"{case.name}: {case.title}, {case.n_params} parameters, {case.plan}, {case.data}")
    with one_blas_thread():
        records = _measure_all(made, effort, report)
    print("\n" + speed_table(records))
    if LARGE in made:
        _measure_memory(report)
    if "jobs" in names:
        shared = made or {name: CASES[name]() for name in (QUICK[:-1] if options.quick else CASES)}
        _measure_jobs(shared, effort, report)
    for failure in report["failures"]:
        print(f"WRONG: {failure}", file=sys.stderr)
    write_json(options.json, report)
    return 1 if report["failures"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer cases and shorter loops")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--case", nargs="+", choices=[*CASES, "jobs"], metavar="NAME",
                        help=f"some of {', '.join([*CASES, 'jobs'])}")  # fmt: skip
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall",
                        help="cpu: the processor's time, where others use the machine")  # fmt: skip
    return parser


def _described(machine: dict[str, Any]) -> str:
    return (
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load'][0]}; Python "
        f"{machine['python']}, numpy {machine['numpy']}, numba {machine['numba']}, "
        f"{', '.join(machine['blas'])}, one thread"
    )


def _measure_all(made: dict[str, Case], effort: Effort, report: dict[str, Any]) -> list[Record]:
    records: list[Record] = []
    for case in made.values():
        try:
            records += measured(case, effort)
        except NotEqualError as problem:
            report["failures"].append(str(problem))
    report["cases"] = [record.to_dict() for record in records]
    return records


def _measure_memory(report: dict[str, Any]) -> None:
    found = memory.in_new_process(LARGE)
    report["memory"] = found
    n_spots = sum(found["spot_checks"].values())
    passed = "passed" if found["spot_checks_passed"] else "FAILED"
    print(
        f"\n{LARGE}: peak memory of a whole check {found['peak_bytes'] / 1e9:.2f} GB "
        f"(below {LIMIT_BYTES / 1e9:.0f} GB{_missed(found['peak_bytes'] <= LIMIT_BYTES)}), "
        f"{n_spots} spot checks {passed}, verdict {found['verdict']}"
    )


def _measure_jobs(cases: dict[str, Case], effort: Effort, report: dict[str, Any]) -> None:
    found = []
    for case in cases.values():
        try:
            found.append(jobs.measured_jobs(case, effort))
        except NotEqualError as problem:
            report["failures"].append(str(problem))
    report["jobs"] = [record.to_dict() for record in found]
    print("\n" + jobs_table(found))


def speed_table(records: list[Record]) -> str:
    """Return the figures as text; a missed target has an exclamation mark."""
    head = ["case", "params", "batch", "numerical", "check", "loop", "its time", "slice", "ratio",
            "target", "check ratio", "target", "floor", "to floor"]  # fmt: skip
    rows = [
        [
            r.case, str(r.n_params), str(r.n_batch), duration(r.seconds),
            duration(r.check_seconds), r.peer, duration(r.peer_seconds),
            str(r.slice_entries) if r.extrapolated else "all",
            *_against(r.ratio, r.target), *_against(r.check_ratio, r.check_target),
            duration(r.floor_seconds), f"{r.floor_ratio:.2f}",
        ]
        for r in records
    ]  # fmt: skip
    notes = "slice: entries that the loop was timed on, its time extrapolated from them; !: missed"
    return table(head, rows) + "\n" + notes


def jobs_table(records: list[jobs.JobsRecord]) -> str:
    """Return the figures for one and two threads as text."""
    head = ["n_jobs", "one", "two", "speed-up", "bare threads", "share", "target"]
    rows = [
        [
            r.case, duration(r.seconds_1), duration(r.seconds_2), f"{r.speedup:.2f}",
            "" if r.control_speedup is None else f"{r.control_speedup:.2f}",
            "" if r.share is None else f"{r.share:.2f}",
            ("not slower" if r.share is None else f"{jobs.SHARE:.2f}") + _missed(r.met),
        ]
        for r in records
    ]  # fmt: skip
    return table(head, rows) + "\nall results bit-identical" * bool(records)


def _against(value: float, target: float | None) -> list[str]:
    """Return a ratio and its target as cells."""
    goal = "" if target is None else f"{target:.0f}" + _missed(value >= target)
    return [f"{value:.0f}", goal]


def _missed(met: bool) -> str:
    return "" if met else "!"


if __name__ == "__main__":
    raise SystemExit(main())
