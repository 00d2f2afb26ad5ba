"""A result as JSON, and back."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from fastcheck.result.pictures import Picture, StepErrors
from fastcheck.result.records import Audit, Coverage, Diagnosis, Finding, Provenance, SpotCheck
from fastcheck.result.tensor import Entry, Region, TensorResult

__all__ = ["SCHEMA", "decoded", "encoded", "plain"]

SCHEMA: Final = 7
"""Version of the layout; it grows with every change that a reader must know of.

1 the first
2 tensors say by `is_intermediate` whether they are named intermediate values
3 tensors have `regions`, `visible`, `typical`, `missable` and `covered`
4 a diagnosis says by `tensors` and `is_exact` what it explains, and how well
5 a diagnosis says whether it is `accepted`, and a tensor by `places` where it is wrong
6 a result has `rtol`, and the worst entry of those that disagree is the one that is off by most
7 a result has `pictures` and `steps`
"""

ARRAYS = ("numerical", "bounds")
DERIVED = ("norm_ratio", "max_relative_error")
"""Written for other readers, and computed again when a result is read."""
RECORDS: Final[dict[str, type]] = {
    "findings": Finding,
    "diagnosis": Diagnosis,
    "audits": Audit,
    "spot_checks": SpotCheck,
}

OPTIONAL: Final[dict[str, type]] = {"batch": Provenance, "steps": StepErrors}


def encoded(result: Any, *, arrays: bool) -> dict[str, Any]:
    """Return a result as dicts, lists, strings, numbers, booleans and None.

    JSON has no NaN and no infinity: a float that is one of them becomes the string ``"NaN"``,
    ``"Infinity"`` or ``"-Infinity"``, which says more than a null. An array becomes
    ``{"shape": [...], "values": [...]}``, in C order.
    """
    fields = [f.name for f in dataclasses.fields(result) if arrays or f.name not in ARRAYS]
    values = {name: plain(getattr(result, name)) for name in (*fields, *DERIVED)}
    return {"schema": SCHEMA, **values}


def plain(value: Any) -> Any:
    """Return `value` in the types of JSON; for a record a dict of its fields."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return _number(float(value))
    if isinstance(value, np.ndarray):
        numbers = value.astype(np.float64).ravel().tolist()
        return {"shape": list(value.shape), "values": [_number(number) for number in numbers]}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, np.bool_):
        return bool(value)
    raise TypeError(f"a result must hold numbers and text, got {type(value).__name__}")


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0.0 else "-Infinity"


def decoded(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a result from what :func:`encoded` returned.

    Raises
    ------
    ValueError
        If the layout is of another version, or a field is missing.
    """
    schema = data.get("schema")
    if schema != SCHEMA:
        raise ValueError(
            f"`data` must be a result of schema {SCHEMA}, got schema {schema!r}; "
            "read it with the version of fastcheck that wrote it"
        )
    try:
        stored = {name: value for name, value in data.items() if name not in ("schema", *DERIVED)}
        return {name: _field(name, value) for name, value in stored.items()}
    except (KeyError, TypeError) as problem:
        raise ValueError(
            f"`data` must be a complete result, got a part of one: {problem}"
        ) from None


def _field(name: str, value: Any) -> Any:
    """Return the value of one field of a result."""
    if name in RECORDS:
        return tuple(_record(RECORDS[name], item) for item in value)
    if name == "tensors":
        return {key: _tensor(item) for key, item in value.items()}
    if name == "coverage":
        return _record(Coverage, value)
    if name == "pictures":
        return {key: _record(Picture, item) for key, item in value.items()}
    if name in OPTIONAL:
        return None if value is None else _record(OPTIONAL[name], value)
    if name in ARRAYS:
        return {key: _array(item) for key, item in value.items()}
    if name == "timings":
        return {key: float(item) for key, item in value.items()}
    return _typed("float", value) if name in ("loss", "rtol") else value


def _array(item: Mapping[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([float(v) for v in item["values"]], np.float64).reshape(item["shape"])


def _tensor(item: Mapping[str, Any]) -> TensorResult:
    worst = item["worst"]
    entries = {
        "worst": None if worst is None else _record(Entry, worst),
        "mismatches": tuple(_record(Entry, entry) for entry in item["mismatches"]),
        "regions": tuple(_record(Region, region) for region in item["regions"]),
    }
    return _record(TensorResult, {**item, **entries})  # type: ignore[no-any-return]


def _record(cls: Any, item: Mapping[str, Any]) -> Any:
    """Return a record; floats may be written as strings, tuples as lists."""
    types = {field.name: str(field.type) for field in dataclasses.fields(cls)}
    return cls(**{name: _typed(types.get(name, ""), value) for name, value in item.items()})


def _typed(kind: str, value: Any) -> Any:
    if kind.startswith("float") and value is not None:
        return math.nan if value == "NaN" else float(value)  # one NaN equals itself
    if kind.startswith("tuple[float") and value is not None:
        return tuple(math.nan if v == "NaN" else float(v) for v in value)
    return tuple(value) if kind.startswith("tuple") else value
