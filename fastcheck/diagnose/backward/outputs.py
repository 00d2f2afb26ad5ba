"""Mistakes in the derivative of the loss with respect to the outputs of a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastcheck.graph.ops.losses import SoftmaxCrossEntropy
from fastcheck.graph.ops.normalise import LogSoftmax, Softmax, softmax
from fastcheck.graph.ops.pointwise import logistic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.layers import Anatomy, Layer
    from fastcheck.graph.node import Node

    Floats = NDArray[np.float64]

SAME = 1e-7
"""How near a formula must be to the derivative of the loss, relative, to be taken for it."""
LARGEST_GUARD = 1e-2


class Output(NamedTuple):
    """What may stand in place of the derivative of the loss."""

    kind: str
    text: str
    complexity: float
    value: Floats
    constant: float | None = None


@dataclass(frozen=True, eq=False)
class Role:
    """What a loss is to its outputs: a cross-entropy or a squared error, of which they are part.

    Attributes
    ----------
    p, y : ndarray
        Predictions and targets.
    c : float
        The factor: one over the batch, say.
    function : {"softmax", "sigmoid", ""}
        What predictions are of the outputs.
    classes, samples : int or None
        Axes.
    guard : float
        What is added to probabilities in the logarithm.
    """

    p: Floats
    y: Floats
    c: float
    function: str
    classes: int | None
    samples: int | None
    guard: float = 0.0

    def delta(self, p: Floats, y: Floats, guard: float | None = None) -> Floats:
        """Return the derivative with respect to the outputs, from predictions and targets.

        ``c (p - y)`` without a guard g. With one, ``c (p sum(w) - w)`` for softmax, where
        ``w = y p / (p + g)``; for a sigmoid the same with two classes, p and 1 - p.
        """
        g = self.guard if guard is None else guard
        if not g or not self.function:
            return self.c * (p - y)
        if self.function == "sigmoid":
            q = 1.0 - p
            return self.c * ((1.0 - y) * p * q / (q + g) - y * p * q / (p + g))
        w = y * p / (p + g)
        total: Floats = w.sum(axis=self.classes, keepdims=True)
        return self.c * (p * total - w)


def find_role(anatomy: Anatomy, layer: Layer, node: Node, delta: Floats) -> Role | None:
    """Return what the loss is to `node`, of which `delta` is the cotangent; None if unknown."""
    u = anatomy.state.value(node)
    if not 1 <= u.ndim <= 3 or not delta.any():
        return None
    samples, classes = _axes(layer, node)
    targets = list(_targets(anatomy, layer, node))
    guards = _guards(anatomy, layer)
    for function, p in _predictions(u, classes):
        for y in [*targets, *_solved(delta, function)]:
            plain = Role(p, y, 1.0, function, classes, samples)
            found = []
            for guard in (0.0, *(guards if function else ())):
                role = replace(plain, guard=guard)
                c, off = _factor(role.delta(p, y), delta)
                if c and off <= SAME:
                    found.append((off, replace(role, c=c)))
            if found:
                return min(found, key=lambda pair: pair[0])[1]
    return None


def _axes(layer: Layer, node: Node) -> tuple[int | None, int | None]:
    """Return the axes of samples and of classes.

    Parameters have no samples: of scores that are parameters, as where a loss is checked alone, a
    softmax tells which axis has the classes.
    """
    classes = _classes(node)
    if node.batch_axis is not None or classes is not None:
        return node.batch_axis, classes
    for reader in layer.region:
        over: tuple[int, ...] = ()
        if isinstance(reader.op, Softmax | LogSoftmax) and reader.shape == node.shape:
            over = reader.op.over(node.shape)
        elif isinstance(reader.op, SoftmaxCrossEntropy):
            over = (reader.op.axis,)
        if len(over) == 1 and node.ndim == 2:
            return 1 - over[0], over[0]
    return None, None


def _classes(node: Node) -> int | None:
    """Return the axis of the classes: the last that is not that of the samples."""
    if node.batch_axis is None:  # of one sample, a column or a row
        long = [axis for axis, n in enumerate(node.shape) if n > 1]
        return long[0] if len(long) == 1 else None
    axes = [axis for axis in range(node.ndim) if axis != node.batch_axis]
    return axes[-1] if axes else None


def _factor(unit: Floats, delta: Floats) -> tuple[float, float]:
    """Return c with which ``c unit`` is nearest to `delta`, and how far, relative, it is."""
    square = float(np.sum(unit * unit))
    c = float(np.sum(unit * delta)) / square if square else 0.0
    return c, float(np.linalg.norm(delta - c * unit)) / max(float(np.linalg.norm(delta)), 1e-300)


def _predictions(u: Floats, classes: int | None) -> Iterator[tuple[str, Floats]]:
    if classes is not None and u.shape[classes] > 1:
        yield "softmax", softmax(u, classes)
    yield "sigmoid", logistic(u)
    yield "", u


def _guards(anatomy: Anatomy, layer: Layer) -> list[float]:
    """Return the small constants of the loss, which may be added in a logarithm."""
    found = []
    for node in layer.region:
        guard = getattr(node.op, "guard", 0.0)
        if guard:
            found.append(float(guard))
        for source in node.inputs:
            if source.op is None and not source.is_param and source.size == 1:
                value = float(anatomy.state.value(source).reshape(()))
                if 0.0 < value <= LARGEST_GUARD:
                    found.append(value)
    return list(dict.fromkeys(found))


def _targets(anatomy: Anatomy, layer: Layer, node: Node) -> Iterator[Floats]:
    """Yield data of the shape of `node` that the loss reads."""
    region = {n.index for n in layer.region}
    for reader in anatomy.graph.nodes:
        if reader.index not in region:
            continue
        for source in reader.inputs:
            if source.op is None and not source.is_param and source.shape == node.shape:
                value = anatomy.state.value(source)
                yield value
                yield -value


def _solved(delta: Floats, function: str) -> Iterator[Floats]:
    """Yield targets of zeros and ones: ``p - y`` is negative where y is one.

    Of a loss that is multiplied by a negative number it is the other way round.
    """
    if function:
        yield np.where(delta < 0.0, 1.0, 0.0)
        yield np.where(delta > 0.0, 1.0, 0.0)


def find_outputs(role: Role, delta: Floats) -> Iterator[Output]:
    """Yield what may stand in place of `delta`, the derivative with respect to the outputs."""
    p, y = role.p, role.y
    if role.guard:
        text = (
            f"the loss adds {role.guard:g} in its logarithm, which the backward pass ignores: "
            "harmless, if it is meant"
        )
        yield Output("guard-ignored", text, 1.2, role.delta(p, y, 0.0), role.guard)
    yield from _doubled(role, delta)
    for guard in (role.guard, 0.0) if role.guard else (0.0,):
        text = "the targets are not subtracted: use p - y"
        yield Output("labels-ignored", text, 1.35, role.c * p)
        if guard and role.function == "sigmoid":
            yield Output("labels-ignored", text, 1.35, role.delta(p, np.zeros_like(y), guard))
        if role.classes is not None and p.shape[role.classes] > 1:
            for shift in (1, -1):
                text = f"the targets are shifted by {shift} along the classes"
                other = role.delta(p, np.roll(y, shift, role.classes), guard)
                yield Output("labels-shifted", text, 1.6, other, shift)
        if role.samples is not None and p.shape[role.samples] > 1:
            for shift in (1, -1):
                text = (
                    f"inputs and targets do not belong together: the targets are shifted by "
                    f"{shift} along the samples"
                )
                other = role.delta(p, np.roll(y, shift, role.samples), guard)
                yield Output("labels-reordered", text, 1.7, other, shift)
            text = "inputs and targets do not belong together: the order of the targets is reversed"
            other = role.delta(p, np.flip(y, role.samples), guard)
            yield Output("labels-reordered", text, 1.8, other)


def _doubled(role: Role, delta: Floats) -> Iterator[Output]:
    for guard in (role.guard, 0.0) if role.guard else (0.0,):
        right = delta if guard else role.delta(role.p, role.y, 0.0)
        if role.function == "softmax" and role.classes is not None:
            yield from _of_softmax(role, right, guard)
        if role.function:
            text = (
                "the result is multiplied by p (1 - p), though p - y contains the derivative of "
                f"{role.function}: leave it out"
            )
            yield Output("double-derivative", text, 1.5, right * role.p * (1.0 - role.p))
        if role.function == "sigmoid":
            with np.errstate(all="ignore"):
                missing = right / (role.p * (1.0 - role.p))
            if np.isfinite(missing).all():
                yield Output(
                    "slope-missing",
                    "the derivative of sigmoid is missing: multiply by p * (1 - p)",
                    1.3,
                    missing,
                )


def _of_softmax(role: Role, right: Floats, guard: float) -> Iterator[Output]:
    p, y, c = role.p, role.y, role.c
    inner = (right * p).sum(axis=role.classes, keepdims=True)
    text = "the derivative of softmax is applied once more, though p - y contains it: leave it out"
    yield Output("double-derivative", text, 1.5, p * (right - inner))
    text = "of the Jacobian of softmax only the diagonal p (1 - p) is used: -p_i p_j is missing"
    yield Output("diagonal-softmax", text, 1.5, -c * y * p / (p + guard) * (1.0 - p))
    assert role.classes is not None
    again = softmax(p, role.classes)
    text = "softmax is applied to the probabilities once more: use them as they are"
    yield Output("double-softmax", text, 1.5, role.delta(again, y, guard))
    if (p > 0.0).all():
        text = "the derivative of softmax is missing: use p - y"
        yield Output("slope-missing", text, 1.4, -c * y / (p + guard))
