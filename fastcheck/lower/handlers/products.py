"""Matrix products and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastcheck.graph import ops
from fastcheck.lower import contractions
from fastcheck.lower.builder import Builder, LoweringError, Value
from fastcheck.lower.handlers.entrywise import multiply
from fastcheck.lower.handlers.reductions import reduced
from fastcheck.lower.handlers.registry import bound, handles, operand


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
        raise LoweringError("vdot of different shapes")
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
        raise LoweringError("einsum with lists of axes")
    return contractions.einsum(builder, args[0], [operand(a) for a in args[1:]])
