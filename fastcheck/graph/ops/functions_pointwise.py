"""The functions that append entry-by-entry operations of one node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcheck.graph.ops import elementary, powers
from fastcheck.graph.ops.operands import unary

if TYPE_CHECKING:
    from fastcheck.graph.node import Node


def expm1(a: Node) -> Node:
    """Return ``exp(a) - 1``."""
    return unary(a, elementary.Expm1())


def exp2(a: Node) -> Node:
    """Return ``2 ** a``."""
    return unary(a, elementary.Exp2())


def log1p(a: Node) -> Node:
    """Return ``log(1 + a)``."""
    return unary(a, elementary.Log1p())


def log2(a: Node) -> Node:
    """Return the logarithm with base 2."""
    return unary(a, elementary.Log2())


def log10(a: Node) -> Node:
    """Return the logarithm with base 10."""
    return unary(a, elementary.Log10())


def rsqrt(a: Node) -> Node:
    """Return ``1 / sqrt(a)``."""
    return unary(a, powers.Rsqrt())


def cbrt(a: Node) -> Node:
    """Return the cube root."""
    return unary(a, elementary.Cbrt())


def sin(a: Node) -> Node:
    """Return the sine."""
    return unary(a, elementary.Sin())


def cos(a: Node) -> Node:
    """Return the cosine."""
    return unary(a, elementary.Cos())


def tan(a: Node) -> Node:
    """Return the tangent."""
    return unary(a, elementary.Tan())


def arctan(a: Node) -> Node:
    """Return the inverse tangent."""
    return unary(a, elementary.Arctan())


def arcsin(a: Node) -> Node:
    """Return the inverse sine."""
    return unary(a, elementary.Arcsin())


def arccos(a: Node) -> Node:
    """Return the inverse cosine."""
    return unary(a, elementary.Arccos())


def sinh(a: Node) -> Node:
    """Return the hyperbolic sine."""
    return unary(a, elementary.Sinh())


def cosh(a: Node) -> Node:
    """Return the hyperbolic cosine."""
    return unary(a, elementary.Cosh())


def arcsinh(a: Node) -> Node:
    """Return the inverse hyperbolic sine."""
    return unary(a, elementary.Arcsinh())
