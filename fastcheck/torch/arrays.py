"""Arithmetic, reductions and shapes of torch in NumPy, with the arguments of ATen."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.frameworks import formulas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def add(x: Any, y: Any, alpha: float = 1) -> Any:
    """Return a sum."""
    return x + (y if alpha == 1 else alpha * y)


def subtract(x: Any, y: Any, alpha: float = 1) -> Any:
    """Return a difference."""
    return x - (y if alpha == 1 else alpha * y)


def reversed_subtract(x: Any, y: Any, alpha: float = 1) -> Any:
    """Return ``y - x``."""
    return y - (x if alpha == 1 else alpha * x)


def clamp(x: Any, low: Any = None, high: Any = None, **limits: Any) -> Any:
    """Return entries within limits."""
    return np.clip(x, limits.get("min", low), limits.get("max", high))


def add_product(b: Any, x: Any, w: Any, beta: float = 1, alpha: float = 1) -> Any:
    """Return ``beta b + alpha x @ w``."""
    product = x @ w
    return (product if alpha == 1 else alpha * product) + (b if beta == 1 else beta * b)


# ------------------------------------------------------------ reductions


def axes(dim: Any) -> Any:
    """Return axes as NumPy takes them; all for none."""
    if isinstance(dim, list | tuple):
        return tuple(dim) or None
    return dim


def reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a reduction over some axes."""

    def reduced(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return function(x, axis=axes(dim), keepdims=keepdim)

    return reduced


def variance(power: float) -> Callable[..., Any]:
    """Return the variance, or its root."""

    def spread(x: Any, dim: Any = None, correction: float | None = 1, keepdim: bool = False) -> Any:
        ddof = 1 if correction is None else correction
        found = np.var(x, axis=axes(dim), ddof=ddof, keepdims=keepdim)
        return found if power == 1.0 else np.sqrt(found)

    return spread


def norm(x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False) -> Any:  # noqa: A002
    """Return the norm of vectors."""
    size = np.abs(x)
    if ord == 1:
        return np.sum(size, axis=axes(dim), keepdims=keepdim)
    if ord == 2:
        return np.sqrt(np.sum(x * x, axis=axes(dim), keepdims=keepdim))
    return np.sum(size**ord, axis=axes(dim), keepdims=keepdim) ** (1.0 / ord)


def extreme(values: Any, places: Any) -> Callable[..., Any]:
    """Return the largest or smallest entries, and along one axis also where they are."""

    def found(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        if dim is None:
            return values(x)
        return values(x, axis=dim, keepdims=keepdim), places(x, axis=dim)

    return found


def logsumexp(x: Any, dim: Any, keepdim: bool = False) -> Any:
    """Return ``log(sum(exp(x)))``."""
    top = np.max(x, axis=axes(dim), keepdims=True)
    found = top + np.log(np.sum(np.exp(x - top), axis=axes(dim), keepdims=True))
    return found if keepdim else np.squeeze(found, axis=axes(dim))


# ------------------------------------------------------------ shapes


def expand(x: Any, size: Sequence[int], implicit: bool = False) -> Any:
    """Return `x` with axes of length 1, and new ones in front, repeated."""
    del implicit
    lead = len(size) - x.ndim
    shape = [x.shape[a - lead] if n == -1 else n for a, n in enumerate(size)]
    return np.broadcast_to(x, tuple(shape))


def squeeze(x: Any, dim: Any = None) -> Any:
    """Return `x` without axes of length 1, all or some that may be so."""
    wanted = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    gone = [a % x.ndim for a in wanted if x.shape[a] == 1]
    return x.reshape([n for a, n in enumerate(x.shape) if a not in gone])


def transpose(x: Any, one: int, other: int) -> Any:
    """Return `x` with two axes exchanged."""
    return np.swapaxes(x, one, other)


def select(x: Any, dim: int, index: int) -> Any:
    """Return what is at one index of an axis."""
    return x[(*[slice(None)] * (dim % x.ndim), index)]


def part(
    x: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Any:
    """Return a slice along an axis."""
    return x[(*[slice(None)] * (dim % x.ndim), slice(start, end, step))]


def split(x: Any, size: Any, dim: int = 0) -> list[Any]:
    """Return parts of one size, or of the sizes given, along an axis."""
    n = x.shape[dim]
    sizes = [size] * (n // size) + [n % size] * (n % size > 0) if isinstance(size, int) else size
    ends = np.cumsum(sizes)
    return [part(x, dim, int(e - k), int(e)) for k, e in zip(sizes, ends, strict=True)]


def unbind(x: Any, dim: int = 0) -> list[Any]:
    """Return what is at each index of an axis."""
    return [select(x, dim, index) for index in range(x.shape[dim])]


def indexed(x: Any, indices: Sequence[Any]) -> Any:
    """Return ``x[indices]``, where None is a whole axis."""
    return x[tuple(slice(None) if i is None else i for i in indices)]


def gather(x: Any, dim: int, index: Any, sparse_grad: bool = False) -> Any:
    """Return one entry for each index along an axis."""
    del sparse_grad
    return np.take_along_axis(x, index, dim)


def embedding(w: Any, index: Any, *unused: Any) -> Any:
    """Return rows."""
    del unused
    return w[index]


def same(x: Any) -> Any:
    """Return what is given."""
    return x


OPERATIONS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("clone", "detach", "_to_copy"), same),
    "exp": np.exp, "log": np.log, "log1p": np.log1p, "expm1": np.expm1, "sqrt": np.sqrt,
    "sin": np.sin, "cos": np.cos, "abs": np.abs, "neg": np.negative, "sign": np.sign,
    "erf": formulas.erf, "reciprocal": lambda x: 1.0 / x, "rsqrt": lambda x: 1.0 / np.sqrt(x),
    "add": add, "sub": subtract, "rsub": reversed_subtract, "mul": operator.mul,
    "div": operator.truediv, "pow": operator.pow, "maximum": np.maximum, "minimum": np.minimum,
    "clamp": clamp, "clamp_min": np.maximum, "clamp_max": np.minimum, "where": np.where,
    "masked_fill": lambda x, mask, value: np.where(mask, value, x),
    "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le,
    "eq": operator.eq, "ne": operator.ne,
    "mm": operator.matmul, "bmm": operator.matmul, "mv": operator.matmul, "dot": operator.matmul,
    "addmm": add_product, "baddbmm": add_product, "addmv": add_product,
    "sum": reduction(np.sum), "mean": reduction(np.mean), "amax": reduction(np.max),
    "amin": reduction(np.min), "prod": reduction(np.prod), "max": extreme(np.max, np.argmax),
    "min": extreme(np.min, np.argmin), "argmax": reduction(np.argmax), "var": variance(1.0),
    "std": variance(0.5), "linalg_vector_norm": norm, "logsumexp": logsumexp,
    "t": lambda x: x.T, "transpose": transpose, "permute": np.transpose, "view": np.reshape,
    "_unsafe_view": np.reshape, "expand": expand, "squeeze": squeeze,
    "unsqueeze": np.expand_dims, "select": select, "slice": part, "split": split,
    "split_with_sizes": split, "unsafe_split": split, "unbind": unbind, "index": indexed,
    "gather": gather, "embedding": embedding, "flip": np.flip,
    "cat": lambda xs, dim=0: np.concatenate(xs, axis=dim),
    "stack": lambda xs, dim=0: np.stack(xs, axis=dim),
}  # fmt: skip
"""By the names of ATen."""
