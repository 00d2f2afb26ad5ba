"""Writes what was measured into a page, between marks, and leaves all else as it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from benchmarks.peers import page_growth
from benchmarks.peers.roster import BY_NAME, EVERY, OURS
from benchmarks.peers.text import missed_of
from benchmarks.timing import duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Figures = dict[str, Any]

MARK = "<!-- begin {name}: written by python -m benchmarks.peers page -->"
END = "<!-- end {name} -->"
TARGETS = {("S3", "torch-slow"): 300.0, ("S3", "jax-loss"): 300.0, ("S3", "jax-loop"): 300.0,
           ("S3", "jax-vmap"): 300.0}  # fmt: skip
"""How many times faster fastcheck is meant to be."""
RESULTS = ("table", "faults", "growth")


def load(folder: Path) -> dict[str, Figures]:
    """Return what was measured, by command; what was not measured is left out."""
    files = {name: folder / f"{name}.json" for name in RESULTS}
    return {
        name: json.loads(file.read_text("utf-8")) for name, file in files.items() if file.exists()
    }


def written(text: str, found: dict[str, Figures], pictures: str) -> str:
    """Return a page with its marked parts written anew.

    Parameters
    ----------
    text : str
        The page.
    found : dict of str to dict
        What was measured.
    pictures : str
        The folder of the pictures, as the page refers to it.

    Raises
    ------
    ValueError
        If a mark has no end, or a name that nobody writes.
    """
    makers: dict[str, tuple[str, Callable[[Figures], str]]] = {
        "table": ("table", side_by_side),
        "ahead": ("table", ahead),
        "rules": ("table", rules),
        "faults": ("faults", survey),
        "growth": ("growth", lambda figures: page_growth.growth(figures, pictures)),
        "machine": ("", lambda _: machines(found)),
    }
    for name in re.findall(MARK.format(name=r"(\w+)"), text):
        start, end = MARK.format(name=name), END.format(name=name)
        if name not in makers or end not in text:
            known = ", ".join(makers)
            raise ValueError(f"`{start}` must be one of {known} and end with `{end}`")
        source, make = makers[name]
        if source and source not in found:
            body = f"Not measured yet: `python -m benchmarks.peers {source} --write`."
        else:
            body = make(found.get(source, {}))
        before, _, rest = text.partition(start)
        text = f"{before}{start}\n\n{body}\n\n{end}{rest.partition(end)[2]}"
    return text


def markdown(head: list[str], rows: list[list[str]], n_left: int = 1) -> str:
    """Return a table; all columns after the first few are aligned to the right."""
    lines = [head, ["---"] * n_left + ["---:"] * (len(head) - n_left), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


# ------------------------------------------------------------ side by side


def side_by_side(found: Figures) -> str:
    """Return a table for each problem."""
    return "\n\n".join(_of_problem(problem) for problem in found["problems"])


def _of_problem(problem: Figures) -> str:
    head = ["", "looks at", "whole check", "times as long", "worst error", "right gradient",
            "misses"]  # fmt: skip
    rows = [_cells(problem["name"], row) for row in problem["rows"]]
    listed = "; ".join(f"{k} {one['title']}" for k, one in enumerate(problem["faults"], start=1))
    return (
        f"### {problem['name']}: {problem['title']}\n\n"
        f"{problem['n_params']:,} parameters, {problem['data']}.\n\n"
        f"{markdown(head, rows, 2)}\n\nPlanted: {listed}."
    )


def _cells(problem: str, row: Figures) -> list[str]:
    title = f"**{row['title']}**" if row["peer"] == OURS.name else row["title"]
    if not row["installed"]:
        return [title, "not installed", *[""] * 5]
    target = TARGETS.get((problem, row["peer"]))
    missed = f" (target {target:.0f})" if target and row["ratio"] < target else ""
    return [
        title,
        row["looks_at"],
        ("~" if row["extrapolated"] else "") + duration(row["seconds"]),
        times(row["ratio"]) + missed,
        "" if row["error"] is None else f"{row['error']:.0e}",
        {"pass": "passes", "fail": "**false alarm**"}.get(row["right"], row["right"]),
        _missed_cell(row),
    ]


def _missed_cell(row: Figures) -> str:
    """Return which mistakes a peer has missed; finding all is nothing if it accuses everything."""
    missed = ", ".join(missed_numbers(row))
    return missed or ("none, as it accuses all" if row["right"] == "fail" else "none")


def missed_numbers(row: Figures) -> list[str]:
    """Return the numbers of the mistakes that a peer has missed."""
    return [str(k) for k, said in enumerate(row["planted"], start=1) if said != "fail"]


def times(ratio: float) -> str:
    """Return a ratio for people."""
    return f"{ratio:,.0f}" if ratio >= 10.0 else f"{ratio:.2g}"


# ------------------------------------------------------------ where others are ahead


def ahead(found: Figures) -> str:
    """Return in which columns which peers are better, and which targets were missed."""
    lines = []
    for problem in found["problems"]:
        rows = [row for row in problem["rows"] if row["installed"]]
        ours = next(row for row in rows if row["peer"] == OURS.name)
        others = [row for row in rows if BY_NAME[row["peer"]].place.partition(":")[0] != "ours"]
        lines += [f"- {problem['name']}: {line}" for line in _better(ours, others)]
        lines += [
            f"- {problem['name']}: fastcheck is meant to be {target:.0f} times faster than "
            f"{row['title']}, and is {times(row['ratio'])} times faster."
            for row in others
            if (target := TARGETS.get((problem["name"], row["peer"]))) and row["ratio"] < target
        ]
    return "\n".join(lines) or "Nowhere, and no target is missed."


def _better(ours: Figures, others: list[Figures]) -> list[str]:
    """Return a sentence for each peer that is better in some column."""
    found = []
    for row in others:
        what = []
        if row["ratio"] < 1.0:
            looks = "" if row["looks_at"] == EVERY else f" (it looks at {row['looks_at']})"
            what.append(f"takes {duration(row['seconds'])} against {duration(ours['seconds'])}"
                        f"{looks}")  # fmt: skip
        if row["error"] is not None and row["error"] < ours["error"]:
            what.append(f"has a worst error of {row['error']:.0e} against {ours['error']:.0e}")
        more = set(missed_numbers(ours)) - set(missed_numbers(row))
        if more:
            what.append(f"finds mistake {', '.join(sorted(more, key=int))}")
        if row["right"] == "pass" != ours["right"]:
            what.append("passes the right gradient")
        if what:
            found.append(f"{row['title']} {' and '.join(what)}{_price(row)}.")
    return found


def _price(row: Figures) -> str:
    """Return what a peer that is better somewhere pays for it."""
    missed = missed_numbers(row)
    price = [f"misses {len(missed)} of {len(row['planted'])} mistakes"] if missed else []
    if row["right"] == "fail":
        price.append("calls the right gradient wrong")
    return f"; it {' and '.join(price)}" if price else ""


def rules(found: Figures) -> str:
    """Return step and rule of each peer."""
    rows: dict[str, list[str]] = {}
    for problem in found["problems"]:
        for row in problem["rows"]:
            cells = [row["step"], row["rule"].replace("|", r"\|")]
            rows.setdefault(row["peer"], [row["title"], *cells])
    return markdown(["", "step", "passes if"], list(rows.values()), 3)


# ------------------------------------------------------------ the whole catalogue


def survey(found: Figures) -> str:
    """Return what each peer has missed, by the size of the mistake and the kind of network."""
    first = next(row for row in found["rows"] if row["installed"])
    sizes = list(dict.fromkeys(count["size"] for count in first["counts"]))
    groups = list(dict.fromkeys(count["group"] for count in first["counts"]))
    head = ["", "false alarms", *sizes, *groups]
    rows = []
    for row in found["rows"]:
        title = f"**{row['title']}**" if row["peer"] == OURS.name else row["title"]
        if not row["installed"]:
            rows.append([title, "not installed", *[""] * (len(head) - 2)])
            continue
        missed = [missed_of(row, "size", size) for size in sizes]
        missed += [missed_of(row, "group", group, leave_out=sizes[-1]) for group in groups]
        rows.append([title, f"{row['alarms']}/{row['right']}", *missed])
    fewer = _fewer([row for row in found["rows"] if row["installed"]], sizes)
    undecided = sum(row["undecided"] for row in found["rows"] if row["installed"])
    return (
        f"{found['n_networks']} networks: {'; '.join(found['networks'])}; penalty {found['l2']:g}."
        f"\n\n{markdown(head, rows)}\n\n"
        f"Right gradients of which a check said neither: {undecided}.\n\n"
        f"Who misses fewer than fastcheck: {fewer}\n\n{_most_missed(found)}"
    )


def _fewer(rows: list[Figures], sizes: list[str]) -> str:
    """Return which peers miss fewer mistakes of some size."""
    ours = next(row for row in rows if row["peer"] == OURS.name)
    parts = []
    for size in sizes:
        better = [row for row in rows if _missed(row, size) < _missed(ours, size)]
        listed = ", ".join(f"{row['title']} ({row['alarms']})" for row in better)
        if better:
            parts.append(f"of {size}, with false alarms in brackets, {listed}")
    return "; ".join(parts) + "." if parts else "nobody."


def _missed(row: Figures, size: str) -> int:
    return sum(count["missed"] for count in row["counts"] if count["size"] == size)


def _most_missed(found: Figures) -> str:
    """Return the mistakes that a peer misses most often."""
    lines = []
    for row in found["rows"]:
        names = list(row.get("names", {}).items())[:4]
        if names:
            listed = ", ".join(f"{name} ({count})" for name, count in names)
            lines.append(f"- {row['title']}: {listed}")
    return "Missed most often:\n\n" + "\n".join(lines) if lines else "Nobody missed any."


# ------------------------------------------------------------ on what


def machines(found: dict[str, Figures]) -> str:
    """Return date, machine, versions and command of each measurement."""
    lines = []
    for one in found.values():
        machine = one["machine"]
        fixed = {"processor", "cores", "system", "load", "blas"}
        versions = ", ".join(f"{n} {v}" for n, v in machine.items() if n not in fixed)
        clock = {"wall": "time that passes", "cpu": "time of the processor", "": "not timed"}
        rounds = f", {one['rounds']} round" + "s" * (one["rounds"] != 1) if one["clock"] else ""
        lines.append(
            f"- `{one['command']}` on {one['date']}: {machine['processor']}, "
            f"{machine['cores']} cores, one used, load {machine['load'][0]}, "
            f"{clock[one['clock']]}{rounds}; {versions}; {', '.join(machine['blas'])}."
        )
    return "\n".join(lines)
