"""Activations, layers and losses of torch in NumPy, with the arguments of ATen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.frameworks import formulas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MEAN, SUM = 1, 2
"""How losses are reduced, as ATen counts."""


def softplus(x: Any, beta: float = 1, threshold: float = 20) -> Any:
    """Return the softplus, and `x` where ``beta x`` is above the threshold."""
    soft = formulas.softplus(beta * x) / beta if beta != 1 else formulas.softplus(x)
    return np.where(beta * x > threshold, x, soft)


def elu(x: Any, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Any:
    """Return the exponential linear unit."""
    found = formulas.elu(x if input_scale == 1 else input_scale * x, alpha)
    return found if scale == 1 else scale * found


def gelu(x: Any, approximate: str = "none") -> Any:
    """Return the Gaussian linear unit."""
    return (formulas.gelu if approximate == "none" else formulas.gelu_tanh)(x)


def softmax(x: Any, dim: int, half_to_float: bool = False) -> Any:
    """Return the softmax."""
    del half_to_float
    return formulas.softmax(x, dim)


def log_softmax(x: Any, dim: int, half_to_float: bool = False) -> Any:
    """Return its logarithm."""
    del half_to_float
    return formulas.log_softmax(x, dim)


# ------------------------------------------------------------ normalisation, windows


def layer_norm(x: Any, shape: Sequence[int], weight: Any, bias: Any, eps: float) -> Any:
    """Return `x` normalised over its last axes, and two values for a backward pass."""
    found = formulas.normalised(x, tuple(range(-len(shape), 0)), eps)
    return _scaled(found, weight, bias), None, None


def batch_norm(
    x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, momentum: float, eps: float
) -> Any:
    """Return `x` normalised over all axes but the second, and two values for a backward pass."""
    del momentum
    shape = [1, -1] + [1] * (x.ndim - 2)
    if training:
        found = formulas.normalised(x, (0, *range(2, x.ndim)), eps)
    else:
        found = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    own = [None if v is None else v.reshape(shape) for v in (weight, bias)]
    return _scaled(found, *own), None, None


def group_norm(
    x: Any, weight: Any, bias: Any, n: int, channels: int, size: int, groups: int, eps: float
) -> Any:
    """Return `x` normalised over groups of channels, and two values for a backward pass."""
    grouped = x.reshape([n, groups, channels // groups * size])
    found = formulas.normalised(grouped, (-1,), eps).reshape(list(x.shape))
    shape = [1, -1] + [1] * (x.ndim - 2)
    own = [None if v is None else v.reshape(shape) for v in (weight, bias)]
    return _scaled(found, *own), None, None


def weight_norm(v: Any, g: Any, dim: int = 0) -> Any:
    """Return vectors along all other axes in the direction of `v`, `g` long, and their norms."""
    others = tuple(a for a in range(v.ndim) if a != dim)
    size = np.sqrt(np.sum(v * v, axis=others, keepdims=True))
    return v * (g / size), size


def attention(
    q: Any,
    k: Any,
    v: Any,
    dropout: float = 0.0,
    is_causal: bool = False,
    attn_mask: Any = None,
    scale: float | None = None,
) -> Any:
    """Return the values that queries attend to, and a value for a backward pass."""
    if dropout:
        raise ValueError("dropout")
    scores = (q @ np.swapaxes(k, -1, -2)) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        scores = np.where(np.tri(*scores.shape[-2:]) > 0, scores, -np.inf)
    if attn_mask is not None:
        scores = scores + attn_mask
    return formulas.softmax(scores, -1) @ v, None


def _scaled(x: Any, weight: Any, bias: Any) -> Any:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def convolution(
    x: Any,
    w: Any,
    b: Any,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Any:
    """Return a convolution that is not transposed."""
    if transposed:
        raise ValueError("a transposed convolution")
    del output_padding
    margins = [(p, p) for p in padding]
    found = formulas.convolution(x, w, stride, margins, dilation, groups)
    return found if b is None else found + b.reshape([-1] + [1] * len(stride))


def max_pool(
    x: Any,
    size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil: bool = False,
) -> Any:
    """Return the largest entries of windows, and where they are, which nothing here needs."""
    return _pooled(x, size, stride, padding, dilation, ceil, np.max, -np.inf), None


def average_pool(
    x: Any,
    size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Any = 0,
    ceil: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """Return the means of windows."""
    if not count_include_pad and np.any(padding):
        raise ValueError("a mean without its padding")
    return _pooled(x, size, stride, padding, 1, ceil, np.mean, 0.0)


def _pooled(
    x: Any, size: Any, stride: Any, padding: Any, dilation: Any, ceil: bool, of: Any, edge: float
) -> Any:
    n = len(size)
    margins, apart = (
        list(v) * (n if len(v) == 1 else 1) if isinstance(v, list | tuple) else [v] * n
        for v in (padding, dilation)
    )
    if ceil:
        raise ValueError("windows that reach beyond the edge")
    x = formulas.padded(x, [(p, p) for p in margins], edge)
    view = formulas.windows(x, size, stride or size, apart)
    return of(view, axis=tuple(range(-n, 0)))


# ------------------------------------------------------------ losses


def reduced(values: Any, how: int) -> Any:
    """Return values, their mean or their sum."""
    return values.mean() if how == MEAN else values.sum() if how == SUM else values


def nll(logp: Any, y: Any, weight: Any, how: int, ignored: int) -> Any:
    """Return the negative logarithm of the probability of labels, and the sum of the weights."""
    if logp.ndim == 1:
        logp, y = logp.reshape(1, -1), np.reshape(y, 1)
    kept = y != ignored
    own = kept.astype(np.float64) if weight is None else np.where(kept, weight[y * kept], 0.0)
    picked = -logp[np.arange(len(y)), y * kept]
    if weight is None and kept.all():
        return reduced(picked, how), None
    found = picked * own
    return (found.sum() / own.sum() if how == MEAN else reduced(found, how)), None


def squared_error(x: Any, y: Any, how: int = MEAN) -> Any:
    """Return squared differences."""
    return reduced((x - y) ** 2, how)


def huber(x: Any, y: Any, how: int = MEAN, delta: float = 1.0) -> Any:
    """Return Huber's loss."""
    return reduced(formulas.huber(x - y, delta), how)


def smooth_l1(x: Any, y: Any, how: int = MEAN, beta: float = 1.0) -> Any:
    """Return Huber's loss, divided by its limit."""
    return reduced(formulas.huber(x - y, beta) / beta, how)


def binary_cross_entropy(p: Any, y: Any, weight: Any = None, how: int = MEAN) -> Any:
    """Return the cross-entropy of probabilities."""
    found = formulas.binary_cross_entropy(p, y)
    return reduced(found if weight is None else weight * found, how)


def logits_cross_entropy(
    z: Any, y: Any, weight: Any = None, pos_weight: Any = None, how: int = MEAN
) -> Any:
    """Return the cross-entropy of logits."""
    if pos_weight is None:
        found = formulas.logits_cross_entropy(z, y)
    else:
        found = (1.0 - y) * z + (1.0 + (pos_weight - 1.0) * y) * formulas.softplus(-z)
    return reduced(found if weight is None else weight * found, how)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "relu": formulas.relu, "sigmoid": formulas.sigmoid, "tanh": np.tanh, "softplus": softplus,
    "leaky_relu": formulas.leaky_relu, "elu": elu, "silu": formulas.silu, "gelu": gelu,
    "hardtanh": lambda x, low=-1.0, high=1.0: np.clip(x, low, high),
    **dict.fromkeys(("_softmax", "_safe_softmax"), softmax), "_log_softmax": log_softmax,
    "native_layer_norm": layer_norm, "native_batch_norm": batch_norm,
    "native_group_norm": group_norm, "_weight_norm_interface": weight_norm,
    "_scaled_dot_product_flash_attention_for_cpu": attention,
    "convolution": convolution, "max_pool2d_with_indices": max_pool, "avg_pool2d": average_pool,
    "nll_loss_forward": nll, "mse_loss": squared_error, "huber_loss": huber,
    "smooth_l1_loss": smooth_l1, "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": logits_cross_entropy,
}  # fmt: skip
"""By the names of ATen."""
