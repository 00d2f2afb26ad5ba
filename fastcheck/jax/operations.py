"""What the primitives of JAX are in NumPy, by their names, with their parameters as keywords.

Parameters that say where and how precisely something is computed are left out before.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.frameworks import formulas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def product(x: Any, y: Any, dimension_numbers: Any) -> Any:
    """Return a product that contracts some axes and keeps others of both together."""
    (left, right), (own, others) = dimension_numbers
    if not own:
        return np.tensordot(x, y, axes=(tuple(left), tuple(right)))
    letters = iter(LETTERS)
    one = [next(letters) for _ in range(x.ndim)]
    pairs = {right[k]: one[a] for k, a in enumerate(left)}
    pairs |= {others[k]: one[a] for k, a in enumerate(own)}
    other = [pairs.get(a) or next(letters) for a in range(y.ndim)]
    free = [c for a, c in enumerate(one) if a not in (*left, *own)]
    rest = [c for a, c in enumerate(other) if a not in (*right, *others)]
    out = "".join([*(one[a] for a in own), *free, *rest])
    return np.einsum(f"{''.join(one)},{''.join(other)}->{out}", x, y)


def broadcast(x: Any, shape: Sequence[int], broadcast_dimensions: Sequence[int]) -> Any:
    """Return `x` with its axes at some places of a larger shape."""
    placed = [1] * len(shape)
    for axis, place in enumerate(broadcast_dimensions):
        placed[place] = x.shape[axis]
    return np.broadcast_to(np.reshape(x, placed), tuple(shape))


def reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a reduction over some axes."""

    def reduced(x: Any, axes: Sequence[int]) -> Any:
        return function(x, axis=tuple(axes))

    return reduced


def chosen(which: Any, *cases: Any) -> Any:
    """Return the entries of one of two cases."""
    if len(cases) != 2:
        raise ValueError(f"a choice among {len(cases)}")
    return np.where(which, cases[1], cases[0])


def part(
    x: Any,
    start_indices: Sequence[int],
    limit_indices: Sequence[int],
    strides: Sequence[int] | None = None,
) -> Any:
    """Return a slice along each axis."""
    steps = strides or [1] * len(start_indices)
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


def reshaped(x: Any, new_sizes: Sequence[int], dimensions: Any = None) -> Any:
    """Return `x` in another shape, in C order."""
    if dimensions is not None:
        raise ValueError("a reshape in another order")
    return np.reshape(x, new_sizes)


def squeezed(x: Any, dimensions: Sequence[int]) -> Any:
    """Return `x` without some axes of length 1."""
    return x.reshape([n for axis, n in enumerate(x.shape) if axis not in dimensions])


def padded(x: Any, value: Any, padding_config: Any) -> Any:
    """Return `x` with a value around it, where nothing is put between its entries or cut off."""
    if any(between or low < 0 or high < 0 for low, high, between in padding_config):
        raise ValueError("padding between entries")
    margins = [(low, high) for low, high, _ in padding_config]
    return formulas.padded(x, margins, float(value))


def split(x: Any, sizes: Sequence[int], axis: int) -> list[Any]:
    """Return parts along an axis."""
    return list(np.split(x, np.cumsum(sizes)[:-1].tolist(), axis=axis))


def picked(x: Any, places: Any) -> Any:
    """Return entries by their numbers in C order."""
    return x.reshape(-1)[places]


def convolution(
    x: Any,
    kernel: Any,
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int],
    rhs_dilation: Sequence[int],
    dimension_numbers: Any,
    feature_group_count: int,
    batch_group_count: int,
) -> Any:
    """Return a correlation, axes in any order."""
    if any(d != 1 for d in lhs_dilation) or batch_group_count != 1:
        raise ValueError("a convolution that spreads its input or groups samples")
    left, right, out = dimension_numbers
    found = formulas.convolution(
        np.transpose(x, left), np.transpose(kernel, right), window_strides, padding, rhs_dilation,
        feature_group_count,
    )  # fmt: skip
    return np.transpose(found, np.argsort(out).tolist())


def pooled(function: Callable[..., Any], edge: float) -> Callable[..., Any]:
    """Return a reduction of windows, with a value beyond the edges."""

    def reduced(
        x: Any,
        window_dimensions: Sequence[int],
        window_strides: Sequence[int],
        padding: Sequence[tuple[int, int]],
        base_dilation: Sequence[int],
        window_dilation: Sequence[int],
    ) -> Any:
        if any(d != 1 for d in base_dilation):
            raise ValueError("windows over an input that is spread")
        x = formulas.padded(x, padding, edge)
        view = formulas.windows(x, window_dimensions, window_strides, window_dilation)
        return function(view, axis=tuple(range(-x.ndim, 0)))

    return reduced


def cumulated(x: Any, axis: int, reverse: bool) -> Any:
    """Return sums of all entries so far."""
    if reverse:
        return np.flip(np.cumsum(np.flip(x, axis), axis=axis), axis)
    return np.cumsum(x, axis=axis)


def number(x: Any, new_dtype: Any) -> Any:
    """Return numbers as those of another type; of floating point all are float64."""
    kind = np.dtype(new_dtype).kind
    if kind not in "fV":  # V: bfloat16 and others of its kind
        raise ValueError(f"a conversion to {new_dtype}")
    return x.astype(np.float64) if x.dtype.kind != "f" else x


def same(x: Any) -> Any:
    """Return what is given."""
    return x


IDLE = {
    "precision", "preferred_element_type", "out_sharding", "out_dtype", "out_type", "sharding",
    "weak_type", "accuracy", "unique_indices", "indices_are_sorted",
}  # fmt: skip
"""Parameters that are left out."""

OPERATIONS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("copy", "stop_gradient"), same),
    "reduce_precision": lambda x, exponent_bits, mantissa_bits: x,  # noqa: ARG005
    "add": operator.add, "add_any": operator.add, "sub": operator.sub, "mul": operator.mul,
    "div": operator.truediv, "neg": operator.neg, "max": np.maximum, "min": np.minimum,
    "pow": operator.pow, "integer_pow": lambda x, y: x**y, "square": np.square,
    "exp": np.exp, "exp2": np.exp2, "log": np.log, "log1p": np.log1p, "expm1": np.expm1,
    "sqrt": np.sqrt, "rsqrt": lambda x: 1.0 / np.sqrt(x), "cbrt": np.cbrt,
    "tanh": np.tanh, "logistic": formulas.sigmoid, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "sinh": np.sinh, "cosh": np.cosh, "atan": np.arctan, "asin": np.arcsin, "acos": np.arccos,
    "abs": np.abs, "sign": np.sign, "floor": np.floor, "ceil": np.ceil, "erf": formulas.erf,
    "erfc": formulas.erfc,
    "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le,
    "eq": operator.eq, "ne": operator.ne, "is_finite": np.isfinite, "not": np.logical_not,
    "and": np.logical_and, "or": np.logical_or,
    "select_n": chosen, "clamp": lambda low, x, high: np.clip(x, low, high),
    "dot_general": product, "conv_general_dilated": convolution,
    "reduce_window_max": pooled(np.max, -np.inf), "reduce_window_min": pooled(np.min, np.inf),
    "reduce_window_sum": pooled(np.sum, 0.0), "cumsum": cumulated,
    "reduce_sum": reduction(np.sum), "reduce_max": reduction(np.max),
    "reduce_min": reduction(np.min), "reduce_prod": reduction(np.prod),
    "argmax": lambda x, axes, index_dtype: np.argmax(x, axis=axes[0]),  # noqa: ARG005
    "argmin": lambda x, axes, index_dtype: np.argmin(x, axis=axes[0]),  # noqa: ARG005
    "broadcast_in_dim": broadcast, "reshape": reshaped,
    "transpose": lambda x, permutation: np.transpose(x, permutation),
    "squeeze": squeezed,
    "rev": lambda x, dimensions: np.flip(x, dimensions), "slice": part, "pad": padded,
    "concatenate": lambda *xs, dimension: np.concatenate(xs, axis=dimension), "split": split,
    "stack": lambda *xs, axis: np.stack(xs, axis=axis), "convert_element_type": number,
}  # fmt: skip
