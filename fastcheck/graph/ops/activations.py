"""Activations other than the classical ones in :mod:`fastcheck.graph.ops.pointwise`.

For a product ``x t(x)`` the difference is ``(x + d) dt + d t``, with the rule of t for dt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.ops.bell import bell, bell_change, erf, normal
from fastcheck.graph.ops.pointwise import (
    Pointwise,
    Sigmoid,
    Tanh,
    logistic,
    softplus_change,
)
from fastcheck.kernels import activations as kernels

if TYPE_CHECKING:
    from fastcheck.graph.ops.base import Floats

ROOT_TAU = float(np.sqrt(2.0 * np.pi))


class Gated(Pointwise):
    """``x sigmoid(v)`` with ``v = a x + b x ** 3``.

    SiLU has a = 1, b = 0. The tanh form of GELU, ``x (1 + tanh(u)) / 2`` with
    ``u = sqrt(2 / pi) (x + 0.044715 x ** 3)``, is ``x sigmoid(2 u)``.

    Parameters
    ----------
    a, b : float
        The coefficients.
    """

    kernel = staticmethod(kernels.gated)

    def __init__(self, a: float = 1.0, b: float = 0.0) -> None:
        self.a, self.b = float(a), float(b)
        self.settings = (self.a, self.b)

    def gate(self, x: Floats) -> Floats:
        """Return v."""
        return self.a * x + self.b * x**3 if self.b else self.a * x

    def value(self, *values: Floats) -> Floats:
        return values[0] * logistic(self.gate(values[0]))

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        v = self.gate(x)
        s = logistic(v)
        return x, s, Sigmoid().derivative(v, s)

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        x, s, q = stencil
        dv = d * (self.a + self.b * (3.0 * x * (x + d) + d * d))
        v = self.gate(x)
        top, bottom = v + np.maximum(dv, 0.0), v + np.minimum(dv, 0.0)
        far = np.sign(dv) * logistic(top) * logistic(-bottom) * -np.expm1(-np.abs(dv))
        return (x + d) * np.where(np.abs(dv) < 1.0, Sigmoid().rule(dv, s, q), far) + d * s

    def derivative(self, x: Floats, y: Floats) -> Floats:
        _, s, q = self.stencil(x, y)
        return s + x * q * (self.a + 3.0 * self.b * x * x)

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        x = np.abs(values[0])
        s = logistic(self.gate(values[0]))
        inner = np.abs(self.a) + 3.0 * np.abs(self.b) * x * x
        least = s if self.b == 0.0 else 1.0  # the textbook's 1 + tanh(u) has no small values
        return [cotangent * (least + x * s * (1.0 + s) * inner)]


class Gelu(Pointwise):
    """``x P(x)`` with the normal distribution ``P(x) = (1 + erf(x / sqrt(2))) / 2``."""

    kernel = staticmethod(kernels.gelu)

    def value(self, *values: Floats) -> Floats:
        return values[0] * normal(values[0])

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return x, normal(x), bell(x, 0.5) / ROOT_TAU

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        x, p, q = stencil
        return (x + d) * bell_change(d, x, q, 0.5, 0.5) + d * p

    def derivative(self, x: Floats, y: Floats) -> Floats:
        _, p, q = self.stencil(x, y)
        return p + x * q

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        x = values[0]
        return [cotangent * (1.0 + np.abs(x) * bell(x, 0.5) / ROOT_TAU)]  # of (1 + erf) / 2


class Erf(Pointwise):
    """Error function."""

    kernel = staticmethod(kernels.erf)

    def value(self, *values: Floats) -> Floats:
        return erf(values[0])

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return x, self.derivative(x, y)

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        x, q = stencil
        return bell_change(d, x, q, 1.0, 1.0)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return np.asarray(2.0 / np.sqrt(np.pi) * bell(x, 1.0))


class Mish(Pointwise):
    """``x tanh(softplus(x))``.

    With ``e = exp(-|x|)``, ``t = tanh(softplus(x))`` is ``(1 + 2 e) / (1 + 2 e + 2 e e)`` for
    positive x and ``e (e + 2) / (e e + 2 e + 2)`` for others; both lose no digits, nor does
    ``1 - t t`` from the same terms.
    """

    kernel = staticmethod(kernels.mish)

    def value(self, *values: Floats) -> Floats:
        return values[0] * self._gate(values[0])[0]

    @staticmethod
    def _gate(x: Floats) -> tuple[Floats, Floats]:
        """Return ``t = tanh(softplus(x))`` and ``1 - t t``."""
        e = np.exp(-np.abs(x))
        up = x > 0.0
        bottom = np.where(up, 1.0 + 2.0 * e * (1.0 + e), e * (e + 2.0) + 2.0)
        t = np.where(up, 1.0 + 2.0 * e, e * (e + 2.0)) / bottom
        root = 2.0 * (1.0 + e) * np.where(up, e, 1.0) / bottom
        return t, root * root

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return (x, logistic(x), *self._gate(x))

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        x, s, t, q = stencil
        inner = softplus_change(d, s, np.where(s > 0.5, logistic(-x), 1.0 - s))
        return (x + d) * Tanh().rule(inner, t, q) + d * t

    def derivative(self, x: Floats, y: Floats) -> Floats:
        _, s, t, q = self.stencil(x, y)
        return t + x * q * s

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        x, s, t, _ = self.stencil(values[0], output)
        return [cotangent * (t + np.abs(x) * (1.0 + t * t) * s)]
