"""The rules of judging, written out one by one: slow, literal, and without the kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

Floats = Sequence[float]
Flags = Sequence[bool]


def rms(values: Floats) -> float:
    """Return the root of the mean square of the finite values, free of overflow."""
    finite = [Fraction(v) for v in values if math.isfinite(v)]
    largest = max((abs(v) for v in finite), default=Fraction(0))
    if largest == 0:
        return 0.0
    mean = sum((v / largest) ** 2 for v in finite) / len(finite)
    return math.sqrt(mean) * float(largest)


def judge(
    analytic: Floats,
    numerical: Floats,
    bound: Floats,
    kink: Flags | None = None,
    slopes: tuple[Floats, Floats] | None = None,
    checked: Flags | None = None,
    rtol: float = 1e-5,
    resolution: float = 1e-3,
) -> list[str]:
    """Return the verdict on each entry."""
    places = range(len(analytic))
    taken = [i for i in places if checked is None or checked[i]]
    floor = 0.01 * rms([numerical[i] for i in taken])
    verdicts = ["unchecked"] * len(analytic)
    for i in taken:
        at_kink = kink is not None and kink[i]
        if at_kink and slopes is not None:
            at_kink = not abs(slopes[1][i] - slopes[0][i]) <= bound[i]
        verdicts[i] = judge_one(
            analytic[i], numerical[i], bound[i], at_kink, floor, rtol, resolution
        )
    return verdicts


def judge_one(
    a: float, n: float, bound: float, at_kink: bool, floor: float, rtol: float, resolution: float
) -> str:
    """Return the verdict on one entry."""
    if not math.isfinite(a):
        return "disagree"
    if not math.isfinite(n) or not math.isfinite(bound) or bound < 0.0:
        return "unresolved"
    if at_kink:
        return "kink"
    if a == 0.0 and n == 0.0:
        return "agree"
    error = abs(a - n)
    scale = max(abs(a), abs(n), floor)
    far = error > bound and error >= rtol * scale
    if far:
        return "disagree"
    if bound > resolution * scale:
        return "unresolved"
    return "agree" if error <= bound else "close"


def verdict(verdicts: Sequence[str], n_zero: int, strict: bool = False) -> str:
    """Return the verdict on a tensor that has entries."""
    judged = [v for v in verdicts if v != "unchecked"]
    if "disagree" in judged or (strict and "close" in judged):
        return "fail"
    resolved = [v for v in judged if v in ("agree", "close")]
    if not judged or n_zero == len(judged) or 10 * len(resolved) < 9 * len(judged):
        return "inconclusive"
    return "pass"


def largest_first(analytic: Floats, numerical: Floats, places: Sequence[int], n: int) -> list[int]:
    """Return `n` places by deviation, then by number."""

    def key(i: int) -> tuple[float, int]:
        error = abs(analytic[i] - numerical[i])
        return (-error if math.isfinite(error) else -math.inf), i

    return sorted(places, key=key)[:n]


def worst_first(
    analytic: Floats, numerical: Floats, bound: Floats, places: Sequence[int], floor: float
) -> list[int]:
    """Return places by deviation in units of the bound, then of the scale, then by number."""

    def key(i: int) -> tuple[float, float, int]:
        error = abs(analytic[i] - numerical[i])
        if not math.isfinite(error):
            return -math.inf, -math.inf, i
        relative = error / max(abs(analytic[i]), abs(numerical[i]), floor)
        return (-error / bound[i] if bound[i] else -math.inf), -relative, i

    return sorted(places, key=key)
