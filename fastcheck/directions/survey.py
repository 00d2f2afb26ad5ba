"""A gradient looked at along random directions, tensor by tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.directions.boxes import Box, merged
from fastcheck.directions.lines import Lines
from fastcheck.directions.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from fastcheck.blackbox import BlackBox
    from fastcheck.directions.reading import Single

    Floats = NDArray[np.float64]
    Index = tuple[int, ...]

RESOLUTION = 1e-3
"""Largest visible error, relative to the typical entry, with which a tensor is resolved; the
resolution of single entries."""
MOST_BROKEN = 16
"""Entries of a tensor that are not finite, and are probed one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What directions say about one tensor.

    Attributes
    ----------
    shape : tuple of int
        Its shape.
    visible : float
        Smallest error of a single entry that would have been seen, outside of what is named.
    typical : float
        The rms of the analytic gradient.
    off : float
        By how much entries are off on the whole, relative to the typical one, if a direction is
        loud that nothing explains; else zero.
    is_stopped : bool
        Whether more is wrong than was looked for.
    singles : dict of tuple of int to Single
        Entries that were probed on their own and are wrong, or are not finite.
    regions : list of Box
        Parts that are wrong as a whole.
    """

    shape: tuple[int, ...]
    visible: float
    typical: float
    off: float = 0.0
    is_stopped: bool = False
    singles: dict[Index, Single] = field(default_factory=dict)
    regions: list[Box] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        """Whether it was verified, or something wrong was found."""
        return self.is_resolved or any(single.is_wrong for single in self.singles.values())

    @property
    def is_resolved(self) -> bool:
        """Whether what is not named was verified."""
        small = self.visible <= RESOLUTION * self.typical
        return small and self.off == 0.0 and not self.is_stopped


def look_along(
    box: BlackBox,
    loss: float,
    noise: float,
    analytic: Mapping[str, Floats],
    units: Mapping[str, float],
    *,
    seed: int,
    is_noisy: bool,
    step: float | None = None,
    is_late: Callable[[], bool] = lambda: False,
    keep: Callable[[str, Index, Single], None] = lambda *_: None,
) -> tuple[dict[str, Seen], int]:
    """Return what directions say about each tensor, and how many were probed.

    Parameters
    ----------
    box, loss, noise, units, is_noisy
        As for :class:`Lines`.
    analytic : mapping of str to ndarray of float64
        The gradient. What is not finite is left out of directions and probed on its own.
    seed : int
        Seed of the directions.
    step : float, optional
        Absolute step of a typical entry in a direction; found by default.
    is_late : callable, optional
        Whether time is up.
    keep : callable, optional
        Called with each wrong entry as it is found, so that it is known if the search is ended.
    """
    broken = {name: np.argwhere(~np.isfinite(g)) for name, g in analytic.items()}
    clean = {
        name: np.nan_to_num(g, nan=0.0, posinf=0.0, neginf=0.0) if broken[name].size else g
        for name, g in analytic.items()
    }
    lines = Lines(box, loss, noise, clean, units, is_noisy=is_noisy)
    shapes = {name: g.shape for name, g in analytic.items() if g.size}
    search = Search(lines, shapes, seed, analytic=clean, is_late=is_late, keep=keep)
    for name, places in broken.items():
        for place in places[:MOST_BROKEN]:
            index = tuple(int(i) for i in place)
            search.exclude(name, index)
        if len(places) > MOST_BROKEN:
            search.stopped.add(name)
    names = [name for name in shapes if name not in search.stopped]
    if names:
        _find_steps(lines, names, seed, step)
        search.run(names)
    found = {name: _seen(name, search, lines, names) for name in shapes}
    return found, lines.n_probes


def _find_steps(lines: Lines, names: list[str], seed: int, step: float | None) -> None:
    """Find steps for all tensors, and for each of those that remain unresolved on its own."""
    if step is not None:
        lines.steps = dict.fromkeys(lines.steps, step)
        return
    rng = np.random.default_rng([seed, 19])
    lines.calibrate(names, rng)
    for name in names:
        typical = lines.typical[name]
        if typical and lines.visible(name) > RESOLUTION * typical:
            lines.reset(name)
            lines.calibrate([name], rng)


def _seen(name: str, search: Search, lines: Lines, names: list[str]) -> Seen:
    """Return what a search says about one tensor."""
    shape, typical = search.shapes[name], lines.typical[name]
    off, visible = 0.0, math.inf
    if name in search.loud:
        size = lines.step(name) * typical * math.sqrt(math.prod(shape))
        off = abs(search.loud[name].value) / size if size else math.inf
    elif name in names and name not in search.stopped and search.tolerance > 0.0:
        visible = lines.visible(name, search.tolerance)
    return Seen(
        shape,
        visible,
        typical,
        off,
        name in search.stopped,
        {
            index: single
            for (tensor, index), single in search.known.singles.items()
            if tensor == name and (single.is_wrong or (tensor, index) in search.known.excluded)
        },
        merged([box for box in search.known.regions if box.name == name]),
    )
