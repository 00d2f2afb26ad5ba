"""From a network and a minibatch to a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastcheck.graph import Graph, ops
from fastcheck.network.layers import Activation, Dense

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.graph import Node
    from fastcheck.network.network import Network


def build(net: Network, x: NDArray[Any], y: NDArray[Any]) -> Graph:
    """Return the graph of the loss of `net`; `x` and `y` lie in its layout."""
    graph = Graph()
    layout = net.axes
    fused = net.loss.absorbs(net.layers[-1])
    inputs = graph.mark("x", graph.data(x, batch_axis=layout.batch))
    output = _forward(net, inputs, fused)
    labels = graph.data(y, batch_axis=layout.batch)
    loss = net.loss.lower(output, labels, layout, fused)
    graph.set_loss(_penalised(loss, net.l2))
    return graph


def _forward(net: Network, node: Node, fused: bool) -> Node:
    """Append the layers, without the last if it is fused, and name z1, a1, z2, ..."""
    graph = node.graph
    n_dense = n_named = 0
    for place, layer in enumerate(net.layers[:-1] if fused else net.layers):
        if isinstance(layer, Dense):
            n_dense += 1
            node = graph.mark(f"z{n_dense}", layer.lower(node, net.axes, place, n_dense))
            continue
        node = layer.lower(node, net.axes, place)
        if isinstance(layer, Activation) and n_named < n_dense:
            n_named = n_dense
            graph.mark(f"a{n_dense}", node)
    return node


def _penalised(loss: Node, l2: float) -> Node:
    """Add ``l2 / 2 sum W**2`` over the weights."""
    if l2:
        for name, node in loss.graph.params.items():
            if name.startswith("W"):
                loss = loss + ops.scale(ops.sum(ops.square(node)), 0.5 * l2)
    return loss
