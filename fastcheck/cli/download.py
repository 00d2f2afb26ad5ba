"""``fastcheck data download``: published data from the web."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fastcheck.cli.problems import refusing

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["download"]


@click.command()
@click.argument("name", type=click.Choice(["mnist", "catvnoncat"]))
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), metavar="FOLDER", help="Where they are kept."
)
@click.option("--url", metavar="URL", help="The address of a folder that has the files.")
@click.option("--force", is_flag=True, help="Fetch files that are there, replace other ones.")
def download(name: str, folder: Path | None, url: str | None, force: bool) -> None:  # fmt: skip
    """Fetch a published data set, unless it is there.

    Each file must have its published sha256. They go to FOLDER, by default to the one that
    FASTCHECK_DATA names, else to the cache folder of the platform, where `fastcheck run` finds
    them. Needs the extra fastcheck[download].
    """
    from fastcheck import datasets
    from fastcheck.cli.progress import progress_bar

    with refusing():
        paths = datasets.download_data(
            name, folder, url=url, force=force, tell=_tell, progress=progress_bar
        )
        for path in paths:
            click.echo(f"{path}\n  {datasets.summarise(datasets.open_dataset(path))}")
    _say_if_unused(name, paths)


def _tell(sentence: str) -> None:
    """Say what happens; the results alone are for the standard output."""
    click.echo(sentence, err=True)


def _say_if_unused(name: str, paths: Sequence[Path]) -> None:
    """Say so where other data are found before the new ones."""
    from fastcheck.datasets import find_data

    with refusing():
        found = find_data(name)
    if found.path.resolve() not in [path.resolve() for path in paths]:
        click.echo(
            f"`fastcheck run` takes {found.path}; set FASTCHECK_DATA to the folder of the new "
            "files to use them"
        )
