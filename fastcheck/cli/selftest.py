"""``fastcheck selftest``: which mistakes a check would find and name, by planting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fastcheck.cli.cases import check_options, find_cases, given_options, write_json
from fastcheck.cli.problems import INTERRUPTED, refusing

if TYPE_CHECKING:
    from pathlib import Path

    from fastcheck.faults import Fault
    from fastcheck.result.selftest import SelfTest


@click.command()
@check_options
@click.option(
    "--only", multiple=True, metavar="PATTERN",
    help="Plant what has such a name, as in 'one entry*' or '* W1'; may be repeated.",
)  # fmt: skip
@click.option("--list", "is_list", is_flag=True, help="List the mistakes and plant none.")
def selftest(
    target: str | None,
    batch: int,
    seed: int,
    json_path: Path | None,
    only: tuple[str, ...],
    is_list: bool,
    **options: Any,
) -> int:
    """Plant mistakes into right gradients and see which of them a check finds.

    Without an argument: into those of two full-size networks, cat-vs-noncat and MNIST. With
    FILE.py:FUNCTION: into the gradient that the function returns, see `fastcheck run`; it must be
    right.

    The options of the check are those of `fastcheck run`, and the self-test is one of a check with
    these. Exit status: 0 all that can be seen were caught, 1 some were missed or the gradient is
    wrong, 3 the check of the gradient as it is is inconclusive, or nothing could be seen.
    """
    from fastcheck.cli.progress import progress_bar
    from fastcheck.planting import find_faults
    from fastcheck.planting import selftest as planted
    from fastcheck.report.selftest import print_selftest

    given = given_options(target, seed=seed, **options)
    results: list[tuple[str, SelfTest]] = []
    is_first = True
    with refusing():
        for title, case, extra in find_cases(target, batch, seed):
            click.secho(f"{title}\n" if is_first else f"\n{title}\n", bold=True)
            is_first = False
            if is_list:
                _print_list(find_faults(*case, **{**extra, **given}))
                continue
            with progress_bar(title.splitlines()[0]) as progress:
                test = planted(*case, faults=only or None, progress=progress, **{**extra, **given})
            print_selftest(test)
            results.append((title, test))
            if test.interrupted:
                break
        if json_path is not None:
            write_json(json_path, results)
    return _status([test for _, test in results])


def _print_list(faults: list[Fault]) -> None:
    width = max((len(fault.title) for fault in faults), default=0)
    for fault in faults:
        click.echo(f"{fault.title:<{width}}  {fault.description}")


def _status(tests: list[SelfTest]) -> int:
    """Return the exit status: the worst of all."""
    if any(test.interrupted for test in tests):
        return INTERRUPTED
    if any(test.missed or test.result.verdict == "fail" for test in tests):
        return 1
    return 0 if all(test.passed for test in tests) else 3
