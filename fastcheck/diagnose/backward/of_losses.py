"""Mistakes in the derivative of the loss, as deltas of the layer before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.outputs import Role, find_outputs, find_role
from fastcheck.diagnose.backward.proposal import Proposal, Surroundings, constantly
from fastcheck.graph.ops.arithmetic import Add

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]


def of_losses(around: Surroundings) -> Iterator[Proposal]:
    """Yield mistakes in the derivative of the loss, for each step of the chain to begin at."""
    per_site, roles = {}, []
    for k, (site, chain) in enumerate(zip(around.layer.sites, around.chains, strict=True)):
        found, role = [], None
        before = np.ones(site.node.shape)
        nodes: list[tuple[Node, Floats]] = [(n, before) for n in _less_targets(site.node)]
        for step in chain.steps:
            before = before * step.slope
            nodes.append((step.node, before))
        for node, slope in nodes:
            delta = around.found.get(node.index, around.found[site.node.index])
            role = find_role(around.anatomy, around.layer, node, delta)
            if role is not None:
                found = [
                    (o.kind, o.text, o.complexity, o.constant, o.value * slope)
                    for o in find_outputs(role, delta)
                ]
                break
        if found:  # of layers that share one array of parameters only the last has a role
            per_site[k] = found
        roles.append(role)
    yield from _of_steps(around, roles)
    for alike in zip(*per_site.values(), strict=False):
        kind, text, complexity, constant, _ = alike[0]
        if all(a[0] == kind for a in alike):
            values = {k: a[4] for k, a in zip(per_site, alike, strict=True)}
            yield Proposal(kind, text, complexity, constantly(values), constant)


def _of_steps(around: Surroundings, roles: list[Role | None]) -> Iterator[Proposal]:
    """Yield the targets of the next or the last step of a sequence."""
    known = [role for role in roles if role is not None]
    if len(known) < 2 or len(known) < len(roles) or any(c.steps for c in around.chains):
        return
    for shift in (1, -1):
        values = {
            k: role.delta(role.p, known[(k + shift) % len(known)].y) for k, role in enumerate(known)
        }
        word = "next" if shift > 0 else "last"
        text = f"the targets are those of the {word} step"
        yield Proposal("labels-reordered", text, 1.7, constantly(values), float(shift))


def _less_targets(node: Node) -> list[Node]:
    """Return a node, and what it was before data were added, as targets are in ``z - y``."""
    found = [node]
    while isinstance(node.op, Add):
        moved = [i for i in node.inputs if i.depends]
        if len(moved) != 1 or moved[0].shape != node.shape:
            break
        (node,) = moved
        found.append(node)
    return found[::-1]
