"""What the parts of the lowering share: the graph that grows, values in it, and constants."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph import Graph, ops
from fastcheck.lower.blocks import sliced
from fastcheck.lower.factors import Factors, common, fitted, joined, lengths, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastcheck.graph.node import Node

    Array = NDArray[Any]
    Shape = tuple[int, ...]
    Hints = dict[tuple[int, int], tuple[int, ...]]


class LoweringError(Exception):
    """A call has no counterpart in the graph; it is kept as it is and called again."""


@dataclass(frozen=True)
class Value:
    """A value of the user's code as a node of the graph.

    Attributes
    ----------
    node : Node
        Has the same entries in the same order.
    factors : tuple of tuple of int
        For each axis that the user sees, the axes of the node that it stands for.
    """

    node: Node
    factors: Factors

    @property
    def shape(self) -> Shape:
        """The shape that the user sees."""
        return lengths(self.factors)

    @property
    def ndim(self) -> int:
        """The number of axes that the user sees."""
        return len(self.factors)


Operand = Value | np.ndarray
"""A value that depends on parameters, or a constant."""


class Builder:
    """A graph that is being built from recorded calls.

    Parameters
    ----------
    hints : dict of (int, int) to tuple of int
        For an axis of a constant, by the id of its array, the axes that it stands for.

    Attributes
    ----------
    graph : Graph
        The graph.
    leaves : dict of int to (ndarray, factors)
        The constants that became leaves, by the index of their nodes.
    """

    def __init__(self, hints: Hints) -> None:
        self.graph = Graph()
        self.hints = hints
        self.leaves: dict[int, tuple[Array, Factors]] = {}
        self._constants: dict[tuple[int, Shape], Node] = {}
        self._reshaped: dict[tuple[int, Shape], Node] = {}
        self._sliced: dict[tuple[int, int, int, int], Node] = {}

    def constant(self, array: Array, factors: Factors) -> Node:
        """Return the data leaf of a constant; one leaf per array and shape."""
        shape = joined(factors)
        key = (id(array), shape)
        if key not in self._constants:
            leaf = self.graph.data(np.asarray(array, dtype=np.float64).reshape(shape))
            self._constants[key] = leaf
            self.leaves[leaf.index] = array, factors  # it lives on, and its id stays its own
        return self._constants[key]

    def factors_of(self, operand: Operand) -> list[tuple[int, ...]]:
        """Return what each axis of an operand stands for; of a constant that may be anything."""
        if isinstance(operand, Value):
            return list(operand.factors)
        return [self.hints.get((id(operand), a), (n,)) for a, n in enumerate(operand.shape)]

    def reshaped(self, node: Node, shape: Shape) -> Node:
        """Return `node` with its entries in another shape; one node per shape."""
        if node.shape == shape:
            return node
        key = (node.index, shape)
        if key not in self._reshaped:
            self._reshaped[key] = ops.reshape(node, shape)
        return self._reshaped[key]

    def sliced(self, node: Node, axis: int, start: int, stop: int) -> Node:
        """Return a range of `node` along an axis; one node per range."""
        key = (node.index, axis, start, stop)
        if key not in self._sliced:
            self._sliced[key] = sliced(node, axis, start, stop)
        return self._sliced[key]

    def node(self, operand: Operand, factors: Factors) -> Node:
        """Return `operand` as a node whose axes are `factors`."""
        if isinstance(operand, Value):
            return self.reshaped(operand.node, joined(factors))
        return self.constant(operand, factors)

    def value(self, node: Node, shape: Shape) -> Value:
        """Return the node as a value that the user sees in `shape`."""
        factors = fitted(node.shape, shape) if 0 not in shape else None
        if factors is None:
            factors = plain(shape)
        return Value(self.reshaped(node, joined(factors)), factors)

    def whole(self, operand: Operand) -> Node:
        """Return `operand` as a node of the shape that the user sees."""
        return self.node(operand, plain(operand.shape))

    def aligned(self, operands: Sequence[Operand]) -> tuple[list[Node], Factors]:
        """Return nodes that broadcast against each other as the user's arrays do, and the result's.

        Parameters
        ----------
        operands : sequence of Value or ndarray
            At least one is a value.
        """
        shape = np.broadcast_shapes(*(o.shape for o in operands))
        ndim = len(shape)
        factors: list[tuple[int, ...]] = []
        for axis, n in enumerate(shape):
            own = [
                known[axis - ndim]
                for known in (self.factors_of(o) for o in operands)
                if axis - ndim >= -len(known)
            ]
            factors.append(_axis(n, own))
        nodes = []
        for o in operands:
            skipped = ndim - o.ndim
            kept = tuple(
                factors[axis] if o.shape[axis - skipped] == n else (1,) * len(factors[axis])
                for axis, n in enumerate(shape)
                if axis >= skipped
            )
            nodes.append(self.node(o, kept))
        return nodes, tuple(factors)


def _axis(n: int, own: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the factors of a broadcast axis of length `n`, given those of its operands."""
    if n == 1:
        return max(own, key=len, default=(1,))
    found = common(*(f for f in own if math.prod(f) == n)) if own else (n,)
    if found is None or math.prod(found) != n:
        return (n,)
    return found
