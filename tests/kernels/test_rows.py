"""Kernels that move differences, against literal loops; compiled and as plain Python."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from fastcheck.kernels import products, rows
from tests.conftest import FreshPython

pytestmark = pytest.mark.interpreted

NAN = np.nan
PLACES = pytest.mark.parametrize("place", [0, 3, 6])


@pytest.fixture(params=["as decorated", "plain Python"])
def kernel(request: pytest.FixtureRequest) -> Any:
    """Return a function that looks a kernel up by name, in one of its two forms."""

    def found(name: str) -> Any:
        one = getattr(rows, name, None) or getattr(products, name)
        return one if request.param == "as decorated" else getattr(one, "py_func", one)

    return found


def assert_same(found: np.ndarray, expected: Any) -> None:
    """Compare bit for bit; a NaN equals a NaN."""
    np.testing.assert_array_equal(found, expected)


# ------------------------------------------------------------ enter

ENTRIES = [  # key, size, unit of each run, edges of the runs
    ([0, 1, 2, 0, 1, 2], [1.0, 1, 1, 2, 2, 2], [0, 1], [0, 3, 6]),
    ([2, 0, 1], [0.5, 0.25, 0.125], [1, 0, 1], [0, 1, 2, 3]),
    ([1], [3.0], [0], [0, 1]),
    ([0, 0, 0], [1.0, 2.0, 4.0], [1], [0, 3]),
]


def entered(kernel: Any, x: Any, case: Any, alive: Any, lo: int, hi: int) -> list[np.ndarray]:
    """Return what `enter` wrote: probes, scales, offsets, samples, units, segments."""
    key, size, unit, runs = (np.array(a) for a in case)
    n = hi - lo
    probe, scale = np.full(2 * key.size * n, -1, np.int32), np.full(2 * key.size * n, NAN)
    offsets, samples, units = (np.full(unit.size * n + 1, -1) for _ in range(3))
    segments = np.full(n + 1, -1)
    m, g = kernel("enter")(
        np.array(x, float), key, size, runs, unit, np.array(alive, np.uint8), lo, hi,
        probe, scale, offsets, samples, units, segments,
    )  # fmt: skip
    return [probe[:m], scale[:m], offsets[: g + 1], samples[:g], units[:g], segments]


def literal(x: Any, case: Any, alive: Any, lo: int, hi: int) -> list[Any]:
    probe, scale, offsets, samples, units, segments = [], [], [0], [], [], [0]
    key, size, unit, runs = case
    for s in range(lo, hi):
        for q, u in enumerate(unit):
            seen = [e for e in range(runs[q], runs[q + 1]) if x[s][key[e]] != 0]
            if alive[s][u] and seen:
                probe += [2 * e for e in seen] + [2 * e + 1 for e in seen]
                up = [x[s][key[e]] * size[e] for e in seen]
                scale += up + [-v for v in up]
                offsets.append(len(probe))
                samples.append(s)
                units.append(u)
        segments.append(len(probe))
    return [probe, scale, offsets, samples, units, segments]


INPUTS = {
    "dense": [[1.0, -2, 3], [4, 5, -6], [7, 8, 9]],
    "with zeros": [[1.0, 0, 3], [0, -0.0, 0], [0, 8, 0]],
    "only zeros": [[0.0, 0, 0]] * 3,
    "with NaN": [[NAN, 0, 3], [0, NAN, 0], [1, 2, NAN]],
    "one sample": [[5.0, 0, 1e-300]],
}
MASKS = {
    "all alive": [[1, 1]] * 3,
    "some alive": [[1, 0], [0, 1], [1, 1]],
    "none alive": [[0, 0]] * 3,
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("case", range(len(ENTRIES)))
def test_entering_samples_is_a_literal_loop(kernel: Any, case: int, inputs: str, mask: str) -> None:
    x, alive = INPUTS[inputs], MASKS[mask]
    for lo, hi in {(0, len(x)), (0, 1), (len(x) - 1, len(x))}:
        found = entered(kernel, x, ENTRIES[case], alive, lo, hi)
        for one, expected in zip(found, literal(x, ENTRIES[case], alive, lo, hi), strict=True):
            assert_same(one, expected)


def test_an_input_that_is_zero_has_no_rows_and_a_nan_has(kernel: Any) -> None:
    probe, scale, *_ = entered(kernel, [[0.0, NAN, -0.0]], ENTRIES[0], [[1, 0]], 0, 1)
    assert probe.tolist() == [2, 3]
    assert np.isnan(scale).all()


# ------------------------------------------------------------ columns, rows and probes

EDGES = {
    "groups": [0, 2, 5, 7],
    "an empty group first, in the middle and last": [0, 0, 3, 3, 7, 7],
    "one group": [0, 7],
    "one row each": list(range(8)),
}


@PLACES
@pytest.mark.parametrize("edges", EDGES)
def test_expanding_multiplies_each_column_by_the_scale_of_its_rows(
    kernel: Any, edges: str, place: int
) -> None:
    offsets, rng = np.array(EDGES[edges]), np.random.default_rng(0)
    columns, scale = rng.standard_normal((3, offsets.size - 1)), rng.standard_normal(7)
    scale[place] = NAN
    out = np.zeros((3, 7))
    kernel("expand")(columns, scale, offsets, out)
    expected = np.repeat(columns, np.diff(offsets), axis=1) * scale
    assert_same(out, expected)
    assert np.array_equal(np.isnan(out[0]), np.arange(7) == place)


@pytest.mark.parametrize("edges", EDGES)
def test_the_reach_is_the_largest_scale_of_a_group(kernel: Any, edges: str) -> None:
    offsets, scale = np.array(EDGES[edges]), np.array([1.0, -4, 2, 0, -3, 0.5, -0.0])
    out = np.full(offsets.size - 1, NAN)
    kernel("reach")(scale, offsets, out)
    ends = pairwise(offsets)
    assert_same(out, [np.abs(scale[lo:hi]).max(initial=0.0) for lo, hi in ends])


@PLACES
def test_the_reach_of_a_group_with_a_nan_is_nan(kernel: Any, place: int) -> None:
    scale, out = np.array([1.0, -4, 2, 0, -3, 0.5, 7.0]), np.zeros(1)
    scale[place] = NAN
    kernel("reach")(scale, np.array([0, 7]), out)
    assert np.isnan(out[0])


@PLACES
@pytest.mark.parametrize("n", [1, 3, 7, 8, 9, 17])
def test_weighing_multiplies_by_the_row_of_the_table(kernel: Any, n: int, place: int) -> None:
    rng = np.random.default_rng(n)
    table, data = rng.standard_normal((4, n)), rng.standard_normal((n, 7))
    which, out = rng.integers(0, 4, 7), np.empty((n, 7))
    data[-1, place] = NAN
    kernel("weigh")(table, which, data, out)
    assert_same(out, data * table[which].T)
    assert np.isnan(out).sum() == 1


@PLACES
@pytest.mark.parametrize("n", [1, 3, 7, 8, 9, 17])
def test_the_outer_product_has_the_row_of_the_table_in_each_column(
    kernel: Any, n: int, place: int
) -> None:
    rng = np.random.default_rng(n)
    table, data = rng.standard_normal((4, n)), rng.standard_normal(7)
    which, out = rng.integers(0, 4, 7), np.empty((n, 7))
    data[place] = NAN
    kernel("outer")(table, which, data, out)
    assert_same(out, data * table[which].T)


@PLACES
def test_unpinning_puts_each_column_at_its_index(kernel: Any, place: int) -> None:
    rng = np.random.default_rng(1)
    data, which, out = rng.standard_normal((3, 7)), rng.integers(0, 5, 7), np.zeros((5, 3, 7))
    data[1, place] = NAN
    kernel("unpin")(data, which, out)
    expected = np.zeros((5, 3, 7))
    for c in range(7):
        expected[which[c], :, c] = data[:, c]
    assert_same(out, expected)


@PLACES
def test_collapsing_adds_the_rows_of_each_probe_in_their_order(kernel: Any, place: int) -> None:
    data = 10.0 ** np.arange(-8, 6).reshape(2, 7)
    data[1, place] = NAN
    probe, acc = np.array([2, 0, 2, 4, 0, 2, 2], np.int32), np.ones((2, 5))
    kernel("collapse")(data, probe, acc)
    expected = np.ones((2, 5))
    for i in range(2):
        for r in range(7):
            expected[i, probe[r]] += data[i, r]
    assert_same(acc, expected)
    assert_same(acc[:, [1, 3]], 1.0)


@pytest.mark.parametrize("name", ["expand", "reach", "weigh", "outer", "unpin", "collapse"])
def test_nothing_is_written_where_there_are_no_rows(kernel: Any, name: str) -> None:
    none, no_rows = np.empty(0), np.empty((2, 0))
    arguments = {
        "expand": (np.ones((2, 1)), none, np.array([0, 0]), no_rows),
        "reach": (none, np.array([0]), none),
        "weigh": (np.ones((1, 2)), np.empty(0, np.int64), no_rows, no_rows),
        "outer": (np.ones((1, 2)), np.empty(0, np.int64), none, no_rows),
        "unpin": (no_rows, np.empty(0, np.int64), np.empty((3, 2, 0))),
        "collapse": (no_rows, np.empty(0, np.int32), np.ones((2, 4))),
    }[name]
    kernel(name)(*arguments)
    if name == "collapse":
        assert_same(arguments[-1], 1.0)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 4, 5), (2, 7, 9), (10, 66, 3), (2, 5, 300)])
def test_a_narrow_product_is_the_matrix_product(kernel: Any, shape: tuple[int, ...]) -> None:
    n_out, n_in, n = shape
    rng = np.random.default_rng(n_in)
    w, data, out = (
        rng.standard_normal((n_out, n_in)),
        rng.standard_normal((n_in, n)),
        np.empty((n_out, n)),
    )
    kernel("narrow_product")(w, data, out)
    exact = w.astype(np.longdouble) @ data.astype(np.longdouble)
    room = np.abs(w) @ np.abs(data) * n_in * 2.0**-53
    assert np.all(np.abs(out - exact) <= room)
    data[n_in // 2, n - 1] = NAN
    kernel("narrow_product")(w, data, out)
    assert np.isnan(out[:, -1]).all()
    assert np.isfinite(out[:, :-1]).all()


# ------------------------------------------------------------ signatures

RUNS = """
import json
import numpy as np
from numba.core.dispatcher import Dispatcher
from fastcheck.graph import Graph, ops
from tests.graph.drive import KERNEL_MODULES, derivatives
from tests.graph.random_graphs import Recipe, made

def dense(shape, target):
    graph = Graph()
    w = graph.param("w", shape)
    w, x = w if target == shape else ops.reshape(w, target), np.ones((5, target[0]))
    v = graph.param("v", (target[1], 3))
    for h in (graph.data(x, 0) @ w, x @ w):
        h = ops.tanh(h) @ v
        graph.set_loss(ops.mean(ops.softmax_cross_entropy(h, np.ones((5, 3)))))
        derivatives(graph, {"w": np.ones(shape), "v": np.ones(v.shape)})

if CASE == "random graphs":
    for seed in range(60):
        steps = tuple(np.random.default_rng(seed).integers(0, 9, 4).tolist())
        graph, params = made(Recipe(steps, seed, 3, bool(seed % 2), seed % 3 == 0), declared=True)
        derivatives(graph, params, chunk=5, n_rows=20)
elif CASE == "dense networks":
    dense((3, 70), (3, 70))
    dense((1, 4), (1, 4))
    dense((4, 1), (4, 1))
elif CASE == "moves":
    from tests.graph.test_moving_networks import NETWORKS, normal
    for make in NETWORKS.values():
        graph = Graph()
        graph.set_loss(make(graph)[0])
        params = {k: normal(0, *node.shape) for k, node in graph.params.items()}
        derivatives(graph, params)
        derivatives(graph, params, chunk=5, n_rows=20)
else:
    dense((3, 4), (2, 6))
    dense((3, 4), (12, 1))
print(json.dumps({
    f"{module.__name__}.{name}": [str(s) for s in kernel.signatures]
    for module in KERNEL_MODULES
    for name, kernel in vars(module).items()
    if isinstance(kernel, Dispatcher)
}))
"""


@pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"), reason="kernels are interpreted"
)
@pytest.mark.parametrize("case", ["dense networks", "random graphs", "moves", "reshaped weights"])
def test_every_kernel_is_compiled_for_one_signature(fresh_python: FreshPython, case: str) -> None:
    found = json.loads(fresh_python(f"CASE = {case!r}\n{RUNS}").stdout)
    assert {k: v for k, v in found.items() if len(v) > 1} == {}
    assert any(found.values())
