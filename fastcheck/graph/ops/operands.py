"""What the functions that append operations do with their operands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.node import Node

if TYPE_CHECKING:
    from fastcheck.graph.ops.base import Op


def both(a: Any, b: Any) -> tuple[Node, Node]:
    """Return two operands as nodes; a number or an array becomes a constant of the graph."""
    if isinstance(a, Node):
        return a, b if isinstance(b, Node) else a.graph.data(b)
    if isinstance(b, Node):
        return b.graph.data(a), b
    raise InputError(
        f"one operand must be a graph node, got {said(a)} and {said(b)}; wrap one in graph.data"
    )


def said(a: Any) -> str:
    """Return how messages describe an operand that is not a node."""
    shape = f" of shape {a.shape}" if isinstance(a, np.ndarray) else ""
    return f"{type(a).__name__}{shape}"


def loss_of(op: Op, prediction: Node, target: Any) -> Node:
    """Append a loss; its targets must not depend on parameters."""
    return prediction.graph.apply(op, prediction, targets_of(prediction, target))


def targets_of(prediction: Node, target: Any) -> Node:
    """Return the targets of a loss as a node.

    An array of the shape of the prediction has its samples where the prediction has them.

    Raises
    ------
    InputError
        If the targets depend on parameters.
    """
    if not isinstance(prediction, Node):
        raise InputError(
            f"the prediction must be a graph node, got {said(prediction)}; wrap it in graph.data"
        )
    if not isinstance(target, Node):
        axis = prediction.batch_axis if np.shape(target) == prediction.shape else None
        return prediction.graph.data(target, axis)
    if target.depends:
        raise InputError(
            f"targets of a loss must be data, got {target!r}, which depends on parameters; write "
            "the loss from ops.log, products and ops.sum"
        )
    return target


def unary(a: Node, op: Op) -> Node:
    """Append an operation of one node."""
    if not isinstance(a, Node):
        raise InputError(f"the operand must be a graph node, got {said(a)}; wrap it in graph.data")
    return a.graph.apply(op, a)


def binary(op: Op, a: Any, b: Any) -> Node:
    """Append an operation of two operands."""
    left, right = both(a, b)
    return left.graph.apply(op, left, right)


def is_number(a: Any) -> bool:
    """Return whether `a` is a plain number."""
    return not isinstance(a, Node) and np.ndim(a) == 0
