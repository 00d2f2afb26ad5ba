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

UNIT = 2.0**-53
ERROR_ROUNDINGS = 8.0
"""A known error counts as so many roundings of its eighth: bounds allow 32 for any operation."""


def backward(
    graph: Graph,
    values: list[Floats],
    *,
    sources: Sequence[Node] = (),
    noise: Noise | None = None,
) -> dict[int, Floats]:
    """Return the cotangent of every node that depends on a parameter, by node index.

    Parameters
    ----------
    graph : Graph
        The graph.
    values : list of ndarray
        The value of every node.
    sources : sequence of Node
        Other nodes whose cotangents are wanted: data, and what depends on data only.
    noise : Noise, optional
        Disturbs the result of every vjp, as rounding does.
    """
    assert graph.loss is not None
    depends = dependent(graph, sources)
    found: dict[int, Floats] = {graph.loss.index: np.ones(graph.loss.shape)}
    for node in reversed(graph.nodes):
        cotangent = found.get(node.index)
        if cotangent is None or node.op is None or node.index not in depends:
            continue
        inputs = tuple(values[i.index] for i in node.inputs)
        wanted = [i.index in depends for i in node.inputs]
        with np.errstate(all="ignore"):  # what is not finite is reported as such
            if noise is not None and node.op.is_numerical:  # dear, and noisier than the shake
                inputs = noise.point(node)
            parts = node.op.pull(cotangent, inputs, values[node.index], wanted)
            if noise is not None and not node.op.is_exact:
                terms = node.op.pull(
                    np.abs(cotangent), inputs, values[node.index], wanted, absolute=True
                )
                errors = node.op.vjp_error(np.abs(cotangent), noise.point(node))
                parts = [
                    noise.added(part, terms[i], None if errors is None else errors[i])
                    for i, part in enumerate(parts)
                ]
        for source, part in zip(node.inputs, parts, strict=True):
            if part is not None:
                old = found.get(source.index)
                found[source.index] = part if old is None else old + part
    return found


def gradient(
    graph: Graph,
    values: list[Floats],
    names: Iterable[str] | None = None,
    noise: Noise | None = None,
) -> dict[str, Floats]:
    """Return the gradient of the loss by name, with respect to parameters and named values.

    `names` are those of all parameters by default.
    """
    nodes = _nodes(graph, names)
    return _named(nodes, backward(graph, values, sources=tuple(nodes.values()), noise=noise))


def gradient_and_terms(
    graph: Graph, values: list[Floats], names: Iterable[str] | None = None
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return the gradient by name, and the sums of the absolute values of the terms that make it.

    For a weight the terms are inputs times cotangents, one for each sample. Only the last sum is
    taken by absolute values: taking all of them would let the result grow from layer to layer.
    """
    nodes = _nodes(graph, names)
    cotangents = backward(graph, values, sources=tuple(nodes.values()))
    images = _linear_images(graph, nodes.values())
    wanted_ones = images | {node.index for node in nodes.values()}
    found: dict[int, Floats] = {}
    for node in reversed(graph.nodes):
        wanted = [i.index in wanted_ones for i in node.inputs]
        arrived = found.get(node.index) if node.index in images else cotangents.get(node.index)
        if arrived is None or node.op is None or not any(wanted):
            continue
        inputs = tuple(values[i.index] for i in node.inputs)
        with np.errstate(all="ignore"):
            parts = node.op.pull(np.abs(arrived), inputs, values[node.index], wanted, absolute=True)
        for source, part in zip(node.inputs, parts, strict=True):
            if part is not None:
                old = found.get(source.index)
                found[source.index] = part if old is None else old + part
    return _named(nodes, cotangents), _named(nodes, found)


def _nodes(graph: Graph, names: Iterable[str] | None) -> dict[str, Node]:
    return {name: graph.tensor(name) for name in (graph.params if names is None else names)}


def _linear_images(graph: Graph, sources: Iterable[Node]) -> set[int]:
    """Return the nodes that are a parameter, or a piece or transpose or sum of one."""
    found = {node.index for node in sources if node.is_param}
    for node in graph.nodes:
        is_image = node.op is not None and node.op.is_linear and len(node.inputs) == 1
        if is_image and node.inputs[0].index in found:
            found.add(node.index)
    return found


def _named(nodes: dict[str, Node], found: dict[int, Floats]) -> dict[str, Floats]:
    return {
        name: np.array(found.get(node.index, np.zeros(node.shape)), dtype=np.float64, order="C")
        for name, node in nodes.items()
    }


class Noise:
    """Disturbances with random signs, as rounding makes them, magnified.

    Parameters
    ----------
    seed : int
        Where the signs are drawn from.
    size : float
        Size of a disturbance, relative to the absolute terms of a result.
    values : list of ndarray
        The value of every node at the base point.
    """

    def __init__(self, seed: int, size: float, values: list[Floats]) -> None:
        self.rng = np.random.default_rng([seed, 1])
        self.size = size
        self.values = values

    def point(self, node: Node) -> tuple[Floats, ...]:
        """Return the inputs of `node` at the base point."""
        return tuple(self.values[i.index] for i in node.inputs)

    def added(
        self, part: Floats | None, terms: Floats | None, errors: Floats | None
    ) -> Floats | None:
        """Return `part`, disturbed in proportion to `terms` and to `errors` beyond rounding."""
        if part is None or terms is None:
            return part
        if errors is not None:
            terms = terms + errors / (ERROR_ROUNDINGS * UNIT)
        up = _coins(self.rng, part.size).reshape(part.shape)
        found: Floats = part + np.where(up, self.size, -self.size) * terms
        return found


def dependent(graph: Graph, sources: Iterable[Node]) -> set[int]:
    """Return the indices of the nodes that depend on a parameter or on one of `sources`."""
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
        if not node.op.is_exact:
            error = node.op.value_error(tuple(values[i.index] for i in node.inputs))
            signs = _signs(rng, node, size)
            value = (
                value * signs if error is None else value + (signs - 1.0) * _larger(value, error)
            )
        shaken.append(value)
    return shaken


def _larger(value: Floats, error: Floats) -> Floats:
    """Return of what a rounding error is as large as a fourth of `error`, at least of `value`."""
    return np.maximum(np.abs(value), error / (4.0 * UNIT))


def _signs(rng: np.random.Generator, node: Node, size: float) -> Floats:
    return np.where(_coins(rng, node.size).reshape(node.shape), 1.0 + size, 1.0 - size)


def _coins(rng: np.random.Generator, n: int) -> NDArray[np.uint8]:
    """Return `n` random zeros and ones."""
    bits = rng.integers(0, 256, (n + 7) // 8, dtype=np.uint8)
    return np.unpackbits(bits, count=n)
