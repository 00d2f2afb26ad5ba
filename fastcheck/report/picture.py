"""A small picture of where in a tensor the wrong entries lie, in characters."""

from __future__ import annotations

import math
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
LINES: Final = {True: "│└─", False: "|+-"}
NARROW: Final = 20
"""Up to so many columns, each is two characters wide, about as wide as high."""
BETWEEN: Final = 10
"""Characters from one number below the picture to the next."""


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
    n_rows, n_columns = math.prod(tensor.shape[:k]), math.prod(tensor.shape[k:])
    rows, columns = edges(n_rows, MOST_ROWS), edges(n_columns, MOST_COLUMNS)
    upright, corner, flat = LINES[unicode]
    names = [_name(tensor.shape[:k], *pair) for pair in zip(rows, rows[1:], strict=False)]
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


def _index(lengths: tuple[int, ...], place: int) -> str:
    """Return an index along several axes that are read as one."""
    return ",".join(str(int(i)) for i in np.unravel_index(place, lengths))


def _name(lengths: tuple[int, ...], start: int, stop: int) -> str:
    """Return which rows a line stands for; only the first of several axes."""
    if not lengths:
        return ""
    if stop - start == 1 or len(lengths) > 1:
        return _index(lengths, start)
    return f"{start}-{stop - 1}"


def _numbers(lengths: tuple[int, ...], columns: Sequence[int], wide: int) -> str:
    """Return the first column of every so many cells, each below its cell."""
    line = ""
    for cell in range(0, len(columns) - 1):
        place = cell * wide
        text = _index(lengths, columns[cell])
        if place % BETWEEN == 0 and len(line) < max(place, 1):
            line = f"{line:<{place}}{text}"
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
        ("blank", "not checked", decided == 0),
    ]
    single = all(len(cut) - 1 == cut[-1] for cut in cuts)
    said = [f"{sign} {'wrong' if single and sign == shades[4] else meaning}"
            for sign, meaning, occurs in meanings if occurs.any()]  # fmt: skip
    if not single:
        sizes = [_size(cut) for cut in cuts]
        said.append(f"one character: {sizes[0]} × {sizes[1]} entries")
    lines = ["   ".join(said)]
    if len(tensor.shape) > 2:
        lines.append(f"down: {_axes(range(k))}, across: {_axes(range(k, len(tensor.shape)))}")
    return lines


def _size(cut: Sequence[int]) -> str:
    """Return how many entries of an axis a cell has, the least and the most."""
    lengths = np.diff(cut)
    least, most = int(lengths.min()), int(lengths.max())
    return str(most) if least == most else f"{least}-{most}"


def _axes(which: range) -> str:
    names = [str(axis) for axis in which]
    return f"{'axis' if len(names) == 1 else 'axes'} {listing(names)}"
