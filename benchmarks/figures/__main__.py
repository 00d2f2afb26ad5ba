"""Draw the figures of docs/numerics.md, and print what is quoted there.

``python -m benchmarks.figures [--quick] [--to FOLDER]`` in the root of a checkout. Everything is
measured anew, against 50-digit arithmetic; it takes half a minute, with ``--quick`` some seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import bounds, kinks, networks, operations
from benchmarks.figures.drawing import style, write
from benchmarks.timing import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    Drawn = tuple[Figure, list[list[str]]]

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "figures"


def figures(quick: bool) -> dict[str, Callable[[], Drawn]]:
    """Return what draws each figure."""
    if quick:
        return {
            "operations": lambda: operations.draw(2, 3),
            "steps": lambda: networks.draw_steps(2, 4),
            "order": lambda: networks.draw_order(2, 8),
            "kinks": lambda: kinks.draw(8, 6),
            "bounds": lambda: bounds.draw((2,), 2),
        }
    return {
        "operations": lambda: operations.draw(33, 24),
        "steps": lambda: networks.draw_steps(8, 48),
        "order": lambda: networks.draw_order(8, 15),
        "kinks": lambda: kinks.draw(32, 28),
        "bounds": lambda: bounds.draw((2, 3, 4), 8),
    }


def draw_all(folder: Path, quick: bool) -> dict[str, list[list[str]]]:
    """Write all figures into a folder; return what was measured for each, as a table."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {}
    for name, draw in figures(quick).items():
        with style():
            figure, tables[name] = draw()
            write(figure, folder / f"{name}.svg")
    return tables


def main(argv: list[str] | None = None) -> int:
    """Draw all figures; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.figures")
    parser.add_argument("--quick", action="store_true", help="measure less")
    parser.add_argument("--to", type=Path, default=FOLDER, help="the folder of the figures")
    options = parser.parse_args(argv)
    for name, (head, *rows) in draw_all(options.to, options.quick).items():
        print(f"{name}.svg\n{table(head, rows)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
