"""Which files a file of code rests on, found by reading it, not by running it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["local_files"]


def local_files(file: Path) -> list[Path]:
    """Return a file of Python with all that it imports, directly or not, as far as it is near.

    Near are the folder of the file and the current one, with their packages; what is installed is
    known by its version.

    Parameters
    ----------
    file : Path
        The file; if it cannot be read it is returned alone.

    Returns
    -------
    list of Path
        Resolved and sorted.
    """
    places = [file.resolve().parent, Path.cwd()]
    found = {file.resolve()}
    pending = [file.resolve()]
    while pending:
        new = set(_imported(pending.pop(), places)) - found
        found |= new
        pending += new
    return sorted(found)


def _imported(file: Path, places: Sequence[Path]) -> Iterator[Path]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(alias.name.split("."), places)
        elif isinstance(node, ast.ImportFrom):
            start = (
                [file.parents[node.level - 1]] if 0 < node.level <= len(file.parents) else places
            )
            module = node.module.split(".") if node.module else []
            for alias in node.names:  # each may be a module or a name in one
                yield from _files([*module, alias.name], start)


def _files(parts: Sequence[str], places: Sequence[Path]) -> Iterator[Path]:
    """Yield the files of a dotted name and of the packages that it is in."""
    for place in places:
        path = place
        for part in parts:
            path = path / part
            for candidate in (path.with_name(f"{part}.py"), path / "__init__.py"):
                if candidate.is_file():
                    yield candidate.resolve()
