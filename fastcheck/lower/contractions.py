"""Matrix products, dot products, tensordot and einsum as contractions of two operands."""

from __future__ import annotations

import math
import operator
from string import ascii_letters
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph import ops
from fastcheck.graph.ops.contraction import Contraction
from fastcheck.graph.ops.shape import Transpose
from fastcheck.lower.blocks import Part, parts_along
from fastcheck.lower.builder import Builder, LoweringError, Operand, Value
from fastcheck.lower.factors import common, groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcheck.graph.node import Node

Sizes = dict[str, tuple[int, ...]]


def contracted(
    builder: Builder, operands: Sequence[Operand], letters: Sequence[str], out: str
) -> Value:
    """Return ``einsum(letters, operands) -> out`` of one or two operands.

    Axes of length 1 that stand against longer ones are broadcast, as in matmul.
    """
    sizes: dict[str, int] = {}
    for o, own in zip(operands, letters, strict=True):
        for k, n in zip(own, o.shape, strict=True):
            sizes[k] = max(sizes.get(k, 1), n)
    terms = [
        _prepared(builder, o, own, sizes, out + "".join((*letters[:i], *letters[i + 1 :])))
        for i, (o, own) in enumerate(zip(operands, letters, strict=True))
    ]
    if len(terms) == 1:
        return _arranged(*terms[0], out)
    (a, left), (b, right) = terms
    result = "".join(k for k in out if k in left or k in right)
    product = _product(builder, a, left, b, right, result)
    return _arranged(product, result, out)


def _prepared(
    builder: Builder, operand: Operand, own: str, sizes: dict[str, int], needed: str
) -> tuple[Operand, str]:
    """Return the operand without diagonals, axes that broadcast, and axes that only it has."""
    if len(set(own)) != len(own):
        raise LoweringError("a diagonal in einsum")
    dropped = [k for k, n in zip(own, operand.shape, strict=True) if n == 1 and sizes[k] > 1]
    if dropped:
        kept = [a for a, k in enumerate(own) if k not in dropped]
        shape = tuple(operand.shape[a] for a in kept)
        operand = _reshaped(builder, operand, shape)
        own = "".join(own[a] for a in kept)
    alone = tuple(a for a, k in enumerate(own) if k not in needed)
    if alone:
        operand = summed(operand, alone)
        own = "".join(k for k in own if k in needed)
    return operand, own


def _reshaped(builder: Builder, operand: Operand, shape: tuple[int, ...]) -> Operand:
    if isinstance(operand, Value):
        return builder.value(operand.node, shape)
    return operand.reshape(shape)


def summed(operand: Operand, axes: tuple[int, ...]) -> Operand:
    """Return the sum over `axes`, counted as the user sees them."""
    if not isinstance(operand, Value):
        return np.asarray(operand.sum(axis=axes))
    places = groups(operand.factors)
    inner = tuple(p for a in axes for p in places[a])
    factors = tuple(f for a, f in enumerate(operand.factors) if a not in axes)
    return Value(ops.sum(operand.node, axis=inner), factors)


def _product(builder: Builder, a: Operand, left: str, b: Operand, right: str, out: str) -> Value:
    """Return the contraction, with axes cut where either operand's are."""
    sizes = _cut(builder, a, left, b, right)
    names = iter(ascii_letters)
    inner = {k: "".join(next(names) for _ in factor) for k, factor in sizes.items()}

    def spelled(own: str) -> str:
        return "".join(inner[k] for k in own)

    (x, first), (y, second) = (
        _untransposed(builder.node(o, tuple(sizes[k] for k in own)), spelled(own))
        for o, own in ((a, left), (b, right))
    )
    node = _multiplied(builder, (x, first), (y, second), spelled(out))
    return Value(node, tuple(sizes[k] for k in out))


def _multiplied(
    builder: Builder, left: tuple[Node, str], right: tuple[Node, str], out: str
) -> Node:
    """Return the contraction of two nodes, taken apart where one is joined along a summed axis."""
    for one, other in ((left, right), (right, left)):
        for letter in (k for k in one[1] if k in other[1] and k not in out):
            parts = parts_along(one[0], one[1].index(letter))
            if len(parts) > 1:
                return _of_parts(builder, parts, one, other, letter, out)
    return builder.graph.apply(Contraction(left[1], right[1], out), left[0], right[0])


def _of_parts(
    builder: Builder,
    parts: list[Part],
    one: tuple[Node, str],
    other: tuple[Node, str],
    letter: str,
    out: str,
) -> Node:
    """Return the sum of the products of the parts of `one` with the rows of `other` they meet."""
    axis = other[1].index(letter)
    total: Node | None = None
    for part in parts:
        node = part.node
        if node is None:
            if part.constant is None or not part.constant.any():
                continue
            node = builder.graph.data(part.constant)
        rest = builder.sliced(other[0], axis, part.start, part.stop)
        term = builder.graph.apply(Contraction(one[1], other[1], out), node, rest)
        total = term if total is None else ops.add(total, term)
    assert total is not None
    return total


def _untransposed(node: Node, letters: str) -> tuple[Node, str]:
    """Return what `node` is the transpose of, and its letters: products take any order."""
    while isinstance(node.op, Transpose) and not node.name:
        letters = "".join(letters[node.op.axes.index(a)] for a in range(node.ndim))
        (node,) = node.inputs
    return node, letters


def _cut(builder: Builder, a: Operand, left: str, b: Operand, right: str) -> Sizes:
    sizes: Sizes = {}
    for o, own in ((a, left), (b, right)):
        for k, factor in zip(own, builder.factors_of(o), strict=True):
            if k not in sizes:
                sizes[k] = factor
            else:
                sizes[k] = common(sizes[k], factor) or (math.prod(factor),)
    return sizes


def _arranged(operand: Operand, own: str, out: str) -> Value:
    """Return the operand with its axes in the order of `out`."""
    if set(own) != set(out):
        raise LoweringError("an axis that no operand has at full length")
    assert isinstance(operand, Value)
    if own == out:
        return operand
    places = groups(operand.factors)
    order = [own.index(k) for k in out]
    axes = tuple(p for a in order for p in places[a])
    return Value(ops.transpose(operand.node, axes), tuple(operand.factors[a] for a in order))


def matmul(builder: Builder, a: Operand, b: Operand) -> Value:
    """Return ``a @ b``."""
    if not a.ndim or not b.ndim:
        raise LoweringError("matmul of a scalar")
    n = max(a.ndim, b.ndim, 2) - 2
    batch = ascii_letters[:n]
    row, inner, column = "XYZ"
    left = batch[n - max(a.ndim - 2, 0) :] + (inner if a.ndim == 1 else row + inner)
    right = batch[n - max(b.ndim - 2, 0) :] + (inner if b.ndim == 1 else inner + column)
    out = batch + (row if a.ndim > 1 else "") + (column if b.ndim > 1 else "")
    return contracted(builder, [a, b], [left, right], out)


def dot(builder: Builder, a: Operand, b: Operand) -> Value:
    """Return ``np.dot(a, b)``."""
    if not a.ndim or not b.ndim:
        raise LoweringError("dot with a scalar")
    return tensordot(builder, a, b, ([a.ndim - 1], [max(b.ndim - 2, 0)]))


def tensordot(builder: Builder, a: Operand, b: Operand, axes: Any) -> Value:
    """Return ``np.tensordot(a, b, axes)``."""
    try:
        n = operator.index(axes)
        over = [list(range(a.ndim - n, a.ndim)), list(range(n))]
    except TypeError:
        over = [[int(k) for k in np.atleast_1d(part)] for part in axes]
    first, second = ([k % o.ndim for k in part] for part, o in zip(over, (a, b), strict=True))
    left = ascii_letters[: a.ndim]
    rest = iter(ascii_letters[a.ndim :])
    right = "".join(
        left[first[second.index(k)]] if k in second else next(rest) for k in range(b.ndim)
    )
    out = "".join(k for k in left if k not in right) + "".join(k for k in right if k not in left)
    return contracted(builder, [a, b], [left, right], out)


def outer(builder: Builder, a: Operand, b: Operand) -> Value:
    """Return ``np.outer(a, b)``."""
    flat = [_reshaped(builder, o, (int(np.prod(o.shape)),)) for o in (a, b)]
    return contracted(builder, flat, ["a", "b"], "ab")


def einsum(builder: Builder, spec: str, operands: Sequence[Operand]) -> Value:
    """Return ``np.einsum(spec, *operands)`` of any number of operands, one pair at a time."""
    spec = spec.replace(" ", "")
    if "." in spec:
        spec = _without_dots(spec, operands)
    inputs, arrow, out = spec.partition("->")
    letters = inputs.split(",")
    if not arrow:
        every = "".join(letters)
        out = "".join(sorted(k for k in set(every) if every.count(k) == 1))
    pending = list(zip(operands, letters, strict=True))
    while len(pending) > 2:
        (a, left), (b, right), *rest = pending
        later = out + "".join(own for _, own in rest)
        kept = "".join(dict.fromkeys(k for k in left + right if k in later))
        pending = [(_pair(builder, a, left, b, right, kept), kept), *rest]
    return contracted(builder, [o for o, _ in pending], [own for _, own in pending], out)


def _pair(builder: Builder, a: Operand, left: str, b: Operand, right: str, out: str) -> Operand:
    if isinstance(a, Value) or isinstance(b, Value):
        return contracted(builder, [a, b], [left, right], out)
    return np.asarray(np.einsum(f"{left},{right}->{out}", a, b))


def _without_dots(spec: str, operands: Sequence[Operand]) -> str:
    """Return the spec with letters in place of the dots."""
    inputs, arrow, out = spec.partition("->")
    letters = inputs.split(",")
    free = [k for k in ascii_letters if k not in spec]
    widths = [
        o.ndim - len(own.replace("...", "")) for o, own in zip(operands, letters, strict=True)
    ]
    most = max(w for w, own in zip(widths, letters, strict=True) if "..." in own)
    dots = "".join(free[:most])
    named = [own.replace("...", dots[most - w :]) for own, w in zip(letters, widths, strict=True)]
    if not arrow:
        every = "".join(own.replace("...", "") for own in letters)
        out = "..." + "".join(sorted(k for k in set(every) if every.count(k) == 1))
    return ",".join(named) + "->" + out.replace("...", dots)
