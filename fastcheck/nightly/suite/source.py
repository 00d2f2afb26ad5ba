"""A suite file as it was read, which knows where its keys stand and complains by line."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from fastcheck.errors import InputError
from fastcheck.files import reason_of
from fastcheck.nightly.suite.lines import find_lines

if TYPE_CHECKING:
    from pathlib import Path as File

    Path = tuple[str | int, ...]

__all__ = ["Source", "SuiteError", "read_source"]


class SuiteError(InputError):
    """A suite file breaks its rules; the message begins with the file and the line."""


@dataclass(frozen=True)
class Source:
    """A TOML file.

    Attributes
    ----------
    file : Path
        As it was named.
    content : bytes
        All of it.
    data : dict
        What it says.
    lines : dict of tuple to int
        Where, see :func:`fastcheck.nightly.suite.lines.find_lines`.
    """

    file: File
    content: bytes
    data: dict[str, Any]
    lines: dict[Path, int] = field(repr=False)

    def line(self, path: Path) -> int:
        """Return the line of a key, or of the closest table that holds it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def refuse(self, path: Path, message: str) -> NoReturn:
        """Complain about a key.

        Raises
        ------
        SuiteError
            Always.
        """
        raise SuiteError(f"{self.file}:{self.line(path)}: {message}")


def read_source(file: File) -> Source:
    """Read a TOML file.

    Raises
    ------
    SuiteError
        If it cannot be read, is not UTF-8 or not TOML.
    """
    try:
        content = file.read_bytes()
    except OSError as problem:
        raise SuiteError(
            f"{file}: cannot be read ({reason_of(problem)}); give the path of a suite file"
        ) from None
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")  # as editors on Windows write
        return Source(file, content, tomllib.loads(text), find_lines(text))
    except UnicodeDecodeError as problem:
        number = content[: problem.start].count(b"\n") + 1
        raise SuiteError(f"{file}:{number}: is not UTF-8; save it in that encoding") from None
    except tomllib.TOMLDecodeError as problem:
        raise SuiteError(_located(file, text, str(problem))) from None
    except ValueError as problem:  # a number of thousands of digits
        raise SuiteError(f"{file}: is not TOML: {problem}") from None
    except RecursionError:
        raise SuiteError(
            f"{file}: has lists or tables too deep inside each other; take some out"
        ) from None


def _located(file: File, text: str, problem: str) -> str:
    """Return what the parser says, with the line in front."""
    place = re.search(r" \(at line (\d+), column (\d+)\)$", problem)
    if place is None:  # at the end of the document
        line = len(text.splitlines()) or 1
        problem = re.sub(r" \(at end of document\)$", "", problem)
        return f"{file}:{line}: is not TOML: {problem} at the end of the file"
    where = f"{file}:{place[1]}: is not TOML: "
    return f"{where}{problem[: place.start()]} in column {place[2]}"
