"""In which line of a TOML file each key stands, which the parser of Python does not say."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    Path = tuple[str | int, ...]

__all__ = ["find_lines"]

HEADER = re.compile(r"\s*(\[\[?)([^\[\]]+|.*?\".*?)(\]\]?)\s*(#.*)?$")


def find_lines(text: str) -> dict[Path, int]:
    """Return the line of each table and key of a TOML file that can be parsed.

    Returns
    -------
    dict of tuple to int
        Counted from 1, by path: ``("case", 2, "rtol")`` for the key of the third ``[[case]]``.

    Notes
    -----
    A value may extend over several lines: the parser is given more lines until it is content.
    """
    lines = text.splitlines()
    found: dict[Path, int] = {}
    n_tables: dict[Path, int] = {}
    prefix: Path = ()
    number = 0
    while number < len(lines):
        start, line = number, lines[number]
        number += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        header = HEADER.match(line)
        if header and _parsed(line) is not None:
            prefix = _opened(header[2], header[1] == "[[", n_tables)
            found.setdefault(prefix, start + 1)
            continue
        parsed = _parsed(line)
        while parsed is None and number < len(lines):
            number += 1
            parsed = _parsed("\n".join(lines[start:number]))
        for path in _paths(parsed or {}):
            found.setdefault((*prefix, *path), start + 1)
    return found


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _opened(name: str, is_array: bool, n_tables: dict[Path, int]) -> Path:
    """Return the path of a table that a header opens."""
    keys = next(iter(_paths(tomllib.loads(f"{name} = 0"), whole=True)))
    path: Path = ()
    for position, key in enumerate(keys):
        path = (*path, key)
        if is_array and position == len(keys) - 1:
            n_tables[path] = n_tables.get(path, 0) + 1
        if path in n_tables:
            path = (*path, n_tables[path] - 1)
    return path


def _paths(table: dict[str, Any], *, whole: bool = False) -> Iterator[Path]:
    """Yield the paths of all keys in a table, or those only that hold no table."""
    for key, value in table.items():
        inner = isinstance(value, dict)
        if not (whole and inner):
            yield (key,)
        if inner:
            yield from ((key, *path) for path in _paths(value, whole=whole))
