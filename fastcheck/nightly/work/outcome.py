"""What the process of a case reports, as bytes for the pipe to its parent.

The length of the JSON, the JSON, the arrays as NumPy writes them, and a last word without which
nothing is believed.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np

from fastcheck.check.prediction import Prediction
from fastcheck.nightly.records import MAX_BYTES
from fastcheck.result import CheckResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.nightly.records import Status

    Arrays = Mapping[str, Mapping[str, NDArray[Any]]]

__all__ = ["Outcome", "read_outcome", "write_outcome"]

LAST: Final = b"end of outcome"
RESERVE: Final = 2**20
"""Bytes that a record has beside its outcome."""
OF_RESULT: Final = ("numerical", "bounds")


@dataclass(frozen=True)
class Outcome:
    """What the process of a case reports.

    Attributes
    ----------
    status, message, traceback, result
        As of a record.
    prediction : Prediction or None
        If that was asked for.
    arrays : dict of str to dict of str to ndarray
        What is kept beside the arrays of the result, by kind and tensor.
    refusal : str
        Why the case is not run on this machine, if it is not.
    """

    status: Status
    message: str = ""
    traceback: str = ""
    result: CheckResult | None = None
    prediction: Prediction | None = None
    arrays: Arrays = field(default_factory=dict, compare=False)
    refusal: str = ""


def write_outcome(file: IO[bytes], outcome: Outcome, *, arrays: bool) -> None:
    """Write an outcome to an empty file.

    Parameters
    ----------
    file : file
        Opened for writing bytes.
    outcome : Outcome
        What is to be told.
    arrays : bool
        Whether numerical gradients, bounds and other arrays are part of it.
    """
    data: dict[str, Any] = {
        "status": outcome.status,
        "message": outcome.message,
        "traceback": outcome.traceback,
        "refusal": outcome.refusal,
        "result": None if outcome.result is None else outcome.result.to_dict(),
        "prediction": None if outcome.prediction is None else outcome.prediction.to_dict(),
    }
    values = []
    if arrays and outcome.result is not None:
        kinds: Arrays = {kind: getattr(outcome.result, kind) for kind in OF_RESULT}
        flat = [(k, n, a) for k, found in {**kinds, **outcome.arrays}.items()
                for n, a in found.items()]  # fmt: skip
        data["arrays"] = [(kind, name) for kind, name, _ in flat]
        values = [array for _, _, array in flat]
    text = json.dumps(data).encode()
    if len(text) > MAX_BYTES - RESERVE:
        write_outcome(file, _too_large(len(text)), arrays=False)
        return
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for array in values:
        np.lib.format.write_array(file, array, allow_pickle=False)
    file.write(LAST)
    file.flush()


def _too_large(size: int) -> Outcome:
    """Return what is told in place of an outcome that no archive would take."""
    from fastcheck.datasets.limits import human_bytes

    return Outcome("error", (
        f"what was found has {human_bytes(size)} as JSON, the limit is "
        f"{human_bytes(MAX_BYTES - RESERVE)}; make more cases of it, with fewer tensors each, by "
        "`only`"
    ))  # fmt: skip


def read_outcome(file: IO[bytes]) -> Outcome | None:
    """Return the outcome that was written to a file, None if there is none, or not all of it."""
    size = file.seek(0, io.SEEK_END)
    if size < 8 + len(LAST):
        return None
    file.seek(-len(LAST), io.SEEK_END)
    if file.read() != LAST:
        return None
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    data: Mapping[str, Any] = json.loads(file.read(length))
    result = None if data["result"] is None else CheckResult.from_dict(data["result"])
    kinds: dict[str, dict[str, Any]] = {kind: {} for kind in OF_RESULT}
    for kind, name in data.get("arrays", ()):
        array = np.lib.format.read_array(file, allow_pickle=False)
        kinds.setdefault(kind, {})[name] = array
    numerical, bounds = (kinds.pop(kind) for kind in OF_RESULT)
    if result is not None:
        result = replace(result, numerical=numerical, bounds=bounds)
    prediction = None if data["prediction"] is None else Prediction(**data["prediction"])
    message, traceback, refusal = data["message"], data["traceback"], data["refusal"]
    return Outcome(data["status"], message, traceback, result, prediction, kinds, refusal)
