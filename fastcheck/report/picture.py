"""A small picture of where in a tensor the wrong entries lie, in characters."""

from __future__ import annotations

import math
from itertools import groupby, pairwise
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
SHARES: Final = ("none", "<1/3", "1/3-2/3", ">2/3", "all")
"""Which part of the entries of a cell is wrong, by its shade."""
STEPS: Final = (1, 2, 5)
"""Numbers below a picture are multiples of one of these times a power of ten."""


def draw_places(tensor: TensorResult, *, unicode: bool = True) -> list[str]:
    """Return the lines of a picture: a heading, the axes, the grid, and a legend.

    Parameters
    ----------
    tensor : TensorResult
        The outcome for a tensor, with `places`.
    unicode : bool
        Whether shades are drawn, or characters of ASCII.

    Returns
    -------
    list of str
        Empty if there are no `places`. The grid is at most 40 characters wide and 12 high; equal
        lines below each other are one. A cell without any wrong entry looks different from all
        others, however many entries it stands for; one of which nothing is known is blank.
    """
    if not tensor.places:
        return []
    k = split_axes(tensor.shape)
    rows, columns = edges(tensor.shape[:k], MOST_ROWS), edges(tensor.shape[k:], MOST_COLUMNS)
    upright, corner, flat = LINES[unicode]
    parts = [(row, len(list(same))) for row, same in groupby(tensor.places)]
    ends = [0]
    for _, n in parts:
        ends.append(ends[-1] + n)
    names = [_name(tensor.shape[:k], rows[a], rows[b]) for a, b in pairwise(ends)]
    margin = max(map(len, names))
    wide = 2 if len(columns) - 1 <= NARROW else 1
    sign_of = dict(zip(LEVELS, SHADES[unicode], strict=True))
    grid = ["".join(sign_of[level] * wide for level in row) for row, _ in parts]
    lines = [_heading(tensor), _axes(tensor.shape, k)]
    lines += [f"{n:>{margin}} {upright}{line}" for n, line in zip(names, grid, strict=True)]
    lines.append(f"{'':{margin}} {corner}{flat * (wide * (len(columns) - 1))}")
    lines.append(f"{'':{margin + 2}}{_numbers(tensor.shape[k:], columns, wide)}")
    lines += _legend(tensor, SHADES[unicode], (rows, columns))
    return [line.rstrip() for line in lines]


def _heading(tensor: TensorResult) -> str:
    n = tensor.n_disagree or tensor.n_close
    checked = quantity(tensor.n_checked, "entry", "entries")
    return f"{tensor.name} ({shape_text(tensor.shape)}): {count(n)} of {checked} wrong"


def _axes(shape: tuple[int, ...], k: int) -> str:
    """Return what runs down and across.

    Examples
    --------
    >>> _axes((784, 50), 1), _axes((50,), 0)
    ('down: rows 0 to 783; across: columns 0 to 49', 'across: entries 0 to 49')
    >>> _axes((16, 3, 5, 5), 2)
    'down: axes 0 and 1 (16 × 3); across: axes 2 and 3 (5 × 5)'
    """
    if len(shape) == 1:
        return f"across: entries 0 to {shape[0] - 1}"
    if len(shape) == 2:
        return f"down: rows 0 to {shape[0] - 1}; across: columns 0 to {shape[1] - 1}"
    down, across = (_some_axes(shape, part) for part in (range(k), range(k, len(shape))))
    return f"down: {down}; across: {across}"


def _some_axes(shape: tuple[int, ...], which: range) -> str:
    names = [str(axis) for axis in which]
    lengths = shape_text(tuple(shape[axis] for axis in which))
    return f"{'axis' if len(names) == 1 else 'axes'} {listing(names)} ({lengths})"


def _name(lengths: tuple[int, ...], start: int, stop: int) -> str:
    """Return which indices some cells stand for; axes that they hold as a whole are left out.

    Examples
    --------
    >>> _name((784,), 65, 130), _name((16, 3), 3, 9), _name((16, 3), 4, 5), _name((16, 3), 3, 8)
    ('65-129', '1-2', '1,1', '1,0-2,1')
    """
    if not lengths:
        return ""
    n = len(lengths)
    while n > 1 and start % (size := math.prod(lengths[n - 1 :])) == stop % size == 0:
        n -= 1
    below = math.prod(lengths[n:])
    first, last = (
        [int(i) for i in np.unravel_index(place, lengths)][:n] for place in (start, stop - below)
    )
    name = ",".join(map(str, first))
    if first == last:
        return name
    is_run = first[:-1] == last[:-1]
    return f"{name}-{last[-1] if is_run else ','.join(map(str, last))}"


def _numbers(lengths: tuple[int, ...], columns: Sequence[int], wide: int) -> str:
    """Return even numbers of columns, each below the cell that holds it.

    Where several axes run across, the first indices of every so many cells.
    """
    if len(lengths) > 1:
        names = [_name(lengths, *pair).split("-")[0] for pair in pairwise(columns)]
        room = max(map(len, names)) + 1
        ticks = list(enumerate(names))[:: -(-room // wide)]
    else:
        length, cells = columns[-1], len(columns) - 1
        room = len(str(length - 1)) + 1
        sizes = (step * 10**e for e in range(len(str(length)) + 1) for step in STEPS)
        size = next(s for s in sizes if s * cells * wide >= room * length)
        starts = np.searchsorted(columns, range(0, length, size), side="right") - 1
        ticks = [(int(cell), str(k * size)) for k, cell in enumerate(starts)]
    line = ""
    for cell, name in ticks:
        line = f"{line:<{cell * wide}}{name}"
    return line


def _legend(
    tensor: TensorResult, shades: str, cuts: tuple[Sequence[int], Sequence[int]]
) -> list[str]:
    """Say what the characters mean, as far as they occur, and what one stands for."""
    single = all(len(cut) - 1 == cut[-1] for cut in cuts)
    meanings = ["right", "", "", "", "wrong"] if single else SHARES
    found = set("".join(tensor.places))
    said = [
        f"{sign} {meaning}"
        for level, sign, meaning in zip(LEVELS[1:], shades[1:], meanings, strict=True)
        if level in found
    ]
    lines = [("" if single else "wrong: ") + "   ".join(said)]
    lines += ["blank: not checked"] if " " in found else []
    if not single:
        sizes = " × ".join(_size(cut) for cut in cuts if cut[-1] > 1)
        lines.append(f"one character: {sizes} entries")
        if tensor.n_zero:
            lines.append("(those that are 0 in both gradients are not counted)")
    return lines


def _size(cut: Sequence[int]) -> str:
    """Return how many entries of an axis a cell has, the least and the most."""
    lengths = np.diff(cut)
    least, most = int(lengths.min()), int(lengths.max())
    return str(most) if least == most else f"{least}-{most}"
