"""``fastcheck run``: the main job, or the check that a function of the user's describes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcheck.result import CheckResult

STATUS = {"pass": 0, "fail": 1, "inconclusive": 3}
INTERRUPTED = 130


class Refusal(click.ClickException):
    """A wrong argument or bad data: one line on stderr, exit status 2."""

    exit_code = 2


@click.command()
@click.argument("target", required=False, metavar="[FILE.py:FUNCTION]")
@click.option("--batch", default=100, show_default=True, help="Examples in the minibatch.")
@click.option("--seed", default=0, show_default=True, help="Seed of the batch and parameters.")
@click.option("--plan", default=None, help="exhaustive, units, sample or auto.")
@click.option("--budget", type=float, default=None, help="Seconds for every entry, or a sample.")
@click.option("--entries", type=int, default=None, help="Entries of each tensor in a sample.")
@click.option("--jobs", type=int, default=None, help="Threads; -1 for one per core.")
@click.option("--rtol", type=float, default=None, help="Limit of 'close'; 1e-5 by default.")
@click.option("--strict", is_flag=True, default=None, help="Let close entries fail.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write results there.")
def run(
    target: str | None,
    batch: int,
    seed: int,
    plan: str | None,
    json_path: Path | None,
    jobs: int | None,
    **options: Any,
) -> int:
    """Check gradients.

    Without an argument: two full-size networks, cat-vs-noncat and MNIST, each on a sampled
    minibatch, every parameter perturbed on its own. Real data is taken from the folder named by
    FASTCHECK_DATA or from ./data; otherwise small synthetic stand-ins are used.

    FILE.py:FUNCTION names a function without arguments that returns (objective, params, grads),
    and optionally a dict of options of check_gradients.
    """
    from fastcheck.cli.progress import progress_bar
    from fastcheck.errors import FastcheckError
    from fastcheck.report.text import print_result

    options |= {"n_jobs": jobs, "seed": seed, "plan": plan}
    if target is None and plan is None:
        options["plan"] = "exhaustive"
    given = {name: value for name, value in options.items() if value is not None}
    cases = _demo_cases(batch, seed) if target is None else _target_case(target)
    results: list[tuple[str, CheckResult]] = []
    try:
        for title, case, extra in cases:
            with progress_bar(title.splitlines()[0]) as progress:
                result = _check(case, {**extra, **given, "progress": progress})
            click.secho(f"\n{title}\n" if results else f"{title}\n", bold=True)
            print_result(result)
            results.append((title, result))
            if result.interrupted:
                break
        if json_path is not None:
            _write_json(json_path, results)
    except FastcheckError as problem:
        raise Refusal(str(problem)) from problem
    return _status([result for _, result in results])


def _demo_cases(batch: int, seed: int) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Yield the cases of the main job."""
    from fastcheck.datasets import find_data
    from fastcheck.demo import demos

    for demo in demos():
        dataset = find_data(demo.data)
        drawn = dataset.sample(min(batch, len(dataset.split())), seed=seed)
        objective, params, loss, grads = demo.case(drawn, seed)
        kind = "SYNTHETIC data" if dataset.synthetic else "real data"
        title = f"{demo.title}: {kind}, {dataset.title}, {len(drawn)} examples"
        if dataset.note:
            title = f"{title}\n{dataset.note}"
        yield title, (objective, params, grads), {"loss_value": loss}


def _target_case(target: str) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Yield the case that the user's function returns."""
    from fastcheck.cli.target import call_target

    *case, options = call_target(target)
    yield target, tuple(case), options


def _check(case: tuple[Any, ...], options: dict[str, Any]) -> CheckResult:
    from fastcheck.check import check_gradients

    return check_gradients(*case, **options)


def _status(results: list[CheckResult]) -> int:
    """Return the exit status: the worst of all results."""
    if any(result.interrupted for result in results):
        return INTERRUPTED
    found = {STATUS[result.verdict] for result in results}
    return next((status for status in (1, 3) if status in found), 0)


def _write_json(path: Path, results: list[tuple[str, CheckResult]]) -> None:
    import json

    from fastcheck.files import write_text

    cases = [{"title": title, **result.to_dict()} for title, result in results]
    write_text(path, json.dumps({"schema": 1, "cases": cases}, indent=1, allow_nan=False))
