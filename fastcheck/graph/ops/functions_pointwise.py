"""The functions that append entry-by-entry operations of one node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.ops import activations, corners, elementary, pointwise, powers
from fastcheck.graph.ops.arithmetic import Scale
from fastcheck.graph.ops.operands import unary

if TYPE_CHECKING:
    from fastcheck.graph.node import Node

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


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


def erf(a: Node) -> Node:
    """Return the error function."""
    return unary(a, activations.Erf())


def silu(a: Node, beta: float = 1.0) -> Node:
    """Return ``a sigmoid(beta a)``."""
    return unary(a, activations.Gated(beta))


def gelu(a: Node, approximate: str = "none") -> Node:
    """Return ``a P(a)`` with the normal distribution P, or its approximation by "tanh".

    Raises
    ------
    InputError
        If `approximate` is neither "none" nor "tanh".
    """
    if approximate not in ("none", "tanh"):
        raise InputError(f"`approximate` must be 'none' or 'tanh', got {approximate!r}; choose one")
    if approximate == "none":
        return unary(a, activations.Gelu())
    twice = 2.0 * float(np.sqrt(2.0 / np.pi))
    return unary(a, activations.Gated(twice, 0.044715 * twice))


def mish(a: Node) -> Node:
    """Return ``a tanh(softplus(a))``."""
    return unary(a, activations.Mish())


def elu(a: Node, alpha: float = 1.0) -> Node:
    """Return `a` above zero, ``alpha (exp(a) - 1)`` below."""
    return unary(a, corners.Elu(low=alpha))


def selu(a: Node) -> Node:
    """Return ELU with the two constants that keep mean and variance."""
    return unary(a, corners.Elu(SELU_SCALE, SELU_SCALE * SELU_ALPHA))


def softsign(a: Node) -> Node:
    """Return ``a / (1 + |a|)``."""
    return unary(a, corners.Softsign())


def log_sigmoid(a: Node) -> Node:
    """Return ``log(sigmoid(a))``, as ``-softplus(-a)``."""
    return unary(unary(unary(a, Scale(-1.0)), pointwise.Softplus()), Scale(-1.0))
