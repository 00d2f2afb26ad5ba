"""By which rule an analytic gradient passes: those that are published, with their limits.

Each rule is a function of the analytic and the numerical derivatives, one-dimensional arrays by
tensor. A NaN never passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Some = Mapping[str, Floats]


@dataclass(frozen=True)
class Rule:
    """A rule.

    Attributes
    ----------
    text : str
        As a formula: a is analytic, n numerical.
    passes : callable
        Whether analytic derivatives pass beside numerical ones.
    is_whole : bool
        Whether one number is made of all entries, so that it matters how many there are.
    """

    text: str
    passes: Callable[[Some, Some], bool]
    is_whole: bool = False


def close(rtol: float, atol: float) -> Rule:
    """Return the rule of ``numpy.allclose``."""

    def passes(analytic: Some, numerical: Some) -> bool:
        return _each(analytic, numerical, lambda a, n: np.abs(a - n) <= atol + rtol * np.abs(n))

    return Rule(f"|a − n| ≤ {atol:g} + {rtol:g} |n|", passes)


def floored(limit: float) -> Rule:
    """Return the rule of a course: relative for large derivatives, absolute below one."""

    def passes(analytic: Some, numerical: Some) -> bool:
        return _each(
            analytic,
            numerical,
            lambda a, n: np.abs(a - n) <= limit * np.maximum(1.0, np.maximum(np.abs(a), np.abs(n))),
        )

    return Rule(f"|a − n| / max(1, |a|, |n|) ≤ {limit:g}", passes)


def relative(limit: float, floor: float = 1e-8) -> Rule:
    """Return the rule of another course: relative to the sum of both values."""

    def passes(analytic: Some, numerical: Some) -> bool:
        return _each(
            analytic,
            numerical,
            lambda a, n: np.abs(a - n) <= limit * np.maximum(floor, np.abs(a) + np.abs(n)),
        )

    return Rule(f"|a − n| / max({floor:g}, |a| + |n|) ≤ {limit:g}", passes)


def norm_ratio(limit: float) -> Rule:
    """Return the rule of a third course: one number for the whole gradient."""

    def passes(analytic: Some, numerical: Some) -> bool:
        a, n = (np.concatenate([some[name] for name in analytic]) for some in (analytic, numerical))
        size = np.linalg.norm(a) + np.linalg.norm(n)
        return bool(np.linalg.norm(a - n) < limit * size)

    return Rule(f"‖a − n‖ / (‖a‖ + ‖n‖) < {limit:g}", passes, is_whole=True)


def both(absolute: float, relative: float) -> Rule:
    """Return PyTensor's rule: wrong only where both errors are above their limits."""

    def right(a: Floats, n: Floats) -> NDArray[np.bool_]:
        gap = np.abs(a - n)
        size = np.maximum(np.abs(a) + np.abs(n), 1e-8)
        return np.asarray((gap <= absolute) | (gap / size <= relative))

    text = f"|a − n| ≤ {absolute:g} or |a − n| / (|a| + |n|) ≤ {relative:g}"
    return Rule(text, lambda analytic, numerical: _each(analytic, numerical, right))


def _each(
    analytic: Some, numerical: Some, right: Callable[[Floats, Floats], NDArray[np.bool_]]
) -> bool:
    return all(bool(np.all(right(a, numerical[name]))) for name, a in analytic.items())
