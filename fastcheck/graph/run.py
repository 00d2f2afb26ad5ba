"""Sending a chunk of probes through a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastcheck.graph.block import Asking, Block, Pace, owner
from fastcheck.graph.difference import Difference, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fastcheck.graph.block import Trail
    from fastcheck.graph.node import Node
    from fastcheck.graph.route import Route
    from fastcheck.graph.state import State

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Diffs = dict[int, Difference | None]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the probes of a chunk did to the loss.

    Attributes
    ----------
    change : ndarray of float64, shape (2 P,)
        Change of the loss; probe ``2e`` moved entry e by ``+step``, probe ``2e + 1`` by ``-step``.
    kink : ndarray of bool, shape (P,)
        Entries of which a probe crossed a kink.
    """

    change: Floats
    kink: NDArray[np.bool_]


def run_chunk(
    state: State,
    route: Route,
    entries: Ints,
    step: float | Floats,
    n_rows: int,
    alive: dict[int, NDArray[np.uint8]],
    trail: Trail | None = None,
) -> Outcome:
    """Probe `entries` of the origin of `route` by ``+step`` and ``-step``.

    Parameters
    ----------
    state : State
        The base point.
    route : Route
        The way to the loss.
    entries : ndarray of int64, shape (P,)
        Flat positions in the origin's value. Where the origin has a sample axis and samples are
        streamed, ordered by sample.
    step : float or ndarray of float64, shape (P,)
        Absolute, in units of the origin; one for all entries, or one for each.
    n_rows : int
        About how many rows a block of samples may have.
    alive : dict
        See :func:`fastcheck.graph.route.find_alive`.
    trail : dict, optional
        Where to write down how large differences are, by node.

    Returns
    -------
    Outcome
    """
    kink = np.zeros(2 * entries.size, np.uint8)
    streams = bool(route.streamed or route.boundary)
    start = _leaf(route, entries, step, streams)
    whole = Block(state, kink)
    whole.trail = trail
    diffs: Diffs = {route.origin.index: start}
    _run(route, route.before, diffs, whole)
    if streams:
        memo: dict[Any, Any] = {}
        totals: dict[int, Difference] = {}
        for lo, hi in _sample_blocks(state, route, entries.size, n_rows):
            block = Block(
                state,
                kink,
                lo=lo,
                hi=hi,
                streams=True,
                drops_rows=route.drops_rows,
                alive=alive,
                memo=memo,
            )
            block.trail = trail
            _add_block(route, diffs, totals, block)
        diffs |= totals
        _run(route, route.after, diffs, whole)
    assert state.graph.loss is not None
    last = diffs.get(state.graph.loss.index)
    change = np.zeros(2 * entries.size)
    if last is not None:
        last = last.unpinned(state.graph.loss.shape)
        np.add.at(change, last.rows.probe, last.flat[0])
    return Outcome(change, (kink[0::2] | kink[1::2]).astype(bool))


def _run(route: Route, nodes: Iterable[Node], diffs: Diffs, block: Block) -> None:
    """Fill in the differences of `nodes`, in order, and forget those that are not read again."""
    get = diffs.get
    given = {id(owner(d)) for d in diffs.values() if d is not None}
    for node in nodes:
        sources, finished = route.steps[node.index]
        inputs = tuple(map(get, sources))
        if inputs.count(None) == len(inputs):
            continue
        assert node.op is not None
        block.asks = Asking(sources, finished, diffs, given)
        change = diffs[node.index] = node.op.difference(node, inputs, block)
        block.asks = None
        if block.trail is not None and change is not None:
            block.trail[node.index] = Pace.of(inputs, change)
        del inputs
        for index in finished:
            diffs.pop(index, None)


def _add_block(route: Route, diffs: Diffs, totals: dict[int, Difference], block: Block) -> None:
    """Send one block of samples to the boundary and add what arrives to the totals there."""
    local = dict(diffs)
    _run(route, (*route.streamed, *route.boundary), local, block)
    for node in route.boundary:
        arrived = local.get(node.index)
        if arrived is None:
            continue
        arrived = arrived.unpinned(node.shape)
        total = totals.get(node.index)
        if total is None:
            n_probes = arrived.rows.n_probes
            data = np.zeros((*arrived.data.shape[:-1], n_probes))
            ids = np.arange(n_probes, dtype=np.int32)
            rows = Rows(ids, n_probes, None, np.array([0, n_probes]))
            total = totals[node.index] = Difference(data, rows, rows.segments, {})
        arrived.rows.collapse(arrived.flat, total.flat)


def _leaf(route: Route, entries: Ints, step: float | Floats, streams: bool) -> Difference:
    """Return the difference of the probed node itself: every entry up, and down."""
    node = route.origin
    n = entries.size
    index = np.unravel_index(entries, node.shape) if node.shape else ()
    samples = None
    if streams and node.batch_axis is not None:
        samples = np.ascontiguousarray(index[node.batch_axis])
        present, first = np.unique(samples, return_index=True)
        segments = np.append(2 * first, 2 * n)
    else:
        present, segments = None, np.array([0, 2 * n])
    pins = {
        a: np.ascontiguousarray(i)
        for a, i in enumerate(index)
        if node.shape[a] != 1 and not (samples is not None and a == node.batch_axis)
    }
    rows = Rows(np.arange(2 * n, dtype=np.int32), 2 * n, present, segments)
    return Difference(
        np.ones((*(1 for _ in node.shape), n)),
        rows,
        np.arange(0, 2 * n + 1, 2),
        pins,
        samples,
        np.multiply.outer(np.broadcast_to(step, n), [1.0, -1.0]).reshape(-1),
    )


def _sample_blocks(
    state: State, route: Route, n_entries: int, n_rows: int
) -> list[tuple[int, int]]:
    """Return the ranges of samples that are sent together."""
    n_batch = state.graph.n_batch or 1
    if route.origin.batch_axis is not None:
        return [(0, n_batch)]
    size = max(1, n_rows // (2 * n_entries))
    return [(lo, min(lo + size, n_batch)) for lo in range(0, n_batch, size)]
