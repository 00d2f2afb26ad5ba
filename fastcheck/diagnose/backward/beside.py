"""What reaches the loss beside a layer: a regulariser, or another use of the parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcheck.graph.ops.arithmetic import Divide, Multiply
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.graph.route import find_route

if TYPE_CHECKING:
    from fastcheck.graph.node import Node


def other_use(origin: Node, blocked: frozenset[int]) -> str:
    """Return what the part of a gradient is called that passes no layer; empty for a regulariser.

    Parameters
    ----------
    origin : Node
        The parameter.
    blocked : frozenset of int
        Indices of the nodes where it enters layers.

    Notes
    -----
    A regulariser depends on the parameter alone and is added to the loss: from where anything else
    meets it on, all is linear. The square of a norm that something is divided by is none.
    """
    route = find_route(origin, blocked).nodes
    own = _of_nothing_else(origin, blocked)
    for node in route:
        if node.index in own and _reads_no_samples(node, origin):
            continue
        if node.index in own or not _is_additive(node):
            return _called(node, route)
    return ""


def _of_nothing_else(origin: Node, blocked: frozenset[int]) -> set[int]:
    """Return the indices of nodes that depend on a parameter alone, and not through its layers."""
    own = {origin.index}
    for node in origin.graph.nodes[origin.index + 1 :]:
        moved = [i for i in node.inputs if i.depends]
        if moved and node.index not in blocked and all(i.index in own for i in moved):
            own.add(node.index)
    return own


def _reads_no_samples(node: Node, origin: Node) -> bool:
    """Return whether what else a node reads is a number, or belongs to the entries one by one."""
    return all(i.depends or i.size == 1 or i.shape == origin.shape for i in node.inputs)


def _is_additive(node: Node) -> bool:
    """Return whether a node adds up what it reads, but for constants."""
    assert node.op is not None
    if node.op.is_linear:
        return True
    factors = node.inputs[1:] if isinstance(node.op, Divide) else node.inputs
    n_moved = sum(i.depends for i in factors)
    if isinstance(node.op, Divide):
        return not n_moved
    return isinstance(node.op, Contraction | Multiply) and n_moved == 1


def _called(node: Node, route: tuple[Node, ...]) -> str:
    """Return what the part is called that comes back along a route, up to `node`."""
    reached = {other.index for other in route}
    is_below = isinstance(node.op, Divide) and node.inputs[0].index not in reached
    use = "the denominator" if is_below else "another use"
    return f"the part through {use}, {route[0].label()},"
