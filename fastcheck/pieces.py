"""The parts of a parameter that the code keeps in one long vector.

``W1 = theta[:1600].reshape(25, 64)`` and ``W2 = theta[1600:]`` are moves of entries: moving an
entry of `theta` and moving the entry of ``W1`` that it becomes are the same. Where every entry of a
parameter becomes at most one entry of what follows, the pieces are probed in its place, so that a
probe of ``W2`` is not sent through the layer of ``W1``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastcheck.derivatives import Derivatives
from fastcheck.graph.ops.move import Move
from fastcheck.graph.route import find_route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastcheck.graph.node import Node

    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Piece:
    """A node whose entries are entries of a parameter.

    Attributes
    ----------
    node : Node
        The node that is probed.
    places : ndarray of int, shape (node.size,), or None
        The flat entry of the parameter that each of its entries is; None if the node is the
        parameter.
    """

    node: Node
    places: Ints | None


def find_pieces(origin: Node) -> list[Piece]:
    """Return what is probed in place of a parameter: its pieces, or the parameter itself."""
    whole = [Piece(origin, None)]
    moves = (n for n in origin.graph.nodes if isinstance(n.op, Move) and origin in n.inputs)
    if sum(1 for _ in moves) < 2:  # without looking for the route
        return whole
    users = [node for node in find_route(origin).nodes if origin in node.inputs]
    seen = np.zeros(origin.size, dtype=np.int64)
    pieces = []
    for node in users:
        op = node.op
        if not isinstance(op, Move) or len(node.inputs) > 1 or node.batch_axis is not None:
            return whole
        if op.constant is not None or not op.is_injective:
            return whole
        places = op.index.reshape(-1).astype(np.int64)
        seen[places] += 1
        pieces.append(Piece(node, places))
    return pieces if seen.max(initial=0) < 2 else whole


def joined(origin: Node, pieces: Sequence[Piece], found: Sequence[Derivatives]) -> Derivatives:
    """Return the derivatives with respect to a parameter from those of its pieces.

    An entry that is in no piece has no effect: its derivative is zero.
    """
    if pieces[0].places is None:
        return found[0]
    total = Derivatives.zero(origin.shape)
    for piece, part in zip(pieces, found, strict=True):
        assert piece.places is not None
        total.put(piece.places, part)
        total.truncation = max(total.truncation, part.truncation)
    return total
