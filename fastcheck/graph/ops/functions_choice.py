"""The functions that append comparisons, choices and piecewise linear functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.node import Node
from fastcheck.graph.ops import corners, frozen, pointwise, select
from fastcheck.graph.ops.functions import add, multiply, scale
from fastcheck.graph.ops.operands import binary, both, said, unary


def abs(a: Node) -> Node:  # noqa: A001
    """Return ``|a|``."""
    return unary(a, corners.Abs())


def maximum(a: Any, b: Any) -> Node:
    """Return the larger of two operands, broadcast as in NumPy."""
    left, right = both(a, b)
    for one, other in ((left, right), (right, left)):
        if _is_zero(one, other):
            return unary(other, pointwise.Bend())
    return left.graph.apply(select.Extreme(larger=True), left, right)


def minimum(a: Any, b: Any) -> Node:
    """Return the smaller of two operands, broadcast as in NumPy."""
    return binary(select.Extreme(larger=False), a, b)


def _is_zero(one: Node, other: Node) -> bool:
    """Return whether `one` is a constant of zeros that does not widen `other`."""
    constant = one.graph.constants.get(one.index)
    return (
        constant is not None
        and not constant.any()
        and np.broadcast_shapes(one.shape, other.shape) == other.shape
    )


def clip(a: Node, low: Any = None, high: Any = None) -> Node:
    """Return `a` with entries below `low` and above `high` replaced by these, as in NumPy.

    Raises
    ------
    InputError
        If `a` is no node.
    """
    if not isinstance(a, Node):
        raise InputError(f"`a` must be a graph node, got {said(a)}; wrap it in graph.data")
    if low is not None and not _is_limit(low, -np.inf):
        a = maximum(a, low)
    if high is not None and not _is_limit(high, np.inf):
        a = minimum(a, high)
    return a


def _is_limit(bound: Any, infinite: float) -> bool:
    return not isinstance(bound, Node) and np.ndim(bound) == 0 and bool(bound == infinite)


def where(condition: Any, a: Any, b: Any) -> Node:
    """Return `a` where `condition` is true, else `b`, broadcast as in NumPy.

    A condition that changes its value is a kink; in between it is a constant.

    Raises
    ------
    InputError
        If no argument is a node.
    """
    nodes = [x for x in (condition, a, b) if isinstance(x, Node)]
    if not nodes:
        raise InputError(
            f"one argument of where must be a graph node, got {said(condition)}, {said(a)} and "
            f"{said(b)}; wrap one in graph.data"
        )
    graph = nodes[0].graph
    first, second, third = (x if isinstance(x, Node) else graph.data(x) for x in (condition, a, b))
    if first.depends and not (first.op is not None and first.op.is_frozen):
        first = not_equal(first, 0.0)
    return graph.apply(select.Where(), first, second, third)


def greater(a: Any, b: Any) -> Node:
    """Return 1 where ``a > b``, else 0; a change of that is a kink."""
    return binary(frozen.Compare(">"), a, b)


def greater_equal(a: Any, b: Any) -> Node:
    """Return 1 where ``a >= b``, else 0; a change of that is a kink."""
    return binary(frozen.Compare(">="), a, b)


def less(a: Any, b: Any) -> Node:
    """Return 1 where ``a < b``, else 0; a change of that is a kink."""
    return binary(frozen.Compare("<"), a, b)


def less_equal(a: Any, b: Any) -> Node:
    """Return 1 where ``a <= b``, else 0; a change of that is a kink."""
    return binary(frozen.Compare("<="), a, b)


def equal(a: Any, b: Any) -> Node:
    """Return 1 where ``a == b``, else 0; a change of that is a kink."""
    return binary(frozen.Compare("=="), a, b)


def not_equal(a: Any, b: Any) -> Node:
    """Return 1 where ``a != b``, else 0; a change of that is a kink."""
    return binary(frozen.Compare("!="), a, b)


def logical_and(a: Any, b: Any) -> Node:
    """Return 1 where both are not zero, else 0."""
    return binary(frozen.Logical("and"), a, b)


def logical_or(a: Any, b: Any) -> Node:
    """Return 1 where one of the two is not zero, else 0."""
    return binary(frozen.Logical("or"), a, b)


def logical_not(a: Node) -> Node:
    """Return 1 where `a` is zero, else 0."""
    return unary(a, frozen.Logical("not"))


def sign(a: Node) -> Node:
    """Return -1, 0 or 1; a change of that is a kink."""
    return unary(a, frozen.Stepwise("sign"))


def floor(a: Node) -> Node:
    """Return the largest whole numbers below; a change of that is a kink."""
    return unary(a, frozen.Stepwise("floor"))


def ceil(a: Node) -> Node:
    """Return the smallest whole numbers above; a change of that is a kink."""
    return unary(a, frozen.Stepwise("ceil"))


def round(a: Node) -> Node:  # noqa: A001
    """Return the nearest whole numbers; a change of that is a kink."""
    return unary(a, frozen.Stepwise("round"))


def trunc(a: Node) -> Node:
    """Return whole numbers without what stands behind the point; a change of that is a kink."""
    return unary(a, frozen.Stepwise("trunc"))


def relu6(a: Node) -> Node:
    """Return ``min(max(a, 0), 6)``."""
    return clip(a, 0.0, 6.0)


def hard_tanh(a: Node, low: float = -1.0, high: float = 1.0) -> Node:
    """Return `a` between `low` and `high`."""
    return clip(a, low, high)


def hard_sigmoid(a: Node) -> Node:
    """Return ``a / 6 + 1 / 2`` between 0 and 1."""
    return scale(relu6(add(a, 3.0)), 1.0 / 6.0)


def hard_swish(a: Node) -> Node:
    """Return ``a hard_sigmoid(a)``."""
    return multiply(a, hard_sigmoid(a))


def threshold(a: Node, limit: float, value: float = 0.0) -> Node:
    """Return `a` where it is above `limit`, else `value`; there is a kink at the limit."""
    return where(greater(a, limit), a, value)
