"""The functions that append operations to a graph.

Operands are nodes; in binary functions one of them may be a number or an array, which becomes a
constant of the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.node import Node
from fastcheck.graph.ops import arithmetic, contraction, losses, pointwise, reduce
from fastcheck.graph.ops.normalise import Softmax
from fastcheck.graph.ops.shape import Reshape, Transpose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.graph.ops.base import Op


def _both(a: Any, b: Any) -> tuple[Node, Node]:
    if isinstance(a, Node):
        return a, b if isinstance(b, Node) else a.graph.data(b)
    if isinstance(b, Node):
        return b.graph.data(a), b
    raise InputError(
        f"one operand must be a graph node, got {_said(a)} and {_said(b)}; wrap one in graph.data"
    )


def _said(a: Any) -> str:
    """Return how messages describe an operand that is not a node."""
    shape = f" of shape {a.shape}" if isinstance(a, np.ndarray) else ""
    return f"{type(a).__name__}{shape}"


def _loss(op: Op, prediction: Node, target: Any) -> Node:
    """Append a loss; its targets must not depend on parameters."""
    left, right = _both(prediction, target)
    if right.depends:
        raise InputError(
            f"targets of a loss must be data, got {right!r}, which depends on parameters; write "
            "the loss from ops.log, products and ops.sum"
        )
    return left.graph.apply(op, left, right)


def _unary(a: Node, op: Op) -> Node:
    if not isinstance(a, Node):
        raise InputError(f"the operand must be a graph node, got {_said(a)}; wrap it in graph.data")
    return a.graph.apply(op, a)


def _binary(op: Op, a: Any, b: Any) -> Node:
    left, right = _both(a, b)
    return left.graph.apply(op, left, right)


def _is_number(a: Any) -> bool:
    return not isinstance(a, Node) and np.ndim(a) == 0


def add(a: Any, b: Any) -> Node:
    """Return ``a + b``, broadcast as in NumPy."""
    return _binary(arithmetic.Add(), a, b)


def subtract(a: Any, b: Any) -> Node:
    """Return ``a - b``, broadcast as in NumPy."""
    return _binary(arithmetic.Add(sign=-1.0), a, b)


def multiply(a: Any, b: Any) -> Node:
    """Return ``a * b``, broadcast as in NumPy."""
    for number, other in ((a, b), (b, a)):
        if _is_number(number):
            return scale(other, float(number))
    return _binary(arithmetic.Multiply(), a, b)


def divide(a: Any, b: Any) -> Node:
    """Return ``a / b``, broadcast as in NumPy."""
    return _binary(arithmetic.Divide(), a, b)


def scale(a: Node, factor: float) -> Node:
    """Return ``factor * a`` for a plain number."""
    return _unary(a, arithmetic.Scale(factor))


def power(a: Node, exponent: Any) -> Node:
    """Return ``a ** exponent`` for the exponents 2, 0.5 and -1."""
    known = {2.0: square, 0.5: sqrt, -1.0: reciprocal}
    power_of = float(exponent) if _is_number(exponent) else np.nan
    if power_of not in known:
        raise InputError(f"`exponent` must be one of -1, 0.5, 2, got {exponent!r}; write a "
                         "product, or ops.exp of a multiple of ops.log")  # fmt: skip
    return known[power_of](a)


def matmul(a: Any, b: Any) -> Node:
    """Return the matrix product ``a @ b`` by NumPy's rules."""
    left, right = _both(a, b)
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
    return _binary(contraction.Contraction(*parts), a, b)


def sum(a: Node, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Node:  # noqa: A001
    """Return the sum over `axis` (all axes by default)."""
    return _unary(a, reduce.Sum(_axes(axis), keepdims, mean=False))


def mean(a: Node, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Node:
    """Return the mean over `axis` (all axes by default)."""
    return _unary(a, reduce.Sum(_axes(axis), keepdims, mean=True))


def _axes(axis: int | Sequence[int] | None) -> tuple[int, ...] | None:
    if axis is None:
        return None
    return (int(axis),) if isinstance(axis, int | np.integer) else tuple(int(a) for a in axis)


def transpose(a: Node, axes: Sequence[int] | None = None) -> Node:
    """Return `a` with its axes permuted, reversed by default."""
    order = tuple(range(a.ndim))[::-1] if axes is None else tuple(int(k) % a.ndim for k in axes)
    return _unary(a, Transpose(order))


def reshape(a: Node, shape: Sequence[int]) -> Node:
    """Return the entries of `a`, in C order, with another shape; one size may be -1."""
    return _unary(a, Reshape(tuple(int(n) for n in shape)))


def softmax(a: Node, axis: int = -1) -> Node:
    """Return the softmax over `axis`."""
    return _unary(a, Softmax(int(axis)))


def relu(a: Node) -> Node:
    """Return ``max(a, 0)``."""
    return _unary(a, pointwise.Bend())


def leaky_relu(a: Node, slope: float = 0.01) -> Node:
    """Return `a` where positive, else ``slope * a``."""
    return _unary(a, pointwise.Bend(low=slope))


def sigmoid(a: Node) -> Node:
    """Return ``1 / (1 + exp(-a))``."""
    return _unary(a, pointwise.Sigmoid())


def tanh(a: Node) -> Node:
    """Return the hyperbolic tangent."""
    return _unary(a, pointwise.Tanh())


def softplus(a: Node) -> Node:
    """Return ``log(1 + exp(a))``."""
    return _unary(a, pointwise.Softplus())


def exp(a: Node) -> Node:
    """Return the exponential."""
    return _unary(a, pointwise.Exp())


def log(a: Node) -> Node:
    """Return the natural logarithm."""
    return _unary(a, pointwise.Log())


def sqrt(a: Node) -> Node:
    """Return the square root."""
    return _unary(a, pointwise.Sqrt())


def square(a: Node) -> Node:
    """Return ``a ** 2``."""
    return _unary(a, pointwise.Square())


def reciprocal(a: Node) -> Node:
    """Return ``1 / a``."""
    return _unary(a, pointwise.Reciprocal())


def softmax_cross_entropy(logits: Node, y: Any, guard: float = 0.0, axis: int = -1) -> Node:
    """Return ``-sum(y log(softmax(logits) + guard))`` over `axis`, one value per sample."""
    return _loss(losses.SoftmaxCrossEntropy(axis % logits.ndim, guard), logits, y)


def cross_entropy(p: Node, y: Any, guard: float = 0.0) -> Node:
    """Return ``-y log(p + guard)`` entry by entry, from probabilities."""
    return _loss(losses.CrossEntropy(guard), p, y)


def binary_cross_entropy(a: Node, y: Any, guard: float = 0.0) -> Node:
    """Return ``-y log(a + guard) - (1 - y) log(1 - a + guard)``, from probabilities."""
    return _loss(losses.BinaryCrossEntropy(guard), a, y)


def binary_cross_entropy_with_logits(z: Node, y: Any) -> Node:
    """Return ``softplus(z) - y z``: binary cross-entropy from logits."""
    return _loss(losses.LogitCrossEntropy(), z, y)
