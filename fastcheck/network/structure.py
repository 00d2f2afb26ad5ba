"""Is the description of a network sound? Each mistake is told with its place."""

from __future__ import annotations

from typing import Any

from fastcheck.errors import InputError
from fastcheck.network.checks import choice, number, shown
from fastcheck.network.dropout import Dropout
from fastcheck.network.layers import (
    Dense,
    Layer,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
)
from fastcheck.network.layout import LAYOUTS
from fastcheck.network.losses import (
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
    Loss,
    SoftmaxCrossEntropy,
    SquaredError,
)

LAYERS = (Dense, ReLU, LeakyReLU, Sigmoid, Tanh, Softplus, Softmax, Dropout)
LOSSES = (
    SoftmaxCrossEntropy,
    CrossEntropy,
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    SquaredError,
)


def checked(layers: Any, loss: Any, l2: Any, layout: Any) -> dict[str, Any]:
    """Return the attributes of a network, of their proper types.

    Raises
    ------
    InputError
        If one is wrong, or they do not fit together.
    """
    found = _layers(layers)
    n_out = _width(found)
    if not isinstance(loss, Loss):
        raise InputError(_not_one("loss", "a loss", loss, LOSSES))
    loss.check(found[-1], len(found) - 1, n_out)
    return {
        "layers": found,
        "loss": loss,
        "l2": number("l2", l2, low=0.0),
        "layout": choice("layout", layout, LAYOUTS),
    }


def _layers(layers: Any) -> tuple[Layer, ...]:
    if not isinstance(layers, list | tuple) or not layers:
        raise InputError(
            f"`layers` must be a list of layers, got {shown(layers)}; write e.g. "
            "[Dense(784, 50), ReLU(), Dense(50, 10)]"
        )
    for place, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise InputError(_not_one(f"layers[{place}]", "a layer", layer, LAYERS))
    return tuple(layers)


def _width(layers: tuple[Layer, ...]) -> int:
    """Return the number of outputs, having compared the sizes of each two Dense layers."""
    before: tuple[int, Dense] | None = None
    for place, layer in enumerate(layers):
        if not isinstance(layer, Dense):
            continue
        if before and before[1].n_out != layer.n_in:
            raise InputError(
                f"`layers[{place}]`: {layer!r} needs {layer.n_in} inputs, but layers[{before[0]}] "
                f"gives {before[1].n_out}; write {_mended(layer, before[1].n_out)}, or correct "
                f"layers[{before[0]}]"
            )
        before = place, layer
    if before is None:
        raise InputError(
            f"`layers` must have a Dense layer, got {shown(list(layers))}; add one, without which "
            "there are no parameters"
        )
    return before[1].n_out


def _mended(layer: Dense, n_in: int) -> Dense:
    return Dense(n_in, layer.n_out, layer.bias)


def _not_one(name: str, what: str, value: Any, known: tuple[type, ...]) -> str:
    """Return the message for a `value` that is not `what`: not an instance of `known` classes."""
    if isinstance(value, type) and value in known:
        return (
            f"`{name}` must be {what}, got the class {value.__name__}; write {value.__name__}(...)"
        )
    listed = ", ".join(f"{cls.__name__}(...)" for cls in known)
    return f"`{name}` must be {what}, got {shown(value)}; choose one of {listed}"
