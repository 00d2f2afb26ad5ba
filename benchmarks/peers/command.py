"""The command line of ``python -m benchmarks.peers``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import NotEqualError
from benchmarks.peers import growth, survey
from benchmarks.peers import problem as problems
from benchmarks.peers.alone import CLOCKS, about, one_core
from benchmarks.peers.dialects import Net
from benchmarks.peers.page import load, written
from benchmarks.peers.roster import BY_NAME, OURS
from benchmarks.peers.side_by_side import Effort, measured
from benchmarks.peers.text import growth_table, side_table, survey_table
from benchmarks.timing import write_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.problem import Problem
    from benchmarks.peers.roster import Kind

PAGE = Path(__file__).parents[2] / "docs" / "comparison.md"
RESULTS = Path(__file__).parent / "results"
"""Where figures are kept from which the page is written."""
PROBLEMS: dict[str, Callable[[], Problem]] = {
    "small": problems.small,
    "s3": problems.s3,
    "s1-one": partial(problems.s1, 1),
    "s1": problems.s1,
}
QUICK: dict[str, Callable[[], Problem]] = {
    "small": partial(problems.drawn, Net((5, 4, 3), "tanh"), 6, 0, "smallest"),
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
    _timed(table, 60.0)
    _common(table)
    grow = commands.add_parser("growth", help="time and memory as the network grows")
    grow.set_defaults(run=_growth)
    grow.add_argument("--series", nargs="+", choices=growth.SERIES, default=list(growth.SERIES))
    grow.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw the figures there")
    _timed(grow, 6.0)
    _common(grow)
    faults = commands.add_parser("faults", help="which mistakes each peer misses")
    faults.set_defaults(run=_faults)
    faults.add_argument("--seeds", type=int, default=10, help="networks of each activation")
    _common(faults)
    page = commands.add_parser("page", help="write the figures that were kept into the page")
    page.set_defaults(run=_page)
    page.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER")
    page.add_argument("--file", type=Path, default=PAGE, help="the page, docs/comparison.md")
    page.add_argument("--pictures", type=Path, metavar="FOLDER",
                      help="where the pictures go, docs/comparison by default")  # fmt: skip
    point = commands.add_parser("point", help="one point of growth; what `growth` starts")
    point.set_defaults(run=_point)
    point.add_argument("series", choices=growth.SERIES)
    point.add_argument("hidden", choices=growth.HIDDEN)
    point.add_argument("n", type=int)
    point.add_argument("--peer", nargs="*", choices=BY_NAME, default=[])
    _timed(point, 6.0)
    return parser


def _timed(parser: argparse.ArgumentParser, longest: float) -> None:
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--longest", type=float, default=longest, metavar="SECONDS",
        help="what would take longer is done on a slice, and extrapolated",
    )  # fmt: skip
    parser.add_argument("--clock", choices=CLOCKS, default="wall",
                        help="cpu: the processor's time, where others use the machine")  # fmt: skip


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="small networks, one round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--write", action="store_true",
                        help="keep the figures for the page, which `page` writes")  # fmt: skip


def _table(options: argparse.Namespace, words: list[str]) -> int:
    makers = QUICK if options.quick else PROBLEMS
    names = [OURS.name, *(name for name in options.peer if name != OURS.name)]
    kinds = [BY_NAME[name] for name in names]
    clock = CLOCKS[options.clock]
    effort = Effort(options.rounds, options.longest, clock=clock)
    if options.quick:
        effort = Effort(1, 10.0, 0.0, clock)
    with one_core():
        report: dict[str, Any] = about(words, options.clock, effort.rounds)
        report |= {"longest": effort.longest, "problems": [], "failures": []}
        for name in options.problem:
            _add(report, makers[name](), kinds, effort)
            _keep(report, options, "table")
    return 1 if report["failures"] else 0


def _add(report: dict[str, Any], problem: Problem, kinds: list[Kind], effort: Effort) -> None:
    print(f"\n{problem.name}: {problem.title}, {problem.n_params} parameters, {problem.data}")
    try:
        found = measured(problem, kinds, effort, say=_note)
    except NotEqualError as problem_found:
        _note(f"WRONG: {problem_found}")
        report["failures"].append(str(problem_found))
        return
    report["problems"].append(found)
    print(side_table(found), flush=True)


def _growth(options: argparse.Namespace, words: list[str]) -> int:
    sizes = growth.QUICK if options.quick else growth.SERIES
    rounds = 1 if options.quick else options.rounds
    report: dict[str, Any] = about(words, options.clock, rounds)
    report |= {"longest": options.longest, "points": [], "failures": []}
    passed_on = ["--clock", options.clock, "--rounds", str(rounds), "--longest",
                 str(options.longest)]  # fmt: skip
    for spot in growth.spots({name: sizes[name] for name in options.series}):
        try:
            found = growth.in_new_process(spot, passed_on, growth.wanted(spot))
        except NotEqualError as problem_found:
            report["failures"].append(str(problem_found))
            _note(f"WRONG: {problem_found}")
            continue
        report["points"].append(found)
        _note(f"{spot.series} {spot.hidden} {spot.n}: {found['seconds']:.3g} s")
    print(growth_table(report["points"]))
    _keep(report, options, "growth")
    if options.pictures:
        _draw(report["points"], options.pictures)
    return 1 if report["failures"] else 0


def _faults(options: argparse.Namespace, words: list[str]) -> int:
    n_seeds = 1 if options.quick else options.seeds
    report: dict[str, Any] = about(words) | {"failures": []}
    with one_core():
        try:
            report |= survey.surveyed(
                survey.problems(n_seeds, quick=options.quick), survey.chosen(), _note,
                each=survey.QUICK_EACH if options.quick else 1,
            )  # fmt: skip
        except NotEqualError as problem_found:
            _note(f"WRONG: {problem_found}")
            return 1
    print(survey_table(report))
    _keep(report, options, "faults")
    return 0


def _note(text: str) -> None:
    """Say how far it has got."""
    print(text, file=sys.stderr, flush=True)


def _page(options: argparse.Namespace, _: list[str]) -> int:
    found = load(options.results)
    folder = options.pictures or options.file.with_suffix("")
    page = written(
        options.file.read_text("utf-8"), found, os.path.relpath(folder, options.file.parent)
    )
    if "growth" in found:
        _draw(found["growth"]["points"], folder)
    options.file.write_text(page, encoding="utf-8")
    _note(f"written: {options.file}")
    return 0


def _draw(points: list[dict[str, Any]], folder: Path) -> None:
    from benchmarks.peers.pictures import draw

    for file in draw(points, folder):
        _note(f"written: {file}")


def _point(options: argparse.Namespace, _: list[str]) -> int:
    spot = growth.Spot(options.series, options.hidden, options.n)
    effort = Effort(options.rounds, options.longest, 0.2, CLOCKS[options.clock])
    with one_core():
        try:
            found = growth.measured(spot, effort, options.peer)
        except NotEqualError as problem_found:
            _note(str(problem_found))
            return 1
    print(json.dumps(found))
    return 0


def _keep(report: dict[str, Any], options: argparse.Namespace, name: str) -> None:
    """Write the figures where they were asked for."""
    write_json(options.json, report)
    if options.write and not report["failures"]:
        RESULTS.mkdir(exist_ok=True)
        write_json(RESULTS / f"{name}.json", report)
