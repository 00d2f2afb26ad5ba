"""Synthetic digits: ten drawings of straight strokes, each moved, slanted and inked a little.

An image is the distance of each pixel to the nearest stroke, turned into ink with a soft edge.
About 81 % of the pixels are exactly zero, as in MNIST.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.datasets.randomness import Stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["CLASSES", "digits"]

CLASSES = tuple(str(digit) for digit in range(10))
SIDE = 28

DRAWINGS = (
    "30 60 92 97 69 39 07 02 30",  # 0, an outline in a box of 9 by 9, (x, y) from the top left
    "24 50 59",
    "02 30 70 92 09 99",
    "00 90 44 95 88 49 08",
    "70 05 95|70 79",
    "90 00 04 74 97 69 09",
    "80 24 07 39 89 96 64 15",
    "00 90 39",
    "30 72 17 39 79 97 12 30",
    "94 44 11 40 90 94 69",
)
"""Strokes as digits x and y, joined by lines; `|` lifts the pen."""


def digits(n: int, seed: int, part: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images of digits and their labels.

    Parameters
    ----------
    n : int
        How many.
    seed : int
        Not negative.
    part : int
        0 for training, 1 for testing: different images from the same seed.

    Returns
    -------
    images : ndarray of uint8, shape (n, 28, 28)
    labels : ndarray of int64, shape (n,)
        Each digit equally often, in random order.
    """
    stream = Stream(seed, part)
    order = np.argsort(stream.between(0.0, 1.0, n), kind="stable")
    labels = (np.arange(n) % len(CLASSES))[order]
    images = np.stack([_image(DRAWINGS[label], stream) for label in labels])
    return images, labels


def _image(drawing: str, stream: Stream) -> NDArray[np.uint8]:
    """Return one variant of a drawing."""
    width, height = stream.between(1.25, 1.6), stream.between(1.9, 2.2)
    slant, radius = stream.between(-0.25, 0.25), stream.between(0.75, 1.35)
    shift = stream.between(-1.5, 1.5, 2)
    segments = _segments(drawing) - 4.5
    segments = segments + stream.between(-0.4, 0.4, *segments.shape)
    x, y = segments[..., 0] * width, segments[..., 1] * height
    placed = np.stack([x - slant * y, y], axis=-1) + (SIDE - 1) / 2 + shift
    ink = np.clip(radius + 0.5 - _distances(placed), 0.0, 1.0)
    return np.floor(255.0 * ink + 0.5).astype(np.uint8)


def _segments(drawing: str) -> Floats:
    """Return the ends of the strokes, shape (n_segments, 2, 2)."""
    lines = [[(int(p[0]), int(p[1])) for p in line.split()] for line in drawing.split("|")]
    pairs = [pair for line in lines for pair in pairwise(line)]
    return np.array(pairs, dtype=np.float64)


def _distances(segments: Floats) -> Floats:
    """Return the distance of each pixel to the nearest segment, shape (28, 28)."""
    row, column = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    nearest = np.full((SIDE, SIDE), np.inf)
    for (x0, y0), (x1, y1) in segments:
        dx, dy = x1 - x0, y1 - y0
        along = ((column - x0) * dx + (row - y0) * dy) / (dx * dx + dy * dy)
        along = np.clip(along, 0.0, 1.0)
        away_x, away_y = column - x0 - along * dx, row - y0 - along * dy
        nearest = np.minimum(nearest, np.sqrt(away_x * away_x + away_y * away_y))
    return nearest
