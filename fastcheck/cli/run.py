"""``fastcheck run``: the main job, or the check that a function of the user's describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fastcheck.cli.cases import check_options, find_cases, given_options, write_json
from fastcheck.cli.problems import INTERRUPTED, Refusal, refusing
from fastcheck.cli.suite import SUITE_OPTIONS, is_suite, run_cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastcheck.result import CheckResult

STATUS = {"pass": 0, "fail": 1, "inconclusive": 3}
OF_A_SUITE = (
    "only", "timeout", "fail_fast", "dry_run", "archive", "no_archive", "resume", "report_folder",
    "dask",
)  # fmt: skip
OF_A_CASE = ("batch", "plan", "entries", "rtol", "strict", "accept")


def suite_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command the options of a suite."""
    for option in reversed(SUITE_OPTIONS):
        command = option(command)
    return command


@click.command()
@check_options
@suite_options
@click.option("-v", "--verbose", is_flag=True, help="Tell all of how a failure was found.")
def run(
    target: str | None,
    batch: int,
    seed: int,
    json_path: Path | None,
    verbose: bool,
    **options: Any,
) -> int:
    """Check gradients.

    Without an argument: two full-size networks, cat-vs-noncat and MNIST, each on a sampled
    minibatch, every parameter perturbed on its own. Real data is taken from the folder named by
    FASTCHECK_DATA, from ./data, or from what `fastcheck data download` fetched; otherwise small
    synthetic stand-ins are used.

    FILE.py:FUNCTION names a function without arguments that returns (objective, params, grads),
    and optionally a dict of options of check_gradients.

    SUITE.toml names a file of cases, see docs/suites.md: each is run in a process of its own,
    --jobs of them at the same time, in --budget, and --seed is added to the seed of each. Plans and
    tolerances stand in the file.

    --accept may be given several times; the gradient passes if it differs by these causes alone.
    """
    from fastcheck.cli.progress import progress_bar
    from fastcheck.report.text import print_result

    of_suite = {name: options.pop(name) for name in OF_A_SUITE}
    if is_suite(target):
        _refuse_given(OF_A_CASE, "stands in the suite file, in [suite.defaults] or a [[case]]")
        shared = {name: options[name] for name in ("jobs", "budget")}
        with refusing():
            return run_cases(str(target), seed=seed, json_path=json_path, **shared, **of_suite)
    _refuse_given(OF_A_SUITE, "is for suites; name a file that ends in .toml")
    given = given_options(target, seed=seed, **options)
    results: list[tuple[str, CheckResult]] = []
    with refusing():
        for title, case, extra in find_cases(target, batch, seed):
            with progress_bar(title.splitlines()[0]) as progress:
                result = _check(case, {**extra, **given, "progress": progress})
            click.secho(f"\n{title}\n" if results else f"{title}\n", bold=True)
            print_result(result, verbose=verbose)
            results.append((title, result))
            if result.interrupted:
                break
        if json_path is not None:
            write_json(json_path, results)
    return _status([result for _, result in results])


def _refuse_given(names: tuple[str, ...], reason: str) -> None:
    """Refuse options that do not belong to what is run."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise Refusal(f"`--{name.replace('_', '-')}` {reason}")


def _check(case: tuple[Any, ...], options: dict[str, Any]) -> CheckResult:
    from fastcheck.check import check_gradients

    return check_gradients(*case, **options)


def _status(results: list[CheckResult]) -> int:
    """Return the exit status: the worst of all results."""
    if any(result.interrupted for result in results):
        return INTERRUPTED
    found = {STATUS[result.verdict] for result in results}
    return next((status for status in (1, 3) if status in found), 0)
