"""Looking at a finished graph: nodes that nobody needs, and constants with joined axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcheck.graph.ops.shape import Reshape
from fastcheck.lower.factors import fitted, groups
from fastcheck.lower.samples import axis_classes

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from fastcheck.graph.graph import Graph
    from fastcheck.graph.node import Node
    from fastcheck.lower.factors import Factors


def prune(graph: Graph) -> None:
    """Drop the nodes that neither the loss nor a name nor a guard needs; parameters stay."""
    kept = _needed(graph)
    nodes = [node for node in graph.nodes if node.index in kept]
    graph.constants = {
        place: graph.constants[node.index]
        for place, node in enumerate(nodes)
        if node.index in graph.constants
    }
    for place, node in enumerate(nodes):
        node.index = place
    graph.nodes = nodes


def _needed(graph: Graph) -> set[int]:
    """Return the nodes that the loss, a name or a guard needs, and the parameters."""
    assert graph.loss is not None
    ends = [graph.loss, *graph.guards, *graph.params.values()]
    ends += [node for node in graph.nodes if node.name]
    kept = {node.index for node in ends}
    for node in reversed(graph.nodes):
        if node.index in kept:
            kept.update(source.index for source in node.inputs)
    return kept


def find_splits(
    graph: Graph, leaves: dict[int, tuple[NDArray[Any], Factors]]
) -> dict[tuple[int, int], tuple[int, ...]]:
    """Return how axes of constants are split later on.

    Where a convolution begins with a constant, its samples and positions are joined from the
    start; that they are several axes shows only where the result is reshaped.

    Returns
    -------
    dict of (int, int) to tuple of int
        By id of the array and axis as the user counts it.
    """
    needed = _needed(graph)
    nodes = [node for node in graph.nodes if node.index in needed]
    splits = [(node, axis, sizes) for node in nodes for axis, sizes in _splits(node)]
    if not splits:
        return {}
    classes = axis_classes(nodes)
    wanted = {classes.find((n.inputs[0].index, axis)): sizes for n, axis, sizes in splits}
    hints = {}
    for index, (array, factors) in leaves.items():
        for axis, places in enumerate(groups(factors)):
            if len(places) != 1 or factors[axis] == (1,):
                continue
            sizes = wanted.get(classes.find((index, places[0])))
            if sizes is not None:
                hints[id(array), axis] = sizes
    return hints


def _splits(node: Node) -> list[tuple[int, tuple[int, ...]]]:
    """Return the axes of its input that a reshape splits, with what they become."""
    if not isinstance(node.op, Reshape) or node.size == 0:
        return []
    factors = fitted(node.shape, node.inputs[0].shape)
    return [(a, f) for a, f in enumerate(factors or ()) if len(f) > 1]
