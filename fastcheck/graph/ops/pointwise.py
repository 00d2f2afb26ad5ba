"""Functions applied entry by entry.

Difference rules are the identities of divided-difference arithmetic (Reps and Rall, Computational
divided differencing and divided-difference arithmetics, HOSC 16, 2003); each holds for changes of
any size, and a compiled kernel evaluates the same rule for small ones.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastcheck.graph import memory
from fastcheck.graph.ops.base import EntryByEntry
from fastcheck.graph.ops.grouped import by_group, mark_crossings
from fastcheck.kernels import pointwise as kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.graph.block import Block
    from fastcheck.graph.difference import Difference
    from fastcheck.graph.node import Node
    from fastcheck.graph.ops.base import Diffs, Floats, Ints, Shape
    from fastcheck.graph.state import State


class Pointwise(EntryByEntry):
    """A function of one tensor, entry by entry.

    A subclass gives :meth:`value`, :meth:`derivative`, the arrays its rule reads
    (:meth:`stencil`) and the rule itself (:meth:`rule`); a `kernel` is optional.
    """

    kernel: ClassVar[Callable[..., int] | None] = None
    """Compiled form of the rule for small changes; see :mod:`fastcheck.kernels.pointwise`."""

    column_kernel: ClassVar[Callable[..., int] | None] = None
    """The same for columns and the factors of their rows, where that is worth a kernel."""

    settings: tuple[float, ...] = ()
    """Numbers that the kernel takes after its arrays."""

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    @abstractmethod
    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        """Return the arrays of the base point that the rule reads; y is the value at x."""

    @abstractmethod
    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        """Return ``f(x + d) - f(x)`` without cancellation, for `d` of any size."""

    @abstractmethod
    def derivative(self, x: Floats, y: Floats) -> Floats:
        """Return ``f'(x)``; y is the value at x."""

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        return [through(cotangent, self.derivative(values[0], output))]

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        return self.stencil(state.inputs(node)[0], state.value(node))

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        (d,) = diffs
        assert d is not None
        if d.scale is not None and type(self).column_kernel is not None:
            new = self._of_columns(node, d, block)
            if new is not None:
                return new
        full = d.expanded()
        found, which = block.tables(node, full)
        kernel = type(self).kernel
        if kernel is not None:
            data = full.data if full is not d else memory.copied(full.data)
            new = full.replaced(data)
            if not kernel(*found, which, new.flat, full.offsets, *self.settings):
                return new
            full = d.expanded()
        self.mark(full, found, which, block)
        return full.replaced(by_group(self.rule, full, found, which))

    def mark(self, d: Difference, tables: tuple[Floats, ...], which: Ints, block: Block) -> None:
        """Mark the probes that cross a kink; the function has none by default."""

    def _of_columns(self, node: Node, d: Difference, block: Block) -> Difference | None:
        """Apply the rule to columns without writing them out; None if a change is too large."""
        kernel = type(self).column_kernel
        assert kernel is not None
        found, which = block.tables(node, d)
        new = d.row_by_row()
        bad = kernel(*found, which, d.flat, d.scale, d.offsets, new.flat)
        return None if bad else new.coarse()


class Tanh(Pointwise):
    """Hyperbolic tangent."""

    kernel = staticmethod(kernels.tanh)
    column_kernel = staticmethod(kernels.tanh_columns)

    def value(self, *values: Floats) -> Floats:
        return np.tanh(values[0])

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return y, self.derivative(x, y)

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        t, q = stencil
        big = np.tanh(d)
        size = np.abs(t)  # 1 + t T cancels where d leads out of saturation
        e = np.exp(-2.0 * np.abs(d))
        apart = q / (1.0 + size) + size * (2.0 * e / (1.0 + e))
        return q * big / np.where(t * big < 0.0, apart, 1.0 + t * big)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        e = np.exp(-2.0 * np.abs(x))
        return 4.0 * e / (1.0 + e) ** 2  # 1 - y*y loses all digits where tanh saturates

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        return [cotangent * (1.0 + output * output)]  # the terms of the textbook's 1 - y*y


class Sigmoid(Pointwise):
    """Logistic function ``1 / (1 + exp(-x))``."""

    kernel = staticmethod(kernels.sigmoid)
    column_kernel = staticmethod(kernels.sigmoid_columns)

    def value(self, *values: Floats) -> Floats:
        return logistic(values[0])

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return y, self.derivative(x, y)

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        s, q = stencil
        c = np.where(s > 0.5, q / np.maximum(s, 0.5), 1.0 - s)
        size = np.exp(-np.abs(d))
        rise = q * -np.expm1(-np.abs(d)) / np.where(d > 0.0, c * size + s, c + s * size)
        return np.where(d > 0.0, rise, -rise)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        e = np.exp(-np.abs(x))
        return e / (1.0 + e) ** 2

    def vjp_abs(
        self, cotangent: Floats, values: tuple[Floats, ...], output: Floats
    ) -> list[Floats]:
        return [cotangent * output * (1.0 + output)]  # the terms of the textbook's y (1 - y)


class Softplus(Pointwise):
    """``log(1 + exp(x))``."""

    kernel = staticmethod(kernels.softplus)

    def value(self, *values: Floats) -> Floats:
        x = values[0]
        return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return logistic(x), logistic(-x)

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        return softplus_change(d, *stencil)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return logistic(x)


class Exp(Pointwise):
    """Exponential."""

    kernel = staticmethod(kernels.exp)

    def value(self, *values: Floats) -> Floats:
        return np.exp(values[0])

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return (y,)

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        return stencil[0] * np.expm1(d)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return y


class _OfPosition(Pointwise):
    """A function whose rule reads its argument, and which bends on the scale of the argument."""

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return (x,)

    def length(self, i: int, values: tuple[Floats, ...]) -> float:
        return smallest(values[0])


class Log(_OfPosition):
    """Natural logarithm."""

    kernel = staticmethod(kernels.log)

    def value(self, *values: Floats) -> Floats:
        return np.log(values[0])

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        return np.log1p(d / stencil[0])

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return 1.0 / x


class Sqrt(_OfPosition):
    """Square root."""

    kernel = staticmethod(kernels.sqrt)

    def value(self, *values: Floats) -> Floats:
        return np.sqrt(values[0])

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        x = stencil[0]
        return np.asarray(d / (np.sqrt(x + d) + np.sqrt(x)))

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return 0.5 / y


class Reciprocal(_OfPosition):
    """``1 / x``."""

    kernel = staticmethod(kernels.reciprocal)

    def value(self, *values: Floats) -> Floats:
        return 1.0 / values[0]

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        x = stencil[0]
        return -d / x / (x + d)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return -y * y


class Square(Pointwise):
    """``x ** 2``."""

    kernel = staticmethod(kernels.square)

    def value(self, *values: Floats) -> Floats:
        return np.square(values[0])

    def stencil(self, x: Floats, y: Floats) -> tuple[Floats, ...]:
        return (x,)

    def rule(self, d: Floats, *stencil: Floats) -> Floats:
        return d * (2.0 * stencil[0] + d)

    def derivative(self, x: Floats, y: Floats) -> Floats:
        return 2.0 * x


class Bend(EntryByEntry):
    """Piecewise linear through zero: slope `low` up to zero, `high` above (ReLU, leaky ReLU).

    Parameters
    ----------
    low, high : float
        The slopes. At exactly zero the derivative is taken to be `low`.
    """

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        self.low = float(low)
        self.high = float(high)

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def value(self, *values: Floats) -> Floats:
        x = values[0]
        if self.low == 0.0 and self.high == 1.0:
            return np.maximum(x, 0.0)
        return np.where(x > 0.0, self.high * x, self.low * x)

    def vjp(self, cotangent: Floats, values: tuple[Floats, ...], output: Floats) -> list[Floats]:
        return [cotangent * np.where(values[0] > 0.0, self.high, self.low)]

    def prepare(self, node: Node, state: State) -> tuple[Floats, ...]:
        return state.inputs(node)

    def flat(self, i: int, values: tuple[Floats, ...], margin: float) -> Any:
        return values[0] <= -margin if self.low == 0.0 else None

    def difference(self, node: Node, diffs: Diffs, block: Block) -> Difference | None:
        (d,) = diffs
        assert d is not None
        return bent(node, d, block, self.low, self.high)


def bent(
    node: Node, d: Difference, block: Block, low: float, high: float, slot: int = 0
) -> Difference:
    """Return the change of a piecewise linear function: slope `low` up to zero, `high` above.

    Columns are kept where no row can reach zero; rows that cross it are marked. The argument at
    the base point is array number `slot` of what the op of `node` prepared.
    """
    if d.scale is not None:
        tables, which = block.tables(node, d)
        new = d.replaced(memory.like(d.data))
        if not kernels.bend_columns(tables[slot], which, d.flat, d.reach(), low, high, new.flat):
            return new
    d = d.expanded()
    tables, which = block.tables(node, d)
    new = d.replaced(memory.like(d.data))
    if kernels.bend_rows(tables[slot], which, d.flat, d.offsets, low, high, new.flat):
        mark_crossings(d, tables[slot], which, block)
    return new


def through(cotangent: Floats, slope: Floats) -> Floats:
    """Return ``cotangent * slope``, and zero where nothing of the result is used.

    A slope that is not finite does not matter there: ``np.where(x > 0, np.log(x), 0)``.
    """
    return np.where(cotangent == 0.0, 0.0, cotangent * slope)


def logistic(x: Floats) -> Floats:
    """Return ``1 / (1 + exp(-x))``, small values to full relative accuracy."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0.0, 1.0, e) / (1.0 + e)


def softplus_change(d: Floats, s: Floats, c: Floats) -> Floats:
    """Return the change of ``log(1 + exp(x))`` by `d`; ``s = sigmoid(x)`` and ``c = 1 - s``."""
    with np.errstate(over="ignore"):
        small = s * np.expm1(d)
    near = (small > -0.5) & (small < np.inf)
    e = np.exp(-np.abs(d))  # 1 + small cancels where d leads out of saturation
    far = np.log(np.where(d > 0.0, s + c * e, c + s * e)) + np.maximum(d, 0.0)
    return np.where(near, np.log1p(np.where(near, small, 0.0)), far)


def smallest(x: Floats) -> float:
    """Return the smallest size that is not zero, 1 if there is none."""
    size = np.abs(x)
    size = size[size > 0.0]
    return float(size.min()) if size.size else 1.0
