"""One block of probes on its way through a graph: what operations may ask of their surroundings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph import memory
from fastcheck.graph.difference import Difference, Rows
from fastcheck.graph.state import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fastcheck.graph.node import Node
    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Trail = dict[int, "Pace"]


@dataclass(frozen=True)
class Pace:
    """How large the differences were that an operation took and left.

    Attributes
    ----------
    size : int
        Local entries of the largest of them.
    result : int
        Local entries of the result.
    by_row : bool
        Whether the result has a column per row, not per group.
    moved : int
        How many inputs changed.
    """

    size: int
    result: int
    by_row: bool
    moved: int

    @classmethod
    def of(cls, inputs: tuple[Difference | None, ...], result: Difference) -> Pace:
        """Return the pace of an operation."""
        taken = [d.flat.shape[0] for d in inputs if d is not None]
        own = result.flat.shape[0]
        return cls(max(own, *taken), own, result.scale is None, len(taken))


@dataclass(frozen=True)
class Asking:
    """The operation that runs now and asks which of its inputs it may overwrite.

    Attributes
    ----------
    sources : tuple of int
        Indices of its inputs.
    finished : tuple of int
        Nodes that nobody reads after it.
    diffs : mapping of int to Difference or None
        All differences that somebody may still read.
    given : set of int
        Identities of the arrays that were there before, and that other blocks may read.
    """

    sources: tuple[int, ...]
    finished: tuple[int, ...]
    diffs: Mapping[int, Difference | None]
    given: set[int]

    def owns(self, d: Difference) -> bool:
        """Return whether nobody else reads the data of `d`, one of the inputs."""
        places = [i for i in self.sources if self.diffs.get(i) is d]
        if len(places) != 1 or places[0] not in self.finished:
            return False
        array = owner(d)
        others = (x for x in self.diffs.values() if x is not None)
        return id(array) not in self.given and sum(owner(x) is array for x in others) == 1


def owner(d: Difference) -> Floats:
    """Return the array whose memory the data of `d` are in."""
    data = d.data
    while isinstance(data.base, np.ndarray):
        data = data.base
    return data


class Block:
    """The probes of a chunk, seen by the samples ``lo:hi``, or by the whole batch at once.

    Attributes
    ----------
    state : State
        The base point.
    lo, hi : int
        The samples of the block, where samples are streamed.
    streams : bool
        Whether samples are streamed; else every difference has the whole batch in it.
    drops_rows : bool
        Whether an operation may leave out rows that change nothing. Only where differences of
        different rows cannot meet again.
    alive : dict of int to ndarray of bool, shape (n_batch, ...)
        By node index, units whose change can have an effect at all; absent where all can.
    kink : ndarray of uint8, shape (n_probes,)
        Set for each probe that crosses a kink.
    memo : dict
        What operations want to remember between the blocks of one chunk.
    asks : Asking, or None
        The operation that runs now, as far as :meth:`owns` must know it.
    trail : dict, or None
        Where to write down how large the differences of each node are, if that is wanted.
    """

    def __init__(
        self,
        state: State,
        kink: NDArray[np.uint8],
        *,
        lo: int = 0,
        hi: int = 0,
        streams: bool = False,
        drops_rows: bool = False,
        alive: dict[int, NDArray[np.uint8]] | None = None,
        memo: dict[Any, Any] | None = None,
    ) -> None:
        self.state = state
        self.kink = kink
        self.lo = lo
        self.hi = hi
        self.streams = streams
        self.drops_rows = drops_rows
        self.alive = alive or {}
        self.memo = {} if memo is None else memo
        self.asks: Asking | None = None
        self.trail: Trail | None = None
        self._canonical: Rows | None = None

    def owns(self, d: Difference) -> bool:
        """Return whether the data of `d`, an input of the current operation, may be overwritten."""
        return self.asks is not None and self.asks.owns(d)

    def writable(self, d: Difference) -> Difference:
        """Return the input `d` with one column per row, its data to be overwritten."""
        full = d.expanded()
        return full if full is not d or self.owns(d) else d.replaced(memory.copied(d.data))

    def enters(self, node: Node, d: Difference) -> bool:
        """Return whether `d` meets the samples for the first time at `node`."""
        return self.streams and node.batch_axis is not None and d.samples is None

    def tables(
        self, node: Node, d: Difference, like: Node | None = None
    ) -> tuple[tuple[Floats, ...], Ints]:
        """Return what the op of `node` prepared, as tables, and the table row of each group.

        Parameters
        ----------
        node : Node
            The result of the operation.
        d : Difference
            The difference for whose groups the base point is wanted.
        like : Node, optional
            The node whose axes the prepared arrays have; `node` itself by default.

        Returns
        -------
        tuple of ndarray of float64, shape (M, n)
            One table per array: a row for each combination of the streamed sample and the pinned
            indices, a column for each other entry.
        ndarray of int64, shape (G,)
            The row that belongs to each group.
        """
        return tables(self.state, node, d, (like or node).batch_axis)

    def base(self, node: Node, d: Difference, like: Node) -> tuple[Floats, ...]:
        """Return what the op of `node` prepared, as arrays that broadcast against ``d.data``.

        `d` has one column per row; `like` is the node whose axes the prepared arrays have. Simple
        and general; compiled kernels read :meth:`tables` instead.
        """
        found, which = self.tables(node, d, like)
        rows = d.per_column(which)
        return tuple(table[rows].T.reshape(d.data.shape) for table in found)

    def spread(self, d: Difference) -> Difference:
        """Return `d`, the same for all samples, with rows for each sample of the block."""
        rows = d.rows
        n = self.hi - self.lo
        if self._canonical is None or self._canonical.n_probes != rows.n_probes:
            self._canonical = Rows(
                np.tile(rows.probe, n),
                rows.n_probes,
                np.arange(self.lo, self.hi),
                np.arange(n + 1) * rows.size,
            )
        starts = (d.offsets[:-1] + np.arange(n)[:, None] * rows.size).reshape(-1)
        return Difference(
            np.tile(d.data, n),
            self._canonical,
            np.append(starts, n * rows.size),
            {a: np.tile(p, n) for a, p in d.pins.items()},
            np.repeat(np.arange(self.lo, self.hi), d.n_groups),
            None if d.scale is None else np.tile(d.scale, n),
        )

    def broadcast(
        self, d: Difference, source: Node, node: Node, *, lazy: bool = False
    ) -> Difference:
        """Return `d`, a difference of `source`, with the axes of `node` (NumPy's broadcasting).

        With `lazy`, its data keep the length 1 along axes on which they are repeated.
        """
        if source.shape == node.shape and not self.enters(node, d):
            return d
        shift = node.ndim - source.ndim
        if shift:
            data = d.data.reshape((1,) * shift + d.data.shape)
            d = d.replaced(data, {a + shift: p for a, p in d.pins.items()})
        if self.enters(node, d):
            d = self.spread(d)
        streamed = d.samples is not None
        local = tuple(
            1 if a in d.pins or (streamed and a == node.batch_axis) else n
            for a, n in enumerate(node.shape)
        )
        if lazy or local == d.data.shape[:-1]:
            return d
        data = memory.contiguous(np.broadcast_to(d.data, (*local, d.data.shape[-1])))
        return d.replaced(data)
