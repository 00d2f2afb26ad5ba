"""``fastcheck data``: import, inspect and make data files."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fastcheck.errors import FastcheckError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["data"]

PATH = click.Path(path_type=Path)


class _Refusal(click.ClickException):
    """A bad file or argument: one line on stderr, exit status 2."""

    exit_code = 2


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn an error of the package into one line."""
    try:
        yield
    except FastcheckError as problem:
        raise _Refusal(str(problem)) from problem


@click.group()
def data() -> None:
    """Import, inspect and make data files."""


@data.group("import")
def import_() -> None:
    """Convert published data to one HDF5 file."""


@import_.command("mnist")
@click.argument("source", type=PATH)
@click.argument("dest", type=PATH)
@click.option("--overwrite", is_flag=True, help="Replace DEST if it exists.")
def import_mnist(source: Path, dest: Path, overwrite: bool) -> None:
    """Convert IDX files of MNIST to an HDF5 file.

    SOURCE is a folder with train-images-idx3-ubyte, t10k-images-idx3-ubyte or both, gzipped or
    not, and their labels; or one such file of images. DEST is the file to write, or a folder.
    """
    from fastcheck import datasets

    with _one_line():
        path = datasets.import_mnist(source, dest, overwrite=overwrite)
        click.echo(datasets.describe(path))


@data.command()
@click.argument("file", type=PATH)
def inspect(file: Path) -> None:
    """Say what is in a data file, after checking that it can be trusted."""
    from fastcheck import datasets

    with _one_line():
        click.echo(datasets.describe(file))


@data.command()
@click.argument("folder", type=PATH, default=Path("data"))
@click.option("--seed", default=0, show_default=True, help="Other seeds, other pictures.")
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
def make(folder: Path, seed: int, overwrite: bool) -> None:
    """Write the small synthetic data files to FOLDER (by default: data)."""
    from fastcheck import datasets

    with _one_line():
        for path in datasets.make_synthetic(folder, seed, overwrite=overwrite):
            click.echo(f"{datasets.open_dataset(path).sha256}  {path}")
