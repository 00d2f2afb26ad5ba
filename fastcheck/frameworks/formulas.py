"""What the layers and losses of other libraries compute, in NumPy.

They run on recorded arrays too, so that they write into nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph.ops import bell
from fastcheck.operation import op

if TYPE_CHECKING:
    from collections.abc import Sequence

# ------------------------------------------------------------ activations


def relu(x: Any) -> Any:
    """Return ``max(x, 0)``."""
    return np.maximum(x, 0.0)


def sigmoid(x: Any) -> Any:
    """Return ``1 / (1 + exp(-x))``."""
    return 1.0 / (1.0 + np.exp(-x))


def softplus(x: Any) -> Any:
    """Return ``log(1 + exp(x))``, also where ``exp(x)`` is too large a number."""
    return np.logaddexp(0.0, x)


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """Return `x`, and ``slope * x`` where it is negative."""
    return np.where(x > 0.0, x, slope * x)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """Return `x`, and ``alpha (exp(x) - 1)`` where it is negative."""
    return np.where(x > 0.0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def selu(x: Any) -> Any:
    """Return the exponential linear unit that keeps means and variances."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def silu(x: Any) -> Any:
    """Return ``x * sigmoid(x)``."""
    return x * sigmoid(x)


def _erf_slope(x: Any) -> Any:
    return 2.0 / math.sqrt(math.pi) * bell.bell(x, 1.0)


erf = op(
    bell.erf,
    lambda d, x: bell.bell_change(d, x, _erf_slope(x), 1.0, 1.0),
    lambda cotangent, x: cotangent * _erf_slope(x),
    independent=True,
)
"""The error function, with the rules that NumPy's functions need not bring along."""


def erfc(x: Any) -> Any:
    """Return ``1 - erf(x)``."""
    return 1.0 - erf(x)


def gelu(x: Any) -> Any:
    """Return ``x P(x)`` with the normal distribution ``P``."""
    return 0.5 * x * (1.0 + erf(x / math.sqrt(2.0)))


def gelu_tanh(x: Any) -> Any:
    """Return the approximation of :func:`gelu` by a hyperbolic tangent."""
    return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


def softmax(x: Any, axis: int) -> Any:
    """Return ``exp(x) / sum(exp(x))``."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(x: Any, axis: int) -> Any:
    """Return ``x - log(sum(exp(x)))``."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


# ------------------------------------------------------------ normalisation


def normalised(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    """Return `x` with mean 0 and variance 1 along some axes."""
    centred = x - x.mean(axis=axes, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=axes, keepdims=True) + eps)


# ------------------------------------------------------------ losses


def logits_cross_entropy(z: Any, y: Any) -> Any:
    """Return ``-y log(sigmoid(z)) - (1 - y) log(1 - sigmoid(z))`` for each entry."""
    return softplus(z) - z * y


def binary_cross_entropy(p: Any, y: Any) -> Any:
    """Return ``-y log(p) - (1 - y) log(1 - p)`` for each entry."""
    return -(y * np.log(p) + (1.0 - y) * np.log(1.0 - p))


def huber(difference: Any, delta: float) -> Any:
    """Return half the square, and ``delta (|d| - delta / 2)`` where ``|d|`` is beyond `delta`."""
    size = np.abs(difference)
    return np.where(size < delta, 0.5 * difference**2, delta * (size - 0.5 * delta))


# ------------------------------------------------------------ windows


def windows(x: Any, sizes: Sequence[int], steps: Sequence[int], dilations: Sequence[int]) -> Any:
    """Return the windows of some sizes along the last axes, whose entries become new last axes.

    Parameters
    ----------
    x : ndarray
        Padded as is needed.
    sizes, steps, dilations : sequence of int
        For each of the last axes how many entries a window has, how far it moves on, and how far
        its entries are apart.
    """
    n = len(sizes)
    spans = tuple((k - 1) * d + 1 for k, d in zip(sizes, dilations, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(range(-n, 0)))
    picks: tuple[Any, ...] = (
        *(slice(None, None, s) for s in steps),
        *(slice(None, None, d) for d in dilations),
    )
    return view[(..., *picks)]


def padded(x: Any, margins: Sequence[tuple[int, int]], value: float = 0.0) -> Any:
    """Return `x` with entries of one value before and after the last axes."""
    widths = [(0, 0)] * (x.ndim - len(margins)) + [tuple(margin) for margin in margins]
    return np.pad(x, widths, constant_values=value) if any(map(any, widths)) else x


def convolution(
    x: Any,
    kernel: Any,
    steps: Sequence[int],
    margins: Sequence[tuple[int, int]],
    dilations: Sequence[int],
    groups: int = 1,
) -> Any:
    """Return the correlation of ``x (n, c_in, ...)`` with ``kernel (c_out, c_in / groups, ...)``.

    Returns
    -------
    ndarray
        Of shape ``(n, c_out, ...)``.
    """
    n = len(steps)
    view = windows(padded(x, margins), kernel.shape[-n:], steps, dilations)
    per = kernel.shape[1]
    each = kernel.shape[0] // groups
    parts = [
        _correlated(view[:, g * per : (g + 1) * per], kernel[g * each : (g + 1) * each], n)
        for g in range(groups)
    ]
    return parts[0] if groups == 1 else np.concatenate(parts, axis=1)


def _correlated(view: Any, kernel: Any, n: int) -> Any:
    """Return windows ``(n, c, places..., sizes...)`` times a kernel ``(c_out, c, sizes...)``."""
    sizes = tuple(range(2 + n, 2 + 2 * n))
    product = np.tensordot(view, kernel, axes=((1, *sizes), tuple(range(1, 2 + n))))
    return np.moveaxis(product, -1, 1)
