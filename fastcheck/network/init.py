"""Starting values of parameters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.network.checks import choice, number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fastcheck.network.layers import Dense
    from fastcheck.network.layout import Layout

    Floats = NDArray[np.float64]

VARIANCES: dict[str, Callable[[Dense], float]] = {
    "fan_in": lambda layer: 1.0 / layer.n_in,
    "he": lambda layer: 2.0 / layer.n_in,
    "glorot": lambda layer: 2.0 / (layer.n_in + layer.n_out),
}
"""The variance of the weights of a layer, by the name of the scale."""

BIAS_DEVIATION = 0.1
"""Standard deviation of random biases: units differ, and saturate no more than without."""


def weights(
    layers: Sequence[Dense], layout: Layout, rng: np.random.Generator, scale: str | float
) -> list[Floats]:
    """Return a normal weight for each of `layers`; both layouts draw the same numbers.

    Raises
    ------
    InputError
        If `scale` is neither a known name nor a finite number that is not negative.
    """
    drawn = []
    for layer in layers:
        deviation = _deviation(scale, layer)
        W = deviation * rng.standard_normal((layer.n_in, layer.n_out))
        drawn.append(np.ascontiguousarray(layout.placed(W)))
    return drawn


def biases(
    layers: Sequence[Dense], layout: Layout, rng: np.random.Generator, value: str | float
) -> list[Floats]:
    """Return a bias for each of `layers`, needed or not: random, or constant.

    Raises
    ------
    InputError
        If `value` is neither "random" nor a finite number.
    """
    if isinstance(value, str):
        choice("biases", value, ["random"])
        draw = rng.standard_normal
        return [BIAS_DEVIATION * draw(layout.bias_shape(layer.n_out)) for layer in layers]
    constant = number("biases", value)
    return [np.full(layout.bias_shape(layer.n_out), constant) for layer in layers]


def _deviation(scale: str | float, layer: Dense) -> float:
    if isinstance(scale, str):
        return math.sqrt(VARIANCES[choice("scale", scale, VARIANCES)](layer))
    return number("scale", scale, low=0.0)
