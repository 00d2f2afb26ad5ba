"""From what fits each tensor to the simplest causes of all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fastcheck.diagnose.constants import named_factor, round_number
from fastcheck.diagnose.evidence import MOST_COUNTED
from fastcheck.diagnose.fit import WIDE, is_narrow, middle

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fastcheck.diagnose.constants import Named
    from fastcheck.diagnose.evidence import Case
    from fastcheck.diagnose.fit import Fit, Interval

NEEDED = 6.0
"""Decimal digits that must speak for an explanation, beyond those that its constant takes."""


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
    named : Named or None
        What number that is; None if the constant was fitted, or there is none.
    message : str
        A sentence, where it explains all of these tensors or none.
    """

    kind: str
    detail: str
    fits: tuple[Fit, ...]
    constant: float | None = None
    named: Named | None = None
    message: str = ""

    @property
    def tensors(self) -> tuple[str, ...]:
        """The names of what it explains."""
        return tuple(fit.tensor for fit in self.fits)

    @property
    def is_fitted(self) -> bool:
        """Whether its constant is no simple number."""
        return self.constant is not None and self.named is None

    @property
    def complexity(self) -> float:
        """What it is compared with others by."""
        return min(fit.complexity for fit in self.fits) + 0.25 * self.is_fitted

    def without(self, names: set[str]) -> Cause | None:
        """Return the same for fewer tensors; None if too little is left to support it."""
        left = tuple(fit for fit in self.fits if fit.tensor not in names)
        if not left or (self.message and len(left) < len(self.fits)):
            return None
        cause = replace(self, fits=left)
        return cause if cause.is_supported else None

    @property
    def is_supported(self) -> bool:
        """Whether its entries say more than it took to find it.

        A constant that was fitted takes what the entry says that says most, and leaves the others.
        """
        said = sorted((d for fit in self.fits for d in fit.digits), reverse=True)
        spent = max(fit.cost for fit in self.fits) + (self.named.cost if self.named else 0.0)
        return sum(said[self.is_fitted : MOST_COUNTED]) - spent >= NEEDED


def find_causes(case: Case, fits: Iterable[Fit]) -> list[Cause]:
    """Return every cause that fits could have, tensors with the same one together."""
    groups: dict[tuple[str, str], list[Fit]] = {}
    for fit in fits:
        group = groups.setdefault((fit.kind, fit.detail), [])
        if fit.interval is not None or fit.tensor not in [other.tensor for other in group]:
            group.append(fit)
    causes = []
    for (kind, detail), members in groups.items():
        for some, interval in clusters(members):
            if interval is None:
                causes.append(Cause(kind, detail, tuple(some)))
                continue
            is_factor = kind == "factor"
            named = named_factor(interval, case.lengths) if is_factor else round_number(interval)
            if named is None and not is_narrow(interval):
                continue
            constant = middle(interval) if named is None else named.value
            causes.append(Cause(kind, detail, tuple(some), constant, named))
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


def clusters(fits: list[Fit]) -> Iterable[tuple[list[Fit], Interval | None]]:
    """Yield fits that can have one constant, and where it lies."""
    free = [fit for fit in fits if fit.interval is None]
    if free:
        yield free, None
    held = [(fit.interval, fit) for fit in fits if fit.interval is not None]
    place = {fit.tensor: k for k, fit in enumerate(fits)}
    some: list[Fit] = []
    low = high = 0.0
    for (least, most), fit in sorted(held, key=lambda pair: pair[0]):
        if some and is_narrow((max(low, least), min(high, most)), WIDE):
            low, high = max(low, least), min(high, most)
            some.append(fit)
            continue
        if some:
            yield sorted(some, key=lambda fit: place[fit.tensor]), (low, high)
        some, low, high = [fit], least, most
    if some:
        yield sorted(some, key=lambda fit: place[fit.tensor]), (low, high)
