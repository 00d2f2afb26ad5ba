"""Boxes: an index range along each axis of one tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Box:
    """Part of a tensor.

    Attributes
    ----------
    name : str
        The tensor.
    bounds : tuple of (int, int)
        For each axis the first index and one more than the last.
    """

    name: str
    bounds: tuple[tuple[int, int], ...]

    @classmethod
    def whole(cls, name: str, shape: tuple[int, ...]) -> Box:
        """Return all of a tensor."""
        return cls(name, tuple((0, n) for n in shape))

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along each axis."""
        return tuple(hi - lo for lo, hi in self.bounds)

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def origin(self) -> tuple[int, ...]:
        """Its first entry."""
        return tuple(lo for lo, _ in self.bounds)

    @property
    def long_axes(self) -> list[int]:
        """The axes along which it has several indices."""
        return [axis for axis, n in enumerate(self.shape) if n > 1]

    def of(self, array: Array) -> Array:
        """Return a view of this part of `array`, also where that has no axes."""
        index: Any = (*(slice(lo, hi) for lo, hi in self.bounds), ...)
        part: Array = array[index]
        return part

    def has(self, index: tuple[int, ...]) -> bool:
        """Return whether an entry lies in it."""
        return all(lo <= i < hi for i, (lo, hi) in zip(index, self.bounds, strict=True))

    def along(self, axis: int, lo: int, hi: int) -> Box:
        """Return the part from `lo` to before `hi` along an axis."""
        return replace(self, bounds=(*self.bounds[:axis], (lo, hi), *self.bounds[axis + 1 :]))

    def halves(self, axis: int) -> tuple[Box, Box]:
        """Return two parts, the first as long as the largest power of two that is shorter.

        What is wrong in tiles is then met at its edges.
        """
        lo, hi = self.bounds[axis]
        middle = lo + 2 ** ((hi - lo - 1).bit_length() - 1)
        return self.along(axis, lo, middle), self.along(axis, middle, hi)

    def drawn(self, rng: np.random.Generator) -> tuple[int, ...]:
        """Return a random entry."""
        return tuple(int(rng.integers(lo, hi)) for lo, hi in self.bounds)

    def text(self, shape: tuple[int, ...]) -> str:
        """Say which part of a tensor of a `shape` it is.

        Examples
        --------
        >>> Box("W1", ((3, 4), (0, 50))).text((784, 50))
        'row 3'
        >>> Box("W1", ((0, 784), (2, 6))).text((784, 50))
        'columns 2 to 5'
        >>> Box("K", ((3, 4), (0, 2), (0, 3))).text((8, 2, 3))
        'the slice [3, :, :]'
        """
        if self.shape == shape:
            return "the whole tensor"
        partial = [axis for axis, n in enumerate(shape) if self.shape[axis] < n]
        if len(shape) == 2 and len(partial) == 1:
            lo, hi = self.bounds[partial[0]]
            noun = ("row", "column")[partial[0]]
            return f"{noun} {lo}" if hi == lo + 1 else f"{noun}s {lo} to {hi - 1}"
        parts = []
        for (lo, hi), n in zip(self.bounds, shape, strict=True):
            whole = hi - lo == n
            parts.append(":" if whole else str(lo) if hi == lo + 1 else f"{lo}:{hi}")
        return f"the {'slice' if len(partial) == 1 else 'block'} [{', '.join(parts)}]"


def merged(boxes: list[Box]) -> list[Box]:
    """Return the same entries in fewer boxes: neighbours along one axis become one.

    A box within another is left out.
    """
    found = [a for a in set(boxes) if not any(a is not b and _is_within(a, b) for b in boxes)]
    while True:
        pairs = ((a, b, _joined(a, b)) for a in found for b in found if a is not b)
        hit = next(((a, b, both) for a, b, both in pairs if both is not None), None)
        if hit is None:
            return sorted(found, key=lambda box: box.bounds)
        a, b, both = hit
        found = [box for box in found if box is not a and box is not b] + [both]


def _is_within(a: Box, b: Box) -> bool:
    sides = zip(a.bounds, b.bounds, strict=True)
    return a.name == b.name and a != b and all(y[0] <= x[0] and x[1] <= y[1] for x, y in sides)


def _joined(a: Box, b: Box) -> Box | None:
    """Return one box for two, `b` right after `a` along one axis; else None."""
    apart = [axis for axis, (x, y) in enumerate(zip(a.bounds, b.bounds, strict=True)) if x != y]
    if a.name != b.name or len(apart) != 1 or a.bounds[apart[0]][1] != b.bounds[apart[0]][0]:
        return None
    return a.along(apart[0], a.bounds[apart[0]][0], b.bounds[apart[0]][1])


def next_axis(box: Box, axis: int) -> int:
    """Return the next axis along which a box can be split; `axis` if there is no other."""
    n = len(box.shape)
    following = ((axis + k) % n for k in range(1, n + 1))
    return next((a for a in following if box.shape[a] > 1), axis)
