"""Mistakes in the backward pass of an affine layer: its weights, its input, its samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.faults.fault import Fault
from fastcheck.faults.sweep import reevaluated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fastcheck.faults.fault import Point
    from fastcheck.faults.sites import Product, Sites
    from fastcheck.faults.sweep import Edit, Parts, Step
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]

MOVED = 0.1
"""How far stale weights are off, relative to their rms, along the gradient."""


def product_faults(point: Point, sites: Sites) -> Iterator[Fault]:
    """Yield the faults of every product with a parameter, and of every bias."""
    for product in sites.products:
        yield from _weights(point, sites, product)
        yield from _inputs(point, sites, product)
        yield from _samples(point, product.node, product.weight, product.name)
    for node, i, name in sites.biases:
        yield from _samples(point, node, i, name)
        yield from _wrong_axis(point, node, i, name)
    yield from _stale(point, sites)


def with_input(which: int, value: Floats, *, only: int) -> Edit:
    """Return an edit in which input `only` gets what it would if input `which` were `value`."""

    def edit(step: Step) -> Parts:
        parts = step.parts()
        inputs = tuple(value if i == which else given for i, given in enumerate(step.inputs))
        parts[only] = step.parts(inputs=inputs)[only]
        return parts

    return edit


def _weights(point: Point, sites: Sites, product: Product) -> Iterator[Fault]:
    """Yield deltas that went back through something else than the weights."""
    node, weight = product.node, product.node.inputs[product.weight]
    if not product.source.depends:
        return
    value = sites.values[weight.index]
    if value.ndim == 2 and value.shape[0] == value.shape[1] > 1:
        edit = with_input(product.weight, np.ascontiguousarray(value.T), only=product.other)
        yield Fault(
            "not transposed", product.name, "W in place of its transpose on the way back",
            ("not-transposed",), point.planted({node.index: edit}), is_delta=True,
        )  # fmt: skip
    twin = next(
        (p for p in sites.products
         if p.name != product.name and p.node.inputs[p.weight].shape == value.shape), None,
    )  # fmt: skip
    if twin is not None:
        other = sites.values[twin.node.inputs[twin.weight].index]
        edit = with_input(product.weight, other, only=product.other)
        text = f"{twin.name} in place of {product.name} on the way back"
        yield Fault(
            "other weights", product.name, text, ("other-weights",),
            point.planted({node.index: edit}), is_delta=True,
        )  # fmt: skip


def _stale(point: Point, sites: Sites) -> Iterator[Fault]:
    """Yield an update of the weights before they are used on the way back."""
    graph = sites.graph
    through = [p for p in sites.products if p.source.depends]
    if not through:
        return

    def make() -> dict[str, Floats]:
        moved = {}
        for name, node in graph.params.items():
            value, gradient = sites.values[node.index], point.right.get(name)
            size = 0.0 if gradient is None else float(np.sqrt(np.mean(gradient**2)))
            if gradient is not None and size > 0.0:
                rate = MOVED * max(float(np.sqrt(np.mean(value**2))), 1e-3) / size
                moved[node.index] = value - rate * gradient.reshape(value.shape)
        stop = [n.index for n in graph.nodes if n.index not in sites.images]
        values = reevaluated(graph, sites.values, moved, stop)
        edits = {
            p.node.index: with_input(
                p.weight, values[p.node.inputs[p.weight].index], only=p.other
            )
            for p in through
        }  # fmt: skip
        return point.swept(edits)

    text = "weights are updated before they are used on the way back"
    yield Fault("stale weights", "", text, ("stale-weights",), make, is_delta=True)


def _inputs(point: Point, sites: Sites, product: Product) -> Iterator[Fault]:
    """Yield gradients of weights that were made with another value than the input."""
    source, node = product.source, product.node
    before = source.inputs[0] if source in sites.activations else None
    found = [("input before activation", "z in place of a", before)]
    for masked, mask in sites.masks:
        if masked is source:
            inner = masked.inputs[1 - mask]
            found.append(("input before dropout", "the input without its mask", inner))
            if inner in sites.activations:
                found.append(("input before activation", "z in place of a", inner.inputs[0]))
    twin = next(
        (p for p in sites.products if p is not product and p.source is not source
         and p.source.shape == source.shape and sites.values[p.source.index].any()), None,
    )  # fmt: skip
    if twin is not None:
        found.append(("input elsewhere", f"the input of {twin.name}", twin.source))
    for name, text, other in found:
        if other is not None:
            edit = with_input(product.other, sites.values[other.index], only=product.weight)
            yield Fault(
                name, product.name, text, (name.replace(" ", "-"),),
                point.planted({node.index: edit}), tensor=product.name,
            )  # fmt: skip


def dropped(which: int | slice, axis: int) -> Callable[[Floats], Floats]:
    """Return what sets some samples of an array to zero."""

    def change(array: Floats) -> Floats:
        found = array.copy()
        found[(slice(None),) * axis + (which,)] = 0.0
        return found

    return change


def sample_errors(n: int) -> Iterator[tuple[str, str, str, int | slice, int]]:
    """Yield name, description, diagnosis, the samples left out, and the constant."""
    yield "first sample dropped", "a loop begins at 1", "sample-dropped", 0, 0
    yield "last sample dropped", "a loop ends at m - 1", "sample-dropped", n - 1, n - 1
    text = "overwritten in a loop over samples"
    yield "only last sample", text, "only-sample", slice(0, n - 1), n - 1


def _samples(point: Point, node: Node, i: int, name: str) -> Iterator[Fault]:
    """Yield sums over samples for one parameter that leave some out."""
    axis = node.batch_axis
    if axis is None or node.shape[axis] < 3:
        return
    for title, text, kind, which, constant in sample_errors(node.shape[axis]):
        change = dropped(which, axis)

        def edit(step: Step, change: Callable[[Floats], Floats] = change) -> Parts:
            parts = step.parts()
            parts[i] = step.parts(cotangent=change(step.cotangent))[i]
            return parts

        yield Fault(
            title, name, text, (kind,), point.planted({node.index: edit}), (float(constant),),
            tensor=name,
        )  # fmt: skip


def _wrong_axis(point: Point, node: Node, i: int, name: str) -> Iterator[Fault]:
    """Yield a bias that is summed over units in place of samples."""
    source = node.inputs[i]
    n = max(source.shape, default=0)
    if node.ndim != 2 or node.shape[0] != node.shape[1] or source.size != n:
        return

    def edit(step: Step) -> Parts:
        parts = step.parts()
        parts[i] = step.parts(cotangent=np.ascontiguousarray(step.cotangent.T))[i]
        return parts

    yield Fault(
        "summed over units", name, "the wrong axis", ("summed-over-units",),
        point.planted({node.index: edit}), tensor=name,
    )  # fmt: skip
