"""Functions that work entry by entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph import ops
from fastcheck.graph.ops.arithmetic import Scale
from fastcheck.lower.builder import Builder, LoweringError, Value
from fastcheck.lower.handlers.registry import HANDLERS, SCIPY, bound, handles, number, operand
from fastcheck.tracing.functions import powered

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastcheck.graph.node import Node
    from fastcheck.lower.handlers.registry import Handler


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
    "logical_not": "logical_not", "invert": "logical_not",
}  # fmt: skip
BINARY = {
    "add": "add", "subtract": "subtract", "maximum": "maximum", "minimum": "minimum",
    "fmax": "maximum", "fmin": "minimum", "greater": "greater", "greater_equal": "greater_equal",
    "less": "less", "less_equal": "less_equal", "equal": "equal", "not_equal": "not_equal",
    "logical_and": "logical_and", "bitwise_and": "logical_and",
    "logical_or": "logical_or", "bitwise_or": "logical_or",
}  # fmt: skip
for _numpy, _ours in (UNARY | BINARY).items():
    HANDLERS[getattr(np, _numpy)] = entrywise(getattr(ops, _ours))
for _scipy, _ours in {"expit": "sigmoid", "erf": "erf", "log_expit": "log_sigmoid"}.items():
    SCIPY[_scipy] = entrywise(getattr(ops, _ours))


def scaled(value: Value, factor: float) -> Value:
    """Return `value` times a number; numbers one after the other become one."""
    node = value.node
    if isinstance(node.op, Scale) and not node.name:
        factor *= node.op.factor
        (node,) = node.inputs
    return Value(node if factor == 1.0 else ops.scale(node, factor), value.factors)


@handles(np.multiply)
def multiply(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return a product; by a plain number it is linear."""
    a, b = (operand(x) for x in bound(args, kwargs, "a", "b"))
    for one, other in ((a, b), (b, a)):
        factor = number(other)
        if factor is not None and isinstance(one, Value) and other.ndim <= one.ndim:
            return scaled(one, factor)
    nodes, factors = builder.aligned([a, b])
    same = nodes[0] is nodes[1]
    return Value(ops.square(nodes[0]) if same else ops.multiply(*nodes), factors)


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


@handles(np.positive, np.nan_to_num)
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
        node = ops.square(x.node) if exponent == 2.0 else ops.power(x.node, exponent)
        return Value(node, x.factors)
    raise LoweringError("an exponent that is not a constant number")


@handles(np.clip)
def clip(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return `x` between two numbers."""
    names = ("x", "a_min", "a_max", "min", "max")
    found = dict(zip(names, bound(args, kwargs, *names), strict=True))
    limits = [found[k] if found[k] is not None else found[k[2:]] for k in ("a_min", "a_max")]
    numbers = [None if limit is None else number(limit) for limit in limits]
    if [n is None for n in numbers] != [limit is None for limit in limits]:
        raise LoweringError("limits of clip that are not numbers")
    low, high = (
        default if n is None else n for n, default in zip(numbers, (-np.inf, np.inf), strict=True)
    )
    x = found["x"]
    return Value(ops.clip(x.node, low, high), x.factors)


@handles(np.where)
def where(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return a choice by a comparison; one by a constant only moves entries."""
    if len(args) != 3 or kwargs:
        raise LoweringError("where without alternatives")
    nodes, factors = builder.aligned([operand(a) for a in args])
    return Value(ops.where(*nodes), factors)


@handles(np.logaddexp)
def logaddexp(builder: Builder, args: list[Any], kwargs: dict[str, Any]) -> Value:
    """Return ``log(exp(a) + exp(b))`` as ``a + softplus(b - a)``."""
    nodes, factors = builder.aligned([operand(a) for a in bound(args, kwargs, "a", "b")])
    a, b = nodes
    return Value(ops.add(a, ops.softplus(ops.subtract(b, a))), factors)
