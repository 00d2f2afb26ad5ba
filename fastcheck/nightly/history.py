"""What became of one case over the last runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastcheck.nightly.flakes import is_flaky, verdicts_alike
from fastcheck.nightly.grounds import Grounds, grounds
from fastcheck.nightly.records import NOT_RUN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.nightly.records import Record, Run
    from fastcheck.result import CheckResult, Entry

__all__ = ["CaseHistory", "Moment", "case_history", "case_names"]

SCHEMA: Final = 1
"""Version of the JSON layout of histories."""


@dataclass(frozen=True)
class Moment:
    """What became of a case in one run.

    Attributes
    ----------
    run, suite_sha256 : str
        The id of the run, and the digest of its suite.
    record : Record
        The record.
    is_flip : bool
        Whether the verdict is another than the last one before it.
    has_new_settings : bool
        Whether the case is another than before: its seed, its options, its data set.
    grounds : tuple
        What the verdict rests on, see :func:`fastcheck.nightly.grounds.grounds`.
    """

    run: str
    suite_sha256: str
    record: Record
    is_flip: bool = False
    has_new_settings: bool = False
    grounds: Grounds = ("", frozenset())

    @property
    def worst(self) -> Entry | None:
        """The entry with the largest deviation in units of its bound, None if there is none."""
        result = self.record.result
        found = [t.worst for t in result.tensors.values() if t.worst] if result is not None else []
        return max(found, key=lambda entry: entry.ratio, default=None)

    @property
    def remark(self) -> str:
        """What is wrong, in one sentence; empty if nothing is."""
        result = self.record.result
        if result is None or self.record.is_missed:
            return self.record.message
        return "" if result.passed else _why(result)

    def to_dict(self) -> dict[str, Any]:
        """Return the moment in the types of JSON."""
        worst, record = self.worst, self.record
        return {
            "run": self.run,
            "suite_sha256": self.suite_sha256,
            "key": record.case.key,
            "status": record.status,
            "started": record.started,
            "seconds": record.seconds,
            "worst": str(worst) if worst else "",
            "remark": self.remark,
            "is_flip": self.is_flip,
            "has_new_settings": self.has_new_settings,
        }


@dataclass(frozen=True)
class CaseHistory:
    """What became of a case, run by run.

    Attributes
    ----------
    suite, name : str
        The suite and the case.
    moments : tuple of Moment
        The oldest first.
    """

    suite: str
    name: str
    moments: tuple[Moment, ...]

    @property
    def is_flaky(self) -> bool:
        """Whether its verdict went back and forth lately while nothing else changed."""
        known = [((m.grounds, m.record.case.key), m.record.status) for m in self.moments]
        return is_flaky(verdicts_alike(known))

    def to_dict(self) -> dict[str, Any]:
        """Return the history in the types of JSON."""
        return {
            "schema": SCHEMA,
            "suite": self.suite,
            "case": self.name,
            "is_flaky": self.is_flaky,
            "runs": [moment.to_dict() for moment in self.moments],
        }


def case_history(name: str, runs: Sequence[Run]) -> CaseHistory:
    """Return what became of a case in some runs of one suite; those without it are left out."""
    moments: list[Moment] = []
    last = ""
    for run in sorted(runs, key=lambda run: run.id):
        record = run.record(name)
        if record is None:
            continue
        has_verdict = record.status not in NOT_RUN
        is_flip = has_verdict and last not in ("", record.status)
        is_other = bool(moments) and moments[-1].record.case.key != record.case.key
        moments.append(Moment(run.id, run.suite_sha256, record, is_flip, is_other, grounds(run)))
        last = record.status if has_verdict else last
    return CaseHistory(runs[0].suite if runs else "", name, tuple(moments))


def case_names(runs: Sequence[Run]) -> list[str]:
    """Return the names of all cases in some runs, in the order of the newest."""
    newest_first = sorted(runs, key=lambda run: run.id, reverse=True)
    return list(dict.fromkeys(r.case.name for run in newest_first for r in run.records))


def _why(result: CheckResult) -> str:
    told = [d for d in result.diagnosis if not d.accepted]
    return told[0].located if told else result.summary()
