"""The command line of ``python -m benchmarks.peers``."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import NotEqualError
from benchmarks.peers import problem as problems
from benchmarks.peers.alone import CLOCKS, about, one_core
from benchmarks.peers.dialects import Net
from benchmarks.peers.roster import BY_NAME, OURS
from benchmarks.peers.side_by_side import Effort, measured
from benchmarks.peers.text import side_table
from benchmarks.timing import write_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.problem import Problem
    from benchmarks.peers.roster import Kind

RESULTS = Path(__file__).parent / "results"
"""Where figures are kept from which the page is written."""
PROBLEMS: dict[str, Callable[[], Problem]] = {
    "s3": problems.s3,
    "s1-one": partial(problems.s1, 1),
    "s1": problems.s1,
}
SMALL: dict[str, Callable[[], Problem]] = {
    "s3": partial(
        problems.drawn, Net((20, 8, 5), "relu", "relu softmax", guard=1e-7), 10, 0, "S3, small"
    ),
    "s1-one": partial(
        problems.drawn, Net((24, 5, 5, 1), "tanh", "sigmoid"), 1, 0, "S1, small, 1 example"
    ),
    "s1": partial(problems.drawn, Net((24, 5, 5, 1), "tanh", "sigmoid"), 12, 0, "S1, small"),
}


def main(argv: list[str] | None = None) -> int:
    """Do what a command asks for; return the exit status."""
    words = sys.argv[1:] if argv is None else argv
    options = _parser().parse_args(words)
    status: int = options.run(options, words)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description="fastcheck beside others"
    )
    commands = parser.add_subparsers(required=True)
    table = commands.add_parser("table", help="time, error and verdicts at full size")
    table.set_defaults(run=_table)
    table.add_argument("--problem", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    table.add_argument("--peer", nargs="+", choices=BY_NAME, default=list(BY_NAME))
    table.add_argument("--rounds", type=int, default=3)
    table.add_argument(
        "--longest", type=float, default=60.0, metavar="SECONDS",
        help="what would take longer is done on a slice, and extrapolated",
    )  # fmt: skip
    _common(table)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="small networks, one round")
    parser.add_argument("--clock", choices=CLOCKS, default="wall",
                        help="cpu: the processor's time, where others use the machine")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--write", action="store_true",
                        help="keep the figures for the page, which `page` writes")  # fmt: skip


def _table(options: argparse.Namespace, words: list[str]) -> int:
    makers = SMALL if options.quick else PROBLEMS
    names = [OURS.name, *(name for name in options.peer if name != OURS.name)]
    kinds = [BY_NAME[name] for name in names]
    clock = CLOCKS[options.clock]
    effort = Effort(1, 10.0, 0.0, clock) if options.quick else Effort(
        options.rounds, options.longest, clock=clock
    )  # fmt: skip
    with one_core():
        report: dict[str, Any] = about(options.clock, effort.rounds, words)
        report |= {"longest": effort.longest, "problems": [], "failures": []}
        for name in options.problem:
            _add(report, makers[name](), kinds, effort)
            _keep(report, options, "table")
    return 1 if report["failures"] else 0


def _add(report: dict[str, Any], problem: Problem, kinds: list[Kind], effort: Effort) -> None:
    print(f"\n{problem.name}: {problem.title}, {problem.n_params} parameters, {problem.data}")
    try:
        found = measured(problem, kinds, effort, say=partial(print, file=sys.stderr, flush=True))
    except NotEqualError as problem_found:
        print(f"WRONG: {problem_found}", file=sys.stderr)
        report["failures"].append(str(problem_found))
        return
    report["problems"].append(found)
    print(side_table(found), flush=True)


def _keep(report: dict[str, Any], options: argparse.Namespace, name: str) -> None:
    """Write the figures where they were asked for."""
    write_json(options.json, report)
    if options.write and not report["failures"]:
        RESULTS.mkdir(exist_ok=True)
        write_json(RESULTS / f"{name}.json", report)
