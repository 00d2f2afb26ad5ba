"""Tracebacks that show the code of the user, not that of the package."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Final

import fastcheck
from fastcheck.errors import FastcheckError

__all__ = ["hide_internals"]

PACKAGE: Final = str(Path(fastcheck.__file__).parent)


def hide_internals(problem: BaseException) -> None:
    """Take the code of the package out of the traceback of an exception, and of its causes.

    The first entry stays, which is where it is caught. An exception that the package did not mean
    to raise keeps its traceback, for a report of the mistake.
    """
    seen = set()
    found: BaseException | None = problem
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        entries = _entries(found.__traceback__)
        is_ours = bool(entries) and _is_internal(entries[-1])
        if isinstance(found, FastcheckError) or not is_ours:
            outer = entries[:1] if found is problem else []
            kept = [entry for entry in entries[len(outer) :] if not _is_internal(entry)]
            found.__traceback__ = _joined([*outer, *kept])
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _entries(traceback: TracebackType | None) -> list[TracebackType]:
    found = []
    while traceback is not None:
        found.append(traceback)
        traceback = traceback.tb_next
    return found


def _is_internal(entry: TracebackType) -> bool:
    """Return whether the code of an entry is that of the package, or what it enters contexts by."""
    file = entry.tb_frame.f_code.co_filename
    return file == contextlib.__file__ or Path(file).is_relative_to(PACKAGE)


def _joined(entries: list[TracebackType]) -> TracebackType | None:
    joined = None
    for entry in reversed(entries):
        joined = TracebackType(joined, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return joined
