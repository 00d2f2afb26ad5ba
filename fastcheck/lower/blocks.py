"""Arrays that are put together side by side, in products.

``np.hstack((h, x)) @ W`` is ``h @ W[:n] + x @ W[n:]``. Taken apart, a recurrent network multiplies
only what moves, and its constant inputs meet a part of the weights of their own.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.graph.ops.move import Move

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastcheck.graph.node import Node

MOST_BLOCKS = 4
"""Products of more parts than this stay one."""


@dataclass(frozen=True, eq=False)
class Part:
    """A range of positions along an axis that come from one place.

    Attributes
    ----------
    start, stop : int
        The range.
    node : Node or None
        What stands there; None for a constant.
    constant : ndarray or None
        The constant.
    """

    start: int
    stop: int
    node: Node | None
    constant: NDArray[np.float64] | None


def parts_along(node: Node, axis: int) -> list[Part]:
    """Return the parts that `node` is joined from along `axis`; one or none if it is not."""
    op = node.op
    if not isinstance(op, Move) or node.name or node.size == 0:
        return []
    slabs = np.moveaxis(op.index, axis, 0).reshape(node.shape[axis], -1)
    owner = np.searchsorted(op.edges, slabs, "right") - 1  # -1 for constants
    if (owner != owner[:, :1]).any():
        return []
    edges = np.flatnonzero(np.diff(owner[:, 0])) + 1
    bounds = [0, *(int(e) for e in edges), node.shape[axis]]
    if len(bounds) - 1 > MOST_BLOCKS:
        return []
    return [
        _part(node, op, axis, lo, hi, int(owner[lo, 0])) for lo, hi in itertools.pairwise(bounds)
    ]


def _part(node: Node, op: Move, axis: int, lo: int, hi: int, owner: int) -> Part:
    cut = tuple(slice(lo, hi) if a == axis else slice(None) for a in range(node.ndim))
    if owner < 0:
        fill = np.zeros(node.shape)
        if op.constant is not None and op.fill.size:
            fill[op.constant] = op.fill
        return Part(lo, hi, None, fill[cut])
    source = node.inputs[owner]
    index = op.index[cut] - int(op.edges[owner])
    if index.shape == source.shape and np.array_equal(index.ravel(), np.arange(source.size)):
        return Part(lo, hi, source, None)
    return Part(lo, hi, node.graph.apply(Move(index, [source.shape]), source), None)


def sliced(node: Node, axis: int, start: int, stop: int) -> Node:
    """Return a range of `node` along an axis."""
    cut = tuple(slice(start, stop) if a == axis else slice(None) for a in range(node.ndim))
    index = np.arange(node.size).reshape(node.shape)[cut]
    return node.graph.apply(Move(index, [node.shape]), node)
