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


def growth_table(points: list[dict[str, Any]]) -> str:
    """Return the figures of all points."""
    names = list(dict.fromkeys(name for point in points for name in point["peers"]))
    head = ["series", "n", "parameters", "batch", "plan", "time", "peak MB", *names]
    rows = [
        [
            f"{point['series']}, {point['hidden']}", str(point["n"]), str(point["n_params"]),
            str(point["n_batch"]), point["plan"], duration(point["seconds"]),
            f"{point['peak_bytes'] / 1e6:.0f}",
            *(_of_peer(point["peers"].get(name)) for name in names),
        ]
        for point in points
    ]  # fmt: skip
    return table(head, rows)


def survey_table(found: dict[str, Any]) -> str:
    """Return what each peer has missed, by the size of the mistake and by the kind of network."""
    first = next(row for row in found["rows"] if row["installed"])
    sizes = list(dict.fromkeys(count["size"] for count in first["counts"]))
    groups = list(dict.fromkeys(count["group"] for count in first["counts"]))
    head = ["peer", "false alarms", *sizes, *groups]
    rows = []
    for row in found["rows"]:
        if row["installed"]:
            missed = [missed_of(row, "size", s) for s in sizes]
            missed += [missed_of(row, "group", g, leave_out=sizes[-1]) for g in groups]
            rows.append([row["title"], f"{row['alarms']}/{row['right']}", *missed])
        else:
            rows.append([row["title"], "not installed", *[""] * len(sizes + groups)])
    return table(head, rows) + f"\nmissed/planted; the networks without {sizes[-1]}"


def missed_of(row: dict[str, Any], what: str, which: str, leave_out: str = "") -> str:
    """Return how many mistakes of a size or a group were missed, and of how many."""
    some = [c for c in row["counts"] if c[what] == which and c["size"] != leave_out]
    return f"{sum(c['missed'] for c in some)}/{sum(c['planted'] for c in some)}"


def _of_peer(found: dict[str, Any] | None) -> str:
    return "" if found is None else "~" * found["extrapolated"] + duration(found["seconds"])


def _row(row: dict[str, Any], n_faults: int) -> list[str]:
    if not row["installed"]:
        return [row["title"], "not installed", *[""] * (n_faults + 3)]
    time = ("~" if row["extrapolated"] else "") + duration(row["seconds"])
    error = "" if row["error"] is None else f"{row['error']:.0e}"
    right = {"pass": "passes", "fail": "ALARM"}.get(row["right"], row["right"])
    signs = ["+" if v == "fail" else "-" if v == "pass" else "?" for v in row["planted"]]
    return [row["title"], time, f"{row['ratio']:.3g}", error, right, *signs]
