"""What the results of a suite rest on besides its file, and whether it is the same elsewhere."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Final

import fastcheck
from fastcheck.errors import FastcheckError
from fastcheck.nightly.suite.keys import DEMOS
from fastcheck.nightly.work.imports import local_files
from fastcheck.nightly.work.prepare import find_dataset

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from fastcheck.nightly.records import Case

__all__ = ["SOURCE", "basis_of", "difference", "files_of", "machine", "source_of", "versions"]

VERSIONED: Final = ("numpy", "numba", "h5py", "joblib")
DECISIVE: Final = ("python", "fastcheck", "numpy", "numba")
"""What must have the same version, so that the same case gives the same bits."""
CODE: Final = "code "
DATA: Final = "data "
"""With what the names of files begin."""
SOURCE: Final = "source"
UNREADABLE: Final = "cannot be read"
N_DIGITS: Final = 12
"""Of a digest, in messages."""


def versions() -> dict[str, str]:
    """Return the versions of Python, of this package, and of those that it calls."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version(), "fastcheck": fastcheck.__version__}
    for name in VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # not installed as a package
            found[name] = "unknown"
    return found


def machine() -> str:
    """Return name, processor and size of this machine."""
    return f"{platform.node()}, {platform.machine()}, {os.cpu_count()} cores"


def files_of(cases: Collection[Case], folder: Path) -> dict[str, str]:
    """Return the sha256 of each file of code (``code net.py``) and of data (``data mnist``).

    Of code, also of the files that it imports from near.

    Parameters
    ----------
    cases : collection of Case
        The cases that name them.
    folder : Path
        Where their paths start.

    Returns
    -------
    dict of str to str
        The digest, for data followed by the path; or that the file cannot be read.
    """
    return {name: _digest(name, folder) for name in sorted(_names(cases, folder))}


def basis_of(cases: Collection[Case], folder: Path, known: Mapping[str, str]) -> dict[str, str]:
    """Return the part of what is known of a run on which the results of some cases rest."""
    names = {*DECISIVE, SOURCE, *_names(cases, folder)}
    return {name: value for name, value in known.items() if name in names}


def source_of() -> str:
    """Return a digest of the Python files of this package, which a version may not tell apart."""
    root = Path(fastcheck.__file__).parent
    whole = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        whole.update(f"{path.relative_to(root).as_posix()}\n".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def difference(expected: Mapping[str, str], folder: Path) -> str:
    """Return what is not here as it is where a run was begun; empty if all is.

    Parameters
    ----------
    expected : mapping of str to str
        Versions, the digest of the package under ``source``, and what :func:`files_of` returned.
    folder : Path
        Where the paths of the suite start.
    """
    return next(_differences(expected, folder), "")


def _differences(expected: Mapping[str, str], folder: Path) -> Iterator[str]:
    here = versions() if expected else {}
    for name in DECISIVE:
        if name in expected and here[name] != expected[name]:
            yield (
                f"{name} is {here[name]} there and {expected[name]} here; install the same version"
            )
    if SOURCE in expected and source_of() != expected[SOURCE]:
        yield "the files of fastcheck are not those from here; install the same ones"
    for name, before in expected.items():
        if not name.startswith((CODE, DATA)) or before.startswith(UNREADABLE):
            continue  # the case itself says what it cannot read
        now = _digest(name, folder)
        if _first(now) != _first(before):
            yield f"{_difference(name, before, now, folder)}; let all machines see the same file"


def _difference(name: str, before: str, now: str, folder: Path) -> str:
    """Return in which way a file is not the one that is expected."""
    kind, _, title = name.partition(" ")
    title = str(folder / title) if f"{kind} " == CODE else f"the data set {title}"
    if now.startswith(UNREADABLE):
        return f"{title} {now}"
    digests = [_first(text)[:N_DIGITS] for text in (now, before)]
    return f"{title} has the sha256 {digests[0]}… and not {digests[1]}…"


def _first(text: str) -> str:
    """Return a digest without the path that may follow."""
    return text.partition(" ")[0]


def _names(cases: Collection[Case], folder: Path) -> set[str]:
    """Return the names of the files that cases rest on."""
    targets = {case.target for case in cases}
    code = {folder / target.rpartition(":")[0] for target in targets - set(DEMOS)}
    near = {path for file in code for path in local_files(file)}
    data = {case.dataset or DEMOS.get(case.target) for case in cases}
    return {
        *(f"{CODE}{os.path.relpath(path, folder)}" for path in near),
        *(f"{DATA}{name}" for name in data if name),
    }


def _digest(name: str, folder: Path) -> str:
    """Return the digest of a file under its name, or that it cannot be read."""
    kind, _, title = name.partition(" ")
    try:
        if f"{kind} " == CODE:
            return hashlib.sha256((folder / title).read_bytes()).hexdigest()
        found = find_dataset(title, folder)
        return f"{found.sha256} {found.path}"
    except OSError:
        return UNREADABLE
    except FastcheckError as problem:
        return f"{UNREADABLE}: {problem}"
