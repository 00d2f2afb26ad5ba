"""``fastcheck report``, ``compare`` and ``history``: what an archive of runs tells."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fastcheck.cli.output import say
from fastcheck.cli.problems import Refusal, refusing

if TYPE_CHECKING:
    from fastcheck.nightly.history import CaseHistory
    from fastcheck.nightly.records import Run

__all__ = ["ARCHIVE", "compare", "history", "report"]

ARCHIVE = click.option(
    "--archive", type=click.Path(path_type=Path), envvar="FASTCHECK_ARCHIVE",
    default=Path("fastcheck-archive"), show_default=True, metavar="DIR",
    help="The folder of runs; also from FASTCHECK_ARCHIVE.",
)  # fmt: skip
JSON = click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write it there, too."
)


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="[OLD] NEW")
@ARCHIVE
@JSON
def compare(runs: tuple[str, ...], archive: Path, json_path: Path | None) -> int:
    """Say what changed between two runs of a suite, the worst first.

    A run is an HDF5 file, the folder of parts of one in progress, the id of a run or its
    beginning, or the name of a suite for its last run. Without OLD: the run before NEW of that
    suite.

    Exit status: 0 nothing is worse, 1 a case has regressed, 2 usage or data error, 3 none has, but
    a case was not run, is no longer there, or is new and did not pass.
    """
    from fastcheck.nightly.compare import compare as compared
    from fastcheck.nightly.tables import print_out

    if len(runs) > 2:
        raise click.UsageError("name one run or two")
    with refusing():
        path, new = _found(runs[-1], archive)
        past, problems = _past(path, new, archive)
        old = _found(runs[0], archive)[1] if len(runs) == 2 else _last(past, path, problems)
        comparison = compared(old, new, past)
        print_out(comparison)
        if json_path is not None:
            _write(json_path, comparison.to_dict())
    if comparison.is_worse:
        return 1
    return 3 if comparison.is_open else 0


def _found(name: str, archive: Path) -> tuple[Path, Run]:
    """Return the run that is named, of a suite the last that can be read; others are told."""
    from fastcheck.nightly.archive import find_run, last_run, read_run
    from fastcheck.nightly.archive.folder import suites

    if not archive.is_dir() or name not in suites(archive):
        path = find_run(name, archive)
        return path, read_run(path)
    path, run, problems = last_run(archive, name)
    for problem in problems:
        say(f"left out: {problem}", err=True)
    return path, run


def _past(path: Path, run: Run, archive: Path) -> tuple[list[Run], list[str]]:
    """Return the runs of a suite before one, and what is wrong with others, which is told."""
    from fastcheck.nightly.archive import past_runs

    folder = path.absolute().parent
    home = folder.parent if folder.name == run.suite else archive
    past, problems = past_runs(home, run.suite, before=run.id)
    for problem in problems:
        say(f"left out: {problem}", err=True)
    return past, problems


def _last(past: list[Run], path: Path, problems: list[str]) -> Run:
    """Return the last run before another one."""
    if past:
        return past[-1]
    why = f" that can be read ({problems[0]})" if problems else ""
    raise Refusal(f"{path}: there is no run before it{why}; name the one to compare with")


@click.command()
@click.argument("run")
@click.option(
    "--to", "targets", multiple=True, type=click.Path(path_type=Path), metavar="PATH",
    help="Write it there, too: a folder, or a file that ends in .html, .md, .xml, .json, .txt or "
    ".h5; may be repeated.",
)  # fmt: skip
@ARCHIVE
def report(run: str, targets: tuple[Path, ...], archive: Path) -> int:
    """Show RUN once more, finished or not, compared with the run before it.

    RUN is an HDF5 file, the folder of parts of one in progress, the id of a run or its beginning,
    or the name of a suite for its last run. A folder gets run.html, run.md, run.xml and run.json;
    a file is of the kind that the end of its name says.

    Exit status: 0 it was shown, 2 usage or data error.
    """
    from fastcheck.files import check_target
    from fastcheck.nightly.compare import compare as compared
    from fastcheck.nightly.report import print_summary

    with refusing():
        path, shown = _found(run, archive)
        for target in targets:  # all are looked at before one is written
            if target.suffix == ".h5" and path.is_file():
                raise Refusal(f"{path}: has ended, and is one file already; copy that to {target}")
            if target.suffix and not target.is_dir():
                check_target(target)
        past, _ = _past(path, shown, archive)
        comparison = compared(past[-1], shown, past) if past else None
        print_summary(shown, comparison)
        for target in targets:
            _report_to(target, path, (shown, comparison, past))
    return 0


def _report_to(target: Path, path: Path, about: tuple[Any, Any, Any]) -> None:
    """Write a run to a folder or a file."""
    from fastcheck.nightly.archive import join
    from fastcheck.nightly.report import write_report, write_reports

    if target.suffix == ".h5":
        join(path, target)
    elif target.suffix and not target.is_dir():
        write_report(target, *about)
    else:
        write_reports(target, *about)


@click.command()
@click.argument("case")
@ARCHIVE
@click.option("--suite", default=None, help="Of this suite only.")
@click.option("--last", default=20, show_default=True, help="How many runs, at most.")
@JSON
def history(case: str, archive: Path, suite: str | None, last: int, json_path: Path | None) -> int:
    """Show what became of CASE over the last runs.

    CASE is its name or a pattern as for --only, 'mnist*'. A verdict other than the one before is
    marked by an arrow; a case is flaky if its verdict went back and forth though nothing that it
    rests on did.

    Exit status: 0 it was shown, 2 there is no such case or the archive cannot be read.
    """
    from fastcheck.nightly.tables import print_out

    with refusing():
        found = _histories(case, archive, suite, max(last, 1))
        for number, one in enumerate(found):
            if number:
                click.echo()
            print_out(one)
        if json_path is not None:
            _write(json_path, {"schema": 1, "cases": [one.to_dict() for one in found]})
    return 0


def _histories(case: str, archive: Path, suite: str | None, last: int) -> list[CaseHistory]:
    """Return the histories of all cases of that name or pattern."""
    from fastcheck.nightly.archive import past_runs
    from fastcheck.nightly.archive.folder import suites
    from fastcheck.nightly.history import case_history, case_names
    from fastcheck.nightly.runner.order import fits

    known: list[str] = []
    found: list[CaseHistory] = []
    for name in suites(archive) if suite is None else [suite]:
        runs, problems = past_runs(archive, name, most=last)
        for problem in problems:
            say(f"left out: {problem}", err=True)
        names = case_names(runs)
        known += names
        chosen = [case] if case in names else [n for n in names if fits(n, case)]
        found += [case_history(n, runs) for n in chosen]
    if not found:
        near = get_close_matches(case, known, n=3) or known[:5]
        hint = f"; it has {', '.join(near)}" if near else "; it has no runs"
        raise Refusal(f"{archive}: has no case {case!r}{hint}")
    return found


def _write(path: Path, content: dict[str, Any]) -> None:
    from fastcheck.files import write_text

    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
