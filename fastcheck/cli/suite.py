"""``fastcheck run SUITE.toml``: the cases of a suite."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fastcheck.cli.archive import ARCHIVE
from fastcheck.cli.cases import Duration
from fastcheck.cli.output import say
from fastcheck.cli.problems import INTERRUPTED
from fastcheck.cli.telling import telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fastcheck.nightly.records import Run
    from fastcheck.nightly.runner.dry import Foreseen
    from fastcheck.nightly.runner.places import Places
    from fastcheck.nightly.suite import Suite

__all__ = ["SUITE_OPTIONS", "is_suite", "run_cases"]

SUITE_OPTIONS = (
    click.option("--only", multiple=True, metavar="PATTERN",
                 help="Run cases of such names, as in 'mnist*'; may be repeated."),
    click.option("--timeout", type=Duration(), default=None, metavar="TIME",
                 help="Time-out of each case that has none of its own."),
    ARCHIVE,
    click.option("--no-archive", is_flag=True, help="Keep the run in memory only."),
    click.option("--resume", is_flag=True, help="Continue the last run of the suite, if it has "
                 "not ended."),
    click.option("--report", "report_folder", type=click.Path(path_type=Path), metavar="DIR",
                 help="Write run.html, run.md, run.xml and run.json there."),
    click.option("--dask", metavar="ADDRESS", default=None,
                 help="Run the cases on the Dask cluster of a scheduler, tcp://host:8786."),
    click.option("--fail-fast", is_flag=True, help="Start no case after the first that fails."),
    click.option("--dry-run", is_flag=True, help="Say what would be done, and how long it takes."),
)  # fmt: skip
"""Those that only a suite has."""


def is_suite(target: str | None) -> bool:
    """Return whether an argument names a suite file."""
    return target is not None and target.endswith(".toml")


def run_cases(
    path: str,
    *,
    jobs: int | None,
    budget: float | None,
    seed: int,
    only: Sequence[str],
    timeout: float | None,
    fail_fast: bool,
    dry_run: bool,
    archive: Path,
    no_archive: bool,
    resume: bool,
    report_folder: Path | None,
    dask: str | None,
    json_path: Path | None,
) -> int:
    """Run a suite, or say what would be done; return the exit status.

    Raises
    ------
    FastcheckError
        If the suite or an option is wrong, or something cannot be written.
    """
    from fastcheck.files import check_target, make_folder
    from fastcheck.nightly.beginning import MemoryParts, new_run
    from fastcheck.nightly.runner import run_suite
    from fastcheck.nightly.runner.order import chosen
    from fastcheck.nightly.suite import read_suite

    _check_together(
        no_archive=no_archive, resume=resume, dry_run=dry_run,
        writes=report_folder is not None or json_path is not None,
    )  # fmt: skip
    suite = read_suite(path).with_timeout(timeout)
    n_jobs = _n_jobs(jobs)
    _check_seed(seed)
    cases = chosen(suite.cases, only)  # all arguments are right before anything is made
    if dry_run:
        return _foretold(suite.with_seed(seed), only, n_jobs, budget)
    if report_folder is not None:
        make_folder(report_folder)  # not found out in the morning
    if json_path is not None:
        check_target(json_path)
    asked = n_jobs if dask is None else _of_cluster(jobs)
    given = {"only": list(only) or None, "budget": budget, "jobs": asked}
    run = new_run(suite, seed=seed, fail_fast=fail_fast or None, **given)
    with _places(dask, run, suite.folder, only=only, jobs=asked) as places:
        if places is not None:
            run = replace(run, provenance={**run.provenance, "cluster": str(places)})
        parts: Any = MemoryParts(run) if no_archive else _parts(archive, run, resume=resume)
        with closing(parts):
            past = [] if no_archive else _past(archive, parts.run)
            with telling(len(cases)) as teller:
                status, problem = _to_its_end(parts, partial(
                    run_suite, suite, parts, jobs=n_jobs, budget=budget, fail_fast=fail_fast,
                    only=only, seed=seed, previous=past[-1] if past else None, places=places,
                    on_record=teller.ended, on_start=teller.started,
                ), hint="" if no_archive else "; --resume continues it")  # fmt: skip
    try:
        _told(parts.run, past, report_folder, json_path)
    finally:
        if problem is not None:
            raise problem
    return status


def _to_its_end(
    parts: Any, run_all: Callable[[], object], hint: str
) -> tuple[int, Exception | None]:
    """Run the cases and keep the run; return the status, and why it did not come to its end."""
    from fastcheck.nightly.beginning import now
    from fastcheck.nightly.runner import PlacesError
    from fastcheck.nightly.status import exit_status

    try:
        run_all()
        path = parts.finish(now())
    except KeyboardInterrupt:
        if hint:
            say(f"interrupted{hint}", err=True)
        return INTERRUPTED, None
    except PlacesError as problem:
        say(f"{problem}{hint}", err=True)
        return exit_status(parts.run), None
    except Exception as problem:  # what was kept before is told all the same
        return exit_status(parts.run), problem
    if path is not None:
        say(f"kept in {path}", err=True)
    return exit_status(parts.run), None


@contextmanager
def _places(dask: str | None, run: Run, folder: Path, **options: Any) -> Iterator[Places | None]:
    """Yield the places of a cluster; None for those on this machine."""
    if dask is None:
        yield None
        return
    from fastcheck.nightly.runner.remote import DaskPlaces

    notice = partial(say, err=True)
    with DaskPlaces(dask, run, folder, notice=notice, **options) as places:
        yield places


def _parts(archive: Path, run: Run, *, resume: bool) -> Any:
    """Return the run in progress: a new one, or the last one, if that is to be continued."""
    from fastcheck.nightly.archive import Parts, unfinished

    folder = unfinished(archive, run.suite) if resume else None
    return Parts.create(archive, run) if folder is None else Parts.open(folder, expected=run)


def _past(archive: Path, run: Run) -> list[Run]:
    """Return the runs of the suite before this one; those that cannot be read are told."""
    from fastcheck.nightly.archive import past_runs

    past, problems = past_runs(archive, run.suite, before=run.id)
    for problem in problems:
        say(f"left out: {problem}", err=True)
    return past


def _told(run: Run, past: list[Run], report_folder: Path | None, json_path: Path | None) -> None:
    """Print the summary of a run, and write its reports."""
    from fastcheck.files import write_text
    from fastcheck.nightly.compare import compare
    from fastcheck.nightly.report import print_summary, run_json, write_reports

    comparison = compare(past[-1], run, past) if past else None
    if report_folder is not None:
        write_reports(report_folder, run, comparison, past)
    if json_path is not None:
        write_text(json_path, run_json(run))
    with suppress(OSError):  # nobody reads on, or its disk is full: the status tells all the same
        say("")
        print_summary(run, comparison)


def _check_together(*, no_archive: bool, resume: bool, dry_run: bool, writes: bool) -> None:
    """Refuse options of which one would make another one do nothing."""
    from fastcheck.errors import InputError

    if no_archive and resume:
        raise InputError("`--resume` continues a run of the archive; leave out --no-archive")
    if dry_run and writes:
        raise InputError("`--dry-run` has no results to write; leave out --report and --json")


def _check_seed(seed: int) -> None:
    """Refuse what no case can be drawn with."""
    from fastcheck.errors import InputError

    if seed < 0:
        raise InputError(f"`--seed` must be a whole number from 0, got {seed}")


def _n_jobs(jobs: int | None) -> int:
    from fastcheck.errors import InputError
    from fastcheck.parallel import n_processes

    if jobs is None:
        return 1
    if jobs == -1:
        return n_processes(-1)
    if jobs < 1:
        raise InputError(f"`--jobs` must be a number of cases from 1, or -1, got {jobs}")
    return jobs


def _of_cluster(jobs: int | None) -> int | None:
    """Return how many cases a cluster is given; None for as many as it has threads."""
    return None if jobs in (None, -1) else _n_jobs(jobs)


# ---------------------------------------------------------------- without running


def _foretold(suite: Suite, only: Sequence[str], jobs: int, budget: float | None) -> int:
    """Print what would be done; the status says whether it can be."""
    from fastcheck.nightly.runner.dry import foresee
    from fastcheck.nightly.runner.order import chosen
    from fastcheck.nightly.units import duration
    from fastcheck.result.wording import quantity

    cases = chosen(suite.cases, only)
    with telling(len(cases)) as teller:
        found = foresee(suite.folder, cases, jobs=jobs, budget=budget, on_case=teller.foreseen)
    width = max(len(seen.case.name) for seen in found)
    for seen in found:
        say(f"{seen.case.name:<{width}}  {_foretelling(seen)}")
    total = sum(seen.seconds if seen.share is None else seen.share for seen in found)
    click.echo(
        f"\n{suite.name}: {quantity(len(found), 'case')}, about {duration(total / jobs)}"
        + (f" of the budget of {duration(budget)}" if budget is not None else "")
        + f" with {quantity(jobs, 'job')}, judging and diagnosing not included"
    )
    return 2 if any(seen.prediction is None for seen in found) else 0


def _foretelling(seen: Foreseen) -> str:
    from fastcheck.nightly.units import duration
    from fastcheck.result.wording import count

    if seen.prediction is None:
        return seen.message
    p = seen.prediction
    share = p.n_checked / p.n_entries if p.n_entries else 0.0
    entries = f"{count(p.n_checked)} of {count(p.n_entries)} entries ({100 * share:.3g} %)"
    parts = [f"{p.plan:<11} {duration(seen.seconds):>8}  {entries}"]
    if seen.share is not None:
        given = f"would be given {duration(seen.share)}"
        parts.append(given if seen.share else "would not be run: the budget is used up before")
    parts += [seen.message] * bool(seen.message)
    return "; ".join(parts)
