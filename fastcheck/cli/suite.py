"""``fastcheck run SUITE.toml``: the cases of a suite."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fastcheck.cli.archive import ARCHIVE
from fastcheck.cli.cases import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fastcheck.errors import FastcheckError
    from fastcheck.nightly.records import Case, Record, Run
    from fastcheck.nightly.runner.dry import Foreseen
    from fastcheck.nightly.runner.places import Places
    from fastcheck.nightly.suite import Suite

__all__ = ["SUITE_OPTIONS", "is_suite", "run_cases"]

SUITE_OPTIONS = (
    click.option("--only", multiple=True, metavar="PATTERN",
                 help="Run cases of such names, as in 'mnist*'; may be repeated."),
    click.option("--timeout", type=str, default=None, metavar="TIME",
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
COLORS = {"pass": "green", "fail": "red", "error": "red", "crashed": "red", "timeout": "red"}
ATTENTION = ("fail", "error", "crashed", "timeout", "inconclusive")


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
    timeout: str | None,
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
    from fastcheck.files import make_folder
    from fastcheck.nightly.beginning import MemoryParts, new_run
    from fastcheck.nightly.runner import run_suite
    from fastcheck.nightly.runner.order import chosen
    from fastcheck.nightly.suite import read_suite

    suite = read_suite(path).with_timeout(_timeout(timeout))
    n_jobs = _n_jobs(jobs)
    if dry_run:
        return _foretold(suite.with_seed(seed), only, n_jobs, budget)
    if report_folder is not None:
        make_folder(report_folder)  # not found out in the morning
    asked = n_jobs if dask is None else _of_cluster(jobs)
    given = {"only": list(only) or None, "budget": budget, "jobs": asked}
    run = new_run(suite, seed=seed, fail_fast=fail_fast or None, **given)
    with _places(dask, run, suite.folder, only=only, jobs=asked) as places:
        if places is not None:
            run = replace(run, provenance={**run.provenance, "cluster": str(places)})
        parts: Any = MemoryParts(run) if no_archive else _parts(archive, run, resume=resume)
        past = [] if no_archive else _past(archive, parts.run)
        with _telling(len(chosen(suite.cases, only))) as (on_start, on_record):
            status, problem = _to_its_end(parts, partial(
                run_suite, suite, parts, jobs=n_jobs, budget=budget, fail_fast=fail_fast,
                only=only, seed=seed, previous=past[-1] if past else None, places=places,
                on_record=on_record, on_start=on_start,
            ), hint="" if no_archive else "; --resume continues it")  # fmt: skip
    _told(parts.run, past, report_folder, json_path)
    if problem is not None:
        raise problem
    return status


def _to_its_end(
    parts: Any, run_all: Callable[[], object], hint: str
) -> tuple[int, FastcheckError | None]:
    """Run the cases and keep the run; return the status, and why it could not be kept."""
    from fastcheck.errors import DataError
    from fastcheck.nightly.beginning import now
    from fastcheck.nightly.runner import PlacesError
    from fastcheck.nightly.status import exit_status

    try:
        run_all()
        path = parts.finish(now())
    except KeyboardInterrupt:
        if hint:
            click.echo(f"interrupted{hint}", err=True)
        return INTERRUPTED, None
    except PlacesError as problem:
        click.echo(f"{problem}{hint}", err=True)
        return exit_status(parts.run), None
    except DataError as problem:  # what was kept before is told all the same
        return exit_status(parts.run), problem
    finally:
        parts.close()
    if path is not None:
        click.echo(f"kept in {path}", err=True)
    return exit_status(parts.run), None


@contextmanager
def _places(dask: str | None, run: Run, folder: Path, **options: Any) -> Iterator[Places | None]:
    """Yield the places of a cluster; None for those on this machine."""
    if dask is None:
        yield None
        return
    from fastcheck.nightly.runner.remote import DaskPlaces

    notice = partial(click.echo, err=True)
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
        click.echo(f"left out: {problem}", err=True)
    return past


def _told(run: Run, past: list[Run], report_folder: Path | None, json_path: Path | None) -> None:
    """Print the summary of a run, and write its reports."""
    from fastcheck.nightly.compare import compare
    from fastcheck.nightly.report import print_summary, write_reports

    comparison = compare(past[-1], run, past) if past else None
    click.echo()
    print_summary(run, comparison)
    if report_folder is not None:
        write_reports(report_folder, run, comparison, past)
    if json_path is not None:
        _write(json_path, run)


def _timeout(text: str | None) -> float | None:
    from fastcheck.errors import InputError
    from fastcheck.nightly.units import DURATION, seconds_in

    try:
        return None if text is None else seconds_in(float(text) if _is_number(text) else text)
    except ValueError:
        raise InputError(f"`--timeout` must be {DURATION}, got {text!r}") from None


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


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


def _write(path: Path, run: Run) -> None:
    import json

    from fastcheck.files import write_text

    write_text(path, json.dumps(run.to_dict(), indent=1, allow_nan=False))


# ---------------------------------------------------------------- while it runs


@contextmanager
def _telling(n_cases: int) -> Iterator[tuple[Any, Any]]:
    """Yield what is called when a case starts and ends: a bar on a terminal, else lines."""
    if not sys.stderr.isatty():
        yield None, _Lines(n_cases).ended
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar, n_cases).calls()


class _Lines:
    """A line for each case that has ended."""

    def __init__(self, n_cases: int) -> None:
        self.n_cases = n_cases
        self.n = 0

    def ended(self, record: Record) -> None:
        from fastcheck.nightly.runner import ONLY

        if record.message == ONLY:
            return
        self.n += 1
        click.echo(f"{self.n}/{self.n_cases} {_line(record)}")


class _Bar:
    """A bar, and above it a line for each case that did not pass."""

    def __init__(self, bar: Any, n_cases: int) -> None:
        self.bar = bar
        self.task = bar.add_task("", total=n_cases)
        self.names: list[str] = []

    def calls(self) -> tuple[Any, Any]:
        return self.started, self.ended

    def started(self, case: Case) -> None:
        self.names.append(case.name)
        self.bar.update(self.task, description=", ".join(self.names))

    def ended(self, record: Record) -> None:
        from fastcheck.nightly.runner import ONLY

        if record.message == ONLY:
            return
        if record.case.name in self.names:
            self.names.remove(record.case.name)
        self.bar.update(self.task, advance=1, description=", ".join(self.names))
        if record.status in ATTENTION:
            self.bar.console.print(_line(record), markup=False, highlight=False)


def _line(record: Record) -> str:
    """Return what became of a case, in a line."""
    from fastcheck.nightly.units import duration

    told = []
    if record.result is not None:
        passed = record.status == "pass"
        told.append(record.result.coverage.statement if passed else record.result.summary())
        if not passed and record.result.diagnosis:
            told.append(record.result.diagnosis[0].located)
    told += [record.message] * bool(record.message)
    time = f" ({duration(record.seconds)})" if record.started else ""
    return f"{record.status:12} {record.case.name}{time}: {'; '.join(t.rstrip('.') for t in told)}"


def _closing(run: Run) -> str:
    """Return how many cases there are of each kind, worst first."""
    from fastcheck.nightly.records import STATUSES
    from fastcheck.result.wording import quantity

    counts = [(status, run.count(status)) for status in STATUSES]
    parts = ", ".join(
        click.style(f"{n} {status}", fg=COLORS.get(status)) for status, n in counts if n
    )
    return f"\n{run.suite}: {quantity(len(run.records), 'case')}: {parts}"


# ---------------------------------------------------------------- without running


def _foretold(suite: Suite, only: Sequence[str], jobs: int, budget: float | None) -> int:
    """Print what would be done; the status says whether it can be."""
    from fastcheck.nightly.runner.dry import foresee
    from fastcheck.nightly.runner.order import chosen
    from fastcheck.nightly.units import duration
    from fastcheck.result.wording import quantity

    cases = chosen(suite.cases, only)
    with _telling(len(cases)) as (on_start, _):
        bar = None if on_start is None else on_start.__self__
        found = foresee(
            suite.folder, cases, jobs=jobs, budget=budget,
            on_case=None if bar is None else lambda _: bar.bar.update(bar.task, advance=1),
        )  # fmt: skip
    width = max(len(seen.case.name) for seen in found)
    for seen in found:
        click.echo(f"{seen.case.name:<{width}}  {_foretelling(seen)}")
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
