"""A backward pass through a graph in which single steps can be exchanged for wrong ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph.reference import dependent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from fastcheck.graph.graph import Graph
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]
    Parts = list[Floats | None]
    Edit = Callable[["Step"], Parts]


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a backward pass: what arrives at a node, and all that its vjp is made from.

    Attributes
    ----------
    node : Node
        The node.
    cotangent : ndarray
        The derivative of the loss with respect to its value.
    inputs : tuple of ndarray
        The values of its inputs.
    output : ndarray
        Its value.
    wanted : sequence of bool
        The inputs to which something is sent.
    """

    node: Node
    cotangent: Floats
    inputs: tuple[Floats, ...]
    output: Floats
    wanted: Sequence[bool]

    def parts(self, **changed: Any) -> Parts:
        """Return what is sent to each input; with `changed`, from other arrays than the right."""
        step = replace(self, **changed)
        assert step.node.op is not None
        return step.node.op.pull(step.cotangent, step.inputs, step.output, step.wanted)


def swept(
    graph: Graph,
    values: list[Floats],
    names: Iterable[str],
    edits: Mapping[int, Edit] | None = None,
) -> dict[str, Floats]:
    """Return the gradient by name; `edits` has what stands in place of the vjps of some nodes.

    Notes
    -----
    The cost is that of one backward pass.
    """
    assert graph.loss is not None
    nodes = {name: graph.tensor(name) for name in names}
    depends = dependent(graph, nodes.values())
    found: dict[int, Floats] = {graph.loss.index: np.ones(graph.loss.shape)}
    for node in reversed(graph.nodes):
        cotangent = found.get(node.index)
        if cotangent is None or node.op is None or node.index not in depends:
            continue
        step = Step(
            node, cotangent, tuple(values[i.index] for i in node.inputs), values[node.index],
            [i.index in depends for i in node.inputs],
        )  # fmt: skip
        edit = (edits or {}).get(node.index, Step.parts)
        with np.errstate(all="ignore"):
            parts = edit(step)
        for source, part in zip(node.inputs, parts, strict=True):
            if part is not None:
                old = found.get(source.index)
                found[source.index] = part if old is None else old + part
    return {
        name: np.array(found.get(node.index, np.zeros(node.shape)), dtype=np.float64, order="C")
        for name, node in nodes.items()
    }


def reevaluated(
    graph: Graph, values: list[Floats], changed: Mapping[int, Floats], stop: Iterable[int] = ()
) -> list[Floats]:
    """Return the values of all nodes when some have other values; `stop` keep theirs."""
    kept, moved, found = set(stop), set(changed), list(values)
    for index, value in changed.items():
        found[index] = value
    for node in graph.nodes:
        if node.op is None or node.index in kept or node.index in changed:
            continue
        if any(i.index in moved for i in node.inputs):
            with np.errstate(all="ignore"):
                value = node.op.value(*(found[i.index] for i in node.inputs))
            found[node.index] = value.reshape(node.shape)
            moved.add(node.index)
    return found
