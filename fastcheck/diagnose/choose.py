"""From what fits each tensor to the simplest causes of all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fastcheck.diagnose.fit import is_narrow, round_number, simple_factor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fastcheck.diagnose.evidence import Case
    from fastcheck.diagnose.fit import Fit, Interval

FEWEST = 2
"""Entries that must support an explanation, one more for each constant that was fitted."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One explanation of one or several tensors.

    Attributes
    ----------
    kind, detail : str
        As of its fits.
    fits : tuple of Fit
        What it explains, by tensor.
    constant : float or None
        The constant, a simple number if there is one.
    n_fitted : int
        How many constants are not simple.
    message : str
        A sentence, where it explains all of these tensors or none.
    """

    kind: str
    detail: str
    fits: tuple[Fit, ...]
    constant: float | None = None
    n_fitted: int = 0
    message: str = ""

    @property
    def tensors(self) -> tuple[str, ...]:
        """The names of what it explains."""
        return tuple(fit.tensor for fit in self.fits)

    @property
    def complexity(self) -> float:
        """What it is compared with others by."""
        return min(fit.complexity for fit in self.fits) + self.n_fitted / 4

    def without(self, names: set[str]) -> Cause | None:
        """Return the same for fewer tensors; None if too few entries are left to support it."""
        left = tuple(fit for fit in self.fits if fit.tensor not in names)
        if self.message and len(left) < len(self.fits):
            return None
        cause = replace(self, fits=left)
        return cause if cause.is_supported else None

    @property
    def is_supported(self) -> bool:
        """Whether enough entries speak for it."""
        return sum(fit.n for fit in self.fits) >= FEWEST + self.n_fitted


def find_causes(case: Case, fits: Iterable[Fit]) -> list[Cause]:
    """Return every cause that fits could have, tensors with the same one together."""
    groups: dict[tuple[str, str], list[Fit]] = {}
    for fit in fits:
        groups.setdefault((fit.kind, fit.detail), []).append(fit)
    causes = []
    for (kind, detail), members in groups.items():
        for some, interval in _clusters(members):
            constant, n_fitted = _constant(kind, interval, case)
            causes.append(Cause(kind, detail, tuple(some), constant, n_fitted))
    return [cause for cause in causes if cause.is_supported]


def choose(causes: Sequence[Cause]) -> list[Cause]:
    """Return causes that explain each tensor once, those of most tensors first."""
    chosen = []
    left: list[Cause] = list(causes)
    while left:
        best = min(left, key=lambda c: (-len(c.fits), c.complexity, c.kind, c.tensors))
        chosen.append(best)
        names = set(best.tensors)
        left = [rest for cause in left if (rest := cause.without(names)) is not None]
    return chosen


def _clusters(fits: list[Fit]) -> Iterable[tuple[list[Fit], Interval | None]]:
    """Yield fits that can have one constant, and where it lies."""
    free = [fit for fit in fits if fit.interval is None]
    if free:
        yield free, None
    held = [(fit.interval, fit) for fit in fits if fit.interval is not None]
    place = {fit.tensor: k for k, fit in enumerate(fits)}
    some: list[Fit] = []
    low = high = 0.0
    for (least, most), fit in sorted(held, key=lambda pair: pair[0]):
        if some and is_narrow((max(low, least), min(high, most))):
            low, high = max(low, least), min(high, most)
            some.append(fit)
            continue
        if some:
            yield sorted(some, key=lambda fit: place[fit.tensor]), (low, high)
        some, low, high = [fit], least, most
    if some:
        yield sorted(some, key=lambda fit: place[fit.tensor]), (low, high)


def _constant(kind: str, interval: Interval | None, case: Case) -> tuple[float | None, int]:
    """Return the constant of a cause, and whether it had to be fitted."""
    if interval is None:
        return None, 0
    simple = simple_factor(interval, case.lengths) if kind == "factor" else round_number(interval)
    return (simple, 0) if simple is not None else ((interval[0] + interval[1]) / 2.0, 1)
