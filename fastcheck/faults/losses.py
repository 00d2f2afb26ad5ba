"""Mistakes at the beginning of a backward pass: labels, softmax, guards, samples."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.faults.fault import Fault
from fastcheck.faults.products import dropped, sample_errors
from fastcheck.faults.sweep import reevaluated
from fastcheck.graph.ops.arithmetic import Add
from fastcheck.graph.ops.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    LogitCrossEntropy,
    SoftmaxCrossEntropy,
)
from fastcheck.graph.ops.move import Move
from fastcheck.graph.ops.normalise import Softmax, softmax
from fastcheck.graph.ops.pointwise import Log, Square, logistic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fastcheck.faults.fault import Point
    from fastcheck.faults.sites import Sites
    from fastcheck.faults.sweep import Edit, Parts, Step
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]
    Guarded = SoftmaxCrossEntropy | CrossEntropy | BinaryCrossEntropy
    Reorder = Callable[[NDArray[np.int64]], NDArray[np.int64]]

LARGEST_GUARD = 1e-2
"""A constant in a logarithm that is larger is part of the model."""
ORDERS: tuple[tuple[str, str, tuple[str, ...], tuple[float, ...], Reorder], ...] = (
    ("labels shifted", "each sample has the label of the next",
     ("labels-shifted", "labels-reordered"), (1.0, -1.0), lambda i: np.roll(i, -1)),
    ("labels reversed", "the labels are in another order than the samples",
     ("labels-reordered",), (), lambda i: i[::-1]),
)  # fmt: skip


def loss_faults(point: Point, sites: Sites) -> Iterator[Fault]:
    """Yield the faults of the loss."""
    yield from _labels(point, sites)
    for node in sites.graph.nodes:
        if node.depends and node.index not in sites.before_products:
            for name, text, kinds, edit in _pulls(node):
                yield _fault(point, node, name, text, kinds, edit)
    for node in sites.graph.nodes:  # in attention too
        if node.depends and isinstance(node.op, Softmax):
            text = "p (1 - p) in place of the whole Jacobian"
            kinds = ("diagonal-softmax",)
            yield _fault(point, node, "diagonal softmax", text, kinds, _diagonal)
    yield from _guards(point, sites)
    yield from _samples(point, sites)


def _fault(
    point: Point, node: Node, name: str, text: str, kinds: tuple[str, ...], edit: Edit
) -> Fault:
    return Fault(name, "", text, kinds, point.planted({node.index: edit}), is_delta=True)


# ------------------------------------------------------------ labels


def _labels(point: Point, sites: Sites) -> Iterator[Fault]:
    """Yield other labels than the samples have."""
    for name, text, kinds, constants, order in ORDERS:
        for node in sites.labels:
            axis = node.batch_axis
            assert axis is not None
            value = sites.values[node.index]
            other = np.take(value, order(np.arange(value.shape[axis])), axis=axis)

            def make(node: Node = node, other: Floats = other) -> dict[str, Floats]:
                values = reevaluated(sites.graph, sites.values, {node.index: other})
                return point.swept(values=values)

            yield Fault(name, "", text, kinds, make, constants, is_delta=True)
        for node in _picks(sites):

            def make_pick(node: Node = node, order: Reorder = order) -> dict[str, Floats]:
                return _picked_otherwise(point, sites, node, order)

            yield Fault(name, "", text, kinds, make_pick, constants, is_delta=True)


def _picks(sites: Sites) -> list[Node]:
    """Return the look-ups of one entry per sample, by its label."""
    found = []
    for node in sites.graph.nodes:
        if not isinstance(node.op, Move) or len(node.inputs) != 1:
            continue
        (source,) = node.inputs
        per_sample = source.batch_axis == 0 and source.ndim == 2 and node.size == source.shape[0]
        own = per_sample and np.array_equal(
            node.op.index.reshape(-1) // source.shape[1], np.arange(node.size)
        )
        if own and node.index not in sites.before_products and node.depends:
            found.append(node)
    return found


def _picked_otherwise(point: Point, sites: Sites, node: Node, order: Reorder) -> dict[str, Floats]:
    assert isinstance(node.op, Move)
    (source,) = node.inputs
    n, n_classes = source.shape
    classes = node.op.index.reshape(-1) % n_classes
    index = np.arange(n) * n_classes + classes[order(np.arange(n))]
    op = Move(index.reshape(node.op.index.shape), [source.shape])
    value = op.value(sites.values[source.index])
    values = reevaluated(sites.graph, sites.values, {node.index: value.reshape(node.shape)})

    def edit(step: Step) -> Parts:
        return op.pull(step.cotangent, step.inputs, step.output, step.wanted)

    return point.swept({node.index: edit}, values)


# ------------------------------------------------------------ softmax and sigmoid


def _pulls(node: Node) -> Iterator[tuple[str, str, tuple[str, ...], Edit]]:
    """Yield name, description, diagnoses and what stands in place of the vjp of a loss."""
    not_subtracted = "p in place of p - y"
    twice = "the derivative of the {} is applied once more to p - y"
    double = "softmax is taken of what is a softmax already"
    if isinstance(node.op, SoftmaxCrossEntropy):
        axis = node.op.axis
        yield (
            "double softmax", double, ("double-softmax",),
            lambda s: s.parts(inputs=(softmax(s.inputs[0], axis), s.inputs[1])),
        )  # fmt: skip
        yield (
            "double derivative", twice.format("softmax"), ("double-derivative",),
            lambda s: _softmax_twice(s, softmax(s.inputs[0], axis), axis),
        )  # fmt: skip
        yield "labels ignored", not_subtracted, ("labels-ignored",), _without_labels(axis)
        yield (
            "diagonal softmax", "p (1 - p) in place of the whole Jacobian", ("diagonal-softmax",),
            _diagonal_of_loss(axis),
        )  # fmt: skip
    elif isinstance(node.op, Softmax):
        axes = node.op.axes or tuple(range(node.ndim))
        yield (
            "double derivative", twice.format("softmax"), ("double-derivative",),
            lambda s: _softmax_twice(s, s.output, axes),
        )  # fmt: skip
        yield (
            "labels ignored", not_subtracted, ("labels-ignored",),
            lambda s: [-s.output * (s.output * s.cotangent).sum(axis=axes, keepdims=True)],
        )  # fmt: skip
    elif isinstance(node.op, LogitCrossEntropy):
        yield (
            "double derivative", twice.format("sigmoid"), ("double-derivative", "slope-squared"),
            _sigmoid_twice,
        )  # fmt: skip
        yield (
            "labels ignored", not_subtracted, ("labels-ignored",),
            lambda s: [s.cotangent * logistic(s.inputs[0]), None],
        )  # fmt: skip
    elif isinstance(node.op, BinaryCrossEntropy):
        yield (
            "labels ignored", "a in place of a - y", ("labels-ignored",),
            lambda s: [s.cotangent / (1.0 - s.inputs[0]), None],
        )  # fmt: skip
    elif isinstance(node.op, Square) and isinstance(sum_op := node.inputs[0].op, Add):
        ends = node.inputs[0].inputs
        if sum_op.sign < 0.0 and ends[0].depends and ends[1].op is None and not ends[1].is_param:
            yield (
                "labels ignored", "2 a in place of 2 (a - y)", ("labels-ignored",),
                lambda s: [2.0 * s.cotangent * (s.inputs[0] + _subtracted(s))],
            )  # fmt: skip


def _subtracted(step: Step) -> Floats:
    """Return the labels that were subtracted in the input of a square."""
    leaf = step.node.inputs[0].inputs[1]
    return leaf.graph.constants[leaf.index]


def _softmax_twice(step: Step, p: Floats, axis: int | tuple[int, ...]) -> Parts:
    parts = step.parts()
    delta = parts[0]
    assert delta is not None
    parts[0] = p * (delta - (p * delta).sum(axis=axis, keepdims=True))
    return parts


def _sigmoid_twice(step: Step) -> Parts:
    parts = step.parts()
    delta, p = parts[0], logistic(step.inputs[0])
    assert delta is not None
    parts[0] = delta * p * (1.0 - p)
    return parts


def _without_labels(axis: int) -> Edit:
    def edit(step: Step) -> Parts:
        z, y = step.inputs
        p = softmax(z, axis)
        total = y.sum(axis=axis, keepdims=True)
        return [np.expand_dims(step.cotangent, axis) * p * total, None]

    return edit


def _diagonal_of_loss(axis: int) -> Edit:
    def edit(step: Step) -> Parts:
        op = step.node.op
        assert isinstance(op, SoftmaxCrossEntropy)
        z, y = step.inputs
        p = softmax(z, axis)
        w = y * p / (p + op.guard) if op.guard else y
        return [-np.expand_dims(step.cotangent, axis) * w * (1.0 - p), None]

    return edit


def _diagonal(step: Step) -> Parts:
    return [step.cotangent * step.output * (1.0 - step.output)]


# ------------------------------------------------------------ guards


def _guards(point: Point, sites: Sites) -> Iterator[Fault]:
    """Yield backward passes that know nothing of a constant in a logarithm."""
    for node in sites.graph.nodes:
        guard = getattr(node.op, "guard", 0.0)
        if isinstance(node.op, SoftmaxCrossEntropy | CrossEntropy | BinaryCrossEntropy) and guard:
            op = copy(node.op)
            op.guard = 0.0

            def edit(step: Step, op: Guarded = op) -> Parts:
                return op.pull(step.cotangent, step.inputs, step.output, step.wanted)

            yield _guard(guard, point.planted({node.index: edit}))
        leaf = _added(sites, node) if isinstance(node.op, Log) else None
        if leaf is not None:

            def make(leaf: Node = leaf) -> dict[str, Floats]:
                nothing = {leaf.index: np.zeros(leaf.shape)}
                return point.swept(values=reevaluated(sites.graph, sites.values, nothing))

            yield _guard(float(sites.values[leaf.index].max()), make)


def _guard(guard: float, make: Callable[[], dict[str, Floats]]) -> Fault:
    text = f"{guard:g} in the logarithm is left out on the way back"
    return Fault("guard ignored", "", text, ("guard-ignored",), make, (guard,), is_delta=True)


def _added(sites: Sites, node: Node) -> Node | None:
    """Return the small constant that is added to the argument of a logarithm."""
    (inner,) = node.inputs
    if not isinstance(inner.op, Add):
        return None
    for leaf in inner.inputs:
        if leaf.op is None and not leaf.is_param and leaf.size == 1:
            value = float(sites.values[leaf.index].reshape(()))
            return leaf if 0.0 < value <= LARGEST_GUARD else None
    return None


# ------------------------------------------------------------ samples


def _samples(point: Point, sites: Sites) -> Iterator[Fault]:
    """Yield losses that leave samples out on the way back."""
    for node in sites.boundaries:
        (source,) = node.inputs
        axis = source.batch_axis
        if axis is None or source.shape[axis] < 3 or node.index in sites.before_products:
            continue
        for name, text, kind, which, constant in sample_errors(source.shape[axis]):
            change = dropped(which, axis)

            def edit(step: Step, change: Callable[[Floats], Floats] = change) -> Parts:
                (part,) = step.parts()
                return [None if part is None else change(part)]

            yield Fault(
                name, "", text, (kind,),
                point.planted({node.index: edit}),
                (float(constant),), is_delta=True,
            )  # fmt: skip
