"""What operations of TensorFlow are in NumPy, by their types, with their attributes as keywords.

Inputs come first; those that are axes or shapes are arrays of integers.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.frameworks import formulas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def integers(values: Any) -> tuple[int, ...]:
    """Return axes or a shape as a tuple."""
    return tuple(int(v) for v in np.ravel(values))


def reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a reduction over the axes that are its second input."""

    def reduced(x: Any, axes: Any, keep_dims: bool = False) -> Any:
        return function(x, axis=integers(axes), keepdims=keep_dims)

    return reduced


def product(x: Any, y: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    """Return a product of matrices."""
    return (x.T if transpose_a else x) @ (y.T if transpose_b else y)


def products(x: Any, y: Any, adj_x: bool = False, adj_y: bool = False) -> Any:
    """Return products of stacks of matrices."""
    one, other = (np.swapaxes(a, -1, -2) if f else a for a, f in ((x, adj_x), (y, adj_y)))
    return one @ other


def bias_add(x: Any, b: Any, data_format: str = "NHWC") -> Any:
    """Return a sum with a vector along the channels."""
    return x + (b if data_format.endswith("C") else b.reshape(-1, *[1] * (x.ndim - 2)))


def cast(x: Any, kind: str) -> Any:
    """Return numbers of another kind; of floating point all are float64."""
    if kind == "f":
        return x if x.dtype.kind == "f" else x.astype(np.float64)
    return x.astype({"i": np.int64, "u": np.int64, "b": np.bool_}[kind])


# ------------------------------------------------------------ shapes


def squeezed(x: Any, squeeze_dims: Sequence[int] = ()) -> Any:
    """Return `x` without axes of length 1, all or some."""
    gone = [a % x.ndim for a in squeeze_dims] or [a for a, n in enumerate(x.shape) if n == 1]
    return x.reshape([n for a, n in enumerate(x.shape) if a not in gone])


def concatenated(*inputs: Any) -> Any:
    """Return arrays one after the other, along the axis that is the last input."""
    *parts, axis = inputs
    return np.concatenate(parts, axis=int(axis))


def sliced(x: Any, begin: Any, size: Any) -> Any:
    """Return a part; a size of -1 is all that is left."""
    pairs = zip(integers(begin), integers(size), strict=True)
    return x[tuple(slice(b, None if n == -1 else b + n) for b, n in pairs)]


def strided(
    x: Any,
    begin: Any,
    end: Any,
    strides: Any,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
) -> Any:
    """Return what brackets give; a bit for each place says what stands there."""
    key: list[Any] = []
    triples = zip(integers(begin), integers(end), integers(strides), strict=True)
    for place, (b, e, s) in enumerate(triples):
        bit = 1 << place
        if ellipsis_mask & bit:
            key.append(Ellipsis)
        elif new_axis_mask & bit:
            key.append(None)
        elif shrink_axis_mask & bit:
            key.append(b)
        else:
            key.append(slice(None if begin_mask & bit else b, None if end_mask & bit else e, s))
    return x[tuple(key)]


def split(axis: Any, x: Any, num_split: int) -> list[Any]:
    """Return equal parts."""
    return list(np.split(x, num_split, axis=int(axis)))


def split_sizes(x: Any, sizes: Any, axis: Any, num_split: int) -> list[Any]:
    """Return parts of some sizes."""
    del num_split
    return list(np.split(x, np.cumsum(integers(sizes))[:-1].tolist(), axis=int(axis)))


def unpacked(x: Any, axis: int = 0, num: int = 0) -> list[Any]:
    """Return what is at each index of an axis."""
    return [x[(*[slice(None)] * (axis % x.ndim), k)] for k in range(num)]


def gathered(x: Any, index: Any, axis: Any, batch_dims: int = 0) -> Any:
    """Return what is at some indices of an axis."""
    axis = int(axis) % x.ndim
    if batch_dims == 0:
        return x[(*[slice(None)] * axis, index)]
    if (batch_dims, axis, x.ndim, index.ndim) != (1, 1, 2, 1):
        raise ValueError("a gather by samples, but of one entry each")
    return x[np.arange(len(x)), index]


def one_hot(index: Any, depth: Any, on: Any, off: Any, axis: int = -1) -> Any:
    """Return `on` at indices and `off` elsewhere."""
    if axis not in (-1, index.ndim):
        raise ValueError("classes along another axis than the last")
    return np.where(np.arange(int(depth)) == index[..., None], float(on), float(off))


# ------------------------------------------------------------ losses


def cross_entropy(logits: Any, labels: Any) -> Any:
    """Return the cross-entropy of each sample, and what a backward pass needs."""
    return -(labels * formulas.log_softmax(logits, -1)).sum(axis=-1), None


def sparse_cross_entropy(logits: Any, labels: Any) -> Any:
    """Return the same for labels that are integers."""
    return -formulas.log_softmax(logits, -1)[np.arange(len(labels)), labels], None


# ------------------------------------------------------------ windows


def _channels_first(x: Any, data_format: str) -> Any:
    if data_format != "NHWC":
        raise ValueError(f"images in the order {data_format}")
    return np.moveaxis(x, -1, 1)


def _margins(
    x: Any, sizes: Sequence[int], strides: Sequence[int], apart: Sequence[int], padding: str
) -> list[tuple[int, int]]:
    """Return what is added to the last axes: nothing, or so much that steps alone count."""
    if padding not in ("VALID", "SAME"):
        raise ValueError(f"padding {padding}")
    margins = []
    for n, k, s, d in zip(x.shape[2:], sizes, strides, apart, strict=True):
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) if padding == "SAME" else 0
        margins.append((total // 2, total - total // 2))
    return margins


def convolution(
    x: Any,
    kernel: Any,
    strides: Sequence[int],
    padding: str,
    dilations: Sequence[int] = (1, 1, 1, 1),
    explicit_paddings: Sequence[int] = (),
    data_format: str = "NHWC",
) -> Any:
    """Return a convolution of images whose last axis counts channels."""
    del explicit_paddings
    x, w = _channels_first(x, data_format), np.transpose(kernel, (3, 2, 0, 1))
    steps, apart = strides[1:3], dilations[1:3]
    margins = _margins(x, w.shape[2:], steps, apart, padding)
    found = formulas.convolution(x, w, steps, margins, apart, x.shape[1] // w.shape[1])
    return np.moveaxis(found, 1, -1)


def max_pool(
    x: Any,
    ksize: Sequence[int],
    strides: Sequence[int],
    padding: str,
    explicit_paddings: Sequence[int] = (),
    data_format: str = "NHWC",
) -> Any:
    """Return the largest entries of windows."""
    del explicit_paddings
    x, sizes, steps = _channels_first(x, data_format), ksize[1:3], strides[1:3]
    x = formulas.padded(x, _margins(x, sizes, steps, (1, 1), padding), -np.inf)
    return np.moveaxis(formulas.windows(x, sizes, steps, (1, 1)).max(axis=(-1, -2)), 1, -1)


def average_pool(
    x: Any, ksize: Sequence[int], strides: Sequence[int], padding: str, data_format: str = "NHWC"
) -> Any:
    """Return the means of windows."""
    x, sizes, steps = _channels_first(x, data_format), ksize[1:3], strides[1:3]
    if any(map(any, _margins(x, sizes, steps, (1, 1), padding))):
        raise ValueError("means of windows that reach beyond the edge")
    return np.moveaxis(formulas.windows(x, sizes, steps, (1, 1)).mean(axis=(-1, -2)), 1, -1)


# ------------------------------------------------------------ the table


def same(x: Any) -> Any:
    """Return what is given."""
    return x


IDLE = {
    "N", "Truncate", "grad_a", "grad_b", "grad_x", "grad_y", "message", "use_cudnn_on_gpu",
    "incompatible_shape_error", "validate_shape", "shape",
}  # fmt: skip
"""Attributes that are left out, beside those that are types."""

LISTS = {"IdentityN", "Unpack", "Split", "SplitV"}
"""Operations that return a list, also of one."""

OPERATIONS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("Identity", "StopGradient", "PreventGradient"), same),
    "IdentityN": lambda *xs: list(xs), "Cast": cast,
    "MatMul": product, "BatchMatMul": products, "BatchMatMulV2": products,
    "BatchMatMulV3": products, "Einsum": lambda *xs, equation: np.einsum(equation, *xs),
    "BiasAdd": bias_add, "Add": operator.add, "AddV2": operator.add, "Sub": operator.sub,
    "AddN": lambda *xs: sum(xs[1:], xs[0]), "Mul": operator.mul, "RealDiv": operator.truediv,
    "Div": operator.truediv, "DivNoNan": operator.truediv, "Neg": operator.neg, "Pow": operator.pow,
    "FloorDiv": operator.floordiv, "FloorMod": operator.mod,
    "Maximum": np.maximum, "Minimum": np.minimum, "Square": np.square, "Sqrt": np.sqrt,
    "SquaredDifference": lambda x, y: np.square(x - y), "Rsqrt": lambda x: 1.0 / np.sqrt(x),
    "Reciprocal": lambda x: 1.0 / x,
    "Exp": np.exp, "Log": np.log, "Log1p": np.log1p, "Expm1": np.expm1, "Tanh": np.tanh,
    "Sin": np.sin, "Cos": np.cos, "Abs": np.abs, "Sign": np.sign, "Floor": np.floor,
    "Sigmoid": formulas.sigmoid, "Softplus": formulas.softplus, "Relu": formulas.relu,
    "Selu": formulas.selu, "Softsign": lambda x: x / (1.0 + np.abs(x)),
    "Relu6": lambda x: np.clip(x, 0.0, 6.0), "Elu": formulas.elu, "Erf": formulas.erf,
    "Erfc": formulas.erfc, "LeakyRelu": lambda x, alpha=0.2: formulas.leaky_relu(x, alpha),
    "ClipByValue": np.clip,
    "Greater": operator.gt, "GreaterEqual": operator.ge, "Less": operator.lt,
    "LessEqual": operator.le, "Equal": operator.eq, "NotEqual": operator.ne,
    "LogicalAnd": np.logical_and, "LogicalOr": np.logical_or, "LogicalNot": np.logical_not,
    "IsFinite": np.isfinite,
    "Select": np.where, "SelectV2": np.where,
    "Sum": reduction(np.sum), "Mean": reduction(np.mean), "Max": reduction(np.max),
    "Min": reduction(np.min), "Prod": reduction(np.prod),
    "ArgMax": lambda x, axis: np.argmax(x, axis=int(axis)),
    "Reshape": lambda x, shape: np.reshape(x, integers(shape)),
    "Transpose": lambda x, axes: np.transpose(x, integers(axes)),
    "ExpandDims": lambda x, axis: np.expand_dims(x, int(axis)), "Squeeze": squeezed,
    "ConcatV2": concatenated, "Pack": lambda *xs, axis=0: np.stack(xs, axis=axis),
    "Unpack": unpacked, "Slice": sliced, "StridedSlice": strided, "Split": split,
    "SplitV": split_sizes, "GatherV2": gathered, "OneHot": one_hot,
    "Tile": lambda x, n: np.tile(x, integers(n)),
    "BroadcastTo": lambda x, shape: np.broadcast_to(x, integers(shape)),
    "Pad": lambda x, widths: np.pad(x, [integers(w) for w in widths]),
    "Shape": lambda x: np.array(x.shape),
    "Fill": lambda shape, value: np.full(integers(shape), value),
    "Range": np.arange, "ZerosLike": lambda x: np.zeros(x.shape),
    "OnesLike": lambda x: np.ones(x.shape),
    "Softmax": lambda x: formulas.softmax(x, -1),
    "LogSoftmax": lambda x: formulas.log_softmax(x, -1),
    "SoftmaxCrossEntropyWithLogits": cross_entropy,
    "SparseSoftmaxCrossEntropyWithLogits": sparse_cross_entropy,
    "L2Loss": lambda x: 0.5 * np.sum(x * x),
    "Conv2D": convolution, "MaxPool": max_pool, "AvgPool": average_pool,
}  # fmt: skip
