"""``fastcheck data``: list, import, inspect and make data files."""

from __future__ import annotations

from pathlib import Path

import click

from fastcheck.cli.problems import Refusal, refusing
from fastcheck.errors import FastcheckError

__all__ = ["data"]

PATH = click.Path(path_type=Path)


@click.group()
def data() -> None:
    """Find, download, import, inspect and make data files."""


@data.command("list")
def list_() -> int:
    """Say where data are looked for, and which are found."""
    from fastcheck import datasets
    from fastcheck.datasets.find import TITLES
    from fastcheck.datasets.folders import VARIABLE, cache_folder, named_folder

    places = {VARIABLE: named_folder() or "not set", "here": Path("data"), "cache": cache_folder()}
    for title, place in places.items():
        click.echo(f"{title:<16}{place}")
    status = 0
    for name in TITLES:
        try:
            found = datasets.find_data(name)
            kind = "SYNTHETIC, " if found.synthetic else ""
            click.echo(f"\n{name:<16}{found.path}\n{'':16}{kind}{datasets.summarise(found)}")
            if found.note:
                click.echo(f"{'':16}{found.note}")
        except FastcheckError as problem:
            click.echo(f"\n{name:<16}{problem}")
            status = Refusal.exit_code
    return status


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

    with refusing():
        path = datasets.import_mnist(source, dest, overwrite=overwrite)
        click.echo(datasets.describe(path))


@data.command()
@click.argument("file", type=PATH)
def inspect(file: Path) -> None:
    """Say what is in a data file, after checking that it can be trusted."""
    from fastcheck import datasets

    with refusing():
        click.echo(datasets.describe(file))


@data.command()
@click.argument("folder", type=PATH, default=Path("data"))
@click.option("--seed", default=0, show_default=True, help="Other seeds, other pictures.")
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
def make(folder: Path, seed: int, overwrite: bool) -> None:
    """Write the small synthetic data files to FOLDER (by default: data)."""
    from fastcheck import datasets

    with refusing():
        for path in datasets.make_synthetic(folder, seed, overwrite=overwrite):
            click.echo(f"{datasets.open_dataset(path).sha256}  {path}")
