"""Runs and records from JSON that somebody else may have written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from fastcheck.errors import DataError
from fastcheck.nightly.records import STATUSES, Record, Run

__all__ = ["decoded_record", "decoded_run"]

TYPES: Final[Mapping[str, Any]] = {
    "str": str, "int": int, "float": int | float, "bool": bool, "Mapping": Mapping,
    "tuple": tuple, "Literal": str, "Status": str, "Verdict": str, "Severity": str,
    "None": type(None),
}  # fmt: skip
"""What a field is, by the first word of its annotation; others are left alone."""
MOST: Final = 2**63
"""Above this no count and no time can be, and arithmetic with them fails."""
WRONG: Final = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""What is raised where a part is missing, of another type, too large or too deep."""


def decoded_record(data: Any, where: str) -> Record:
    """Return the record that :meth:`Record.to_dict` wrote.

    Raises
    ------
    DataError
        If it is something else. The message begins with `where`.
    """
    try:
        record = Record.from_dict(data)
        _check(record)
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
        _check(run)
        records = list(data["records"])
    except WRONG as problem:
        raise DataError(f"{where}: does not hold a run ({_reason(problem)})") from problem
    return Run(**vars(run) | {"records": tuple(decoded_record(r, where) for r in records)})


def _check(thing: Any) -> None:
    """Raise a TypeError unless what is in a dataclass, however deep, is what it says."""
    for field in dataclasses.fields(thing):
        value = getattr(thing, field.name)
        words = [word.partition("[")[0].strip() for word in str(field.type).split(" | ")]
        if all(word in TYPES for word in words):
            is_right = any(isinstance(value, TYPES[word]) for word in words)
            if not is_right or (isinstance(value, bool) and "bool" not in words):
                raise TypeError(f"`{field.name}` is a {type(value).__name__}")
        if isinstance(value, int) and abs(value) > MOST:
            raise ValueError(f"`{field.name}` is too large")
        if str(field.type) == "Mapping[str, str]":
            _check_texts(field.name, value)
        parts = value.values() if isinstance(value, Mapping) else value
        for part in parts if isinstance(value, Mapping | tuple) else [value]:
            if dataclasses.is_dataclass(part):
                _check(part)


def _check_texts(name: str, texts: Mapping[str, Any]) -> None:
    """Raise a TypeError unless all values are text."""
    for key, value in texts.items():
        if not isinstance(value, str):
            raise TypeError(f"`{name}` has a {type(value).__name__} at {key!r}")


def _reason(problem: Exception) -> str:
    if isinstance(problem, KeyError):
        return f"{problem} is missing"
    return " ".join(str(problem).split())[:300]
