"""The functions that append operations to a graph.

Operands are nodes; in binary functions one of them may be a number or an array, which becomes a
constant of the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.ops import arithmetic, contraction, losses, pointwise, powers, reduce
from fastcheck.graph.ops.normalise import Softmax
from fastcheck.graph.ops.operands import binary, both, is_number, loss_of, unary
from fastcheck.graph.ops.shape import Reshape, Transpose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.graph.node import Node


def add(a: Any, b: Any) -> Node:
    """Return ``a + b``, broadcast as in NumPy."""
    return binary(arithmetic.Add(), a, b)


def subtract(a: Any, b: Any) -> Node:
    """Return ``a - b``, broadcast as in NumPy."""
    return binary(arithmetic.Add(sign=-1.0), a, b)


def multiply(a: Any, b: Any) -> Node:
    """Return ``a * b``, broadcast as in NumPy."""
    for number, other in ((a, b), (b, a)):
        if is_number(number):
            return scale(other, float(number))
    return binary(arithmetic.Multiply(), a, b)


def divide(a: Any, b: Any) -> Node:
    """Return ``a / b``, broadcast as in NumPy."""
    return binary(arithmetic.Divide(), a, b)


def scale(a: Node, factor: float) -> Node:
    """Return ``factor * a`` for a plain number."""
    return unary(a, arithmetic.Scale(factor))


def power(a: Any, exponent: Any) -> Node:
    """Return ``a ** exponent``, broadcast as in NumPy.

    Where the exponent is no plain number, `a` must be positive at its parameters.
    """
    if not is_number(exponent):
        return binary(powers.RaiseTo(), a, exponent)
    p = float(exponent)
    known = {2.0: square, 0.5: sqrt, -1.0: reciprocal}
    if p in known:
        return known[p](a)
    if p == 1.0:
        return scale(a, 1.0)
    if p.is_integer() and 3.0 <= p <= 16.0:
        return unary(a, powers.WholePower(int(p)))
    return unary(a, powers.Power(p))


def matmul(a: Any, b: Any) -> Node:
    """Return the matrix product ``a @ b`` by NumPy's rules."""
    left, right = both(a, b)
    if not left.ndim or not right.ndim:
        raise InputError(
            f"operands of @ must have axes, got shapes {left.shape} and {right.shape}; use *"
        )
    stack = "abcdefgh"[: max(left.ndim, right.ndim, 2) - 2]
    own, other = ("k" if left.ndim == 1 else "ik"), ("k" if right.ndim == 1 else "kj")
    first = stack[len(stack) - max(left.ndim - 2, 0) :]
    second = stack[len(stack) - max(right.ndim - 2, 0) :]
    out = stack + (own + other).replace("k", "")
    return contract(f"{first}{own},{second}{other}->{out}", left, right)


def contract(spec: str, a: Any, b: Any) -> Node:
    """Return ``einsum(spec, a, b)``, for example ``contract("bij,bjk->bik", q, k)``.

    Two operands and an explicit result; each letter stands once per operand, and a letter of one
    operand alone stays in the result.

    Raises
    ------
    InputError
        If the specification is not that of two operands, or does not fit their shapes.
    """
    parts = spec.replace(" ", "").replace("->", ",").split(",")
    if len(parts) != 3 or "->" not in spec or not "".join(parts).isalpha():
        raise InputError(f"`spec` must name two operands and the result, got {spec!r}; write e.g. "
                         "'bi,ij->bj'")  # fmt: skip
    return binary(contraction.Contraction(*parts), a, b)


def sum(a: Node, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Node:  # noqa: A001
    """Return the sum over `axis` (all axes by default)."""
    return unary(a, reduce.Sum(_axes(axis), keepdims, mean=False))


def mean(a: Node, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Node:
    """Return the mean over `axis` (all axes by default)."""
    return unary(a, reduce.Sum(_axes(axis), keepdims, mean=True))


def _axes(axis: int | Sequence[int] | None) -> tuple[int, ...] | None:
    if axis is None:
        return None
    return (int(axis),) if isinstance(axis, int | np.integer) else tuple(int(a) for a in axis)


def transpose(a: Node, axes: Sequence[int] | None = None) -> Node:
    """Return `a` with its axes permuted, reversed by default."""
    order = tuple(range(a.ndim))[::-1] if axes is None else tuple(int(k) % a.ndim for k in axes)
    return unary(a, Transpose(order))


def reshape(a: Node, shape: Sequence[int]) -> Node:
    """Return the entries of `a`, in C order, with another shape; one size may be -1."""
    return unary(a, Reshape(tuple(int(n) for n in shape)))


def softmax(a: Node, axis: int | Sequence[int] | None = -1) -> Node:
    """Return the softmax over `axis` (None: all axes)."""
    return unary(a, Softmax(_axes(axis)))


def relu(a: Node) -> Node:
    """Return ``max(a, 0)``."""
    return unary(a, pointwise.Bend())


def leaky_relu(a: Node, slope: float = 0.01) -> Node:
    """Return `a` where positive, else ``slope * a``."""
    return unary(a, pointwise.Bend(low=slope))


def sigmoid(a: Node) -> Node:
    """Return ``1 / (1 + exp(-a))``."""
    return unary(a, pointwise.Sigmoid())


def tanh(a: Node) -> Node:
    """Return the hyperbolic tangent."""
    return unary(a, pointwise.Tanh())


def softplus(a: Node) -> Node:
    """Return ``log(1 + exp(a))``."""
    return unary(a, pointwise.Softplus())


def exp(a: Node) -> Node:
    """Return the exponential."""
    return unary(a, pointwise.Exp())


def log(a: Node) -> Node:
    """Return the natural logarithm."""
    return unary(a, pointwise.Log())


def sqrt(a: Node) -> Node:
    """Return the square root."""
    return unary(a, pointwise.Sqrt())


def square(a: Node) -> Node:
    """Return ``a ** 2``."""
    return unary(a, pointwise.Square())


def reciprocal(a: Node) -> Node:
    """Return ``1 / a``."""
    return unary(a, pointwise.Reciprocal())


def softmax_cross_entropy(logits: Node, y: Any, guard: float = 0.0, axis: int = -1) -> Node:
    """Return ``-sum(y log(softmax(logits) + guard))`` over `axis`, one value per sample."""
    return loss_of(losses.SoftmaxCrossEntropy(axis % logits.ndim, guard), logits, y)


def cross_entropy(p: Node, y: Any, guard: float = 0.0) -> Node:
    """Return ``-y log(p + guard)`` entry by entry, from probabilities."""
    return loss_of(losses.CrossEntropy(guard), p, y)


def binary_cross_entropy(a: Node, y: Any, guard: float = 0.0) -> Node:
    """Return ``-y log(a + guard) - (1 - y) log(1 - a + guard)``, from probabilities."""
    return loss_of(losses.BinaryCrossEntropy(guard), a, y)


def binary_cross_entropy_with_logits(z: Node, y: Any) -> Node:
    """Return ``softplus(z) - y z``: binary cross-entropy from logits."""
    return loss_of(losses.LogitCrossEntropy(), z, y)
