"""The layers of a network: descriptions without values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastcheck.graph import ops
from fastcheck.network.checks import count, flag, number

if TYPE_CHECKING:
    from fastcheck.graph.node import Node
    from fastcheck.network.layout import Layout


class Layer(ABC):
    """One step of a network. A layer has settings only; parameters live in a dict."""

    @abstractmethod
    def lower(self, node: Node, layout: Layout, place: int) -> Node:
        """Append the operations of the layer to the graph of `node` and return its result.

        Parameters
        ----------
        node : Node, shape (n_batch, n_features) in `layout`
            The value that enters.
        layout : Layout
            How activations lie.
        place : int
            The index of the layer in its network.
        """


class Activation(Layer):
    """A layer without parameters that keeps the shape; what it gives is called ``a1``, ``a2``."""


@dataclass(frozen=True, repr=False)
class Dense(Layer):
    """A fully connected layer, ``z = x W + b``, or ``z = W x + b`` with the features first.

    Parameters
    ----------
    n_in, n_out : int
        The numbers of inputs and outputs, at least 1.
    bias : bool
        Whether there is a b.

    Raises
    ------
    InputError
        If a size is not a positive integer, or `bias` is not a bool.
    """

    n_in: int
    n_out: int
    bias: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_in", count("n_in", self.n_in))
        object.__setattr__(self, "n_out", count("n_out", self.n_out))
        object.__setattr__(self, "bias", flag("bias", self.bias))

    def __repr__(self) -> str:
        return f"Dense({self.n_in}, {self.n_out}{'' if self.bias else ', bias=False'})"

    def shapes(self, k: int, layout: Layout) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the parameters of the layer, which is the `k`-th Dense, by name."""
        found: dict[str, tuple[int, ...]] = {f"W{k}": layout.weight_shape(self.n_in, self.n_out)}
        if self.bias:
            found[f"b{k}"] = layout.bias_shape(self.n_out)
        return found

    def lower(self, node: Node, layout: Layout, place: int, k: int = 1) -> Node:
        """Append the layer, which is the `k`-th Dense, and declare its parameters."""
        weight, *bias = (
            node.graph.param(name, shape) for name, shape in self.shapes(k, layout).items()
        )
        z = layout.product(node, weight)
        return z + bias[0] if bias else z


@dataclass(frozen=True)
class ReLU(Activation):
    """``max(z, 0)``; the derivative at exactly zero is taken to be 0."""

    def lower(self, node: Node, layout: Layout, place: int) -> Node:
        return ops.relu(node)


@dataclass(frozen=True)
class LeakyReLU(Activation):
    """``z`` where positive, else ``slope z``.

    Parameters
    ----------
    slope : float
        The slope of the negative side, which is also the derivative at exactly zero.

    Raises
    ------
    InputError
        If `slope` is not a finite number.
    """

    slope: float = 0.01

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope", number("slope", self.slope))

    def lower(self, node: Node, layout: Layout, place: int) -> Node:
        return ops.leaky_relu(node, self.slope)


@dataclass(frozen=True)
class Sigmoid(Activation):
    """``1 / (1 + exp(-z))``."""

    def lower(self, node: Node, layout: Layout, place: int) -> Node:
        return ops.sigmoid(node)


@dataclass(frozen=True)
class Tanh(Activation):
    """The hyperbolic tangent."""

    def lower(self, node: Node, layout: Layout, place: int) -> Node:
        return ops.tanh(node)


@dataclass(frozen=True)
class Softplus(Activation):
    """``log(1 + exp(z))``."""

    def lower(self, node: Node, layout: Layout, place: int) -> Node:
        return ops.softplus(node)


@dataclass(frozen=True)
class Softmax(Activation):
    """``exp(z_k) / sum_j exp(z_j)`` over the features of a sample."""

    def lower(self, node: Node, layout: Layout, place: int) -> Node:
        return ops.softmax(node, axis=layout.features)
