"""What the process of a case reports, as files in a folder of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.check.prediction import Prediction
from fastcheck.result import CheckResult

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fastcheck.nightly.records import Status

__all__ = ["Outcome", "read_outcome", "write_outcome"]


@dataclass(frozen=True)
class Outcome:
    """What the process of a case reports.

    Attributes
    ----------
    status, message, traceback, result
        As of a record.
    prediction : Prediction or None
        If that was asked for.
    """

    status: Status
    message: str = ""
    traceback: str = ""
    result: CheckResult | None = None
    prediction: Prediction | None = None


def write_outcome(folder: Path, outcome: Outcome, *, arrays: bool) -> None:
    """Write an outcome; the file ``outcome.json`` appears last, whole.

    Parameters
    ----------
    folder : Path
        An empty folder.
    outcome : Outcome
        What is to be told.
    arrays : bool
        Whether numerical gradients and bounds are part of it, in ``arrays.npz``.
    """
    data: dict[str, Any] = {
        "status": outcome.status,
        "message": outcome.message,
        "traceback": outcome.traceback,
        "result": None if outcome.result is None else outcome.result.to_dict(),
        "prediction": None if outcome.prediction is None else outcome.prediction.to_dict(),
    }
    if arrays and outcome.result is not None:
        kinds = {"numerical": outcome.result.numerical, "bounds": outcome.result.bounds}
        flat = [(kind, name, a) for kind, found in kinds.items() for name, a in found.items()]
        data["arrays"] = [(kind, name) for kind, name, _ in flat]
        np.savez(folder / "arrays.npz", *[array for _, _, array in flat])
    temporary = folder / "outcome.tmp"
    temporary.write_text(json.dumps(data), encoding="utf-8")
    temporary.replace(folder / "outcome.json")


def read_outcome(folder: Path) -> Outcome | None:
    """Return the outcome that was written to a folder, None if there is none."""
    file = folder / "outcome.json"
    if not file.is_file():
        return None
    data: Mapping[str, Any] = json.loads(file.read_text("utf-8"))
    result = None if data["result"] is None else CheckResult.from_dict(data["result"])
    if result is not None and "arrays" in data:
        result = _with_arrays(result, data["arrays"], folder / "arrays.npz")
    prediction = None if data["prediction"] is None else Prediction(**data["prediction"])
    return Outcome(data["status"], data["message"], data["traceback"], result, prediction)


def _with_arrays(result: CheckResult, names: list[tuple[str, str]], file: Path) -> CheckResult:
    """Return a result with the arrays that were stored beside it."""
    kinds: dict[str, dict[str, Any]] = {"numerical": {}, "bounds": {}}
    with np.load(file, allow_pickle=False) as stored:
        for k, (kind, name) in enumerate(names):
            kinds[kind][name] = stored[f"arr_{k}"]
    return replace(result, numerical=kinds["numerical"], bounds=kinds["bounds"])
