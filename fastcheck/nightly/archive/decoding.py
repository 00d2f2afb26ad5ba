"""Runs and records from JSON that somebody else may have written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastcheck.errors import DataError
from fastcheck.nightly.records import STATUSES, Record, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["decoded_record", "decoded_run"]

OF_CASE: Final[Mapping[str, Any]] = {
    "name": str, "target": str, "dataset": str | None, "split": str | None, "batch": int,
    "seed": int, "options": dict, "timeout": int | float | None, "keeps": str,
}  # fmt: skip
OF_RECORD: Final[Mapping[str, Any]] = {
    "status": str, "message": str, "traceback": str, "seconds": int | float, "started": str,
}  # fmt: skip
OF_RUN: Final[Mapping[str, Any]] = {
    "id": str, "suite": str, "suite_sha256": str, "started": str, "finished": str,
    "provenance": dict, "options": dict,
}  # fmt: skip
WRONG: Final = (KeyError, TypeError, ValueError, AttributeError)
"""What is raised where a part is missing or of another type."""


def decoded_record(data: Any, where: str) -> Record:
    """Return the record that :meth:`Record.to_dict` wrote.

    Raises
    ------
    DataError
        If it is something else. The message begins with `where`.
    """
    try:
        record = Record.from_dict(data)
        _check(record, OF_RECORD)
        _check(record.case, OF_CASE)
        if record.status not in STATUSES:
            raise ValueError(f"status {record.status[:40]!r}")
    except WRONG as problem:
        raise DataError(f"{where}: does not hold a record ({_reason(problem)})") from problem
    return record


def decoded_run(data: Any, where: str) -> Run:
    """Return the run that :meth:`Run.to_dict` wrote.

    Raises
    ------
    DataError
        As for :func:`decoded_record`.
    """
    try:
        run = Run.from_dict({**data, "records": []})
        _check(run, OF_RUN)
        records = list(data["records"])
    except WRONG as problem:
        raise DataError(f"{where}: does not hold a run ({_reason(problem)})") from problem
    return Run(**vars(run) | {"records": tuple(decoded_record(r, where) for r in records)})


def _check(thing: Any, types: Mapping[str, Any]) -> None:
    for name, kind in types.items():
        value = getattr(thing, name)
        if not isinstance(value, kind):
            raise TypeError(f"`{name}` is a {type(value).__name__}")


def _reason(problem: Exception) -> str:
    if isinstance(problem, KeyError):
        return f"{problem} is missing"
    return " ".join(str(problem).split())[:300]
