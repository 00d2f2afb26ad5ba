"""A small picture of where in a tensor the wrong entries lie, in characters."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from fastcheck.result.places import MOST_COLUMNS, MOST_ROWS, edges, split_axes
from fastcheck.result.wording import listing, quantity, shape_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.result import Places, TensorResult

__all__ = ["draw_places"]

SHADES: Final = {True: "·░▒▓█", False: ".-+*#"}
"""For Unicode and ASCII: no entry of a cell is wrong, some, a third, two thirds, all."""
LINES: Final = {True: ("│", "└", "─"), False: ("|", "+", "-")}
NARROW: Final = 20
"""Up to so many columns, each is two characters wide, about as wide as high."""
EVERY: Final = (1, 2, 5, 10, 20, 40)
"""How many cells there may be from one number below the picture to the next."""


def draw_places(tensor: TensorResult, *, unicode: bool = True) -> list[str]:
    """Return the lines of a picture: a heading, the grid with its axes, and a legend.

    Parameters
    ----------
    tensor : TensorResult
        The outcome for a tensor, with `places`.
    unicode : bool
        Whether shades are drawn, or characters of ASCII.

    Returns
    -------
    list of str
        None if `places` is. The grid is at most 40 characters wide and 12 high. A cell without any
        wrong entry looks different from all others, however many entries it stands for; one of
        which nothing is known is blank.
    """
    places = tensor.places
    if places is None:
        return []
    k = split_axes(tensor.shape)
    rows, columns = edges(tensor.shape[:k], MOST_ROWS), edges(tensor.shape[k:], MOST_COLUMNS)
    upright, corner, flat = LINES[unicode]
    names = [_name(tensor.shape[:k], *pair) for pair in pairwise(rows)]
    margin = max(map(len, names))
    wide = 2 if len(columns) - 1 <= NARROW else 1
    grid = _cells(places, SHADES[unicode], wide)
    lines = [_heading(tensor)]
    lines += [f"{n:>{margin}} {upright}{line}" for n, line in zip(names, grid, strict=True)]
    lines.append(f"{'':{margin}} {corner}{flat * (wide * (len(columns) - 1))}")
    lines.append(f"{'':{margin + 2}}{_numbers(tensor.shape[k:], columns, wide)}")
    lines += _legend(tensor, places, k, SHADES[unicode], (rows, columns))
    return [line.rstrip() for line in lines]


def _cells(places: Places, shades: str, wide: int) -> list[str]:
    """Return one line for each row of the grid."""
    wrong, decided = np.array(places.wrong), np.array(places.decided)
    share = wrong / np.maximum(decided, 1)
    level = np.where(wrong > 0, 1 + (share >= 1 / 3) + (share >= 2 / 3) + (share == 1.0), 0)
    signs = np.where(decided > 0, np.array(list(shades))[np.minimum(level, 4)], " ")
    return ["".join(sign * wide for sign in row) for row in signs]


def _heading(tensor: TensorResult) -> str:
    n = tensor.n_disagree or tensor.n_close
    checked = quantity(tensor.n_checked, "checked entry", "checked entries")
    return f"{tensor.name} ({shape_text(tensor.shape)}): {n} of {checked} {_are(n)} wrong"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _name(lengths: tuple[int, ...], start: int, stop: int) -> str:
    """Return which indices a cell stands for; axes that it holds as a whole are left out.

    Examples
    --------
    >>> _name((784,), 65, 130), _name((16, 3), 3, 9), _name((16, 3), 4, 5)
    ('65-129', '1-2', '1,1')
    """
    if not lengths:
        return ""
    n = len(lengths)
    while n > 1 and (stop - start) % math.prod(lengths[n - 1 :]) == 0:
        n -= 1
    index = [int(i) for i in np.unravel_index(start, lengths)][:n]
    last = index[-1] + (stop - start) // math.prod(lengths[n:]) - 1
    return ",".join(map(str, index)) + (f"-{last}" if last > index[-1] else "")


def _numbers(lengths: tuple[int, ...], columns: Sequence[int], wide: int) -> str:
    """Return the first index of every so many cells, each below its cell."""
    names = [_name(lengths, *pair).split("-")[0] for pair in pairwise(columns)]
    room = max(map(len, names)) + 1
    every = next(n for n in EVERY if n * wide >= room)
    line = ""
    for cell in range(0, len(names), every):
        line = f"{line:<{cell * wide}}{names[cell]}"
    return line


def _legend(
    tensor: TensorResult,
    places: Places,
    k: int,
    shades: str,
    cuts: tuple[Sequence[int], Sequence[int]],
) -> list[str]:
    """Say what the characters mean, as far as they occur, and what a cell is."""
    wrong, decided = np.array(places.wrong), np.array(places.decided)
    meanings = [
        (shades[0], "right", (wrong == 0) & (decided > 0)),
        (shades[1:4], "some wrong", (wrong > 0) & (wrong < decided)),
        (shades[4], "all wrong", (wrong > 0) & (wrong == decided)),
        ("blank:", "not checked", decided == 0),
    ]
    single = all(len(cut) - 1 == cut[-1] for cut in cuts)
    said = [f"{sign} {'wrong' if single and sign == shades[4] else meaning}"
            for sign, meaning, occurs in meanings if occurs.any()]  # fmt: skip
    scale = []
    if not single:
        sizes = [_size(cut) for cut in cuts]
        scale.append(f"one cell: {sizes[0]} × {sizes[1]} entries")
    if len(tensor.shape) > 2:
        scale.append(f"down: {_axes(range(k))}, across: {_axes(range(k, len(tensor.shape)))}")
    return ["   ".join(said), *filter(None, ["; ".join(scale)])]


def _size(cut: Sequence[int]) -> str:
    """Return how many entries of an axis a cell has, the least and the most."""
    lengths = np.diff(cut)
    least, most = int(lengths.min()), int(lengths.max())
    return str(most) if least == most else f"{least}-{most}"


def _axes(which: range) -> str:
    names = [str(axis) for axis in which]
    return f"{'axis' if len(names) == 1 else 'axes'} {listing(names)}"
