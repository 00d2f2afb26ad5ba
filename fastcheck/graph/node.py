"""A node of a graph: one tensor value, and how it comes to be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastcheck.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcheck.graph.graph import Graph
    from fastcheck.graph.ops.base import Op


class Node:
    """One tensor in a graph: a leaf (parameter or data) or the result of an operation.

    Nodes are made by :class:`~fastcheck.graph.Graph` and by the functions of
    :mod:`fastcheck.graph.ops`; ``+ - * / @ ** > >= < <= abs``, ``-x``, ``.T``, ``x[...]``
    and the methods ``reshape``, ``transpose``, ``swapaxes``, ``ravel``, ``sum`` and ``mean`` are
    those functions.

    Attributes
    ----------
    graph : Graph
        The graph that the node belongs to.
    index : int
        Its place in evaluation order.
    op : Op or None
        The operation; None for a leaf.
    inputs : tuple of Node
        The operation's arguments.
    shape : tuple of int
        Shape of the value, float64.
    batch_axis : int or None
        The axis along which samples lie, None where there is none.
    mixes : bool
        True where samples meet in another way than by a sum over them.
    name : str
        Name of a parameter, or of a marked intermediate; "" otherwise.
    depends : bool
        Whether the value depends on a parameter.
    """

    __slots__ = (
        "batch_axis", "depends", "graph", "index", "inputs", "is_param", "mixes", "name", "op",
        "shape",
    )  # fmt: skip
    __array_ufunc__ = None  # an ndarray on the left hands the operator over to the node

    def __init__(
        self,
        graph: Graph,
        op: Op | None,
        inputs: tuple[Node, ...],
        shape: tuple[int, ...],
        *,
        batch_axis: int | None = None,
        mixes: bool = False,
        name: str = "",
        is_param: bool = False,
    ) -> None:
        self.graph = graph
        self.index = len(graph.nodes)
        self.op = op
        self.inputs = inputs
        self.shape = shape
        self.batch_axis = batch_axis
        self.mixes = mixes
        self.name = name
        self.is_param = is_param
        self.depends: bool = is_param or any(node.depends for node in inputs)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def label(self) -> str:
        """Return how messages call this node: its name, or its operation and place."""
        kind = type(self.op).__name__.lower() if self.op else "data"
        return self.name or f"{kind} (node {self.index})"

    def __repr__(self) -> str:
        return f"<{self.label()}: shape {self.shape}>"

    def __iter__(self) -> Iterator[Node]:
        if not self.shape:
            raise InputError(f"a node without axes cannot be iterated over, got {self!r}; use it "
                             "as it is")  # fmt: skip
        return iter([self[i] for i in range(self.shape[0])])

    if TYPE_CHECKING:  # provided by fastcheck.graph.operators

        def __add__(self, other: Any) -> Node: ...
        def __radd__(self, other: Any) -> Node: ...
        def __sub__(self, other: Any) -> Node: ...
        def __rsub__(self, other: Any) -> Node: ...
        def __mul__(self, other: Any) -> Node: ...
        def __rmul__(self, other: Any) -> Node: ...
        def __truediv__(self, other: Any) -> Node: ...
        def __rtruediv__(self, other: Any) -> Node: ...
        def __matmul__(self, other: Any) -> Node: ...
        def __rmatmul__(self, other: Any) -> Node: ...
        def __pow__(self, exponent: float) -> Node: ...
        def __rpow__(self, base: float) -> Node: ...
        def __neg__(self) -> Node: ...
        def __abs__(self) -> Node: ...
        def __gt__(self, other: Any) -> Node: ...
        def __ge__(self, other: Any) -> Node: ...
        def __lt__(self, other: Any) -> Node: ...
        def __le__(self, other: Any) -> Node: ...
        def __getitem__(self, index: Any) -> Node: ...
        def reshape(self, *shape: Any) -> Node: ...  # noqa: D102
        def transpose(self, *axes: Any) -> Node: ...  # noqa: D102
        def swapaxes(self, axis1: int, axis2: int) -> Node: ...  # noqa: D102
        def ravel(self) -> Node: ...  # noqa: D102
        def sum(self, axis: Any = None, keepdims: bool = False) -> Node: ...  # noqa: D102
        def mean(self, axis: Any = None, keepdims: bool = False) -> Node: ...  # noqa: D102
        @property
        def T(self) -> Node: ...  # noqa: N802, D102
