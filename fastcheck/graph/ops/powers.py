"""Powers: of a constant exponent, and of an exponent for each entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.difference import Difference, aligned
from fastcheck.graph.ops.arithmetic import Binary, full_terms
from fastcheck.graph.ops.base import unbroadcast
from fastcheck.graph.ops.elementary import AtPoint, FromZero
from fastcheck.graph.ops.grouped import row_bases
from fastcheck.graph.ops.pointwise import smallest
from fastcheck.kernels import elementary as kernels

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats
    from fastcheck.graph.state import State


class Rsqrt(FromZero):
    """``1 / sqrt(x)``: ``-d / (s t (s + t))`` with ``s = sqrt(x)``, ``t = sqrt(x + d)``."""

    kernel = staticmethod(kernels.rsqrt)

    def value(self, *values: Floats) -> Floats:
        return 1.0 / np.sqrt(values[0])

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        s, t = np.sqrt(stencil[0]), np.sqrt(stencil[0] + d)
        return np.asarray(-d / (s + t) / s / t)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return -0.5 * y / x


class Power(FromZero):
    """``x ** p`` for a real exponent: ``y expm1(p log1p(d / x))`` on one side of zero.

    Parameters
    ----------
    exponent : float
        p. For negative x it must be a whole number, as in NumPy.
    """

    kernel = staticmethod(kernels.power)

    def __init__(self, exponent: float) -> None:
        self.exponent = float(exponent)
        self.settings = (self.exponent,)

    def value(self, *values: Floats) -> Floats:
        return np.power(values[0], self.exponent)

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return x, y

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        x, y = stencil
        return power_change(d, x, y, self.exponent)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return self.exponent * np.power(x, self.exponent - 1.0)


class WholePower(AtPoint):
    """``x ** p`` for a whole exponent from 3: ``d sum_k (x + d) ** k x ** (p - 1 - k)``.

    Nothing cancels where x and x + d have one sign, and zero is a point like any other.
    """

    kernel = staticmethod(kernels.whole_power)

    def __init__(self, exponent: int) -> None:
        self.exponent = int(exponent)
        self.settings = (self.exponent,)

    def value(self, *values: Floats) -> Floats:
        return np.power(values[0], float(self.exponent))

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        x = stencil[0]
        total, power = np.ones_like(d), np.ones_like(x)
        for _ in range(self.exponent - 1):
            power = power * x
            total = total * (x + d) + power
        return d * total

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return self.exponent * np.power(x, self.exponent - 1.0)


class RaiseTo(Binary):
    """``a ** b``: ``y expm1((b + db) log1p(da / a) + db log a)`` with y the value.

    Where a is negative or zero, b must be whole and must not change, as in NumPy.
    """

    def value(self, *values: Floats) -> Floats:
        return np.power(values[0], values[1])

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        a, b = values
        rise = np.where(a > 0.0, output * np.log(np.where(a > 0.0, a, 1.0)), 0.0)
        slope = b * np.power(a, b - 1.0)
        return [unbroadcast(cotangent * slope, a.shape), unbroadcast(cotangent * rise, b.shape)]

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        a, b = values
        rise = np.where(a > 0.0, output * np.log(np.where(a > 0.0, a, 1.0)), 0.0)
        slope = b * np.power(a, b - 1.0)
        return [
            unbroadcast(cotangent * np.abs(slope), a.shape),
            unbroadcast(cotangent * np.abs(rise), b.shape),
        ]

    def length(self, i: int, values: tuple[Floats, ...]) -> float:
        return smallest(values[0]) if i == 0 else 1.0

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        a, b = state.inputs(node)
        shape = node.shape
        return np.broadcast_to(a, shape), np.broadcast_to(b, shape), state.value(node)

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        a, b = full_terms(node, diffs, block)
        moving = aligned([d.expanded() for d in (a, b) if d is not None], node.shape)
        tables, which = block.tables(node, moving[0])
        x, p, y = row_bases(moving[0], tables, which)
        da = np.zeros_like(x) if a is None else moving[0].flat
        db = np.zeros_like(x) if b is None else moving[-1].flat
        with np.errstate(all="ignore"):  # branches that are not taken
            change = power_change(da, x, y, p, db)
        return moving[0].replaced(change.reshape(moving[0].data.shape))


def power_change(
    d: Floats, x: Floats, y: Floats, p: Floats | float, dp: Floats | float = 0.0
) -> Floats:
    """Return ``(x + d) ** (p + dp) - y`` with ``y = x ** p``."""
    ratio = d / x
    same_side = ratio > -1.0
    turn = np.where(np.equal(dp, 0.0), 0.0, dp * np.log(x))
    near = y * np.expm1((p + dp) * np.log1p(np.where(same_side, ratio, 0.0)) + turn)
    return np.where(same_side, near, np.power(x + d, p + dp) - y)
