"""Networks that are no plain stack of layers, by part of the split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.faulty.recurrent import recurrent
from benchmarks.faulty.structures import embedding, residual, tied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.faulty.problem import Problem

PROBLEMS: dict[str, tuple[Callable[[], Problem], ...]] = {
    "development": (
        lambda: recurrent((3, 5, 4), 6, 4, False, 1),
        lambda: recurrent((4, 6, 3), 5, 7, False, 2),
        lambda: recurrent((3, 5, 4), 7, 5, True, 3),
        lambda: recurrent((5, 4, 3), 4, 4, True, 4),
        lambda: embedding(9, 4, 3, 6, 4, 1),
        lambda: embedding(6, 5, 4, 8, 3, 2),
        lambda: residual((7, 5, 3), 6, 1),
        lambda: residual((6, 6, 6), 9, 2),
        lambda: tied(7, 4, 5, 1),
        lambda: tied(8, 3, 9, 2),
    ),
    "held out": (
        lambda: recurrent((4, 7, 3), 8, 6, False, 101),
        lambda: recurrent((2, 6, 5), 9, 5, False, 102),
        lambda: recurrent((4, 7, 3), 10, 6, True, 103),
        lambda: recurrent((6, 5, 4), 6, 7, True, 104),
        lambda: embedding(11, 5, 4, 7, 5, 101),
        lambda: embedding(8, 3, 5, 9, 4, 102),
        lambda: residual((9, 7, 4), 8, 101),
        lambda: residual((5, 8, 6), 11, 102),
        lambda: tied(9, 5, 7, 101),
        lambda: tied(10, 6, 12, 102),
    ),
}


def problems(part: str) -> Iterator[Problem]:
    """Yield the problems of a part of the split."""
    for make in PROBLEMS[part]:
        yield make()
