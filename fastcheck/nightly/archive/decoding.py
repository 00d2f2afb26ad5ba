"""Runs and records from JSON that somebody else may have written."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, get_args

from fastcheck.errors import DataError
from fastcheck.nightly.records import STATUSES, Record, Run
from fastcheck.result.records import Severity
from fastcheck.result.tensor import Verdict

if TYPE_CHECKING:
    from fastcheck.result import CheckResult

__all__ = ["decoded_record", "decoded_run"]

TYPES: Final[Mapping[str, Any]] = {
    "str": str, "int": int, "float": int | float, "bool": bool, "Mapping": Mapping,
    "tuple": tuple, "Literal": str, "Status": str, "Verdict": str, "Severity": str,
    "None": type(None),
}  # fmt: skip
"""What a field is, by the first word of its annotation; others are left alone."""
CHOICES: Final = {"Verdict": get_args(Verdict), "Severity": get_args(Severity)}
ITEMS: Final = re.compile(r"tuple\[(\w+), \.\.\.\]|Mapping\[str, (\w+)\]")
"""What is in a tuple or mapping, by its annotation."""
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
        if record.result is not None:
            _check_names(record.result)
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
        choices = CHOICES.get(str(field.type))
        if choices is not None and value not in choices:
            raise ValueError(f"{field.name} {value[:40]!r}")
        _check_items(field.name, str(field.type), value)
        parts = value.values() if isinstance(value, Mapping) else value
        for part in parts if isinstance(value, Mapping | tuple) else [value]:
            if dataclasses.is_dataclass(part):
                _check(part)


def _check_items(name: str, annotation: str, value: Any) -> None:
    """Raise a TypeError unless all in a tuple or mapping is what its annotation says."""
    found = ITEMS.fullmatch(annotation)
    kind = TYPES.get(found[1] or found[2]) if found else None
    if kind is None or not isinstance(value, Mapping | tuple):
        return
    for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
        if not isinstance(item, kind):
            raise TypeError(f"`{name}` has a {type(item).__name__} at {key!r}")


def _check_names(result: CheckResult) -> None:
    """Raise a ValueError unless each tensor is called as it is listed."""
    for name, tensor in result.tensors.items():
        if tensor.name != name:
            raise ValueError(f"{name!r} is called {tensor.name[:40]!r}")


def _reason(problem: Exception) -> str:
    if isinstance(problem, KeyError):
        return f"{problem} is missing"
    return " ".join(str(problem).split())[:300]
