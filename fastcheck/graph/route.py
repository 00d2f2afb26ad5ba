"""Which nodes a probe of one node reaches, and how samples pass through them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.graph.node import Node
    from fastcheck.graph.state import State


@dataclass(frozen=True)
class Route:
    """The way from a probed node to the loss.

    Attributes
    ----------
    origin : Node
        The probed node.
    before : tuple of Node
        Reached nodes without a sample axis that come before samples.
    streamed : tuple of Node
        Reached nodes in which each sample has its own part.
    boundary : tuple of Node
        Nodes that sum over samples.
    after : tuple of Node
        Reached nodes that depend on a boundary.
    coupled : bool
        Whether samples meet before the last sum: the whole batch is then carried at once, and all
        reached nodes are in `before`.
    drops_rows : bool
        Whether rows may be left out: the probes enter the samples at one place only.
    """

    origin: Node
    before: tuple[Node, ...]
    streamed: tuple[Node, ...]
    boundary: tuple[Node, ...]
    after: tuple[Node, ...]
    coupled: bool
    drops_rows: bool

    @cached_property
    def steps(self) -> dict[int, tuple[tuple[int, ...], tuple[int, ...]]]:
        """For each node, its inputs, and the nodes that nobody reads after it.

        The memory of the latter can be used again. The loss is always read, at the end, also if a
        guard reads it before.
        """
        loss = self.origin.graph.loss
        in_order = (*self.before, *self.streamed, *self.boundary, *self.after)
        last = {i.index: node.index for node in in_order for i in node.inputs}
        finished: dict[int, list[int]] = {}
        for source, user in last.items():
            if loss is not None and source == loss.index:
                continue
            finished.setdefault(user, []).append(source)
        return {
            node.index: (
                tuple(i.index for i in node.inputs),
                tuple(finished.get(node.index, ())),
            )
            for node in in_order
        }

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All reached nodes in evaluation order, the origin left out."""
        return tuple(
            sorted(
                (*self.before, *self.streamed, *self.boundary, *self.after),
                key=lambda node: node.index,
            )
        )


def find_route(origin: Node, blocked: frozenset[int] = frozenset()) -> Route:
    """Return the route from `origin` to the loss.

    Parameters
    ----------
    origin : Node
        The node to be probed.
    blocked : frozenset of int
        Indices of nodes that changes do not pass.

    Raises
    ------
    InputError
        If the graph has no loss.
    """
    reached = _reached(origin, blocked)
    samples = {origin.index} if origin.batch_axis is not None else set()
    late: set[int] = set()
    parts: dict[str, list[Node]] = {"before": [], "streamed": [], "boundary": [], "after": []}
    entering = 0
    touched = {origin.index}
    for node in reached:
        inputs = [i.index for i in node.inputs if i.index in touched]
        has_late = any(i in late for i in inputs)
        has_samples = any(i in samples for i in inputs)
        touched.add(node.index)
        if (node.mixes and has_samples) or (
            has_late and (has_samples or node.batch_axis is not None)
        ):
            return Route(origin, tuple(reached), (), (), (), coupled=True, drops_rows=False)
        if node.batch_axis is not None:
            entering += sum(i not in samples for i in inputs)
            samples.add(node.index)
            parts["streamed"].append(node)
        elif has_samples:
            late.add(node.index)
            parts["boundary"].append(node)
        elif has_late:
            late.add(node.index)
            parts["after"].append(node)
        else:
            parts["before"].append(node)
    return Route(
        origin, **{name: tuple(nodes) for name, nodes in parts.items()},
        coupled=False, drops_rows=entering == 1,
    )  # fmt: skip


def _reached(origin: Node, blocked: frozenset[int]) -> list[Node]:
    graph = origin.graph
    if graph.loss is None:
        raise InputError("the graph has no loss; name the scalar result with graph.set_loss(node)")
    forward = {origin.index}
    for node in graph.nodes[origin.index + 1 :]:
        if node.index not in blocked and any(i.index in forward for i in node.inputs):
            forward.add(node.index)
    needed = {graph.loss.index, *(node.index for node in graph.guards)}
    for node in reversed(graph.nodes):
        if node.index in needed:
            needed.update(i.index for i in node.inputs)
    keep = (forward & needed) - {origin.index}
    return [graph.nodes[i] for i in sorted(keep)]


def step_for(route: Route, state: State, change: float) -> tuple[float, float]:
    """Return the step of a probe, and how much one unit of it can move a nonlinear op at most.

    The step is the largest power of two with which no entry moves the input of the first
    nonlinear operation by more than `change` times the length over which that operation bends.
    """
    size = {route.origin.index: 1.0}
    single = find_single(route)
    worst = 0.0
    for node in route.nodes:
        assert node.op is not None
        total = 0.0
        for i, source in enumerate(node.inputs):
            if source.index not in size:
                continue
            gain = node.op.gain(node, i, state, single[source.index])
            if gain is None:
                worst = max(worst, size[source.index] / node.op.length(i, state.inputs(node)))
            else:
                total += size[source.index] * gain
        if total:
            size[node.index] = total
    if not 0.0 < worst < np.inf:
        return float(change), max(worst, 1.0)
    return float(2.0 ** np.floor(np.log2(change / worst))), worst


def find_single(route: Route) -> dict[int, bool]:
    """Return, by node index, whether a probe changes at most one entry of it per sample."""
    single = {route.origin.index: True}
    for node in route.nodes:
        assert node.op is not None
        if node.op.is_frozen:
            continue
        moved = [i for i, source in enumerate(node.inputs) if source.index in single]
        single[node.index] = len(moved) == 1 and all(
            single[node.inputs[i].index] and node.op.stays_single(node, i) for i in moved
        )
    return single


def find_alive(route: Route, state: State, margin: float) -> dict[int, NDArray[np.uint8]]:
    """Return, for nodes followed by operations that are locally flat, which entries matter.

    Parameters
    ----------
    route : Route
        The route.
    state : State
        The base point.
    margin : float
        The largest change that a probe causes there.

    Returns
    -------
    dict of int to ndarray of uint8, shape (n_batch, entries of one sample)
        By node index; a node that is not listed has no entry without effect.
    """
    masks: dict[int, NDArray[np.bool_]] = {}
    consumers: dict[int, list[Node]] = {}
    for node in route.streamed:
        for source in node.inputs:
            consumers.setdefault(source.index, []).append(node)
    elsewhere = {i.index for part in (route.before, route.boundary, route.after)
                 for node in part for i in node.inputs}  # fmt: skip
    for node in (*reversed(route.streamed), route.origin):
        users = consumers.get(node.index, [])
        if users and node.index not in elsewhere and node.batch_axis is not None:
            parts = [_matters(node, user, state, margin, masks) for user in users]
            known = [part for part in parts if part is not None]
            if len(known) == len(parts):
                masks[node.index] = np.logical_or.reduce(known)
    return {index: _by_sample(mask, state.graph.nodes[index]) for index, mask in masks.items()}


def _matters(
    node: Node,
    user: Node,
    state: State,
    margin: float,
    masks: dict[int, NDArray[np.bool_]],
) -> NDArray[np.bool_] | None:
    """Return where a change of `node` can pass `user`, None where that is not known."""
    assert user.op is not None
    flat = user.op.flat(user.inputs.index(node), state.inputs(user), margin)
    if flat is not None and flat.shape == node.shape and user.inputs.count(node) == 1:
        return np.logical_not(flat)
    linear_along = user.op.keeps_place and user.shape == node.shape
    return masks.get(user.index) if linear_along else None


def _by_sample(mask: NDArray[np.bool_], node: Node) -> NDArray[np.uint8]:
    assert node.batch_axis is not None
    moved = np.moveaxis(mask, node.batch_axis, 0)
    return np.ascontiguousarray(moved.reshape(moved.shape[0], -1), dtype=np.uint8)
