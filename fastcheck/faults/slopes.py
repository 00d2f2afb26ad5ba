"""Mistakes with the derivative of an activation, and with a dropout mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.faults.fault import Fault
from fastcheck.graph.ops.pointwise import Bend, Sigmoid, Tanh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fastcheck.faults.fault import Point
    from fastcheck.faults.sites import Sites
    from fastcheck.faults.sweep import Edit, Parts, Step
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]
    Slope = Callable[[Step], Any]

LEAK = 0.01
"""Slope of a leaky ReLU that stands where a ReLU should."""


def slope_faults(point: Point, sites: Sites) -> Iterator[Fault]:
    """Yield the faults of every activation and mask."""
    for node in sites.activations:
        for name, text, kinds, slope in _slopes(node, sites):
            yield _fault(point, sites, node, name, text, kinds, _with(slope))
    yield from _in_biases(point, sites)
    for node, mask in sites.masks:
        for name, text, factor in _masks():
            kinds = (name.replace(" ", "-"), "factor", "delta-factor")
            edit = _masked(mask, factor)
            yield _fault(point, sites, node, name, text, kinds, edit)


def _fault(
    point: Point, sites: Sites, node: Node, name: str, text: str, kinds: tuple[str, ...],
    edit: Edit,
) -> Fault:  # fmt: skip
    place = sites.title(node)
    return Fault(name, place, text, kinds, point.planted({node.index: edit}), is_delta=True)


def slope_at(step: Step, inputs: tuple[Floats, ...] = (), output: Floats | None = None) -> Floats:
    """Return the derivative of an activation, at its own input or at another."""
    (part,) = step.parts(
        cotangent=np.ones(step.node.shape),
        inputs=inputs or step.inputs,
        output=step.output if output is None else output,
        wanted=[True],
    )
    assert part is not None
    return part


def _with(slope: Slope) -> Edit:
    return lambda step: [step.cotangent * slope(step)]


def _at_value(step: Step) -> Floats:
    """Return the derivative at the value of the activation."""
    assert step.node.op is not None
    return slope_at(step, (step.output,), step.node.op.value(step.output))


def _slopes(node: Node, sites: Sites) -> Iterator[tuple[str, str, tuple[str, ...], Slope]]:
    """Yield name, description, diagnoses and the wrong derivative."""
    squared = ("slope-squared", "double-derivative")
    yield "slope missing", "the derivative is left out", ("slope-missing",), lambda _: 1.0
    yield "slope squared", "the derivative is applied twice", squared, lambda s: slope_at(s) ** 2
    yield "slope of value", "f'(a) in place of f'(z)", ("slope-of-value",), _at_value
    yield (
        "value for slope", "the value in place of the derivative", ("value-for-slope",),
        lambda s: s.output,
    )  # fmt: skip
    for text, slope in _others(node):
        yield "slope of other", text, ("slope-of-other", "slope-without-square"), slope
    if isinstance(node.op, Bend):
        yield (
            "mask inverted", "passed where the input is negative", ("mask-inverted",),
            lambda s: (s.inputs[0] <= 0.0) * 1.0,
        )  # fmt: skip
    twin = next((n for n in sites.activations if n is not node and n.shape == node.shape), None)
    if twin is not None:
        elsewhere = twin

        def of_twin(_: Step) -> Floats:
            inputs = tuple(sites.values[i.index] for i in elsewhere.inputs)
            assert elsewhere.op is not None
            output = sites.values[elsewhere.index]
            return elsewhere.op.vjp(np.ones(elsewhere.shape), inputs, output)[0]

        text = f"the derivative of {sites.title(elsewhere)}"
        yield "slope elsewhere", text, ("slope-elsewhere",), of_twin


def _others(node: Node) -> Iterator[tuple[str, Slope]]:
    """Yield derivatives of other activations."""
    if isinstance(node.op, Tanh):
        yield "a (1 - a), of a sigmoid, in place of 1 - a²", lambda s: s.output * (1.0 - s.output)
        yield "1 - a in place of 1 - a²", lambda s: 1.0 - s.output
    elif isinstance(node.op, Sigmoid):
        yield "1 - a², of tanh, in place of a (1 - a)", lambda s: 1.0 - s.output**2
    elif isinstance(node.op, Bend) and node.op.low == 0.0:
        text = f"of a leaky ReLU, {LEAK} for negative inputs"
        yield text, lambda s: np.where(s.inputs[0] > 0.0, 1.0, LEAK)
    elif isinstance(node.op, Bend):
        yield "of a ReLU, 0 for negative inputs", lambda s: (s.inputs[0] > 0.0) * 1.0


def _in_biases(point: Point, sites: Sites) -> Iterator[Fault]:
    """Yield biases to which the derivative of the next activation was applied once more."""
    for node, i, name in sites.biases:
        after = [n for n in sites.activations if n.inputs[0] is node]
        if len(after) != 1:
            continue
        activation = after[0]

        def edit(step: Step, i: int = i, activation: Node = activation) -> Parts:
            assert activation.op is not None
            inputs, output = (step.output,), sites.values[activation.index]
            slope = activation.op.vjp(np.ones(activation.shape), inputs, output)[0]
            parts = step.parts()
            parts[i] = step.parts(cotangent=step.cotangent * slope)[i]
            return parts

        yield Fault(
            "slope twice", name, "the derivative is applied once more for the bias",
            ("slope-twice",), point.planted({node.index: edit}),
            tensor=name,
        )  # fmt: skip


def _masks() -> Iterator[tuple[str, str, Callable[[Floats], Any]]]:
    yield "dropout missing", "the mask is left out", lambda _: 1.0
    yield "dropout unscaled", "not divided by the share that is kept", lambda m: (m > 0.0) * 1.0
    yield "dropout twice", "the mask is applied twice", lambda m: m * m


def _masked(mask: int, factor: Callable[[Floats], Any]) -> Edit:
    def edit(step: Step) -> Parts:
        parts = step.parts()
        parts[1 - mask] = step.cotangent * factor(step.inputs[mask])
        return parts

    return edit
