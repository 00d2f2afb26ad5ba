"""Suites: TOML files that say which checks are to be made."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastcheck.nightly.suite.expand import MOST_CASES, Place, expanded, overlaid, read_table
from fastcheck.nightly.suite.source import Source, SuiteError, read_source
from fastcheck.params import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastcheck.nightly.records import Case

__all__ = ["Suite", "SuiteError", "read_suite"]

TABLES = ("include", "suite", "case")
SUITE = ("name", "include", "defaults")
LONGEST = 200
"""Bytes of the name of a suite, as it is written in the names of folders and files."""


@dataclass(frozen=True)
class Suite:
    """The checks that a file asks for.

    Attributes
    ----------
    name : str
        Of the suite: what the file says, or its name without ``.toml``.
    sha256 : str
        Digest of the file with all that it includes.
    cases : tuple of Case
        In the order of the file; what is included comes where it is included, first.
    folder : Path
        Where the file stands; the paths in the cases are relative to it.
    files : tuple of Path
        The file, and all that it includes.
    """

    name: str
    sha256: str
    cases: tuple[Case, ...]
    folder: Path
    files: tuple[Path, ...] = ()

    def with_seed(self, seed: int) -> Suite:
        """Return the suite with a number added to each seed, under the same names."""
        cases = tuple(replace(case, seed=case.seed + seed) for case in self.cases)
        return replace(self, cases=cases)

    def with_timeout(self, timeout: float | None) -> Suite:
        """Return the suite with a time-out for the cases that have none."""
        cases = (replace(c, timeout=timeout) if c.timeout is None else c for c in self.cases)
        return replace(self, cases=tuple(cases))


class _Reading:
    """What has been read so far.

    Attributes
    ----------
    root : Path
        The folder of the suite.
    sources : list of Source
        The files.
    included : dict of Path to Path
        The same files, by what their names resolve to.
    seen : dict of str to (Source, path)
        Where the case of each name stands.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources: list[Source] = []
        self.included: dict[Path, Path] = {}
        self.seen: dict[str, tuple[Source, tuple[str | int, ...]]] = {}

    def cases(
        self, source: Source, defaults: Mapping[str, Any], chain: tuple[Path, ...]
    ) -> Iterator[Case]:
        """Yield the cases of a file, those of its includes first."""
        self.sources.append(source)
        self.included[source.file.resolve()] = source.file
        _check_tables(source)
        suite = source.data.get("suite", {})
        place = Place(source, ("suite", "defaults"), self.root)
        own = read_table(place, suite.get("defaults", {}), unnamed=True)
        merged = overlaid(defaults, own)
        for path, file in self._includes(source):
            if file.resolve() in chain:
                source.refuse(path, f"{file} includes itself; leave it out")
            if file.resolve() in self.included:
                source.refuse(
                    path,
                    f"{file} is included already, as {self.included[file.resolve()]}; its cases "
                    "would be there twice; leave it out",
                )
            yield from self.cases(read_source(file), merged, (*chain, file.resolve()))
        for k, table in enumerate(source.data.get("case", [])):
            here = Place(source, ("case", k), self.root)
            for case in expanded(here, merged, read_table(here, table)):
                self._note(case, here)
                yield case

    def _includes(self, source: Source) -> Iterator[tuple[tuple[str | int, ...], Path]]:
        """Yield where each include stands and the file that it means."""
        for path in (("include",), ("suite", "include")):
            table = source.data if len(path) == 1 else source.data.get("suite", {})
            given = table.get("include", [])
            if not isinstance(given, list) or not all(isinstance(v, str) and v for v in given):
                source.refuse(path, f"`include` must be a list of files, got {given!r}")
            for name in given:
                file = source.file.parent / name
                inside = file.resolve().is_relative_to(self.root.resolve())
                if Path(name).is_absolute() or not inside:
                    source.refuse(
                        path,
                        f"`include` must stay in the folder of the suite, {self.root}, got "
                        f"{name!r}; move the file there",
                    )
                if not file.is_file():
                    source.refuse(path, f"`include` must name files, and there is no {file}")
                yield path, file

    def _note(self, case: Case, place: Place) -> None:
        """Refuse a name that another case has."""
        if case.name in self.seen:
            source, path = self.seen[case.name]
            place.source.refuse(
                (*place.path, "name"),
                f"two cases are called {case.name!r}, the other in {source.file}:"
                f"{source.line(path)}; give each a `name` of its own",
            )
        self.seen[case.name] = (place.source, place.path)
        if len(self.seen) > MOST_CASES:
            place.source.refuse(place.path, f"there are more than {MOST_CASES} cases")


def _check_tables(source: Source) -> None:
    """Refuse unknown tables, and known ones of another kind."""
    data = source.data
    for name in data:
        if name not in TABLES:
            near = did_you_mean([name], TABLES) or _case_key_hint(name)
            source.refuse((name,), f"a suite has no `{name}`{near}; it has include, [suite] and "
                          "[[case]]")  # fmt: skip
    suite = data.get("suite", {})
    if not isinstance(suite, dict):
        source.refuse(("suite",), f"`suite` must be a table, [suite], got {suite!r}")
    for name in suite:
        if name not in SUITE:
            near = did_you_mean([name], SUITE) or _case_key_hint(name)
            source.refuse(("suite", name), f"[suite] has no key `{name}`{near}; the keys are "
                          f"{', '.join(SUITE)}")  # fmt: skip
    cases = data.get("case", [])
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        source.refuse(("case",), "`case` must be tables in double brackets, [[case]]")


def _case_key_hint(name: str) -> str:
    from fastcheck.nightly.suite.keys import KEYS

    return " (is it meant for [suite.defaults]?)" if name in KEYS else ""


def read_suite(path: str | Path) -> Suite:
    """Read a suite file with all that it includes.

    Parameters
    ----------
    path : path
        The TOML file; see ``docs/suites.md``.

    Returns
    -------
    Suite
        With a case for each combination of each matrix.

    Raises
    ------
    SuiteError
        If it cannot be read, or breaks a rule; the message begins with file and line.
    """
    file = Path(path)
    source = read_source(file)
    reading = _Reading(file.parent)
    cases = tuple(reading.cases(source, {}, (file.resolve(),)))
    if not cases:
        source.refuse((), "has no case; add a table [[case]] with a `target`")
    digest = hashlib.sha256()
    for part in reading.sources:
        digest.update(len(part.content).to_bytes(8, "big") + part.content)
    return Suite(
        name=_name(source, file),
        sha256=digest.hexdigest(),
        cases=cases,
        folder=file.resolve().parent,
        files=tuple(part.file for part in reading.sources),
    )


def _name(source: Source, file: Path) -> str:
    """Return the name of the suite, under which its runs are kept."""
    name = source.data.get("suite", {}).get("name", file.stem)
    safe = (
        isinstance(name, str)
        and name
        and len(os.fsencode(name)) <= LONGEST
        and name[0] not in ".-"
        and name[-1] != "."
    )
    if not safe or not all(c.isalnum() or c in " ._-" for c in name) or name != name.strip():
        source.refuse(
            ("suite", "name"),
            "`name` must be letters, digits, blanks, dots, dashes and underscores, at most "
            f"{LONGEST} bytes, because it is the name of a folder, got {name!r}",
        )
    return str(name)
