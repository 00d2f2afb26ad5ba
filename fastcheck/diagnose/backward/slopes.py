"""What people write in place of the derivative of an activation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastcheck.graph.ops.activations import Gated, Gelu, Mish
from fastcheck.graph.ops.corners import Elu
from fastcheck.graph.ops.entrywise import Entrywise
from fastcheck.graph.ops.pointwise import Bend, logistic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fastcheck.diagnose.backward.chain import Step
    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]

LEAKS = (0.01, 0.1, 0.2, 0.3, 0.05, 0.001)
"""Slopes of leaky ReLUs that people use."""


class Slope(NamedTuple):
    """What may stand in place of a derivative."""

    kind: str
    text: str
    complexity: float
    value: Floats


OF_Z: dict[str, Callable[[Floats], Floats]] = {
    "tanh": lambda z: 1.0 - np.tanh(z) ** 2,
    "sigmoid": lambda z: logistic(z) * (1.0 - logistic(z)),
    "ReLU": lambda z: np.where(z > 0.0, 1.0, 0.0),
    "softplus": logistic,
}
"""Derivatives as functions of the argument."""
OF_A: dict[str, tuple[str, Callable[[Floats], Floats]]] = {
    "tanh": ("1 - {a}**2", lambda a: 1.0 - a * a),
    "sigmoid": ("{a} * (1 - {a})", lambda a: a * (1.0 - a)),
    "ReLU": ("{a} > 0", lambda a: np.where(a > 0.0, 1.0, 0.0)),
}
"""Derivatives as functions of the value."""


NAMES: dict[type | None, str] = {
    Elu: "ELU", Gated: "SiLU (swish)", Gelu: "GELU", Mish: "Mish",
}  # fmt: skip
"""What operations are called that are not called like their class."""


def name_of(step: Step) -> str:
    """Return what an activation is called."""
    op = step.node.op
    if isinstance(op, Bend):
        return "ReLU" if op.low == 0.0 else f"leaky ReLU ({op.low:g})"
    if isinstance(op, Gated) and (op.a, op.b) != (1.0, 0.0):
        return "GELU" if op.b else f"swish with {op.a:g}"
    if isinstance(op, Entrywise):
        return op.name
    return NAMES.get(type(op), type(op).__name__.lower())


FORMULAS = {
    "tanh": "1 - {a}**2",
    "sigmoid": "{a} * (1 - {a})",
    "ReLU": "({z} > 0)",
    "softplus": "1 / (1 + exp(-{z}))",
}
"""Derivatives as they are written, with the argument and the value of the activation to fill in."""


def formula_of(step: Step) -> str:
    """Return the derivative of an activation as it is written, see `FORMULAS`."""
    op = step.node.op
    if isinstance(op, Bend) and op.low:
        return f"where({{z}} > 0, {op.high:g}, {op.low:g})"
    name = name_of(step)
    return FORMULAS.get(name, f"the derivative of {name} at {{z}}")


def find_slopes(state: State, step: Step) -> Iterator[Slope]:
    """Yield what may stand in place of the derivative of an activation, the likeliest first."""
    own, formula = name_of(step), formula_of(step)
    z, a, right = state.value(step.source), state.value(step.node), step.slope
    use = f"use {formula}"
    with np.errstate(all="ignore"):
        text = f"the derivative of {own} is missing: multiply by {formula}"
        yield Slope("slope-missing", text, 1.2, np.ones_like(z))
        text = f"the derivative of {own} is applied twice: multiply by {formula} once"
        yield Slope("slope-squared", text, 1.5, right**2)
        text = f"the value of {own} stands where its derivative is meant: {use}"
        yield Slope("value-for-slope", text, 1.5, a)
        text = f"the derivative of {own} is written as 1 - {{a}}: {use}"
        yield Slope("slope-without-square", text, 1.5, 1.0 - a)
        for slope in (*_of_others(own, z, a), *_misplaced(step, own, z, a)):
            yield slope._replace(text=f"{slope.text}: {use}")
        text = f"the mask of {own} is inverted: {use}"
        yield Slope("mask-inverted", text, 1.6, np.where(z > 0.0, 0.0, 1.0))
        if isinstance(step.node.op, Bend) and step.node.op.low:
            text = f"the two slopes of {own} are exchanged: {use}"
            yield Slope("mask-inverted", text, 1.6, _bent(step, -z))
        for leak in LEAKS:
            text = f"it has the derivative of a leaky ReLU with slope {leak:g}, not of {own}: {use}"
            yield Slope("slope-of-other", text, 1.65, np.where(z > 0.0, 1.0, leak))


def _of_others(own: str, z: Floats, a: Floats) -> Iterator[Slope]:
    for other, slope in OF_Z.items():
        if other != own:
            text = f"it has the derivative of {other}, not of {own}"
            yield Slope("slope-of-other", text, 1.6, slope(z))
    for other, (formula, slope) in OF_A.items():
        if other != own:
            text = f"it has the derivative of {other}, {formula}, not of {own}"
            yield Slope("slope-of-other", text, 1.6, slope(a))


def _misplaced(step: Step, own: str, z: Floats, a: Floats) -> Iterator[Slope]:
    """Yield derivatives at the wrong place: at a where z is meant, at z where a is."""
    at_a = f"the derivative of {own} is taken at {{a}}, the activation, where {{z}} is meant"
    if own in OF_Z:
        yield Slope("slope-of-value", at_a, 1.55, OF_Z[own](a))
    elif isinstance(step.node.op, Bend):
        yield Slope("slope-of-value", at_a, 1.55, _bent(step, a))
    if own in OF_A:
        formula, slope = OF_A[own]
        text = f"the derivative of {own}, {formula}, is given {{z}} where {{a}} is meant"
        yield Slope("slope-of-value", text, 1.55, slope(z))
    for other in OF_Z:
        if other != own:
            text = f"it has the derivative of {other} at {{a}}, not of {own}"
            yield Slope("slope-of-other", text, 1.7, OF_Z[other](a))


def _bent(step: Step, z: Floats) -> Floats:
    op = step.node.op
    assert isinstance(op, Bend)
    return np.where(z > 0.0, op.high, op.low)


def elsewhere(step: Step, others: list[tuple[str, Floats, Floats]]) -> Iterator[Slope]:
    """Yield the derivative taken at the values of other layers: (title, z, slope) of each."""
    own, use = name_of(step), f"use {formula_of(step)}"
    for title, z, slope in others:
        text = f"the derivative of {own} is taken at the values of another layer, {title}: {use}"
        yield Slope("slope-elsewhere", text, 1.8, slope)
        if own in OF_Z:
            yield Slope("slope-elsewhere", text, 1.85, OF_Z[own](z))
        elif isinstance(step.node.op, Bend):
            yield Slope("slope-elsewhere", text, 1.85, _bent(step, z))


def find_masks(step: Step) -> Iterator[Slope]:
    """Yield what may stand in place of a mask, as that of dropout."""
    right = step.slope
    scale = float(right.max())
    yield Slope("dropout-missing", "the mask of dropout is missing", 1.2, np.ones_like(right))
    yield Slope(
        "dropout-unscaled",
        f"the mask of dropout is applied without its factor {scale:.6g}, 1/(1 - rate)",
        1.3,
        (right != 0.0) * 1.0,
    )
    yield Slope("dropout-twice", "the mask of dropout is applied twice", 1.4, right**2)
    yield Slope("dropout-inverted", "the mask of dropout is inverted", 1.5, (right == 0.0) * 1.0)
