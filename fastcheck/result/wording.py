"""How numbers are written in results, messages and reports."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "and_more",
    "count",
    "listing",
    "pair",
    "percent",
    "quantity",
    "seconds",
    "shape_text",
    "short",
    "times_text",
    "trimmed",
    "visible",
]

DIGITS = 5
"""Significant digits of a value, more where two values would read the same."""
MOST_DIGITS = 17
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
"""A sha256 in hexadecimal digits."""
NEAR = 1e-2
"""How close to one a ratio has more than three digits."""


def count(n: int) -> str:
    """Return a number of things, in groups of three with commas, which no column gap resembles.

    Examples
    --------
    >>> count(39760)
    '39,760'
    """
    return f"{n:,}"


def quantity(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> quantity(1, "entry", "entries"), quantity(1200, "tensor")
    ('1 entry', '1,200 tensors')
    """
    return f"{count(n)} {one if n == 1 else many or one + 's'}"


def trimmed(text: str) -> str:
    """Return a text in which only the first 12 digits of each sha256 are shown.

    Examples
    --------
    >>> trimmed("net.py " + "0123456789abcdef" * 4)
    'net.py 0123456789ab'
    """
    return DIGEST.sub(lambda digest: digest[0][:12], text)


def visible(line: str) -> str:
    r"""Return a line whose characters can all be seen, and none of which steers a terminal.

    Examples
    --------
    >>> print(visible("90 %\r100 %\x1b[31m"))
    90 %\r100 %\x1b[31m
    """
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def percent(part: int, whole: int) -> str:
    """Return a share, rounded down, so that only the whole reads ``100 %``.

    Examples
    --------
    >>> percent(39759, 39760), percent(5, 5)
    ('99.9 %', '100 %')
    """
    if whole == 0 or part == whole:
        return "100 %"
    tenths = 1000 * part // whole
    return f"{tenths // 10}.{tenths % 10} %"


def short(value: float) -> str:
    """Return a value with five significant digits."""
    return f"{value:.{DIGITS}g}"


def pair(first: float, second: float, apart: float = 0.0) -> tuple[str, str]:
    """Return two values, with the digits it takes to see that they differ by more than `apart`.

    Examples
    --------
    >>> pair(0.41203, 0.39871), pair(1.0, 1.0 + 1e-9)
    (('0.41203', '0.39871'), ('1', '1.000000001'))
    """
    texts = short(first), short(second)
    digits = DIGITS
    while texts[0] == texts[1] and abs(first - second) > apart and digits < MOST_DIGITS:
        digits += 1
        texts = f"{first:.{digits}g}", f"{second:.{digits}g}"
    return texts


def times_text(ratio: float) -> str:
    """Return by what something is multiplied, with the digits that tell it from one.

    Examples
    --------
    >>> times_text(0.01), times_text(-64.7), times_text(1.0000001)
    ('× 0.01', '× -64.7, wrong sign', '× 1.0000001')
    """
    sign = ", wrong sign" if ratio < 0.0 else ""
    return f"× {ratio_text(ratio)}{sign}"


def ratio_text(ratio: float) -> str:
    """Return a ratio with the digits that tell it from one.

    Examples
    --------
    >>> ratio_text(1.68), ratio_text(1.001), ratio_text(1.0)
    ('1.68', '1.001', '1')
    """
    off = abs(ratio - 1.0)
    if 0.0 < off < NEAR:
        places = min(1 - math.floor(math.log10(off)), MOST_DIGITS)
        return f"{ratio:.{places}f}".rstrip("0").rstrip(".")
    return f"{ratio + 0.0:.3g}"  # no negative zero


def seconds(value: float) -> str:
    """Return a time with a unit that suits it.

    Examples
    --------
    >>> seconds(0.01234), seconds(1.234), seconds(754.0)
    ('12 ms', '1.2 s', '12 min 34 s')
    """
    if not math.isfinite(value):
        return f"{value} s"
    if value >= 99.5:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes} min {rest:02d} s"
    if value >= 0.0995:
        return f"{value:.2g} s"
    return f"{1e3 * value:.0f} ms" if value >= 9.5e-3 else f"{1e3 * value:.1g} ms"


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as lengths.

    Examples
    --------
    >>> shape_text((784, 50)), shape_text(())
    ('784 × 50', 'scalar')
    """
    return " × ".join(map(str, shape)) or "scalar"


def listing(names: Sequence[str], most: int = 4) -> str:
    """Return names as they are read out.

    Examples
    --------
    >>> listing(["W1"]), listing(["W1", "b1", "W2"]), listing("abcdef", most=2)
    ('W1', 'W1, b1 and W2', 'a, b and 4 more')
    """
    if len(names) > most:
        return ", ".join(names[:most]) + and_more(len(names) - most)
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def and_more(n: int) -> str:
    """Return how many were left out, or nothing if none were."""
    return f" and {count(n)} more" if n else ""
