"""Moving entries: differences are moved bit for bit, in every form in which they arrive."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcheck.graph import Graph
from fastcheck.graph.block import Block
from fastcheck.graph.ops import passage
from fastcheck.graph.ops.move import Move
from fastcheck.graph.ops.scatter import ScatterAdd
from fastcheck.graph.state import State
from tests.graph.differences import random_difference, random_rows, written_out

pytestmark = pytest.mark.interpreted

Array = np.ndarray
Maker = Callable[[np.random.Generator, list[Array]], Array]


def transposed(rng, ids):
    return ids[0].transpose(rng.permutation(ids[0].ndim))


def reshaped(rng, ids):
    (a,) = ids
    return [a.reshape(-1), a.reshape(a.shape[0], -1), a.reshape(-1, a.shape[-1]), a[None]][
        rng.integers(4)
    ]


def flipped(rng, ids):
    return np.flip(ids[0], rng.integers(ids[0].ndim))


def rolled(rng, ids):
    return np.roll(ids[0], 1, rng.integers(ids[0].ndim))


def repeated(rng, ids):
    return np.repeat(ids[0], 2, rng.integers(ids[0].ndim))


def tiled(rng, ids):
    return np.tile(ids[0], (2, 1))


def sliced(rng, ids):
    axis = rng.integers(ids[0].ndim)
    place = [slice(None)] * ids[0].ndim
    place[axis] = [slice(1, None), slice(None, None, 2), slice(None, -1), slice(None, None, -2)][
        rng.integers(4)
    ]
    return ids[0][tuple(place)]


def picked(rng, ids):
    axis = int(rng.integers(ids[0].ndim))
    return np.take(ids[0], rng.integers(0, ids[0].shape[axis], 3), axis)


def one(rng, ids):
    axis = int(rng.integers(ids[0].ndim))
    return np.take(ids[0], 0, axis)


def padded(rng, ids):
    widths = rng.integers(0, 3, (ids[0].ndim, 2))
    if rng.random() < 0.5:
        return np.pad(ids[0], widths, constant_values=-1)
    return np.pad(ids[0], widths, mode=["edge", "wrap", "symmetric"][rng.integers(3)])


def windowed(rng, ids):
    axis = int(rng.integers(ids[0].ndim))
    return np.lib.stride_tricks.sliding_window_view(ids[0], 2, axis)


def masked(rng, ids):
    return np.where(rng.random(ids[0].shape) < 0.6, ids[0], -1)


def own_of_each(rng, ids):
    """Take other entries in each sample, as an embedding or the logit of a label."""
    (a,) = ids
    which = rng.integers(0, a.shape[-1], (*a.shape[:-1], 2))
    return np.take_along_axis(a, which, -1)


def shuffled(rng, ids):
    return rng.choice(np.concatenate([np.ravel(a) for a in ids]), (3, 4))


def looked_up(rng, ids):
    return ids[0][rng.integers(0, ids[0].shape[0], (3, 2))]


def joined(rng, ids):
    return np.concatenate(ids, rng.integers(ids[0].ndim))


def stacked(rng, ids):
    return np.stack(ids, rng.integers(ids[0].ndim + 1))


def chosen(rng, ids):
    """Choose between two sources entry by entry."""
    return np.where(rng.random(ids[0].shape) < 0.5, ids[0], ids[-1])


SINGLE: list[Maker] = [
    transposed, reshaped, flipped, rolled, repeated, tiled, sliced, picked, one, padded, windowed,
    masked, own_of_each, shuffled, looked_up,
]  # fmt: skip
SEVERAL: list[Maker] = [joined, stacked, chosen, shuffled]
SEEDS = st.integers(0, 10**6)


def ids_of(shapes):
    ends = np.cumsum([int(np.prod(s)) for s in shapes])
    return [np.arange(e - int(np.prod(s)), e).reshape(s) for s, e in zip(shapes, ends, strict=True)]


def literal(index: Array, changes: list[Array]) -> Array:
    """Return the moved changes, (R, *shape), by a loop over entries."""
    out = np.zeros((changes[0].shape[0], *index.shape))
    flat = np.concatenate([c.reshape(c.shape[0], -1) for c in changes], axis=1)
    for place in np.ndindex(*index.shape):
        if index[place] >= 0:
            out[(slice(None), *place)] = flat[:, index[place]]
    return out


def check(seed: int, make: Maker, n_sources: int, *, streamed: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 5, rng.integers(1, 4)).tolist())
    if make is tiled and len(shape) == 1:
        shape = (*shape, 2)
    if make is windowed:
        shape = tuple(max(n, 2) for n in shape)
    shapes = [shape] * n_sources
    index = make(rng, ids_of(shapes))
    graph = Graph()
    axis = int(rng.integers(len(shape))) if streamed else None
    graph.data(np.zeros(shape), axis)
    leaves = [graph.data(np.zeros(s), axis) for s in shapes]
    node = graph.apply(Move(index, shapes), *leaves)
    if streamed and (node.mixes or node.batch_axis is None):
        return
    n_groups = int(rng.integers(1, 6))
    samples = None
    if streamed:
        samples = np.sort(rng.integers(0, shape[axis], n_groups))
    rows, offsets = random_rows(rng, n_groups, samples)
    scale = rng.standard_normal(rows.size) if rng.random() < 0.5 else None
    diffs, changes = [], []
    for i, s in enumerate(shapes):
        if n_sources > 1 and i and rng.random() < 0.25:
            diffs.append(None)
            changes.append(np.zeros((rows.size, *s)))
            continue
        pinned = [a for a in range(len(s)) if rng.random() < 0.5]
        own_scale = scale if rng.random() < 0.8 else None
        d = random_difference(
            rng, s, rows, offsets, axis=axis, samples=samples, pinned=pinned, scale=own_scale
        )
        if rng.random() < 0.2:
            d = d.unpinned(s)
        diffs.append(d)
        changes.append(written_out(d, s, axis))
    block = Block(State(graph, {}), np.zeros(rows.size, np.uint8), hi=9, streams=streamed)
    found = node.op.difference(node, tuple(diffs), block)
    truth = literal(index, changes)
    if found is None:
        assert not truth.any()
    else:
        assert np.array_equal(written_out(found, node.shape, node.batch_axis), truth)


@settings(max_examples=60, deadline=None, derandomize=True)
@pytest.mark.parametrize("make", SINGLE, ids=lambda f: f.__name__)
@given(seed=SEEDS)
def test_a_difference_is_moved_bit_for_bit(seed: int, make: Maker) -> None:
    check(seed, make, 1, streamed=False)


@settings(max_examples=60, deadline=None, derandomize=True)
@pytest.mark.parametrize("make", SINGLE, ids=lambda f: f.__name__)
@given(seed=SEEDS)
def test_a_streamed_difference_is_moved_bit_for_bit(seed: int, make: Maker) -> None:
    check(seed, make, 1, streamed=True)


@settings(max_examples=80, deadline=None, derandomize=True)
@pytest.mark.parametrize("make", SEVERAL, ids=lambda f: f.__name__)
@pytest.mark.parametrize("streamed", [False, True])
@given(seed=SEEDS, n=st.integers(2, 3))
def test_differences_of_several_sources_meet_bit_for_bit(
    seed: int, n: int, make: Maker, streamed: bool
) -> None:
    check(seed, make, n, streamed=streamed)


@settings(max_examples=80, deadline=None, derandomize=True)
@pytest.mark.parametrize("make", [own_of_each, looked_up, shuffled, transposed, reshaped, padded])
@pytest.mark.parametrize("drops", [False, True])
@given(seed=SEEDS)
def test_a_difference_enters_the_samples_bit_for_bit(seed: int, make: Maker, drops: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 5, rng.integers(1, 4)).tolist())
    index = make(rng, ids_of([shape]))
    axis = int(rng.integers(index.ndim))
    n_batch = index.shape[axis]
    graph = Graph()
    leaf = graph.param("w", shape)
    node = graph.apply(Move(index, [shape], batch_axis=axis), leaf)
    rows, offsets = random_rows(rng, int(rng.integers(1, 8)), None)
    scale = rng.standard_normal(rows.size) if rng.random() < 0.5 else None
    pinned = [a for a in range(len(shape)) if rng.random() < 0.7]
    d = random_difference(rng, shape, rows, offsets, pinned=pinned, scale=scale)
    truth = literal(index, [written_out(d, shape, None)])
    state = State(graph, {"w": np.zeros(shape)})
    cut = int(rng.integers(1, n_batch + 1))
    found = np.zeros_like(truth)
    for ends in [(0, cut)] + [(cut, n_batch)] * (cut < n_batch):
        kink = np.zeros(rows.size, np.uint8)
        block = Block(state, kink, lo=ends[0], hi=ends[1], streams=True, drops_rows=drops)
        out = node.op.difference(node, (d,), block)
        if out is None:
            continue
        assert np.all(np.diff(out.samples) >= 0)
        for sample, first, last in zip(
            out.rows.samples, out.rows.segments[:-1], out.rows.segments[1:], strict=True
        ):
            mine = (
                (out.offsets[:-1] >= first) & (out.offsets[1:] <= last) & (np.diff(out.offsets) > 0)
            )
            assert np.all(out.samples[mine] == sample)
        np.add.at(found, out.rows.probe, written_out(out, node.shape, node.batch_axis))
    assert np.array_equal(found, truth)


@settings(max_examples=60, deadline=None, derandomize=True)
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", ["any", "in each sample", "apart"])
@given(seed=SEEDS)
def test_a_difference_is_added_at_places_as_by_a_loop(seed: int, kind: str, streamed: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 5, rng.integers(1, 4)).tolist())
    target = tuple(rng.integers(1, 5, rng.integers(1, 3)).tolist())
    axis = int(rng.integers(len(shape))) if streamed else None
    size = int(np.prod(target))
    index = rng.integers(-1, size, shape)
    if kind == "apart":
        target = (int(np.prod(shape)) + 2,)
        index = rng.permutation(target[0])[: target[0] - 2].reshape(shape)
    elif kind == "in each sample" and axis is not None:
        sample = np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
        target = (3, shape[axis])
        index = rng.integers(0, 3, shape) * shape[axis] + sample
    graph = Graph()
    node = graph.apply(ScatterAdd(index, target), graph.data(np.zeros(shape), axis))
    assert not node.mixes
    n_groups = int(rng.integers(1, 6))
    samples = np.sort(rng.integers(0, shape[axis], n_groups)) if streamed else None
    rows, offsets = random_rows(rng, n_groups, samples)
    scale = rng.standard_normal(rows.size) if rng.random() < 0.5 else None
    pinned = [a for a in range(len(shape)) if rng.random() < 0.5]
    d = random_difference(
        rng, shape, rows, offsets, axis=axis, samples=samples, pinned=pinned, scale=scale
    )
    change = written_out(d, shape, axis)
    truth = np.zeros((rows.size, *target))
    for place in np.ndindex(*shape):
        if index[place] >= 0:
            truth.reshape(rows.size, -1)[:, index[place]] += change[(slice(None), *place)]
    block = Block(State(graph, {}), np.zeros(rows.size, np.uint8), hi=9, streams=streamed)
    found = node.op.difference(node, (d,), block)
    np.testing.assert_allclose(
        written_out(found, node.shape, node.batch_axis), truth, rtol=1e-14, atol=1e-14
    )


@pytest.mark.parametrize("make", [transposed, reshaped, own_of_each, looked_up])
def test_pins_that_would_need_large_tables_are_given_up(
    make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage, "MOST_KEYS", 3)
    for seed in range(40):
        check(seed, make, 1, streamed=seed % 2 == 0)
