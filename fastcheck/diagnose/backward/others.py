"""Other gradients that a mistake in one tensor alone makes of the right delta."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.diagnose.backward.chain import find_chain
from fastcheck.diagnose.backward.of_inputs import Other, of_inputs, of_next_inputs
from fastcheck.diagnose.backward.proposal import along, sample_masks
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.graph.ops.move import Move
from fastcheck.units import pulled_back

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.view import View

    Floats = NDArray[np.float64]


def find_others(view: View) -> Iterator[Other]:
    """Yield the gradients that known mistakes make of the deltas of a view."""
    yield from _of_tensors(view)
    if len(view.layer.sites) == 1:
        yield from of_inputs(view)
        yield from _of_duplicates(view)
        yield from _of_sums(view)
    else:
        yield from _of_steps(view)
        yield from of_next_inputs(view)
    yield from _of_samples(view)


def _of_tensors(view: View) -> Iterator[Other]:
    """Yield the right gradients of other parameters of the same shape."""
    for name, value in view.anatomy.right.items():
        if name != view.subject.name and value.shape == view.given.shape:
            text = f"this is the gradient of {name}"
            direct = view.subject.direct
            value = value if direct is None else value - direct
            yield Other("other-tensor", text, 1.5, value, name=name)


def _of_samples(view: View) -> Iterator[Other]:
    for kind, text, constant, keeps in sample_masks(view.anatomy.graph.n_batch or 0):
        masked = {}
        for site in view.layer.sites:
            axis, delta = site.node.batch_axis, view.deltas[site.node.index]
            masked[site.node.index] = delta if axis is None else along(delta, keeps, axis)
        other = replace(view, deltas=masked)
        if not other.is_hopeless():
            yield Other(kind, text, 1.4, other.data, constant)


def _of_steps(view: View) -> Iterator[Other]:
    """Yield the parts of single uses of a shared parameter."""
    sites = [s for s in view.layer.sites if view.subject.name in s.paths]
    n = len(sites)
    for k, site in enumerate(sites):
        delta = view.deltas[site.node.index]
        value = pulled_back(view.anatomy.state, site, view.subject.name, delta)
        text = (
            f"this is the part of use {k + 1} of {n} alone: the parameter is used {n} times, and "
            "the parts of all uses must be added up"
        )
        yield Other("not-summed", text, 1.4, value, float(k))
        if n > 2:
            text = f"the part of use {k + 1} of {n} is not added"
            yield Other("not-summed", text, 1.6, view.data - value, float(k))


def _of_sums(view: View) -> Iterator[Other]:
    """Yield wrong sums of the delta over samples, as for a bias."""
    (site,) = view.layer.sites
    path = site.paths[view.subject.name]
    if any(isinstance(node.op, Contraction) for node in path):
        return
    delta, shape = view.deltas[site.node.index], view.data.shape
    text = "the delta is summed over everything, so that all entries are equal"
    yield Other("summed-over-all", text, 1.4, np.full(shape, delta.sum()))
    axis = site.node.batch_axis
    if delta.ndim == 2 and axis is not None and delta.shape[0] == delta.shape[1]:
        text = "the delta is summed over the units, where the samples are meant: another axis"
        yield Other("summed-over-units", text, 1.4, delta.sum(axis=1 - axis).reshape(shape))
    region = {node.index for node in view.layer.region} - view.layer.seeds
    chain = find_chain(view.anatomy, site.node, region)
    if chain.steps:
        value = pulled_back(view.anatomy.state, site, view.subject.name, delta * chain.slope)
        yield Other("slope-twice", "the derivative of the activation is applied twice", 1.5, value)


def _of_duplicates(view: View) -> Iterator[Other]:
    """Yield what is left where repeated indices are assigned to and not added up."""
    (site,) = view.layer.sites
    first = site.paths[view.subject.name][0]
    if not isinstance(first.op, Move) or len(first.inputs) > 1 or first.op.is_injective:
        return
    delta = view.deltas[site.node.index]
    if delta.shape != first.shape:
        return
    text = (
        "where an index is repeated only one of its parts is kept: G[i] += d adds one of them, "
        "np.add.at(G, i, d) adds all"
    )
    index = first.op.index.reshape(-1)
    for order in (slice(None), slice(None, None, -1)):
        value = np.zeros(view.data.size)
        kept = index[order] >= 0
        value[index[order][kept]] = delta.reshape(-1)[order][kept]
        yield Other("lost-duplicates", text, 1.3, value.reshape(view.data.shape))
