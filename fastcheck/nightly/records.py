"""What a run consists of: cases, what became of each, and the run itself; as JSON and back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from fastcheck.result import CheckResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Status = Literal[
    "pass", "expected", "fail", "inconclusive", "error", "timeout", "crashed", "interrupted",
    "not run",
]  # fmt: skip
STATUSES: Final = (
    "fail", "error", "crashed", "timeout", "inconclusive", "interrupted", "not run", "expected",
    "pass",
)  # fmt: skip
"""All, those that ask most for attention first."""
FINE: Final = ("expected", "pass")
"""Those of a case that did what it should: it passed, or failed as was expected of it."""
BROKEN: Final = ("error", "crashed", "timeout")
"""Those of a case that was run and gave no result."""
FAILED: Final = ("fail", *BROKEN)
"""Those of a case that went wrong."""
NOT_RUN: Final = ("interrupted", "not run")
"""Those of a case of which nothing is known."""
SCHEMA: Final = 1
"""Version of the JSON layout of runs."""
MAX_BYTES: Final = 64 * 2**20
"""The size of one record, or of a run without its records, as JSON."""


@dataclass(frozen=True)
class Case:
    """One check that a suite asks for.

    Attributes
    ----------
    name : str
        Unique in its suite: ``"mnist[plan=units, seed=1]"``.
    target : str
        ``"demo:mnist"``, ``"demo:cat"`` or ``"FILE.py:FUNCTION"``, relative to the suite file.
    dataset, split : str or None
        A data set by name or path, and the part of it; None for a target that brings its own.
    batch, seed : int
        Examples in the minibatch, and what it and the parameters are drawn with.
    options : dict
        Options of :func:`fastcheck.check_gradients`; TOML values only.
    timeout : float or None
        Seconds after which the case is given up.
    keeps : {"summary", "arrays"}
        Whether the archive keeps numerical gradients and bounds too.
    arguments : dict
        What the function of the target is called with, beside the minibatch and the seed.
    fault : str or None
        A mistake of the catalogue that is planted into the gradient: ``"transposed W1"``.
    memory : int or None
        Bytes that the case may take beyond what its process takes with all that a check loads.
    expect : {"pass", "fail"}
        The verdict that the check should have: "fail" where a mistake is made on purpose.
    """

    name: str
    target: str
    dataset: str | None = None
    split: str | None = None
    batch: int = 100
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    keeps: Literal["summary", "arrays"] = "summary"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None
    memory: int | None = None
    expect: Literal["pass", "fail"] = "pass"

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits of all that determines the result."""
        settings = self.to_dict()
        settings = {k: v for k, v in settings.items() if k not in ("timeout", "memory")}
        if self.expect == "pass":  # as it was before anything else could be expected
            del settings["expect"]
        text = json.dumps(settings, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return the case in the types of JSON."""
        return {
            "name": self.name,
            "target": self.target,
            "dataset": self.dataset,
            "split": self.split,
            "batch": self.batch,
            "seed": self.seed,
            "options": dict(self.options),
            "timeout": self.timeout,
            "keeps": self.keeps,
            "arguments": dict(self.arguments),
            "fault": self.fault,
            "memory": self.memory,
            "expect": self.expect,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Case:
        """Return the case that :meth:`to_dict` wrote."""
        return cls(**data)


@dataclass(frozen=True)
class Record:
    """What became of a case.

    Attributes
    ----------
    case : Case
        The case.
    status : str
        One of `STATUSES`: the verdict, or why there is none. It is "expected" where the verdict is
        the failure that is expected, and "fail" where it is a pass and a failure is expected.
    result : CheckResult or None
        What the check found.
    message : str
        One sentence, where there is no result.
    traceback : str
        Of the user's code, if it raised.
    seconds : float
        How long it took, the process that it ran in included.
    started : str
        UTC, ISO 8601; empty if it was not.
    arrays : dict of str to dict of str to ndarray
        What the archive keeps beside the arrays of the result, by kind and tensor, such as
        ``{"analytic": {"W1": ...}, "verdicts": {"W1": ...}}``; float64 or uint8. Not in JSON.
    machine : str
        The machine of a cluster on which it ran; empty for that of the run.
    """

    case: Case
    status: Status = "not run"
    result: CheckResult | None = None
    message: str = ""
    traceback: str = ""
    seconds: float = 0.0
    started: str = ""
    arrays: Mapping[str, Mapping[str, NDArray[Any]]] = field(default_factory=dict, compare=False)
    machine: str = field(default="", compare=False)

    @property
    def is_missed(self) -> bool:
        """Whether the check passed though it should fail: it did not see the mistake."""
        return self.status == "fail" and self.result is not None and self.result.passed

    def to_dict(self, *, arrays: bool = True) -> dict[str, Any]:
        """Return the record in the types of JSON."""
        result = None if self.result is None else self.result.to_dict(arrays=arrays)
        return {
            "case": self.case.to_dict(),
            "key": self.case.key,
            "status": self.status,
            "message": self.message,
            "traceback": self.traceback,
            "seconds": self.seconds,
            "started": self.started,
            **({"machine": self.machine} if self.machine else {}),
            "result": result,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Record:
        """Return the record that :meth:`to_dict` wrote."""
        rest = {k: v for k, v in data.items() if k not in ("case", "key", "result")}
        result = data["result"]
        return cls(
            case=Case.from_dict(data["case"]),
            result=None if result is None else CheckResult.from_dict(result),
            **rest,
        )


@dataclass(frozen=True)
class Run:
    """One run of a suite, finished or not.

    Attributes
    ----------
    id : str
        UTC time and random digits, in the order of time: ``"20260131T021500-4f2a"``.
    suite : str
        Name of the suite.
    suite_sha256 : str
        Digest of the suite file with all that it includes.
    started, finished : str
        UTC, ISO 8601; `finished` is empty while it is not.
    provenance : dict of str to str
        Versions, machine, git state of the folder of the suite, data sets with their digests.
    options : dict
        Options of the command: ``only``, ``budget``, ``seed``, ``jobs``.
    records : tuple of Record
        One for every case of the suite, in its order; what was not run says so.
    """

    id: str
    suite: str
    suite_sha256: str
    started: str
    finished: str = ""
    provenance: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    records: tuple[Record, ...] = ()

    @property
    def is_finished(self) -> bool:
        """Whether it came to its end."""
        return bool(self.finished)

    def count(self, status: Status) -> int:
        """Return how many cases have a status."""
        return sum(record.status == status for record in self.records)

    def record(self, name: str) -> Record | None:
        """Return the record of the case called `name`, None if there is none."""
        number = self._numbers.get(name)
        return None if number is None else self.records[number]

    def with_record(self, record: Record) -> Run:
        """Return the run with the record of a case in the place of an older one."""
        number = self._numbers.get(record.case.name)
        if number is None:
            return self
        run = replace(self, records=(*self.records[:number], record, *self.records[number + 1 :]))
        run.__dict__["_numbers"] = self._numbers  # all stand where they stood
        return run

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """Return the places of the cases by their names."""
        return {record.case.name: number for number, record in enumerate(self.records)}

    def to_dict(self, *, arrays: bool = False) -> dict[str, Any]:
        """Return the run in the types of JSON."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "suite": self.suite,
            "suite_sha256": self.suite_sha256,
            "started": self.started,
            "finished": self.finished,
            "provenance": dict(self.provenance),
            "options": dict(self.options),
            "records": [record.to_dict(arrays=arrays) for record in self.records],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Run:
        """Return the run that :meth:`to_dict` wrote.

        Raises
        ------
        ValueError
            If the layout is of another version.
        """
        if data.get("schema") != SCHEMA:
            raise ValueError(
                f"`data` must be a run of schema {SCHEMA}, got schema {data.get('schema')!r}; read "
                "it with the version of fastcheck that wrote it"
            )
        rest = {k: v for k, v in data.items() if k not in ("schema", "records")}
        return cls(records=tuple(Record.from_dict(r) for r in data["records"]), **rest)
