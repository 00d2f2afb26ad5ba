"""The reference gradient of a graph, by the vjps of its operations, and how large rounding may be.

None of this is used to compute a numerical derivative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from fastcheck.graph.graph import Graph
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]


def backward(
    graph: Graph,
    values: list[Floats],
    *,
    absolute: bool = False,
    sources: Sequence[Node] = (),
) -> dict[int, Floats]:
    """Return the cotangent of every node that depends on a parameter, by node index.

    Parameters
    ----------
    graph : Graph
        The graph.
    values : list of ndarray
        The value of every node.
    absolute : bool
        Whether to take every term by absolute value, which bounds the sums that rounding errors
        are proportional to.
    sources : sequence of Node
        Other nodes whose cotangents are wanted: data, and what depends on data only.
    """
    assert graph.loss is not None
    depends = _dependent(graph, sources)
    found: dict[int, Floats] = {graph.loss.index: np.ones(graph.loss.shape)}
    for node in reversed(graph.nodes):
        cotangent = found.get(node.index)
        if cotangent is None or node.op is None or node.index not in depends:
            continue
        inputs = tuple(values[i.index] for i in node.inputs)
        wanted = [i.index in depends for i in node.inputs]
        with np.errstate(all="ignore"):  # what is not finite is reported as such
            parts = node.op.pull(cotangent, inputs, values[node.index], wanted, absolute=absolute)
        for source, part in zip(node.inputs, parts, strict=True):
            if part is not None:
                old = found.get(source.index)
                found[source.index] = part if old is None else old + part
    return found


def gradient(
    graph: Graph,
    values: list[Floats],
    names: Iterable[str] | None = None,
    *,
    absolute: bool = False,
) -> dict[str, Floats]:
    """Return the gradient of the loss by name, with respect to parameters and named values.

    `names` are those of all parameters by default.
    """
    nodes = {name: graph.tensor(name) for name in (graph.params if names is None else names)}
    found = backward(graph, values, absolute=absolute, sources=tuple(nodes.values()))
    return {
        name: np.array(found.get(node.index, np.zeros(node.shape)), dtype=np.float64, order="C")
        for name, node in nodes.items()
    }


def _dependent(graph: Graph, sources: Sequence[Node]) -> set[int]:
    depends = {node.index for node in sources}
    for node in graph.nodes:
        if node.is_param or any(i.index in depends for i in node.inputs):
            depends.add(node.index)
    return depends


def shaken_values(graph: Graph, values: list[Floats], seed: int, size: float) -> list[Floats]:
    """Return all node values, evaluated anew with every result multiplied by ``1 +- size``.

    The signs are drawn from `seed`. Leaves stay as they are, and so do results that have no
    rounding errors of their own.
    """
    rng = np.random.default_rng(seed)
    shaken: list[Floats] = []
    for node in graph.nodes:
        if node.op is None:
            shaken.append(values[node.index])
            continue
        if node.op.is_frozen:  # nor does it change by rounding
            shaken.append(values[node.index])
            continue
        with np.errstate(all="ignore"):
            value = node.op.value(*(shaken[i.index] for i in node.inputs)).reshape(node.shape)
        shaken.append(value if node.op.is_exact else value * _signs(rng, node, size))
    return shaken


def _signs(rng: np.random.Generator, node: Node, size: float) -> Floats:
    bits = rng.integers(0, 256, (node.size + 7) // 8, dtype=np.uint8)
    up = np.unpackbits(bits, count=node.size).reshape(node.shape)
    return np.where(up, 1.0 + size, 1.0 - size)
