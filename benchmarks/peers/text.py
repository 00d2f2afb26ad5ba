"""Figures as text, for a terminal."""

from __future__ import annotations

from typing import Any

from benchmarks.timing import duration, table


def side_table(found: dict[str, Any]) -> str:
    """Return the figures of all peers on one problem."""
    numbers = [str(k) for k in range(1, len(found["faults"]) + 1)]
    head = ["peer", "time", "times ours", "error", "right", *numbers]
    rows = [_row(row, len(numbers)) for row in found["rows"]]
    notes = [f"{k}: {fault['title']}" for k, fault in zip(numbers, found["faults"], strict=True)]
    end = "~: extrapolated; +: found; -: missed; ?: inconclusive"
    return "\n".join([table(head, rows), *notes, end])


def _row(row: dict[str, Any], n_faults: int) -> list[str]:
    if not row["installed"]:
        return [row["title"], "not installed", *[""] * (n_faults + 3)]
    time = ("~" if row["extrapolated"] else "") + duration(row["seconds"])
    error = "" if row["error"] is None else f"{row['error']:.0e}"
    right = {"pass": "passes", "fail": "ALARM"}.get(row["right"], row["right"])
    signs = ["+" if v == "fail" else "-" if v == "pass" else "?" for v in row["planted"]]
    return [row["title"], time, f"{row['ratio']:.3g}", error, right, *signs]
