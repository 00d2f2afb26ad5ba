"""The exit status of a run: the worst of all its cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcheck.nightly.records import FINE
from fastcheck.nightly.runner.order import fits

if TYPE_CHECKING:
    from fastcheck.nightly.records import Record, Run

__all__ = ["exit_status"]

ORDER = (1, 4, 2, 3)
"""The worst first: wrong, an error in the user's code, in the suite or data, undecided."""


def exit_status(run: Run) -> int:
    """Return the exit status of a run that was not interrupted.

    1 if a gradient is wrong, or a mistake that should be found was not; else 4 if user code raised,
    crashed or took too long; else 2 if a case or its data are wrong; else 3 if something is
    undecided or was not run; else 0. Cases that were left out on purpose, by ``--only``, do not
    count.
    """
    only = run.options.get("only", ())
    wanted = [r for r in run.records if not only or any(fits(r.case.name, p) for p in only)]
    found = {_status(record) for record in wanted} or {3}
    return next((status for status in ORDER if status in found), 0)


def _status(record: Record) -> int:
    if record.status == "error":
        return 4 if record.traceback else 2
    if record.status in FINE:
        return 0
    return {"fail": 1, "crashed": 4, "timeout": 4}.get(record.status, 3)
