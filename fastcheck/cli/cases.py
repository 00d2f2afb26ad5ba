"""What is checked: the networks of the main job, or what a function of the user's returns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fastcheck.cli.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Duration(click.ParamType):  # type: ignore[type-arg]
    """Seconds, as a number or with units."""

    name = "TIME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds that are meant.

        Raises
        ------
        Refusal
            If it means no positive, finite time.
        """
        from fastcheck.nightly.units import DURATION, seconds_in

        try:
            return seconds_in(_number(value))
        except ValueError:
            title = param.opts[0] if param is not None else self.name
            raise Refusal(f"`{title}` must be {DURATION}, above 0, got {value!r}") from None


def _number(value: Any) -> Any:
    """Return the number that a text is, or the text."""
    try:
        return float(value)
    except ValueError:
        return value


OPTIONS = (
    click.argument("target", required=False, metavar="[FILE.py:FUNCTION]"),
    click.option("--batch", default=100, show_default=True, help="Examples in the minibatch."),
    click.option("--seed", default=0, show_default=True, help="Seed of the batch and parameters."),
    click.option("--plan", default=None, help="exhaustive, units, sample or auto."),
    click.option("--budget", type=Duration(), default=None,
                 help="Seconds, or 90s, 5m, 2h, for all or a sample."),
    click.option("--entries", type=int, default=None, help="Entries of each tensor in a sample."),
    click.option("--jobs", type=int, default=None, help="Threads; -1 for one per core."),
    click.option("--rtol", type=float, default=None, help="Limit of 'close'; 1e-5 by default."),
    click.option("--strict", is_flag=True, default=None, help="Let close entries fail."),
    click.option("--accept", multiple=True, metavar="NAME",
                 help="A cause to accept, such as clip."),
    click.option("--json", "json_path", type=click.Path(path_type=Path),
                 help="Write results there."),
)  # fmt: skip


def check_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument and options of a check."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def given_options(
    target: str | None, *, jobs: int | None, accept: tuple[str, ...], **options: Any
) -> dict[str, Any]:
    """Return those options of `check_gradients` that were given on the command line."""
    options |= {"n_jobs": jobs, "accept": accept or None}
    if options["plan"] is None:
        default = None if target is not None else "exhaustive"
        options["plan"] = default if options["entries"] is None else "sample"
    return {name: value for name, value in options.items() if value is not None}


def find_cases(
    target: str | None, batch: int, seed: int
) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Yield titles, (objective, params, grads), and options of `check_gradients`."""
    if target is None:
        yield from _demo_cases(batch, seed)
        return
    from fastcheck.cli.target import call_target, restored_path

    with restored_path():
        *case, options = call_target(target)
        yield target, tuple(case), options


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


def write_json(path: Path, results: list[tuple[str, Any]]) -> None:
    """Write what has a `to_dict`, with titles."""
    import json

    from fastcheck.files import write_text

    cases = [{"title": title, **result.to_dict()} for title, result in results]
    write_text(path, json.dumps({"schema": 1, "cases": cases}, indent=1, allow_nan=False))
