"""A scalar loss as a list of operations on named parameters and data."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.errors import InputError
from fastcheck.graph.node import Node
from fastcheck.graph.ops.reduce import Sum

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastcheck.graph.ops.base import Op


class Graph:
    """A loss described as operations in evaluation order.

    Declare the leaves with :meth:`param` and :meth:`data`, combine them with operators and with
    the functions of :mod:`fastcheck.graph.ops`, and name the scalar result with :meth:`set_loss`.

    Attributes
    ----------
    nodes : list of Node
        All nodes, each after its inputs.
    params : dict of str to Node
        The parameter leaves by name, in the order of declaration.
    constants : dict of int to ndarray
        The arrays of the data leaves, by node index; read only.
    loss : Node or None
        The scalar result.
    shapes : dict of str to tuple of int
        The shapes in which gradients of named intermediate values are given.
    guards : list of Node
        Conditions on which the course of the computation hangs; see :meth:`watch`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastcheck.graph import Graph, ops
    >>> graph = Graph()
    >>> x = graph.data(np.eye(3), batch_axis=0)
    >>> w = graph.param("W1", (3, 2))
    >>> graph.set_loss(ops.mean(ops.square(x @ w)))
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.params: dict[str, Node] = {}
        self.constants: dict[int, NDArray[np.float64]] = {}
        self.loss: Node | None = None
        self.guards: list[Node] = []
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.n_batch: int | None = None

    def param(self, name: str, shape: tuple[int, ...]) -> Node:
        """Declare a parameter tensor.

        Parameters
        ----------
        name : str
            Its name, unique in the graph.
        shape : tuple of int
            Its shape.

        Raises
        ------
        InputError
            If the name is empty or taken.
        """
        if not name:
            raise InputError(f"`name` must be a non-empty string, got {name!r}; name the parameter")
        self._check_new(name)
        node = self._add(Node(self, None, (), _shape(shape), name=name, is_param=True))
        self.params[name] = node
        return node

    def data(self, value: ArrayLike, batch_axis: int | None = None) -> Node:
        """Declare an array that does not change: inputs, labels, masks, constants.

        Parameters
        ----------
        value : array_like
            Kept as a read-only float64 copy.
        batch_axis : int, optional
            The axis along which samples lie; None for what all samples share.

        Raises
        ------
        InputError
            If `value` is not numeric, or the number of samples differs from earlier data.
        """
        array = _constant(value)
        axis = None if batch_axis is None else self._batch_axis(array, batch_axis)
        node = self._add(Node(self, None, (), array.shape, batch_axis=axis))
        self.constants[node.index] = array
        return node

    def apply(self, op: Op, *inputs: Node) -> Node:
        """Append the operation `op` of `inputs` and return its node."""
        for node in inputs:
            self._check_own(node)
        shape = op.shape(*(node.shape for node in inputs))
        axis, mixes = op.batch(inputs, shape)
        return self._add(Node(self, op, inputs, shape, batch_axis=axis, mixes=mixes))

    def mark(self, name: str, node: Node, shape: tuple[int, ...] | None = None) -> Node:
        """Name an intermediate value or data, so that its gradient can be checked too.

        Parameters
        ----------
        name : str
            Its name, unique in the graph.
        node : Node
            The node.
        shape : tuple of int, optional
            The shape in which its gradient is given, with the entries in the same order.

        Raises
        ------
        InputError
            If the name is empty or taken, or the node has a name.
        """
        if not name:
            raise InputError(f"`name` must be a non-empty string, got {name!r}; name the value")
        self._check_new(name)
        self._check_own(node)
        if node.name:
            raise InputError(
                f"`node` must have no name yet, got {node!r} to be called {name!r}; use that name"
            )
        node.name = name
        self.shapes[name] = node.shape if shape is None else shape
        return node

    @property
    def intermediates(self) -> dict[str, Node]:
        """The named nodes that are not parameters, by name."""
        return {node.name: node for node in self.nodes if node.name and not node.is_param}

    def tensor(self, name: str) -> Node:
        """Return the parameter or the named intermediate value of that name."""
        return self.params[name] if name in self.params else self.intermediates[name]

    def watch(self, node: Node) -> None:
        """Declare a condition that steers the computation: who changes it is at a kink."""
        self._check_own(node)
        self.guards.append(node)

    def set_loss(self, node: Node) -> None:
        """Declare `node`, a scalar, to be the loss."""
        self._check_own(node)
        if node.size != 1:
            raise InputError(
                f"`node` must be a scalar, got shape {node.shape}; reduce it with ops.sum or "
                "ops.mean"
            )
        if node.batch_axis is not None:  # that of the only sample
            node = self.apply(Sum(None, keepdims=False, mean=False), node)
        self.loss = node

    def _check_new(self, name: str) -> None:
        if any(other.name == name for other in self.nodes):
            raise InputError(f"`name` must be new in the graph, got {name!r} twice; rename one")

    def _check_own(self, node: Node) -> None:
        if node.graph is not self:
            raise InputError(
                f"all nodes must belong to one graph, got {node!r} of another; declare every leaf "
                "on the same Graph"
            )

    def _add(self, node: Node) -> Node:
        self.nodes.append(node)
        return node

    def _batch_axis(self, array: NDArray[np.float64], batch_axis: int) -> int:
        if not -array.ndim <= batch_axis < array.ndim:
            raise InputError(
                f"`batch_axis` must be an axis of the data, got {batch_axis} for shape "
                f"{array.shape}; give the axis that counts samples"
            )
        axis = batch_axis % array.ndim
        n_batch = array.shape[axis]
        if self.n_batch not in (None, n_batch):
            raise InputError(
                f"`value` must have {self.n_batch} samples along axis {axis}, got shape "
                f"{array.shape}; use the same minibatch for all data"
            )
        self.n_batch = n_batch
        return axis


def _shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    try:
        sizes = tuple(operator.index(n) for n in shape)
    except TypeError:
        sizes = (-1,)
    if any(n < 0 for n in sizes):
        raise InputError(f"`shape` must be a tuple of sizes, got {shape!r}; write e.g. (784, 50)")
    return sizes


def _constant(value: ArrayLike) -> NDArray[np.float64]:
    try:
        array = np.array(value, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise InputError(f"`value` must be numeric, got {value!r:.80}; {error}") from error
    array.flags.writeable = False
    return array
