"""The samples among the arrays that a loss reads: in another order, or some in place of others."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.diagnose.evidence import UNNAMED
from fastcheck.result.wording import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Ints = NDArray[np.int64]

MOST_LENGTHS = 3
MOST_NAMES = 3


@dataclass(eq=False)
class Samples:
    """Arrays with an axis of one length, which perhaps counts samples.

    Attributes
    ----------
    n : int
        The length.
    members : list of tuple
        Each array with a copy of what it holds, and its axis.
    """

    n: int
    members: list[tuple[Array, Array, int]]

    def where(self, name_of: Callable[[object], str]) -> str:
        """Return along which axes of which arrays they lie, as in ``axis 0 of x``."""
        found: dict[int, list[str]] = {}
        for array, _, axis in self.members:
            name = name_of(array)
            if name not in UNNAMED:
                found.setdefault(axis, []).append(name)
        parts = [f"axis {axis} of {listing(names, MOST_NAMES)}" for axis, names in found.items()]
        return ", ".join(parts) or "an axis of the data"

    @contextmanager
    def taken(self, order: Ints) -> Iterator[None]:
        """Let sample ``order[i]`` stand at place `i` everywhere, for a while.

        All is written back bit for bit, whatever happens.
        """
        try:
            for array, copy, axis in self.members:
                array[...] = np.take(copy, order, axis)
            yield
        finally:
            self.restore()

    def restore(self) -> None:
        """Write back what the arrays held."""
        for array, copy, _ in self.members:
            array[...] = copy


def candidates(kept: Sequence[tuple[Array, Array]], n_samples: int | None) -> Iterator[Samples]:
    """Yield what may be samples, the likeliest first.

    Parameters
    ----------
    kept : sequence of tuple of ndarray
        Arrays, and copies of what they hold.
    n_samples : int or None
        How many samples there are, if that is known.

    Notes
    -----
    Samples lie along the first axis of most data, along the last of some, and then along one of
    all arrays that belong to them. ``arange`` counts them and is left in its order; where it is
    data, they are tried with it.
    """
    known = [(a, c) for a, c in kept if a.ndim and a.dtype.kind in "fiub" and a.size > 1]
    lengths = [n_samples] if n_samples else []
    for axis in (0, -1):
        lengths += [a.shape[axis] for a, _ in sorted(known, key=lambda pair: -pair[0].ndim)]
    for n in list(dict.fromkeys(n for n in lengths if n > 1))[:MOST_LENGTHS]:
        members = [(a, c, a.shape.index(n)) for a, c in known if n in a.shape]
        counting = [m for m in members if m[0].ndim == 1 and np.array_equal(m[0], np.arange(n))]
        if counting and len(counting) < len(members):
            yield Samples(n, [m for m in members if not any(m is c for c in counting)])
        yield Samples(n, members)
