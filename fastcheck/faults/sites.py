"""Where in a graph the mistakes of backward passes can be made: products, slopes, labels."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.ops.activations import Gated, Gelu, Mish
from fastcheck.graph.ops.arithmetic import Add, Multiply
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.graph.ops.corners import Cornered
from fastcheck.graph.ops.pointwise import Bend, Sigmoid, Softplus, Tanh

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fastcheck.graph.graph import Graph
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]

ACTIVATIONS = (Tanh, Sigmoid, Softplus, Bend, Gated, Gelu, Mish, Cornered)


@dataclass(frozen=True, eq=False)
class Product:
    """A product of a value of the network with (an image of) a parameter.

    Attributes
    ----------
    node : Node
        The product.
    weight, other : int
        Which of its inputs is the parameter, and which the value.
    name : str
        The parameter.
    """

    node: Node
    weight: int
    other: int
    name: str

    @property
    def source(self) -> Node:
        """The value that is multiplied."""
        return self.node.inputs[self.other]


class Sites:
    """What a graph consists of, as somebody sees it who writes its backward pass.

    Parameters
    ----------
    graph : Graph
        The graph.
    values : list of ndarray
        The value of every node.
    """

    def __init__(self, graph: Graph, values: list[Floats]) -> None:
        self.graph = graph
        self.values = values
        self.consumers: defaultdict[int, list[Node]] = defaultdict(list)
        for node in graph.nodes:
            for source in dict.fromkeys(node.inputs):
                self.consumers[source.index].append(node)

    @cached_property
    def images(self) -> dict[int, str]:
        """The nodes that are a parameter, or a piece or another order of one, and which.

        What is looked up in a table for each sample is a value like others.
        """
        found = {node.index: name for name, node in self.graph.params.items()}
        for node in self.graph.nodes:
            alone = node.op is not None and node.op.is_exact and len(node.inputs) == 1
            if alone and node.batch_axis is None and node.inputs[0].index in found:
                found[node.index] = found[node.inputs[0].index]
        return found

    @cached_property
    def products(self) -> list[Product]:
        """The products with a parameter, in the order of evaluation."""
        found = []
        for node in self.graph.nodes:
            if isinstance(node.op, Contraction):
                weights = [i for i in (0, 1) if node.inputs[i].index in self.images]
                if len(weights) == 1:
                    (weight,) = weights
                    name = self.images[node.inputs[weight].index]
                    found.append(Product(node, weight, 1 - weight, name))
        return found

    @cached_property
    def biases(self) -> list[tuple[Node, int, str]]:
        """Sums in which a parameter is repeated: the node, which input it is, its name."""
        found = []
        for node in self.graph.nodes:
            if not isinstance(node.op, Add):
                continue
            for i, source in enumerate(node.inputs):
                if source.index in self.images and source.size < node.size:
                    found.append((node, i, self.images[source.index]))
        return found

    @cached_property
    def activations(self) -> list[Node]:
        """The activations of the network."""
        return [
            node for node in self.graph.nodes
            if isinstance(node.op, ACTIVATIONS) and node.depends and node.inputs[0].op is not None
            and node.inputs[0].index not in self.images
        ]  # fmt: skip

    @cached_property
    def masks(self) -> list[tuple[Node, int]]:
        """Products with a dropout mask: the node, and which input is the mask."""
        return [
            (node, i) for node in self.graph.nodes if isinstance(node.op, Multiply)
            for i in (0, 1) if self._is_mask(node.inputs[i]) and node.inputs[1 - i].depends
        ]  # fmt: skip

    def _is_mask(self, node: Node) -> bool:
        is_input = node.op is None and node.size > 1 and node.index in self.before_products
        if node.is_param or not is_input:
            return False
        values = np.unique(self.values[node.index])
        return values.size <= 2 and float(values[-1]) > 0.0 and bool(np.all(values[:-1] == 0.0))

    @cached_property
    def before_products(self) -> set[int]:
        """The nodes on which a product depends."""
        return self.before(product.node for product in self.products)

    def before(self, nodes: Iterable[Node]) -> set[int]:
        """Return the nodes on which some of `nodes` depend."""
        found: set[int] = set()
        ends = {node.index for node in nodes}
        for node in reversed(self.graph.nodes):
            if node.index in ends or node.index in found:
                found |= {source.index for source in node.inputs}
        return found

    @cached_property
    def labels(self) -> list[Node]:
        """Data of the samples that only the loss reads."""
        return [
            node for node in self.graph.nodes
            if node.op is None and not node.is_param and node.batch_axis is not None
            and node.index not in self.before_products and self.consumers[node.index]
        ]  # fmt: skip

    @cached_property
    def of_data(self) -> set[int]:
        """The nodes that depend on data, a single constant not counted."""
        found: set[int] = set()
        for node in self.graph.nodes:
            is_data = node.op is None and not node.is_param and node.size > 1
            is_data = is_data or node.batch_axis is not None
            if is_data or any(source.index in found for source in node.inputs):
                found.add(node.index)
        return found

    @cached_property
    def penalties(self) -> list[tuple[Node, int]]:
        """Sums that add a function of parameters alone to the loss: the node, and which input."""
        return [
            (node, i) for node in self.graph.nodes if isinstance(node.op, Add) and node.size == 1
            for i in (0, 1)
            if node.inputs[i].depends and node.inputs[i].index not in self.of_data
            and node.index in self.of_data
        ]  # fmt: skip

    @cached_property
    def boundaries(self) -> list[Node]:
        """The sums over samples."""
        return [
            node for node in self.graph.nodes
            if node.op is not None and len(node.inputs) == 1 and node.inputs[0].depends
            and node.inputs[0].batch_axis is not None and node.batch_axis is None
            and not node.mixes and node.op.is_linear
        ]  # fmt: skip

    def layer_of(self, name: str) -> int:
        """Return the last node that a parameter enters linearly: its pre-activation.

        Weights and biases of one layer have the same; a parameter that enters at several places
        has that of the last.
        """
        ends, found = [0], [self.graph.params[name]]
        while found:
            for node in self.consumers[found.pop().index]:
                if node.index not in self.of_data:
                    found.append(node)
                elif node.size > 1 or not isinstance(node.op, Add):  # and no penalty
                    ends.append(self._end(node))
        return max(ends)

    def nearest(self, names: Iterable[str]) -> set[str]:
        """Return the parameters that do not act on the layer of another one."""
        known = [name for name in names if name in self.graph.params]
        ends = {name: self.layer_of(name) for name in known}
        before = {end: self.before([self.graph.nodes[end]]) for end in set(ends.values())}
        origin = {name: self.graph.params[name].index for name in known}

        def acts_on(name: str, other: str) -> bool:
            is_one_way = origin[other] not in before[ends[name]]
            return origin[name] in before[ends[other]] and is_one_way

        return {name for name in known if not any(acts_on(name, other) for other in known)}

    def _end(self, node: Node) -> int:
        """Follow additions to the end of an affine map, up to a sum with what it leads to."""
        while True:
            after = [n for n in self.consumers[node.index] if self._is_joined(n, node)]
            if not after:
                return node.index
            node = after[-1]

    def _is_joined(self, node: Node, part: Node) -> bool:
        """Return whether `node` adds to `part` what does not depend on it."""
        others = [source for source in node.inputs if source is not part]
        is_sum = isinstance(node.op, Add) and node.shape == part.shape and len(others) == 1
        return is_sum and part.index not in self.before(others)

    def title(self, node: Node) -> str:
        """Return how a node is called: by its own name, or by the parameters before it."""
        if node.name:
            return node.name
        before = [p.name for p in self.products if p.node.index <= node.index]
        return f"after {before[-1]}" if before else f"{type(node.op).__name__.lower()}"
