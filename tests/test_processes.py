"""Pools of processes that die, and what arrives in them."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import joblib
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from fastcheck.parallel import dumped, loaded
from fastcheck.processes import LocalPool, Parcel, pool_for

THETA = np.arange(24.0)
VIEWS = {
    "part": THETA[3:9],
    "backwards": THETA[::-2],
    "matrix": THETA.reshape(4, 6).T,
    "view of a view": THETA.reshape(4, 6)[1:, ::3][::-1],
    "windows": sliding_window_view(THETA, 5),
    "repeated": np.broadcast_to(THETA, (3, 24)),
    "bytes": THETA[2:4].view("u1"),
    "scalar": THETA[7:8].reshape(()),
    "empty": THETA[5:5],
}


@pytest.mark.parametrize("kind", VIEWS)
def test_a_view_is_a_view_of_the_copy(kind: str) -> None:
    view = VIEWS[kind]
    theta, found = loaded(dumped((THETA, view)))
    assert (found.shape, found.strides, found.dtype) == (view.shape, view.strides, view.dtype)
    assert found.flags.writeable == view.flags.writeable
    assert found.tobytes() == view.tobytes()
    assert theta is not THETA
    if view.size:
        theta += 0.5
        assert np.shares_memory(found, theta)
        assert found.tobytes() != view.tobytes()


def test_what_cannot_be_a_view_of_the_copy_is_a_copy() -> None:
    odd = np.frombuffer(bytearray(b"x" + np.arange(4.0).tobytes()), "u1")[1:].view("f8")
    fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    frozen = np.arange(4.0)
    view = frozen[1:]
    frozen.flags.writeable = False
    for array in (odd, fortran, fortran[1:], view, np.array([None, 1])[:1]):
        found = loaded(dumped(array))
        assert (found == array).all()
        assert found.flags.f_contiguous == array.flags.f_contiguous
        assert found.flags.writeable == array.flags.writeable


def told(parcel: Parcel, what: str) -> tuple[int, bytes]:
    if what == "die":
        os._exit(7)
    if what == "wait":
        time.sleep(60.0)
    return os.getpid(), parcel.content


def finished(pool: LocalPool, futures: list[Any]) -> list[Any]:
    waiting = set(futures)
    while waiting:
        waiting -= set(pool.finished(waiting))
    return [pool.outcome(future) for future in futures]


def test_a_death_is_an_outcome_and_the_pool_goes_on() -> None:
    pool = LocalPool(2, Parcel(b"all of it"))
    try:
        before = finished(pool, [pool.submit(told, "hello") for _ in range(6)])
        assert {content for _, content in before} == {b"all of it"}
        assert os.getpid() not in {pid for pid, _ in before}
        assert finished(pool, [pool.submit(told, "die")]) == [None]
        after = finished(pool, [pool.submit(told, "hello") for _ in range(3)])
        assert {content for _, content in after} == {b"all of it"}
        assert {pid for pid, _ in before}.isdisjoint(pid for pid, _ in after)
        assert pool.n_deaths == 1
    finally:
        pool.close()


def test_closing_does_not_wait_for_work() -> None:
    pool = LocalPool(2, Parcel(b""))
    pool.submit(told, "wait")
    finished(pool, [pool.submit(told, "hello")])
    start = time.perf_counter()
    pool.close()
    assert time.perf_counter() - start < 20.0


def workers(n_jobs: int) -> int:
    """Return how many processes there would be."""
    start = pool_for(n_jobs)
    return 1 if start is None else start.args[0]  # type: ignore[attr-defined]


def test_the_number_of_processes_is_asked_for_or_configured() -> None:
    assert workers(1) == 1
    assert workers(3) == 3
    assert workers(-1) == joblib.cpu_count()
    with joblib.parallel_config("threading", n_jobs=4):
        assert workers(1) == 4
        assert workers(3) == 3
    with joblib.parallel_config("loky"):
        assert workers(1) == 1
    found: list[int] = []
    other = threading.Thread(target=lambda: found.append(workers(2)))
    other.start()
    other.join()
    assert found == [2]
