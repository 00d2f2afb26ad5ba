"""How one case differs from when it was last run: verdict, findings, diagnosis, figures.

Each function returns kind, before, after and message of a change, or None.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fastcheck.nightly.records import BROKEN, FAILED, FINE, NOT_RUN
from fastcheck.result.wording import count, percent, quantity, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fastcheck.nightly.records import Case, Record, Run
    from fastcheck.result import CheckResult, Diagnosis, Entry

    Found = tuple[str, str, str, str]
    Indexed = tuple[Run, Mapping[str, Record]]

__all__ = [
    "Past",
    "changed_coverage",
    "changed_diagnosis",
    "changed_findings",
    "changed_status",
    "changed_worst",
    "first_verdict",
]

FACTOR: Final = 2.0
"""Deviations that differ by less are not told apart, nor are those within the spread of earlier
runs widened by it."""
CONSTANT: Final = 1e-6
"""Relative difference up to which two constants of a diagnosis are one."""
DIGITS: Final = 1.0
"""By how many digits a tensor must be verified better or worse."""
SHARE: Final = 0.01
"""By how much the share of checked entries must change."""
NOW: Final = {"expected": "fails as expected", **dict.fromkeys(BROKEN, "no longer runs")}
"""What is said of a case with a new status, where that is not the status itself."""
VARYING: Final = re.compile(r"0x[0-9a-fA-F]+|\d+(?:\.\d+)?")
"""What may differ between two messages of one error: addresses, process ids, times."""


@dataclass(frozen=True)
class Past:
    """What became of a case in earlier runs, in which it was run.

    Attributes
    ----------
    runs : tuple of (Run, Record)
        The oldest first; those in which it was not run, or interrupted, are left out.
    same : tuple of (Run, Record)
        Those of `runs` in which the case had the settings that it has now.
    last : Record or None
        The record that the new one is compared with, None if there is none.
    when : str
        Of which run that is, as an addition to a sentence; empty if it is the one just before.
    """

    runs: tuple[tuple[Run, Record], ...] = ()
    same: tuple[tuple[Run, Record], ...] = ()
    last: Record | None = None
    when: str = ""

    @classmethod
    def of(cls, case: Case, pasts: Sequence[Indexed], old: str) -> Past:
        """Return what became of a case.

        Parameters
        ----------
        case : Case
            The case, as it is now.
        pasts : sequence of (Run, dict of str to Record)
            Runs and their records by name, the oldest first.
        old : str
            The id of the run that is compared: what came after it is not.
        """
        found = [(run, records.get(case.name)) for run, records in pasts]
        kept = tuple((run, r) for run, r in found if r is not None and r.status not in NOT_RUN)
        before = [(run, record) for run, record in kept if run.id <= old]
        key = case.key
        same = tuple((run, r) for run, r in kept if r.case == case or r.case.key == key)
        if not before:
            return cls(kept, same)
        run, record = before[-1]
        return cls(kept, same, record, "" if run.id == old else f" (in run {run.id})")

    @property
    def status(self) -> str:
        """Its last status; empty if it was never run."""
        return self.last.status if self.last else ""


# ------------------------------------------------------------ the verdict


def changed_status(before: Record, after: Record, past: Past) -> Found | None:
    """Return whether the verdict is worse, right now, or another."""
    if before.status == after.status:
        return _changed_error(before, after) if after.status in BROKEN else None
    was = f"was {before.status}{past.when}"
    if before.case.key != after.case.key:
        was += ", with other settings"
    now = NOW.get(after.status, f"is {after.status}")
    message = f"{now}, {was}: {_why(after)}" if after.status != "pass" else f"passes now, {was}"
    return _kind(before.status, after.status), before.status, after.status, message


def first_verdict(after: Record) -> Found | None:
    """Return the first verdict of a case that was there and was never run, unless it passes."""
    if after.status in FINE:
        return None
    now = "does not run" if after.status in BROKEN else f"is {after.status}"
    kind = "regressed" if after.status in FAILED else "gained"
    return kind, "", after.status, f"{now}, its first verdict: {_why(after)}"


def _kind(before: str, after: str) -> str:
    if after == "pass":
        return "fixed"
    if after == "expected":
        return "fixed" if before != "pass" else "diagnosis"
    has_verdict = before not in BROKEN
    is_worse = before in ("pass", "expected") or (has_verdict and after in BROKEN)
    is_worse = is_worse or (before, after) == ("inconclusive", "fail")
    return "regressed" if is_worse else "diagnosis"


def _why(record: Record) -> str:
    """Return the best single reason for a status."""
    result = record.result
    if result is None:
        return record.message or record.status
    if record.is_missed:
        return f"{record.message}; {result.summary()}"
    told = [d for d in result.diagnosis if not d.accepted]
    return told[0].located if told else result.summary()


def _changed_error(before: Record, after: Record) -> Found | None:
    """Return whether a case that still gives no result says something else."""
    texts = [VARYING.sub("#", record.message) for record in (before, after)]
    if texts[0] == texts[1]:
        return None
    message = f"is still {after.status}, and now says: {after.message}"
    return "diagnosis", before.status, after.status, message


# ------------------------------------------------------------ findings and diagnosis


def changed_findings(before: Record, after: Record) -> Iterator[Found]:
    """Yield findings that are new, then those that are gone."""
    if before.result is None or after.result is None:
        return
    results = _both(before, after)
    old, new = ({(f.kind, f.tensor, f.severity): f for f in r.findings} for r in results)
    for key in [key for key in new if key not in old]:
        text = f"{new[key].severity}: {new[key].located}"
        yield "new-finding", "", new[key].kind, text
    for key in [key for key in old if key not in new]:
        text = f"no longer found: {old[key].located}"
        yield "gone-finding", old[key].kind, "", text


def changed_diagnosis(before: Record, after: Record) -> Found | None:
    """Return whether what is wrong is explained otherwise, where the verdict is as it was."""
    if before.result is None or after.result is None or before.status != after.status:
        return None
    old, new = before.result.diagnosis, after.result.diagnosis
    gone = [d for d in old if not any(_is_same(d, other) for other in new)]
    come = [d for d in new if not any(_is_same(d, other) for other in old)]
    if not gone and not come:
        return None
    was = f"was: {gone[0].located}" if gone else "beside what was known"
    now = f"now: {come[0].located}" if come else "now: no longer said"
    return "diagnosis", _kinds(old), _kinds(new), f"{now}; {was}"


def _is_same(one: Diagnosis, other: Diagnosis) -> bool:
    """Return whether two say the same thing of the same tensors."""
    for name in ("kind", "tensor", "is_exact", "accepted"):
        if getattr(one, name) != getattr(other, name):
            return False
    if sorted(one.tensors) != sorted(other.tensors):
        return False
    if one.accepted:  # whatever its strength is today
        return True
    if one.constant is None or other.constant is None:
        return one.constant is other.constant
    if math.isnan(one.constant) or math.isnan(other.constant):
        return math.isnan(one.constant) and math.isnan(other.constant)
    return math.isclose(one.constant, other.constant, rel_tol=CONSTANT)


def _kinds(told: Sequence[Diagnosis]) -> str:
    return ", ".join(f"{k} ({n})" if n > 1 else k for k, n in Counter(d.kind for d in told).items())


# ------------------------------------------------------------ figures


def changed_worst(before: Record, after: Record, past: Past) -> Found | None:
    """Return whether an entry is off by another amount than noise explains.

    Notes
    -----
    A deviation is known to within the bound of its entry. Two differ if they do so by more than
    both bounds together, so that none within its bound ever does, and if the new one lies outside
    of what earlier runs of the same case had, widened by `FACTOR`.
    """
    if before.result is None or after.result is None or before.status != after.status:
        return None
    found: list[tuple[float, Found]] = []
    for name, tensor in after.result.tensors.items():
        other = before.result.tensors.get(name)
        if other is None or tensor.worst is None or other.worst is None:
            continue
        size = _excess(other.worst, tensor.worst, _spread(name, after, past))
        if size:
            was, now = short(other.worst.deviation), short(tensor.worst.deviation)
            text = f"{tensor.worst.address} is off by {now}; the worst of {name} was off by {was}"
            found.append((size, ("worst", was, now, text)))
    if not found:
        return None
    kind, was, now, text = max(found, key=lambda item: item[0])[1]
    more = f", and {quantity(len(found) - 1, 'more tensor')} alike" if len(found) > 1 else ""
    return kind, was, now, text + more


def _spread(name: str, record: Record, past: Past) -> list[float]:
    """Return how far off a tensor was in earlier runs with the same settings and verdict."""
    found = []
    for _, earlier in past.same:
        if earlier.status != record.status:
            continue
        tensor = earlier.result.tensors.get(name) if earlier.result is not None else None
        if tensor is not None and tensor.worst is not None:
            found.append(tensor.worst.deviation)
    return [value for value in found if math.isfinite(value)]


def _excess(old: Entry, new: Entry, spread: list[float]) -> float:
    """Return by how many powers of ten a deviation is another, 0 if noise explains it."""
    before, after = old.deviation, new.deviation
    if not (math.isfinite(before) and math.isfinite(after)):
        return 0.0 if math.isfinite(before) == math.isfinite(after) else math.inf
    if abs(after - before) <= old.bound + new.bound:
        return 0.0
    low, high = min([before, *spread]), max([before, *spread])
    if low / FACTOR <= after <= high * FACTOR:
        return 0.0
    return abs(math.log10(after / before)) if after > 0.0 and before > 0.0 else math.inf


def changed_coverage(before: Record, after: Record) -> Found | None:
    """Return whether another part of the gradient was compared, or to another precision."""
    if before.result is None or after.result is None:
        return None
    old, new = before.result.coverage, after.result.coverage
    shares = [c.n_checked / c.n_entries if c.n_entries else 1.0 for c in (old, new)]
    if abs(shares[1] - shares[0]) > SHARE:
        was, now = (percent(c.n_checked, c.n_entries) for c in (old, new))
        of = f"{count(new.n_checked)} of {quantity(new.n_entries, 'entry', 'entries')}"
        return "coverage", was, now, f"{of} were checked ({now}), before {was}"
    if before.status != after.status:
        return None
    digits = [_fewest_digits(r) for r in _both(before, after)]
    if abs(digits[1] - digits[0]) > DIGITS:
        was, now = (f"{value:.1f}" for value in digits)
        return "coverage", was, now, f"{now} digits are verified, before {was}"
    return None


def _fewest_digits(result: CheckResult) -> float:
    known = [t.digits for t in result.tensors.values() if t.passed and not math.isnan(t.digits)]
    return min(known, default=math.nan)


def _both(before: Record, after: Record) -> tuple[CheckResult, CheckResult]:
    assert before.result is not None
    assert after.result is not None
    return before.result, after.result
