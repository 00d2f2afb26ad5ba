"""Losses that go through their samples one by one, so that no axis is that of the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcheck.graph.ops.contraction import Contraction

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.graph.graph import Graph
    from fastcheck.graph.node import Node

MOST_NODES = 3000
"""Nodes up to which the layers of such a loss are found."""


def one_by_one(graph: Graph) -> Callable[[Node], bool]:
    """Return what tells values that are made from data by a product, where no axis does.

    Such is a loss that goes through its samples one by one.
    """
    found: set[int] = set()
    for node in graph.nodes:
        is_product = isinstance(node.op, Contraction) and any(
            i.op is None and not i.is_param and i.ndim for i in node.inputs
        )
        if node is not graph.loss and (is_product or any(i.index in found for i in node.inputs)):
            found.add(node.index)
    return lambda node: node.index in found
