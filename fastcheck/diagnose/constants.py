"""Numbers that people multiply by: one, two, lengths, whole numbers, round numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastcheck.diagnose.fit import holds, inverse, is_narrow, middle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fastcheck.diagnose.evidence import Length
    from fastcheck.diagnose.fit import Interval

MOST_USUAL = 1.5
"""Cost of a number that is usual: one, two, a half, a length of data and its inverse."""
MOST_WHOLE = 12
"""The largest whole number that is simple on its own."""
FORMS = {
    "m": lambda m: m,
    "1/m": lambda m: 1 / m,
    "2/m": lambda m: 2 / m,
    "m/2": lambda m: m / 2,
    "(m-1)/m": lambda m: (m - 1) / m,
    "m/(m-1)": lambda m: m / (m - 1),
}
"""What is made of a length."""


@dataclass(frozen=True, slots=True)
class Named:
    """A number that is no accident.

    Attributes
    ----------
    value : float
        The number.
    cost : float
        Decimal digits of the number of such numbers that come into question.
    form : str
        What it is of `length`, a key of ``FORMS``; empty without a length.
    length : Length or None
        The length it comes from.
    """

    value: float
    cost: float
    form: str = ""
    length: Length | None = None


def named_factor(interval: Interval, lengths: Iterable[Length]) -> Named | None:
    """Return the simplest factor in an interval: one, two, of a length, whole; None for none.

    Notes
    -----
    What is made of a length beside itself and its inverse comes from a mean of squares (two over
    it) or from a variance (one less). Both are credible of the number of samples, the first also
    of other lengths of data that are not small: five halves may be five halves. In an interval
    that is not narrow, as for a loss in float32, only the most usual numbers are looked for.
    """
    found = (n for n in _factors(interval, lengths) if holds(interval, n.value))
    named = next(found, None)
    if named is None or is_narrow(interval) or named.cost <= MOST_USUAL:
        return named
    return None


def _factors(interval: Interval, lengths: Iterable[Length]) -> Iterator[Named]:
    for size in (1.0, 2.0, 0.5):
        yield from (Named(size, 0.0), Named(-size, 0.0))
    for length in lengths:
        cost = 1.0 if length.is_samples else 1.5 if length.is_data else 2.0
        for form in _forms(length):
            size = FORMS[form](length.n)
            more = 0.0 if form in ("m", "1/m") else 1.0
            for signed in (float(size), -float(size)):
                yield Named(signed, cost + more, form, length)
    for turned in (False, True):
        whole = float(round(middle(inverse(interval) if turned else interval)))
        if 1.0 <= abs(whole) <= MOST_WHOLE:
            yield Named(1.0 / whole if turned else whole, 2.0)


def _forms(length: Length) -> Sequence[str]:
    if length.is_samples:
        return list(FORMS)
    return list(FORMS)[: 4 if length.is_data and length.n > MOST_WHOLE else 2]


def round_number(interval: Interval, digits: int = 2) -> Named | None:
    """Return the number with so many decimal digits in an interval, if there is one."""
    for n in range(1, digits + 1) if is_narrow(interval) else ():
        value = float(f"{middle(interval):.{n - 1}e}")
        if holds(interval, value):
            return Named(value, float(n))
    return None
