"""Timing things against each other on a machine that does other work too."""

from __future__ import annotations

import json
import os
import platform
import sys
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SHORTEST = 0.1
"""Seconds below which a measurement is repeated and divided."""


def seconds_of(
    work: Callable[[], object],
    shortest: float = SHORTEST,
    clock: Callable[[], float] = perf_counter,
) -> float:
    """Return the time of one call; short calls are repeated until `shortest` seconds have gone."""
    calls, start = 0, clock()
    while True:
        work()
        calls += 1
        passed = clock() - start
        if passed >= shortest:
            return passed / calls


def interleaved(
    measurements: Mapping[str, Callable[[], float]], n_rounds: int
) -> dict[str, list[float]]:
    """Return the seconds that each measurement found in each of `n_rounds` rounds.

    In a round all measurements follow each other, so that what else the machine does meets all of
    them; ratios are to be taken within a round.
    """
    found: dict[str, list[float]] = {name: [] for name in measurements}
    for _ in range(n_rounds):
        for name, measure in measurements.items():
            found[name].append(measure())
    return found


def ratio(top: list[float], bottom: list[float]) -> float:
    """Return the median of the ratios, round by round."""
    return median(a / b for a, b in zip(top, bottom, strict=True))


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run BLAS on one thread."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


def machine() -> dict[str, Any]:
    """Return what figures depend on: processor, interpreter, libraries, load."""
    from threadpoolctl import threadpool_info

    blas = [f"{i['internal_api']} {i['version']} {i.get('architecture', '')}".strip()
            for i in threadpool_info() if i["user_api"] == "blas"]  # fmt: skip
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "fastcheck": version_of_package(),
        "blas": sorted(set(blas)),
        **{name: version(name) for name in ("numpy", "numba", "joblib")},
    }


def version_of_package() -> str:
    """Return the version of the package that is measured."""
    import fastcheck

    return fastcheck.__version__


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return rows as text, the first column to the left and the others to the right."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def duration(seconds: float | None) -> str:
    """Return seconds for people."""
    if seconds is None:
        return ""
    if seconds < 0.9995:
        return f"{1e3 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 100.0 else f"{seconds:.0f} s"


def write_json(path: Path | None, content: Mapping[str, Any]) -> None:
    """Write a report, whole or not at all."""
    if path is None:
        return
    partial = path.with_name(path.name + ".part")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    partial.replace(path)
    print(f"written: {path}", file=sys.stderr)
