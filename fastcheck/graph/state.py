"""The base point: every node's value at given parameters, and what differences need of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.graph.difference import Difference
    from fastcheck.graph.graph import Graph
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


class State:
    """Values of all nodes of a graph at one point; computed once, read by every probe.

    Parameters
    ----------
    graph : Graph
        The graph.
    params : mapping of str to ndarray of float64
        A value for each parameter.

    Attributes
    ----------
    values : list of ndarray
        The value of every node.
    memo : dict
        What operations want to remember for this point.
    """

    def __init__(self, graph: Graph, params: Mapping[str, Floats]) -> None:
        self.graph = graph
        self.values: list[Floats] = evaluate(graph, params)
        self._prepared: dict[int, tuple[Floats, ...]] = {}
        self._tables: dict[tuple[Any, ...], Floats] = {}
        self.memo: dict[Any, Any] = {}

    @property
    def loss(self) -> float:
        """The loss at the base point."""
        assert self.graph.loss is not None
        return float(self.values[self.graph.loss.index].reshape(()))

    def value(self, node: Node) -> Floats:
        """Return the value of `node`, in its shape."""
        return self.values[node.index]

    def inputs(self, node: Node) -> tuple[Floats, ...]:
        """Return the values of the inputs of `node`."""
        return tuple(self.values[i.index] for i in node.inputs)

    def largest(self, node: Node) -> float:
        """Return the largest ``|value|`` of `node`, computed once."""
        key = ("largest", node.index)
        if key not in self.memo:
            value = self.value(node)
            self.memo[key] = float(max(value.max(initial=0.0), -value.min(initial=0.0)))
        return float(self.memo[key])

    def share_nonzero(self, node: Node) -> float:
        """Return the share of entries of `node` that are not exactly zero, computed once."""
        key = ("nonzero", node.index)
        if key not in self.memo:
            value = self.value(node)
            self.memo[key] = np.count_nonzero(value) / max(value.size, 1)
        return float(self.memo[key])

    def prepared(self, node: Node) -> tuple[Floats, ...]:
        """Return what the op of `node` prepares at the base point, computed once."""
        found = self._prepared.get(node.index)
        if found is None:
            assert node.op is not None
            found = node.op.prepare(node, self)
            self._prepared[node.index] = found
        return found

    def table(self, key: tuple[Any, ...], array: Floats, axes: tuple[int, ...]) -> Floats:
        """Return `array` as a table: `axes` joined into rows, the other axes into columns.

        `key` names the array; the table is made once per key and axes.
        """
        full = (*key, axes)
        found = self._tables.get(full)
        if found is None:
            moved = np.moveaxis(array, axes, range(len(axes)))
            n_rows = math.prod(array.shape[a] for a in axes)
            found = np.ascontiguousarray(moved).reshape(n_rows, -1)
            if found.flags.writeable is False:  # one signature for kernels
                found = found.copy()
            self._tables[full] = found
        return found


def evaluate(graph: Graph, params: Mapping[str, Floats]) -> list[Floats]:
    """Return the value of every node, in evaluation order."""
    values: list[Floats] = []
    with np.errstate(all="ignore"):  # a loss that is not finite is reported as such
        for node in graph.nodes:
            if node.op is not None:
                value = node.op.value(*(values[i.index] for i in node.inputs))
                values.append(np.asarray(value, dtype=np.float64).reshape(node.shape))
            elif node.is_param:
                values.append(params[node.name])
            else:
                values.append(graph.constants[node.index])
    return values


def reevaluated(state: State, node: Node, value: Floats) -> float:
    """Return the loss with another value of `node`; only what depends on it is evaluated."""
    changed: dict[int, Floats] = {node.index: value}
    with np.errstate(all="ignore"):  # as in `evaluate`
        for user in state.graph.nodes[node.index + 1 :]:
            if user.op is not None and any(i.index in changed for i in user.inputs):
                inputs = (changed.get(i.index, state.values[i.index]) for i in user.inputs)
                changed[user.index] = np.asarray(user.op.value(*inputs)).reshape(user.shape)
    assert state.graph.loss is not None
    last = state.graph.loss.index
    return float(changed.get(last, state.values[last]).reshape(()))


def tables(
    state: State, node: Node, d: Difference, axis: int | None
) -> tuple[tuple[Floats, ...], Ints]:
    """Return what the op of `node` prepared, as tables, and the table row of each group of `d`.

    `axis` is the sample axis of the prepared arrays, used where `d` is streamed.
    """
    key = ("tables", node.index, tuple(d.pins), d.samples is not None)
    found = state.memo.get(key)
    if found is None:
        sampled = d.samples is not None and axis is not None
        axes = tuple(sorted((*d.pins, axis) if sampled and axis is not None else d.pins))
        arrays = state.prepared(node)
        made = tuple(
            state.table((node.index, slot), array, axes) for slot, array in enumerate(arrays)
        )
        index = [None if sampled and a == axis else a for a in axes]
        found = state.memo[key] = (made, index, [arrays[0].shape[a] for a in axes])
    made, index, dims = found
    return made, d.place(index, dims)
