"""Operations over axes: every form of a difference gives the same; kinks; awkward changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcheck.errors import InputError
from fastcheck.graph import Graph, Node, ops
from fastcheck.graph.block import Block
from fastcheck.graph.difference import Difference, Rows
from fastcheck.graph.state import State
from fastcheck.kernels import moments, softmax
from tests.graph.differences import random_difference, random_rows, written_out
from tests.graph.drive import interpreted, sent

Array = np.ndarray

OVER: dict[str, Callable[[Node, Any], Node]] = {
    "softmax": ops.softmax,
    "log_softmax": ops.log_softmax,
    "logsumexp": ops.logsumexp,
    "normalise": lambda a, axis: ops.normalise(a, axis, 1e-3),
    "normalise by root mean square": lambda a, axis: ops.normalise(a, axis, 0.1, centred=False),
    "max": ops.max,
    "min": lambda a, axis: ops.min(a, axis, keepdims=True),
    "var": lambda a, axis: ops.var(a, axis, keepdims=True),
    "std": lambda a, axis: ops.std(a, axis, ddof=1),
    "norm": ops.norm,
    "prod": ops.prod,
    "sum": ops.sum,
    "mean": lambda a, axis: ops.mean(a, axis, keepdims=True),
}
AXES = [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)]
SHAPE = (4, 3, 5)


def in_general_form(d: Difference, axis: int | None) -> Difference:
    """Return the same rows with full length along all axes."""
    data = np.ascontiguousarray(np.moveaxis(written_out(d, SHAPE, axis), 0, -1))
    n = d.rows.size
    return Difference(data, Rows(d.rows.probe, n, None, np.array([0, n])), np.array([0, n]), {})


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(OVER)), st.sampled_from(AXES), st.booleans(), st.booleans(),
    st.sets(st.integers(0, 2)), st.sampled_from([1e-9, 1e-3, 0.2]), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_a_difference_in_any_form_gives_that_of_the_general_form(
    name: str, over: tuple[int, ...], streams: bool, columns: bool, pinned: set[int], size: float,
    seed: int,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    streams = streams and 0 not in over
    x = np.round(rng.standard_normal(SHAPE) * 8) / 8 if rng.random() < 0.3 else rng.random(SHAPE)
    source = Graph().data(x, 0 if streams else None)
    node = OVER[name](source, over)
    samples = np.sort(rng.integers(0, SHAPE[0], 6)) if streams else None
    rows, offsets = random_rows(rng, 6, samples)
    scale = size * rng.standard_normal(rows.size) if columns else None
    axis = 0 if streams else None
    d = random_difference(
        rng, SHAPE, rows, offsets, axis=axis, samples=samples, pinned=sorted(pinned), scale=scale
    )
    if not columns:
        d = d.replaced(size * d.data)
    state = State(node.graph, {})
    kinks = [np.zeros(rows.size, np.uint8) for _ in range(2)]
    assert node.op is not None
    found = node.op.difference(node, (d,), Block(state, kinks[0]))
    general = in_general_form(d, axis)
    expected = node.op.difference(node, (general,), Block(state, kinks[1]))
    assert found is not None
    assert expected is not None
    where = node.batch_axis if streams else None
    change = written_out(found, node.shape, where)
    np.testing.assert_allclose(
        change, np.moveaxis(expected.data, -1, 0), rtol=1e-11, atol=1e-14 * size
    )
    assert np.array_equal(*kinks)


# ------------------------------------------------------------ large and awkward changes


def mp_change(function: Callable[[Any], Any], x: Array, d: Array) -> Array:
    """Return the change of a function of one line of numbers, in 80 digits."""
    with mpmath.workdps(80):
        lines = [[mpmath.mpf(float(v)) for v in line] for line in (x, d)]
        moved = [a + b for a, b in zip(*lines, strict=True)]
        pairs = zip(function(moved), function(lines[0]), strict=True)
        return np.array([float(after - before) for after, before in pairs])


def mp_softmax(line: list[Any]) -> list[Any]:
    e = [mpmath.exp(v - max(line)) for v in line]
    return [v / sum(e) for v in e]


def mp_log_sum_exp(line: list[Any]) -> list[Any]:
    return [max(line) + mpmath.log(sum(mpmath.exp(v - max(line)) for v in line))]


@pytest.mark.parametrize("d", [
    [900.0, 0.0, -1.0, 0.5], [-900.0, 1.0, 2.0, 0.0], [-40.0, 0.0, 0.0, 30.0],
    [1.0, 1.0, 1.0, 1.0 + 2.0**-40], [-2.0, 0.01, 0.0, 0.0],
])  # fmt: skip
def test_softmax_changes_by_any_amount(d: list[float]) -> None:
    x = np.array([3.0, -1.0, 0.5, 2.0])
    change = np.array(d)
    for build, exact in ((ops.softmax, mp_softmax), (ops.logsumexp, mp_log_sum_exp)):
        graph = Graph()
        node = build(graph.param("x", (4,)), 0)  # type: ignore[operator]
        found = np.atleast_2d(sent(node, {"x": x}, change[:, None]))[..., 0].reshape(-1)
        np.testing.assert_allclose(found, mp_change(exact, x, change), rtol=1e-13, atol=0)


def mp_normalise(line: list[Any]) -> list[Any]:
    mean = sum(line) / len(line)
    c = [v - mean for v in line]
    return [v / mpmath.sqrt(sum(u * u for u in c) / len(c) + mpmath.mpf(1e-9)) for v in c]


@pytest.mark.interpreted
@pytest.mark.parametrize("moved", [[0], [3], [8], [0, 8], list(range(9))])
def test_features_with_a_large_mean_are_normalised_to_full_precision(moved: list[int]) -> None:
    x = 200.0 + 1e-3 * np.random.default_rng(0).standard_normal(9)
    x = np.round(x * 2.0**36) / 2.0**36  # so that the mean costs digits, but is not all there is
    d = np.zeros(9)
    d[moved] = 1e-9 * np.random.default_rng(1).standard_normal(len(moved))
    node = ops.normalise(Graph().param("x", (9,)), eps=1e-9)
    found = sent(node, {"x": x}, d[:, None])[:, 0]
    truth = mp_change(mp_normalise, x, d)
    np.testing.assert_allclose(found, truth, rtol=1e-11, atol=1e-12 * np.abs(truth).max())


@pytest.mark.parametrize("n", [2, 3, 9, 100])
def test_what_moves_all_entries_alike_changes_nothing_at_all(n: int) -> None:
    rng = np.random.default_rng(n)
    x, d = rng.standard_normal((n, 4)), np.tile(0.1 * rng.standard_normal(5), (n, 4, 1))
    for build in (
        lambda a: ops.normalise(a, 0), lambda a: ops.var(a, 0), lambda a: ops.softmax(a, 0),
        lambda a: ops.log_softmax(a, 0),
    ):  # fmt: skip
        assert not sent(build(Graph().param("x", (n, 4))), {"x": x}, d).any()


def test_a_nan_stays() -> None:
    x = np.random.default_rng(0).standard_normal((2, 5))
    for place in range(5):
        d = np.full((2, 5, 3), 1e-3)
        d[0, place, 1] = np.nan
        for name, build in OVER.items():
            found = sent(build(Graph().param("x", (2, 5)), 1), {"x": x}, d)
            bad = np.isnan(found).reshape(2, -1, 3)
            assert bad[0, :, 1].all(), name
            assert not bad[1].any(), name
            assert not bad[0, :, [0, 2]].any(), name


# ------------------------------------------------------------ kinks


def crossing(build: Callable[[Node], Node], x: Array, d: Array) -> tuple[Array, list[bool]]:
    """Return the changes of the result, and which of the changes `d` (a column each) are kinks."""
    leaf = Graph().param("x", x.shape)
    node = build(leaf)
    n = d.shape[-1]
    ends = np.array([0, n])
    rows = Rows(np.arange(n, dtype=np.int32), n, None, ends)
    kink = np.zeros(n, np.uint8)
    block = Block(State(node.graph, {"x": x}), kink)
    assert node.op is not None
    found = node.op.difference(node, (Difference(d, rows, ends, {}),), block)
    return (np.zeros(n) if found is None else found.flat[0]), kink.astype(bool).tolist()


@pytest.mark.interpreted
def test_a_change_of_the_winner_is_a_kink_and_exact() -> None:
    x = np.array([1.0, 1.0 + 2.0**-30, 0.5])
    d = 2.0**-30 * np.array([[0.5, 2.0, 0.0, 3.0], [0.0, 0.0, -2.0, 2.5], [9.0, 9.0, 9.0, 9.0]])
    change, kink = crossing(ops.max, x, d)
    assert change.tolist() == [0.0, 2.0**-30, -(2.0**-30), 2.5 * 2.0**-30]
    assert kink == [False, True, True, False]
    lowest, kink = crossing(ops.min, -x, -d)
    assert lowest.tolist() == (-change).tolist()
    assert kink == [False, True, True, False]


@pytest.mark.interpreted
def test_tied_winners_are_a_kink_where_they_move_apart() -> None:
    x = np.array([2.0, -1.0, 2.0])
    d = np.array([[0.1, 0.0, -0.1, 0.0], [0.0, 0.3, 0.0, 0.0], [0.1, 0.0, 0.0, -0.1]])
    change, kink = crossing(ops.max, x, d)
    assert change.tolist() == [0.1, 0.0, 0.0, 0.0]
    assert kink == [False, False, True, True]
    apart = d * (1.0 + 2.0**-52 * np.array([[1.0], [0.0], [-1.0]]))  # by rounding only
    assert crossing(ops.max, x, apart)[1] == [False, False, True, True]


@pytest.mark.interpreted
def test_a_place_is_frozen_and_moving_it_is_a_kink() -> None:
    x = np.array([1.0, 1.25, 0.5])
    change, kink = crossing(ops.argmax, x, np.array([[0.1, 0.3], [0.0, 0.0], [0.0, 0.0]]))
    assert not change.any()
    assert kink == [False, True]
    state = State((node := ops.argmin(Graph().data(x.reshape(1, 3)), 1)).graph, {})
    assert state.value(node).tolist() == [2.0]


@pytest.mark.interpreted
def test_a_root_at_zero_is_a_kink() -> None:
    d = np.array([[3.0, 0.0], [4.0, 0.0]])
    change, kink = crossing(ops.norm, np.zeros(2), d)
    assert change.tolist() == [5.0, 0.0]
    assert kink == [True, False]
    assert crossing(ops.std, np.full(2, 7.0), d)[1] == [True, False]
    assert crossing(ops.std, np.full(2, 7.0), d)[0].tolist() == [0.5, 0.0]


def test_columns_are_kept_where_no_row_can_change_the_winner() -> None:
    rng = np.random.default_rng(0)
    x = rng.permutation(12.0 * np.arange(1, 13)).reshape(3, 4)
    node = ops.max(Graph().data(x), 1)
    rows, offsets = random_rows(rng, 5, None)
    state = State(node.graph, {})
    assert node.op is not None
    for size, kept in ((1.0, True), (100.0, False)):
        scale = size * rng.uniform(0.5, 1.0, rows.size)
        d = random_difference(rng, (3, 4), rows, offsets, scale=scale)
        found = node.op.difference(node, (d,), Block(state, np.zeros(rows.size, np.uint8)))
        assert found is not None
        assert (found.scale is scale) is kept


def test_entries_that_cannot_win_are_left_out() -> None:
    op = ops.max(Graph().data(np.zeros((1, 4))), 1).op
    assert op is not None
    flat = op.flat(0, (np.array([[1.0, 0.5, 0.9999, 1.0]]),), 1e-3)
    assert flat is not None
    assert flat.tolist() == [[False, True, False, False]]


# ------------------------------------------------------------ messages


@pytest.mark.interpreted
def test_a_mistake_is_named() -> None:
    a = Graph().param("a", (3, 1))
    with pytest.raises(InputError, match="`ddof` must be below the number of entries, 1, got 1"):
        ops.var(a, 1, ddof=1)
    with pytest.raises(InputError, match="`order` must be 1, 2 or infinity, got 3"):
        ops.norm(a, order=3)
    with pytest.raises(InputError, match=r"`axis` must name axes .* got 2 for shape \(3, 1\)"):
        ops.normalise(a, 2)


# ------------------------------------------------------------ kernels as plain Python


@pytest.mark.interpreted
@pytest.mark.parametrize("name", sorted(OVER))
def test_kernels_without_compilation_give_the_same(name: str) -> None:
    rng = np.random.default_rng(1)
    x, d = rng.standard_normal((2, 7)), 1e-3 * rng.standard_normal((2, 7, 3))
    node = OVER[name](Graph().param("x", (2, 7)), 1)
    compiled = sent(node, {"x": x}, d)
    with interpreted():
        np.testing.assert_allclose(sent(node, {"x": x}, d), compiled, rtol=1e-12)


def test_pieces_of_rows_do_not_matter() -> None:
    """There are more rows than a kernel takes at once, and more cells than it takes together."""
    rng = np.random.default_rng(2)
    n = 2 * max(softmax.PIECE, moments.PIECE) + 3
    x, d = rng.standard_normal((6, 130)), 1e-3 * rng.standard_normal((6, 130, n))
    for build in OVER.values():
        for axis in (0, 1):
            node = build(Graph().param("x", (6, 130)), axis)
            whole = sent(node, {"x": x}, d)
            for some in ([0, 1], [n - 1], list(range(500, 530))):
                part = sent(node, {"x": x}, d[..., some])
                np.testing.assert_allclose(part, whole[..., some], rtol=1e-12, atol=1e-16)
