"""Builds one operation, and sends changes through it in their general form."""

from __future__ import annotations

import numpy as np

from fastcheck.graph import Graph, Node, ops
from fastcheck.graph.block import Block
from fastcheck.graph.difference import Difference, Rows
from fastcheck.graph.state import State
from tests.graph.ops.entry import Array, Entry


def built(entry: Entry, arrays: list[Array], n: int) -> tuple[Node, dict[str, Array]]:
    """Return the node of an operation whose inputs are leaves, and the parameters."""
    graph = Graph()
    params = {f"p{k}": a for k, a in enumerate(arrays[:n])}
    leaves = [graph.param(name, a.shape) for name, a in params.items()]
    return entry.build(*leaves, *(graph.data(a) for a in arrays[n:])), params


def with_loss(node: Node) -> Array:
    """Give the graph of `node` a loss, a weighted sum of its entries; return the weights."""
    weights = np.random.default_rng(7).uniform(0.5, 1.5, node.shape)
    weights *= np.random.default_rng(8).choice([-1.0, 1.0], node.shape)
    node.graph.set_loss(ops.sum(node * node.graph.data(weights, node.batch_axis)))
    return weights


def moved(node: Node, params: dict[str, Array], d: list[Array]) -> tuple[Array, Array]:
    """Return the change of `node` in the general form, and which changes crossed a kink."""
    state = State(node.graph, params)
    n = d[0].shape[-1]
    ends = np.array([0, n])
    rows = Rows(np.arange(n, dtype=np.int32), n, None, ends)
    block = Block(state, np.zeros(n, np.uint8))
    diffs: dict[int, Difference | None] = {
        leaf.index: Difference(np.ascontiguousarray(a), rows, ends, {})
        for leaf, a in zip(node.graph.params.values(), d, strict=True)
    }
    for other in node.graph.nodes[: node.index + 1]:
        inputs = tuple(diffs.get(i.index) for i in other.inputs)
        if other.op is not None and any(i is not None for i in inputs):
            diffs[other.index] = other.op.difference(other, inputs, block)
    last = diffs.get(node.index)
    data = np.zeros((*node.shape, n)) if last is None else last.unpinned(node.shape).data
    return data, block.kink.astype(bool)
