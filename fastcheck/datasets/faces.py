"""Synthetic pictures of two classes: a face with two pointed ears, or a box.

Each stands on a background that passes smoothly between four colours. Colours are multiples
of 4, which makes smooth pictures compress well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.datasets.randomness import Stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

__all__ = ["CLASSES", "faces"]

CLASSES = ("non-cat", "cat")
SIDE = 64
STEP = 4


def faces(n: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return pictures and their labels, every third of which is 1.

    Parameters
    ----------
    n : int
        How many.
    seed : int
        Not negative.

    Returns
    -------
    pictures : ndarray of uint8, shape (n, 64, 64, 3)
    labels : ndarray of int64, shape (n,)
        In random order.
    """
    stream = Stream(seed, 2)
    order = np.argsort(stream.between(0.0, 1.0, n), kind="stable")
    labels = (np.arange(n) % 3 == 0).astype(np.int64)[order]
    return np.stack([_picture(bool(label), stream) for label in labels]), labels


def _picture(is_cat: bool, stream: Stream) -> NDArray[np.uint8]:
    """Return one picture."""
    colours = stream.between(0.0, 256.0, 7, 3)
    picture = _background(colours[:4])
    size = stream.between(10.0, 18.0)
    x, y = stream.between(22.0, 42.0, 2)
    for colour, mask in zip(colours[4:], _masks(is_cat, x, y, float(size)), strict=True):
        picture[mask] = colour
    return (np.floor(picture / STEP) * STEP).astype(np.uint8)


def _background(corners: Floats) -> Floats:
    """Return the bilinear passage between the colours of four corners, shape (64, 64, 3)."""
    place = np.arange(SIDE)[:, None] / SIDE
    top: Floats = corners[0] + place * (corners[1] - corners[0])
    bottom: Floats = corners[2] + place * (corners[3] - corners[2])
    passage: Floats = top + place[..., None] * (bottom - top)
    return passage


def _masks(is_cat: bool, x: float, y: float, size: float) -> tuple[Mask, Mask, Mask]:
    """Return which pixels belong to the outer parts, the body and the inner parts."""
    row, column = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    across, down = np.abs(column - x), row - y
    if not is_cat:
        lid = (across <= size) & (np.abs(down + 0.6 * size) <= 0.2 * size)
        box = (across <= 0.9 * size) & (np.abs(down) <= 0.6 * size)
        return lid, box, (across <= 0.1 * size) & (np.abs(down) <= 0.6 * size)
    ears = (down < 0.0) & (down >= 2.5 * np.abs(across - 0.6 * size) - 1.6 * size)
    head = across * across + down * down <= size * size
    eye_x, eye_y = across - 0.4 * size, down + 0.2 * size
    return ears, head, eye_x * eye_x + eye_y * eye_y <= 0.04 * size * size
