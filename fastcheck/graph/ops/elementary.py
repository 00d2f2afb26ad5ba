"""Elementary functions, entry by entry: roots, logarithms, circular and hyperbolic functions.

No rule subtracts two values of the function: sums and differences of angles are taken by addition
theorems, those of roots by factoring ``d`` out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.ops.pointwise import Pointwise, smallest
from fastcheck.kernels import elementary
from fastcheck.kernels import pointwise as kernels

if TYPE_CHECKING:
    from fastcheck.graph.ops.base import Floats

LN2, LN10 = float(np.log(2.0)), float(np.log(10.0))


class AtPoint(Pointwise):
    """A function whose rule reads its argument."""

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return (x,)


class FromZero(AtPoint):
    """The same, bending on the scale of the argument."""

    def length(self, i: int, values: tuple[Floats, ...]) -> float:
        return smallest(values[0])


class Expm1(Pointwise):
    """``exp(x) - 1``, with the rule of the exponential."""

    kernel = staticmethod(kernels.exp)

    def value(self, *values: Floats) -> Floats:
        return np.expm1(values[0])

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return (np.exp(x),)

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        return stencil[0] * np.expm1(d)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return np.exp(x)

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        return [cotangent * (1.0 + np.abs(output))]  # the terms of the textbook's y + 1


class Exp2(Pointwise):
    """``2 ** x``: ``y expm1(d log 2)``."""

    def value(self, *values: Floats) -> Floats:
        return np.exp2(values[0])

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return (y,)

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        return stencil[0] * np.expm1(LN2 * d)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return LN2 * y


class Log1p(Pointwise):
    """``log(1 + x)``, with the rule of the logarithm at ``1 + x``."""

    kernel = staticmethod(kernels.log)

    def value(self, *values: Floats) -> Floats:
        return np.log1p(values[0])

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return (1.0 + x,)

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        return np.log1p(d / stencil[0])

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return 1.0 / (1.0 + x)

    def length(self, i: int, values: tuple[Floats, ...]) -> float:
        return smallest(1.0 + values[0])


class Log2(FromZero):
    """Logarithm with base 2: ``log1p(d / x) / log 2``."""

    def value(self, *values: Floats) -> Floats:
        return np.log2(values[0])

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        return np.log1p(d / stencil[0]) / LN2

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return 1.0 / (LN2 * x)


class Log10(FromZero):
    """Logarithm with base 10: ``log1p(d / x) / log 10``."""

    def value(self, *values: Floats) -> Floats:
        return np.log10(values[0])

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        return np.log1p(d / stencil[0]) / LN10

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return 1.0 / (LN10 * x)


class Cbrt(FromZero):
    """Cube root: ``d / (s s + s t + t t)`` with s and t the roots of ``x`` and ``x + d``."""

    def value(self, *values: Floats) -> Floats:
        return np.cbrt(values[0])

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        s, t = np.cbrt(stencil[0]), np.cbrt(stencil[0] + d)
        size = np.maximum(np.abs(s), np.abs(t))
        whole = s * s + s * t + t * t
        return np.where(size == 0.0, 0.0, d / np.where(size == 0.0, 1.0, whole))

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return 1.0 / (3.0 * y * y)


class Turned(Pointwise):
    """A function with an addition theorem: ``a sin(d) - b (1 - cos(d))``, or hyperbolic.

    For sine, a is the cosine at x and b the sine; for cosine, minus the sine and the cosine. For
    hyperbolic functions the difference is ``a sinh(d) + b (cosh(d) - 1)``. ``1 - cos(d)`` is
    ``2 sin(d/2) ** 2``.
    """

    kernel = staticmethod(elementary.turn)
    settings = (-1.0,)

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        a, b, _ = stencil
        half = np.sin(0.5 * d)
        return np.asarray(a * np.sin(d) - b * (2.0 * half * half))


class Sin(Turned):
    """Sine."""

    def value(self, *values: Floats) -> Floats:
        return np.sin(values[0])

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return np.cos(x), y, x

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return np.cos(x)


class Cos(Turned):
    """Cosine."""

    def value(self, *values: Floats) -> Floats:
        return np.cos(values[0])

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return -np.sin(x), y, x

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return -np.sin(x)


class Tan(AtPoint):
    """Tangent: ``sin(d) / (cos(x) cos(x + d))``, the second cosine by its addition theorem."""

    def value(self, *values: Floats) -> Floats:
        return np.tan(values[0])

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        c, s = np.cos(stencil[0]), np.sin(stencil[0])
        return np.asarray(np.sin(d) / (c * (c * np.cos(d) - s * np.sin(d))))

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return 1.0 + y * y

    def length(self, i: int, values: tuple[Floats, ...]) -> float:
        return smallest(np.cos(values[0]))


class Arctan(AtPoint):
    """Inverse tangent: ``arctan2(d, 1 + x (x + d))``, both divided by the size of x."""

    def value(self, *values: Floats) -> Floats:
        return np.arctan(values[0])

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        x = stencil[0]
        size = np.maximum(np.abs(x), 1.0)
        return np.arctan2(d / size, 1.0 / size + x / size * (x + d))

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return 1.0 / (1.0 + x * x)


class Arcsin(AtPoint):
    """Inverse sine: ``2 arctan(d / (c + c'))`` with the cosines ``c = sqrt(1 - x x)`` and c'."""

    sign = 1.0

    def value(self, *values: Floats) -> Floats:
        return np.arcsin(values[0])

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        below, above = 1.0 - stencil[0], 1.0 + stencil[0]
        c = np.sqrt(below * above) + np.sqrt((below - d) * (above + d))
        return np.where(d == 0.0, 0.0, self.sign * 2.0 * np.arctan(d / c))

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return self.sign / np.sqrt((1.0 - x) * (1.0 + x))

    def length(self, i: int, values: tuple[Floats, ...]) -> float:
        return smallest(1.0 - np.abs(values[0]))


class Arccos(Arcsin):
    """Inverse cosine: the inverse sine with the other sign."""

    sign = -1.0

    def value(self, *values: Floats) -> Floats:
        return np.arccos(values[0])


class Sinh(Turned):
    """Hyperbolic sine; for large changes ``2 cosh(x + d/2) sinh(d/2)``."""

    settings = (1.0,)

    def value(self, *values: Floats) -> Floats:
        return np.sinh(values[0])

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return np.cosh(x), y, x

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        a, b, x = stencil
        half = np.sinh(0.5 * d)
        near = a * np.sinh(d) + b * (2.0 * half * half)  # whose terms cancel where d is large
        return np.where(np.abs(d) < 1.0, near, 2.0 * np.cosh(x + 0.5 * d) * half)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return np.cosh(x)


class Cosh(Turned):
    """Hyperbolic cosine; for large changes ``2 sinh(x + d/2) sinh(d/2)``."""

    settings = (1.0,)

    def value(self, *values: Floats) -> Floats:
        return np.cosh(values[0])

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return np.sinh(x), y, x

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        a, b, x = stencil
        half = np.sinh(0.5 * d)
        near = a * np.sinh(d) + b * (2.0 * half * half)
        return np.where(np.abs(d) < 1.0, near, 2.0 * np.sinh(x + 0.5 * d) * half)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return np.sinh(x)


class Arcsinh(AtPoint):
    """Inverse hyperbolic sine: ``log1p(2 d / (r + r' - d))`` with ``r = sqrt(1 + x x)`` and r'.

    With the sign of d taken out, ``r + r' - d = (r + x) + (r' - x')`` has two positive terms.
    """

    def value(self, *values: Floats) -> Floats:
        return np.arcsinh(values[0])

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        sign = np.where(d < 0.0, -1.0, 1.0)
        start = sign * stencil[0]
        end = start + np.abs(d)
        rest = _rest(start) + _rest(-end)
        return sign * np.log1p(2.0 * np.abs(d) / rest)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return 1.0 / np.hypot(1.0, x)


def _rest(x: Floats) -> Floats:
    """Return ``sqrt(1 + x x) + x`` without cancellation."""
    size = np.hypot(1.0, x) + np.abs(x)
    return np.where(x >= 0.0, size, 1.0 / size)
