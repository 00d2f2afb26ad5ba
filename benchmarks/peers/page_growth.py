"""The part of the page on growth: exponents, pictures, figures."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from benchmarks.peers.growth import HIDDEN, TITLES, fitted
from benchmarks.peers.roster import BY_NAME
from benchmarks.timing import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    Point = dict[str, Any]

ALONG = {"width": "n_params", "depth": "n", "batch": "n_batch"}
"""In what the exponents are stated."""
WORDS = {"n_params": "parameters", "n": "layers", "n_batch": "examples"}


def growth(found: dict[str, Any], pictures: str) -> str:
    """Return pictures, exponents and a table for each series."""
    parts = []
    for series in dict.fromkeys(point["series"] for point in found["points"]):
        some = [point for point in found["points"] if point["series"] == series]
        fits = "\n".join(f"- {line}" for line in exponents(series, some))
        parts.append(
            f"### {TITLES[series]}\n\n![Time and memory]({pictures}/growth-{series}.svg)\n\n"
            f"{fits}\n\n{_table(some)}"
        )
    return "\n\n".join(parts)


def exponents(series: str, points: list[Point]) -> Iterator[str]:
    """Yield a sentence for each fit: how time grows with what, from where to where."""
    along = ALONG[series]
    for hidden in HIDDEN:
        own = [point for point in points if point["hidden"] == hidden]
        for plan, run in groupby(own, lambda point: str(point["plan"])):
            yield from _fit(f"fastcheck, {hidden}, {plan}", along, list(run))
    for name in dict.fromkeys(name for point in points for name in point["peers"]):
        timed = [p | p["peers"][name] for p in points if name in p["peers"]]
        yield from _fit(BY_NAME[name].title, along, timed)


def _fit(title: str, along: str, points: list[Point]) -> Iterator[str]:
    found = fitted(points, along)
    if found is not None:
        exponent, first, last = found
        yield f"{title}: time grows as {WORDS[along]}^{exponent:.2f} from {first:,} to {last:,}"


def _table(points: list[Point]) -> str:
    names = list(dict.fromkeys(name for point in points for name in point["peers"]))
    ours = [f"{what}, {hidden}" for hidden in HIDDEN for what in ("time", "plan", "peak MB")]
    head = ["n", "parameters", *ours, *(BY_NAME[name].title for name in names)]
    rows = []
    for n in dict.fromkeys(point["n"] for point in points):
        at = {point["hidden"]: point for point in points if point["n"] == n}
        some = next(iter(at.values()))
        cells = [str(n), f"{some['n_params']:,}"]
        for hidden in HIDDEN:
            cells += _ours(at.get(hidden))
        peers = {name: p["peers"][name] for p in at.values() for name in p["peers"]}
        cells += [_of_peer(peers.get(name), some["seconds"]) for name in names]
        rows.append(cells)
    lines = [head, ["---:"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _ours(point: Point | None) -> list[str]:
    if point is None:
        return ["", "", ""]
    return [duration(point["seconds"]), point["plan"], f"{point['peak_bytes'] / 1e6:.0f}"]


def _of_peer(found: dict[str, Any] | None, ours: float) -> str:
    if found is None:
        return ""
    sign = "~" if found["extrapolated"] else ""
    return f"{sign}{duration(found['seconds'])} ({found['seconds'] / ours:,.0f}×)"
