"""Functions with kinks that are curved on one side at least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.ops.grouped import by_group, mark_rows
from fastcheck.graph.ops.pointwise import Bend, Pointwise
from fastcheck.kernels import activations as kernels

if TYPE_CHECKING:
    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.ops.base import Floats, Ints


class Abs(Bend):
    """``|x|``, whose derivative at zero is taken to be zero."""

    def __init__(self) -> None:
        super().__init__(-1.0, 1.0)

    def value(self, *values: Floats) -> Floats:
        return np.abs(values[0])

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        return [cotangent * np.sign(values[0])]


class Cornered(Pointwise):
    """A function with kinks at `corners`; the first array of its stencil is its argument."""

    corners: tuple[float, ...] = (0.0,)

    def crossed(self, d: Floats, x: Floats) -> Floats:
        """Return which changes lead across a corner."""
        found = np.zeros(np.broadcast_shapes(d.shape, x.shape), bool)
        for corner in self.corners:
            gap = x - corner
            found |= (gap > 0.0) != (gap + d > 0.0)
        return found

    def mark(self, d: Difference, tables: tuple[Floats, ...], which: Ints, block: Block) -> None:
        found = by_group(self.crossed, d, tables[:1], which).reshape(d.flat.shape)
        mark_rows(found & ~np.isnan(d.flat), d, block)


class Elu(Cornered):
    """``high x`` above zero, ``low expm1(x)`` below.

    Parameters
    ----------
    high, low : float
        1 and alpha for ELU; both larger by 1.0507... for SELU.
    """

    kernel = staticmethod(kernels.elu)

    def __init__(self, high: float = 1.0, low: float = 1.0) -> None:
        self.high, self.low = float(high), float(low)
        self.settings = (self.high,)

    def value(self, *values: Floats) -> Floats:
        x = values[0]
        return np.where(x > 0.0, self.high * x, self.low * np.expm1(np.minimum(x, 0.0)))

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return x, self.low * np.exp(np.minimum(x, 0.0))

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        x, y = stencil
        end = x + d
        lower = self.low * np.expm1(np.minimum(end, 0.0))
        from_above = np.where(end > 0.0, self.high * d, lower - self.high * x)
        start = self.low * np.expm1(np.minimum(x, 0.0))
        from_below = np.where(end > 0.0, self.high * end - start, y * np.expm1(np.minimum(d, -x)))
        return np.where(x > 0.0, from_above, from_below)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return np.where(x > 0.0, self.high, self.low * np.exp(np.minimum(x, 0.0)))

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        below = np.abs(self.low) + np.abs(output)  # the terms of the textbook's y + alpha
        return [cotangent * np.where(values[0] > 0.0, np.abs(self.high), below)]


class Softsign(Cornered):
    """``x / (1 + |x|)``: ``(d + x' |x| - x |x'|) / ((1 + |x|) (1 + |x'|))`` with ``x' = x + d``.

    The two products cancel exactly on one side of zero and have the sign of d across it.
    """

    def value(self, *values: Floats) -> Floats:
        return values[0] / (1.0 + np.abs(values[0]))

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return (x,)

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        x = stencil[0]
        end = x + d
        across = np.where((x > 0.0) == (end > 0.0), 0.0, end * np.abs(x) - x * np.abs(end))
        return (d + across) / (1.0 + np.abs(x)) / (1.0 + np.abs(end))

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return 1.0 / (1.0 + np.abs(x)) ** 2


class Huber(Cornered):
    """``x x / 2`` up to `delta`, ``delta (|x| - delta / 2)`` beyond.

    Positions are measured from the corner, ``o = |x| - delta``, so that nothing cancels there.

    Parameters
    ----------
    delta : float
        Where the parabola ends.
    """

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = float(delta)
        self.corners = (-self.delta, self.delta)

    def value(self, *values: Floats) -> Floats:
        size = np.abs(values[0])
        return np.where(
            size <= self.delta, 0.5 * size * size, self.delta * (size - 0.5 * self.delta)
        )

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return (x,)

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        x, k = stencil[0], self.delta
        size = np.abs(x)
        e = np.where(x < 0.0, -d, d)  # away from zero, or to its other side
        change = np.where(size + e < 0.0, -(size + e) - size, e)  # of the size
        before = size - k
        after = before + change
        inside = np.where(after > 0.0, k * after - before * (size + k) / 2.0, e * (size + e / 2.0))
        entering = after * (2.0 * k + after) / 2.0 - k * before
        return np.where(before > 0.0, np.where(after > 0.0, k * change, entering), inside)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return np.clip(x, -self.delta, self.delta)
