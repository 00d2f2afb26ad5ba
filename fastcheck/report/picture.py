"""A small picture of where in a tensor the wrong entries lie, in characters."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from fastcheck.result.places import LEVELS, MOST_COLUMNS, MOST_ROWS, edges, split_axes
from fastcheck.result.wording import count, listing, quantity, shape_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.result import TensorResult

__all__ = ["draw_places"]

SHADES: Final = {True: " ·░▒▓█", False: " .-+*#"}
"""For Unicode and ASCII, by the levels of a cell."""
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
        Empty if there are no `places`. The grid is at most 40 characters wide and 12 high. A cell
        without any wrong entry looks different from all others, however many entries it stands
        for; one of which nothing is known is blank.
    """
    if not tensor.places:
        return []
    k = split_axes(tensor.shape)
    rows, columns = edges(tensor.shape[:k], MOST_ROWS), edges(tensor.shape[k:], MOST_COLUMNS)
    upright, corner, flat = LINES[unicode]
    names = [_name(tensor.shape[:k], *pair) for pair in pairwise(rows)]
    margin = max(map(len, names))
    wide = 2 if len(columns) - 1 <= NARROW else 1
    sign_of = dict(zip(LEVELS, SHADES[unicode], strict=True))
    grid = ["".join(sign_of[level] * wide for level in row) for row in tensor.places]
    lines = [_heading(tensor)]
    lines += [f"{n:>{margin}} {upright}{line}" for n, line in zip(names, grid, strict=True)]
    lines.append(f"{'':{margin}} {corner}{flat * (wide * (len(columns) - 1))}")
    lines.append(f"{'':{margin + 2}}{_numbers(tensor.shape[k:], columns, wide)}")
    lines += _legend(tensor, k, SHADES[unicode], (rows, columns))
    return [line.rstrip() for line in lines]


def _heading(tensor: TensorResult) -> str:
    n = tensor.n_disagree or tensor.n_close
    checked = quantity(tensor.n_checked, "entry", "entries")
    return f"{tensor.name} ({shape_text(tensor.shape)}): {count(n)} of {checked} wrong"


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
    every = next((n for n in EVERY if n * wide >= room), EVERY[-1])
    line = ""
    for cell in range(0, len(names), every):
        line = f"{line:<{cell * wide}}{names[cell]}"
    return line


def _legend(
    tensor: TensorResult, k: int, shades: str, cuts: tuple[Sequence[int], Sequence[int]]
) -> list[str]:
    """Say what the characters mean, as far as they occur, and what a cell is."""
    single = all(len(cut) - 1 == cut[-1] for cut in cuts)
    meanings = [
        ("0", shades[1], "right"),
        ("123", shades[2:5], "some wrong"),
        ("4", shades[5], "wrong" if single else "all wrong"),
        (" ", "blank:", "not checked"),
    ]
    found = set("".join(tensor.places))
    said = [f"{sign} {meaning}" for levels, sign, meaning in meanings if found & set(levels)]
    scale = []
    if not single:
        sizes = [_size(cut) for cut in cuts[not k :]]
        scale.append(f"one cell: {' × '.join(sizes)} entries")
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
