"""Sums, maxima and the like over axes."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph import ops
from fastcheck.lower.builder import Builder, LoweringError, Value
from fastcheck.lower.factors import Factors, groups
from fastcheck.lower.handlers.registry import HANDLERS, bound, handles

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.graph.node import Node
    from fastcheck.lower.handlers.registry import Handler


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes that `axis`, None or one or several, names, ascending."""
    if axis is None:
        return tuple(range(ndim))
    try:
        several = [operator.index(axis)]
    except TypeError:
        several = [operator.index(a) for a in axis]
    return tuple(sorted(a % ndim for a in several))


def reduction(function: Callable[..., Node], default: Any = None) -> Handler:
    """Return a handler for a reduction ``function(node, axis, keepdims)``."""

    def handler(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
        names = ("a", "axis", "dtype", "out", "keepdims")
        a, axis, dtype, out, keepdims = bound(args, kwargs, *names)
        if out is not None or (dtype is not None and np.dtype(dtype) != np.float64):
            raise LoweringError("a reduction in another dtype")
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


_REDUCTIONS = (
    ("sum", np.sum, None), ("sum", np.add.reduce, 0), ("sum", np.nansum, None),
    ("mean", np.mean, None), ("mean", np.average, None),
    ("max", np.max, None), ("max", np.amax, None), ("max", np.maximum.reduce, 0),
    ("min", np.min, None), ("min", np.amin, None), ("min", np.minimum.reduce, 0),
    ("prod", np.prod, None), ("prod", np.multiply.reduce, 0),
)  # fmt: skip
for _ours, _numpy, _default in _REDUCTIONS:
    HANDLERS[_numpy] = reduction(getattr(ops, _ours), _default)


def _spread(function: Callable[..., Node]) -> Handler:
    def handler(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
        names = ("a", "axis", "dtype", "out", "ddof", "keepdims")
        a, axis, dtype, out, ddof, keepdims = bound(args, kwargs, *names)
        if out is not None or dtype is not None or ddof not in (None, 0, 1):
            raise LoweringError("an unusual variance")

        def of(node: Node, axis: Any, keepdims: bool) -> Node:
            return function(node, axis=axis, keepdims=keepdims, ddof=ddof or 0)

        return reduced(of, a, axes_of(axis, a.ndim), bool(keepdims))

    return handler


HANDLERS[np.var] = _spread(ops.var)
HANDLERS[np.std] = _spread(ops.std)


def _place(function: Callable[..., Node]) -> Handler:
    """Return a handler for the position of an extreme entry, so that a change of it is seen."""

    def handler(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
        a, axis, out, keepdims = bound(args, kwargs, "a", "axis", "out", "keepdims")
        if out is not None or axis is None or len(groups(a.factors)[axis % a.ndim]) != 1:
            raise LoweringError("a position among several axes")
        (over,) = groups(a.factors)[axis % a.ndim]
        node = function(a.node, axis=over, keepdims=bool(keepdims))
        return Value(node, kept_factors(a.factors, (axis % a.ndim,), bool(keepdims)))

    return handler


HANDLERS[np.argmax] = _place(ops.argmax)
HANDLERS[np.argmin] = _place(ops.argmin)


@handles(np.linalg.norm)
def norm(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return the square root of a sum of squares."""
    a, order, axis, keepdims = bound(args, kwargs, "x", "ord", "axis", "keepdims")
    axes = axes_of(axis, a.ndim)
    plain = order is None or (order == 2 and len(axes) == 1) or order == "fro"
    if not plain:
        raise LoweringError("an unusual norm")
    return reduced(ops.norm, a, axes, bool(keepdims))


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
        raise LoweringError("trace of more axes")
    nodes, _ = builder.aligned([a, np.eye(*a.shape)])
    return Value(ops.sum(ops.multiply(*nodes)), ())
