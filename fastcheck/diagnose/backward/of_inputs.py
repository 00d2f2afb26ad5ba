"""Gradients made with another value than the input of the layer."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.chain import ACTIVATIONS, find_chain
from fastcheck.graph.ops.arithmetic import Multiply, Scale
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.units import pulled_back

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.view import View
    from fastcheck.graph.node import Node
    from fastcheck.units import Site

    Floats = NDArray[np.float64]


MOST_INPUTS = 24
"""Values of the same shape that are tried."""


@dataclass(frozen=True, eq=False, slots=True)
class Other:
    """Another gradient through the layer, as a mistake makes it."""

    kind: str
    text: str
    complexity: float
    value: Floats
    constant: float | None = None
    name: str = ""


def of_inputs(view: View) -> Iterator[Other]:
    """Yield gradients made with another value than the input of the layer."""
    (site,) = view.layer.sites
    source = _source(view, site)
    if source is None:
        return
    for kind, text, cost, node in _alike(view, source):
        value = _with_input(view, site, source, view.anatomy.state.value(node))
        if np.isfinite(value).all():
            yield Other(kind, text, cost, value)


def _alike(view: View, source: Node) -> Iterator[tuple[str, str, float, Node]]:
    """Yield kind, text, complexity and node of what may be taken for the input of a layer."""
    seen = {source.index}
    node = source
    while node.op is not None:
        movers = [i for i in node.inputs if i.depends]
        is_mask = isinstance(node.op, Multiply | Scale) and len(movers) == 1
        if not (is_mask or isinstance(node.op, ACTIVATIONS)) or movers[0].shape != node.shape:
            break
        (node, *_) = movers
        seen.add(node.index)
        if is_mask and _is_mask(node):
            continue
        if is_mask:
            text = "the input of the layer is taken before dropout"
            yield "input-before-dropout", text, 1.4, node
        else:
            text = "z, the value before the activation, stands where the activation is meant"
            yield "input-before-activation", text, 1.4, node
    count = 0  # what follows is a guess at best
    for other in view.anatomy.graph.nodes:
        is_like = other.shape == source.shape and other.batch_axis == source.batch_axis
        if other.index in seen or not is_like or other.is_param or source.batch_axis is None:
            continue
        if other.op is not None and other.op.is_frozen:
            continue
        count += 1
        if count > MOST_INPUTS:
            return
        label = other.name or "another layer"
        text = f"the input is that of another place of the network ({label})"
        yield "input-elsewhere", text, 1.6, other


def _is_mask(node: Node) -> bool:
    """Return whether a value is itself a product with data: part of a mask, not before it."""
    return isinstance(node.op, Multiply | Scale) and sum(i.depends for i in node.inputs) == 1


def of_next_inputs(view: View) -> Iterator[Other]:
    """Yield the gradient of a recurrence made with the states of the steps after or before."""
    sites = [s for s in view.layer.sites if view.subject.name in s.paths]
    sources = [_source(view, site) for site in sites]
    if None in sources or len({None if s is None else s.shape for s in sources}) > 1:
        return
    region = {node.index for node in view.layer.region}
    outputs = [find_chain(view.anatomy, site.node, region).end for site in sites]
    if outputs[0].shape != getattr(sources[0], "shape", None):
        return
    value = np.zeros(view.data.shape)
    for site, source, output in zip(sites, sources, outputs, strict=True):
        assert source is not None
        value += _with_input(view, site, source, view.anatomy.state.value(output))
    text = "the state of the same step stands where that of the step before is meant"
    yield Other("input-elsewhere", text, 1.5, value)


def _source(view: View, site: Site) -> Node | None:
    """Return what the parameter is multiplied by at a site."""
    path = site.paths[view.subject.name]
    product = next((n for n in path if isinstance(n.op, Contraction | Multiply)), None)
    if product is None:
        return None
    on_path = {n.index for n in path} | {view.anatomy.graph.params[view.subject.name].index}
    return next((i for i in product.inputs if i.index not in on_path), None)


def _with_input(view: View, site: Site, source: Node, value: Floats) -> Floats:
    """Return the gradient through a site with another value in place of `source`."""
    state = copy.copy(view.anatomy.state)
    state.values = list(state.values)
    state.values[source.index] = value
    with np.errstate(all="ignore"):
        return pulled_back(state, site, view.subject.name, view.deltas[site.node.index])
