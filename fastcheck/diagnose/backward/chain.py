"""What stands between a layer and the next: activations and masks, entry by entry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.ops.activations import Erf, Gated, Gelu, Mish
from fastcheck.graph.ops.arithmetic import Multiply, Scale
from fastcheck.graph.ops.corners import Elu, Softsign
from fastcheck.graph.ops.entrywise import Entrywise
from fastcheck.graph.ops.pointwise import Bend, Sigmoid, Softplus, Tanh

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.layers import Anatomy
    from fastcheck.graph.node import Node
    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]

ACTIVATIONS = (Tanh, Sigmoid, Softplus, Bend, Elu, Softsign, Gated, Gelu, Erf, Mish, Entrywise)


@dataclass(eq=False)
class Step:
    """One operation of a chain.

    Attributes
    ----------
    node : Node
        Its result.
    slope : ndarray
        Its derivative, in the shape of the chain.
    is_mask : bool
        Whether it multiplies by data or constants, as dropout does; otherwise it is an activation.
    """

    node: Node
    source: Node
    slope: Floats
    is_mask: bool


@dataclass(eq=False)
class Chain:
    """The operations that follow a site one after the other, entry by entry.

    Attributes
    ----------
    origin : Node
        Where it starts: the node of the site.
    steps : list of Step
        What follows, in order; may be empty.
    """

    origin: Node
    steps: list[Step] = field(default_factory=list)

    @property
    def end(self) -> Node:
        """The last value of the chain."""
        return self.steps[-1].node if self.steps else self.origin

    @property
    def slope(self) -> Floats:
        """The derivative of the last value with respect to the first."""
        found = np.ones(self.origin.shape)
        for step in self.steps:
            found = found * step.slope
        return found

    def without(self, step: Step) -> Floats:
        """Return the product of the slopes of all other steps."""
        found = np.ones(self.origin.shape)
        for other in self.steps:
            if other is not step:
                found = found * other.slope
        return found


def find_chain(anatomy: Anatomy, origin: Node, region: set[int]) -> Chain:
    """Return the chain that starts at `origin` and stays in `region`."""
    chain = Chain(origin)
    node = origin
    while True:
        users = [
            u
            for u in anatomy.users[node.index]
            if u.index in region and not (u.op is not None and u.op.is_frozen)
        ]
        if len(users) != 1 or users[0].shape != origin.shape:
            return chain
        step = _step(anatomy.state, users[0], node)
        if step is None:
            return chain
        last = chain.steps[-1] if chain.steps else None
        if last is not None and last.is_mask and step.is_mask:  # mask, then 1/(1 - rate)
            step = Step(step.node, last.source, last.slope * step.slope, is_mask=True)
            chain.steps.pop()
        chain.steps.append(step)
        node = users[0]


def _step(state: State, node: Node, source: Node) -> Step | None:
    if sum(i is source for i in node.inputs) != 1:
        return None
    others = [i for i in node.inputs if i is not source]
    is_mask = isinstance(node.op, Scale) or (
        isinstance(node.op, Multiply) and not any(_moves(i) for i in others)
    )
    if not (is_mask or (isinstance(node.op, ACTIVATIONS) and not others)):
        return None
    assert node.op is not None
    wanted = [i is source for i in node.inputs]
    with np.errstate(all="ignore"):
        parts = node.op.pull(np.ones(node.shape), state.inputs(node), state.value(node), wanted)
    slope = parts[wanted.index(True)]
    if slope is None or slope.shape != source.shape or not np.isfinite(slope).all():
        return None
    return Step(node, source, slope, is_mask)


def _moves(node: Node) -> bool:
    """Return whether a value depends smoothly on parameters."""
    return node.depends and not (node.op is not None and node.op.is_frozen)
