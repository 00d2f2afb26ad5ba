"""NumPy's functions and the operations that they become."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph import ops
from fastcheck.lower import contractions
from fastcheck.lower.builder import Builder, NotLowered, Operand, Value
from fastcheck.lower.factors import Factors, groups
from fastcheck.trace.functions import powered

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.graph.node import Node

    Handler = Callable[[Builder, list[Any], dict[str, Any]], Value]
    """Takes the arguments of a call, with values and arrays in place of what was recorded."""

HANDLERS: dict[Any, Handler] = {}
"""By function of NumPy."""


def handles(*functions: Any) -> Callable[[Handler], Handler]:
    """Register a handler for `functions`; those that this NumPy does not have are None."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update({f: handler for f in functions if f is not None})
        return handler

    return register


def bound(args: list[Any], kwargs: dict[str, Any], *names: str) -> list[Any]:
    """Return the arguments in the order of `names`, None where one is not given.

    Raises
    ------
    NotLowered
        If another argument is given, unless it says what is the case anyway.
    """
    given = dict(zip(names, args, strict=False)) | kwargs
    idle = {"out": None, "where": True, "dtype": None, "casting": "same_kind", "order": "K",
            "subok": True, "initial": np._NoValue, "optimize": False}  # fmt: skip
    for name in [k for k in given if k not in names]:
        value = given.pop(name)
        fine = name == "optimize" or (name == "dtype" and value in (float, np.float64))
        if not fine and value is not idle.get(name, ()):
            raise NotLowered(f"the argument {name}")
    if len(args) > len(names):
        raise NotLowered("more arguments than expected")
    return [None if given.get(n) is np._NoValue else given.get(n) for n in names]


def operand(argument: Any) -> Operand:
    """Return an argument that stands for numbers as a value or an array of float64."""
    if isinstance(argument, Value):
        return argument
    array = np.asarray(argument)
    if array.dtype.kind not in "fiub":
        raise NotLowered(f"an argument of {array.dtype}")
    return array if array.dtype == np.float64 else array.astype(np.float64)


def number(argument: Any) -> float | None:
    """Return an argument as a number if it is a constant one."""
    if isinstance(argument, Value):
        return None
    array = np.asarray(argument)
    return float(array.reshape(())) if array.size == 1 and array.dtype.kind in "fiub" else None


# ---------------------------------------------------------------- entry by entry


def entrywise(function: Callable[..., Node]) -> Handler:
    """Return a handler for an operation of nodes that broadcast against each other."""

    def handler(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
        found = bound(args, kwargs, *(f"x{i}" for i in range(len(args))))
        nodes, factors = builder.aligned([operand(a) for a in found])
        return Value(function(*nodes), factors)

    return handler


UNARY = {
    "tanh": "tanh", "exp": "exp", "log": "log", "sqrt": "sqrt", "square": "square",
    "reciprocal": "reciprocal", "abs": "abs", "absolute": "abs", "fabs": "abs", "sign": "sign",
    "expm1": "expm1", "log1p": "log1p", "log2": "log2", "log10": "log10", "exp2": "exp2",
    "sin": "sin", "cos": "cos", "tan": "tan", "arctan": "arctan", "sinh": "sinh", "cosh": "cosh",
    "arcsin": "arcsin", "arccos": "arccos", "arcsinh": "arcsinh", "cbrt": "cbrt",
    "floor": "floor", "ceil": "ceil", "rint": "round", "trunc": "trunc",
}  # fmt: skip
BINARY = {
    "add": "add", "subtract": "subtract", "maximum": "maximum", "minimum": "minimum",
    "fmax": "maximum", "fmin": "minimum", "greater": "greater", "greater_equal": "greater_equal",
    "less": "less", "less_equal": "less_equal", "equal": "equal", "not_equal": "not_equal",
    "logaddexp": "logaddexp",
}  # fmt: skip
for _numpy, _ours in (UNARY | BINARY).items():
    if hasattr(ops, _ours):
        HANDLERS[getattr(np, _numpy)] = entrywise(getattr(ops, _ours))


def scaled(value: Value, factor: float) -> Value:
    """Return `value` times a number."""
    return value if factor == 1.0 else Value(ops.scale(value.node, factor), value.factors)


@handles(np.multiply)
def multiply(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return a product; by a plain number it is linear."""
    a, b = (operand(x) for x in bound(args, kwargs, "a", "b"))
    for one, other in ((a, b), (b, a)):
        factor = number(other)
        if factor is not None and isinstance(one, Value) and other.ndim <= one.ndim:
            return scaled(one, factor)
    nodes, factors = builder.aligned([a, b])
    return Value(ops.multiply(*nodes), factors)


@handles(np.divide)
def divide(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return a quotient; by a plain number it is linear."""
    a, b = (operand(x) for x in bound(args, kwargs, "a", "b"))
    divisor = number(b)
    if divisor and isinstance(a, Value) and b.ndim <= a.ndim:
        return scaled(a, 1.0 / divisor)
    nodes, factors = builder.aligned([a, b])
    return Value(ops.divide(*nodes), factors)


@handles(np.negative)
def negative(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return ``-x``."""
    (x,) = bound(args, kwargs, "x")
    return scaled(x, -1.0)


@handles(np.positive)
def positive(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return ``x``."""
    (x,) = bound(args, kwargs, "x")
    return x  # type: ignore[no-any-return]


@handles(np.power, np.float_power, powered)
def power(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return ``x ** p``."""
    x, p = bound(args, kwargs, "x", "p")
    exponent = number(p)
    if isinstance(x, Value) and exponent is not None and np.ndim(p) <= x.ndim:
        return Value(ops.power(x.node, exponent), x.factors)
    raise NotLowered("an exponent that is not a constant number")


@handles(np.clip)
def clip(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return `x` between two numbers."""
    names = ("x", "a_min", "a_max", "min", "max")
    found = dict(zip(names, bound(args, kwargs, *names), strict=True))
    limits = [found[k] if found[k] is not None else found[k[2:]] for k in ("a_min", "a_max")]
    numbers = [None if limit is None else number(limit) for limit in limits]
    if [n is None for n in numbers] != [limit is None for limit in limits]:
        raise NotLowered("limits of clip that are not numbers")
    low, high = (
        default if n is None else n for n, default in zip(numbers, (-np.inf, np.inf), strict=True)
    )
    x = found["x"]
    return Value(ops.clip(x.node, low, high), x.factors)


@handles(np.where)
def where(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return a choice by a comparison; one by a constant only moves entries."""
    if len(args) != 3 or kwargs:
        raise NotLowered("where without alternatives")
    nodes, factors = builder.aligned([operand(a) for a in args])
    return Value(ops.where(*nodes), factors)


@handles(np.logical_not, np.invert)
def logical_not(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return ``1 - x`` of a truth value."""
    (x,) = bound(args, kwargs, "x")
    nodes, factors = builder.aligned([np.ones(()), x])
    return Value(ops.subtract(*nodes), factors)


@handles(np.logical_and, np.bitwise_and)
def logical_and(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return the product of two truth values."""
    nodes, factors = builder.aligned([operand(a) for a in bound(args, kwargs, "a", "b")])
    return Value(ops.multiply(*nodes), factors)


# ---------------------------------------------------------------- reductions


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes that `axis`, None or one or several, names, ascending."""
    if axis is None:
        return tuple(range(ndim))
    try:
        several = (operator.index(axis),)
    except TypeError:
        several = tuple(operator.index(a) for a in axis)
    return tuple(sorted(a % ndim for a in several))


def reduction(function: Callable[..., Node], default: Any = None) -> Handler:
    """Return a handler for a reduction ``function(node, axis, keepdims)``."""

    def handler(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
        names = ("a", "axis", "dtype", "out", "keepdims")
        a, axis, dtype, out, keepdims = bound(args, kwargs, *names)
        if out is not None or (dtype is not None and np.dtype(dtype) != np.float64):
            raise NotLowered("a reduction in another dtype")
        if "axis" not in kwargs and len(args) < 2:
            axis = default
        return reduced(function, a, axes_of(axis, a.ndim), bool(keepdims))

    return handler


def reduced(
    function: Callable[..., Node], a: Value, axes: tuple[int, ...], keepdims: bool
) -> Value:
    """Return the reduction of `a` over `axes`, counted as the user sees them."""
    places = groups(a.factors)
    inner = tuple(p for k in axes for p in places[k])
    if not inner:
        return a
    node = function(a.node, axis=inner, keepdims=keepdims)
    return Value(node, kept_factors(a.factors, axes, keepdims))


def kept_factors(factors: Factors, axes: tuple[int, ...], keepdims: bool) -> Factors:
    """Return the factors after a reduction over `axes`."""
    return tuple(
        (1,) * len(factor) if k in axes else factor
        for k, factor in enumerate(factors)
        if keepdims or k not in axes
    )


for _function, _names in {
    "sum": [(np.sum, None), (np.add.reduce, 0)],
    "mean": [(np.mean, None), (np.average, None)],
    "max": [(np.max, None), (np.amax, None), (np.maximum.reduce, 0)],
    "min": [(np.min, None), (np.amin, None), (np.minimum.reduce, 0)],
    "prod": [(np.prod, None), (np.multiply.reduce, 0)],
}.items():
    if hasattr(ops, _function):
        for _numpy_function, _default in _names:
            HANDLERS[_numpy_function] = reduction(getattr(ops, _function), _default)




def _spread(function: Callable[..., Node]) -> Handler:
    def handler(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
        names = ("a", "axis", "dtype", "out", "ddof", "keepdims")
        a, axis, dtype, out, ddof, keepdims = bound(args, kwargs, *names)
        if out is not None or dtype is not None or ddof not in (None, 0, 1):
            raise NotLowered("an unusual variance")

        def of(node: Node, axis: Any, keepdims: bool) -> Node:
            return function(node, axis=axis, keepdims=keepdims, ddof=ddof or 0)

        return reduced(of, a, axes_of(axis, a.ndim), bool(keepdims))

    return handler


for _name in ("var", "std"):
    if hasattr(ops, _name):
        HANDLERS[getattr(np, _name)] = _spread(getattr(ops, _name))


@handles(np.linalg.norm)
def norm(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return the square root of a sum of squares."""
    a, order, axis, keepdims = bound(args, kwargs, "x", "ord", "axis", "keepdims")
    axes = axes_of(axis, a.ndim)
    plain = order is None or (order == 2 and len(axes) == 1) or order == "fro"
    if not plain:
        raise NotLowered("an unusual norm")
    squares = Value(ops.square(a.node), a.factors)
    total = reduced(ops.sum, squares, axes, bool(keepdims))
    return Value(ops.sqrt(total.node), total.factors)


@handles(np.cumsum)
def cumsum(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return running sums."""
    a, axis = bound(args, kwargs, "a", "axis")
    if axis is None:
        a, axis = builder.value(builder.whole(a), (int(np.prod(a.shape)),)), 0
    places = groups(a.factors)[axis % a.ndim]
    if len(places) != 1:
        node = builder.whole(a)
        return Value(ops.cumsum(node, axis=axis % a.ndim), tuple((n,) for n in a.shape))
    return Value(ops.cumsum(a.node, axis=places[0]), a.factors)


@handles(np.trace)
def trace(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return the sum of the diagonal of a matrix."""
    (a,) = bound(args, kwargs, "a")
    if a.ndim != 2:
        raise NotLowered("trace of more axes")
    nodes, _ = builder.aligned([a, np.eye(*a.shape)])
    return Value(ops.sum(ops.multiply(*nodes)), ())


# ---------------------------------------------------------------- products


@handles(np.matmul)
def matmul(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return ``a @ b``."""
    a, b = (operand(x) for x in bound(args, kwargs, "a", "b"))
    return contractions.matmul(builder, a, b)


@handles(np.dot)
def dot(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return ``np.dot(a, b)``."""
    a, b = (operand(x) for x in bound(args, kwargs, "a", "b"))
    if not a.ndim or not b.ndim:
        return multiply(builder, [a, b], {})
    return contractions.dot(builder, a, b)


@handles(np.inner)
def inner(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return ``np.inner(a, b)``."""
    a, b = (operand(x) for x in bound(args, kwargs, "a", "b"))
    if not a.ndim or not b.ndim:
        return multiply(builder, [a, b], {})
    return contractions.tensordot(builder, a, b, ([a.ndim - 1], [b.ndim - 1]))


@handles(np.vdot)
def vdot(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return the sum of products of all entries."""
    a, b = (operand(x) for x in bound(args, kwargs, "a", "b"))
    product = multiply(builder, [a, b], {}) if a.shape == b.shape else None
    if product is None:
        raise NotLowered("vdot of different shapes")
    return reduced(ops.sum, product, tuple(range(product.ndim)), keepdims=False)


@handles(np.outer)
def outer(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return ``np.outer(a, b)``."""
    a, b = (operand(x) for x in bound(args, kwargs, "a", "b"))
    return contractions.outer(builder, a, b)


@handles(np.tensordot)
def tensordot(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return ``np.tensordot(a, b, axes)``."""
    a, b, axes = bound(args, kwargs, "a", "b", "axes")
    return contractions.tensordot(builder, operand(a), operand(b), 2 if axes is None else axes)


@handles(np.einsum)
def einsum(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return ``np.einsum(spec, ...)``."""
    bound(args, kwargs, *(f"x{i}" for i in range(len(args))))
    if not isinstance(args[0], str):
        raise NotLowered("einsum with lists of axes")
    return contractions.einsum(builder, args[0], [operand(a) for a in args[1:]])
