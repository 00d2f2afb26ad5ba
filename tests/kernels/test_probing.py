"""The probe loop around a compiled loss."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import numba
import numpy as np
import pytest

from fastcheck.kernels import probing
from tests.conftest import FreshPython

compiled = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"), reason="nothing is compiled"
)


def cubes(w: Any) -> float:
    total = 0.0
    for k in range(w.size):
        x = np.float64(w[k])
        total += x * x * x
    return total


def picky(w: Any) -> float:
    if w[1] > 2.0:
        raise ValueError("above two")
    if w[0] < 1.0:
        return np.nan
    return w[0] / w[1]


def interpreted(function: Any) -> Any:
    loop = probing.probe_loop(function)
    return getattr(loop, "py_func", loop)


LOOPS = [
    pytest.param(lambda f: probing.probe_loop(numba.njit(f)), marks=compiled, id="compiled"),
    pytest.param(interpreted, marks=pytest.mark.interpreted, id="interpreted"),
]


def run(loop: Any, args: Any, flat: Any, places: list[int], step: float) -> tuple[Any, int]:
    table = np.full((4, len(places)), -7.0)
    return table, loop(args, flat, np.array(places, np.int64), step, table)


@pytest.mark.parametrize("make", LOOPS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_losses_and_distances_are_those_of_the_moved_entries(make: Any, dtype: Any) -> None:
    w = np.array([1.0, 0.1, -3.0], dtype)
    before = w.tobytes()
    table, n_raised = run(make(cubes), (w,), w, [2, 0], 1e-3)
    assert (n_raised, w.tobytes()) == (0, before)
    for k, place in enumerate([2, 0]):
        for side, step in enumerate((1e-3, -1e-3)):
            moved = w.copy()
            moved[place] = np.float64(w[place]) + step
            assert table[side, k] == cubes(moved)
            assert table[2 + side, k] == np.float64(moved[place]) - np.float64(w[place])


@pytest.mark.parametrize("make", LOOPS)
def test_distances_are_what_a_float32_can_store(make: Any) -> None:
    w = np.array([1.0], np.float32)
    table, _ = run(make(cubes), (w,), w, [0], 1e-7)
    assert table[2, 0] == 2.0**-23
    assert table[3, 0] == -(2.0**-23)


@pytest.mark.parametrize("make", LOOPS)
def test_a_loss_that_raises_gives_nan_there_and_all_is_restored(make: Any) -> None:
    w = np.array([1.25, 2.0])
    table, n_raised = run(make(picky), (w,), w, [0, 1], 0.5)
    assert n_raised == 1
    np.testing.assert_array_equal(table[:2], [[0.875, np.nan], [np.nan, 1.25 / 1.5]])
    assert w.tolist() == [1.25, 2.0]


@pytest.mark.parametrize("make", LOOPS)
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_what_is_infinite_passes_through(make: Any, value: float) -> None:
    w = np.array([value, 1.0])
    table, _ = run(make(cubes), (w,), w, [1], 0.5)
    assert table[:2, 0].tolist() == [value, value]


@compiled
@pytest.mark.parametrize("error", ["w[7]", "1 // int(w[0] - w[0])"])
def test_errors_of_compiled_code_are_caught(error: str) -> None:
    namespace: dict[str, Any] = {}
    exec(
        f"def loss(w):\n    if w[0] > 1.0:\n        return float({error})\n    return w[0]",
        namespace,
    )
    loop = probing.probe_loop(numba.njit(boundscheck=True)(namespace["loss"]))
    w = np.array([1.0])
    table, n_raised = run(loop, (w,), w, [0], 0.25)
    assert n_raised == 1
    np.testing.assert_array_equal(table[:2, 0], [np.nan, 0.75])


@compiled
def test_a_number_is_moved_in_an_array_without_axes() -> None:
    loss = numba.njit(lambda w, c: c * c * w[0])
    c, w = np.array(3.0), np.array([2.0])
    loop = probing.probe_loop(loss, (False, True))
    table, _ = run(loop, (w, c), c.reshape(1), [0], 1.0)
    assert table[:2, 0].tolist() == [32.0, 8.0]


@compiled
def test_one_loop_is_kept_for_each_loss() -> None:
    one, other = numba.njit(cubes), numba.njit(cubes)
    assert probing.probe_loop(one) is probing.probe_loop(one)
    assert probing.probe_loop(one) is not probing.probe_loop(other)
    kept = probing.probe_loop.cache_info()
    assert kept.maxsize == probing.KEPT


@compiled
def test_a_loop_knows_whether_the_loss_starts_threads() -> None:
    w = np.ones(3)
    spread = numba.njit(parallel=True)(lambda w: np.exp(w).sum())
    for loss, expected in ((numba.njit(cubes), False), (numba.njit(lambda w: spread(w)), True)):
        loop = probing.probe_loop(loss)
        run(loop, (w,), w, [], 1.0)
        assert probing.is_parallel(loop) is expected


@compiled
def test_the_loop_releases_the_interpreter_lock() -> None:
    @numba.njit
    def slow(w):
        total = 0.0
        for k in range(20_000):
            total += np.sin(w[0] * k)
        return total

    w, loop = np.array([0.5]), probing.probe_loop(slow)
    run(loop, (w,), w, [], 1e-3)
    worker = threading.Thread(target=run, args=(loop, (w,), w, [0] * 800, 1e-3))
    worker.start()
    time.sleep(0.01)
    still_busy = worker.is_alive()  # with the lock held, the line above would end after it
    worker.join()
    assert still_busy


@compiled
def test_only_functions_that_numba_compiled_are_taken_for_compiled() -> None:
    assert probing.is_compiled(numba.njit(cubes))
    assert not probing.is_compiled(cubes)
    assert not probing.is_compiled(numba.vectorize(lambda x: x + 1.0))
    assert not probing.is_compiled(None)


def test_asking_whether_a_function_is_compiled_does_not_import_numba(
    fresh_python: FreshPython,
) -> None:
    code = (
        "import sys; from fastcheck.kernels.probing import is_compiled\n"
        "print(is_compiled(len), 'numba' in sys.modules)"
    )
    assert fresh_python(code).stdout.split() == ["False", "False"]


@compiled
def test_a_failure_to_compile_is_told_in_a_line() -> None:
    w = np.ones(3)
    with pytest.raises(numba.core.errors.NumbaError) as caught:
        run(probing.probe_loop(numba.njit(lambda w: w)), (w,), w, [], 1.0)
    assert probing.failure(caught.value).startswith("No implementation of function")
    assert probing.failure(ValueError("other")) is None
    colored = numba.core.errors.NumbaError("\x1b[1m\x1b[1mNo such\x1b[0m thing.\n\x1b[0m")
    assert probing.failure(colored) == "No such thing"
