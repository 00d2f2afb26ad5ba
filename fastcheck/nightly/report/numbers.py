"""A run as JSON, by the schema in ``docs/run.schema.json``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fastcheck.result.schema import plain

if TYPE_CHECKING:
    from fastcheck.nightly.records import Run

__all__ = ["run_json"]


def run_json(run: Run, *, arrays: bool = False, indent: int | None = 1) -> str:
    """Return a run as strict JSON, which :meth:`Run.from_dict` reads.

    Parameters
    ----------
    run : Run
        The run, finished or not.
    arrays : bool
        Whether numerical gradients and bounds are included, as far as they were kept.
    indent : int or None
        Of nested lines; None for a single line.

    Notes
    -----
    A float that is not finite is one of the strings ``"NaN"``, ``"Infinity"``, ``"-Infinity"``.
    """
    data = plain(run.to_dict(arrays=arrays))
    return json.dumps(data, allow_nan=False, ensure_ascii=False, indent=indent) + "\n"
