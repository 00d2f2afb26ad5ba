"""Chunks on threads: in order, only where they pay, and with one thread of BLAS each."""

from __future__ import annotations

import threading

import pytest
import threadpoolctl

from fastcheck.parallel import SMALL, mapped, single_threaded_blas


def blas_threads() -> list[int]:
    """Return the number of threads of NumPy's BLAS; other packages may have loaded others."""
    loaded = [p for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"]
    own = [p for p in loaded if "numpy" in p["filepath"]] or loaded[:1]
    return [p["num_threads"] for p in own]


@pytest.mark.interpreted
def test_blas_has_one_thread_inside_and_its_own_number_after() -> None:
    before = blas_threads()
    assert before
    with single_threaded_blas():
        assert set(blas_threads()) == {1}
        with single_threaded_blas():
            assert set(blas_threads()) == {1}
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


@pytest.mark.interpreted
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_blas_gets_its_threads_back_after_an_error(error: type[BaseException]) -> None:
    before = blas_threads()
    with pytest.raises(error), single_threaded_blas():
        raise error
    assert blas_threads() == before


@pytest.mark.interpreted
@pytest.mark.parametrize(
    ("n_jobs", "n_items", "seconds"),
    [(1, 9, 10.0), (4, 1, 10.0), (4, 9, 0.99 * SMALL), (4, 0, 9.0)],
)
def test_small_work_stays_in_this_thread(n_jobs: int, n_items: int, seconds: float) -> None:
    here = threading.get_ident()
    found = list(
        mapped(lambda k: (k, threading.get_ident()), range(n_items), n_jobs=n_jobs, seconds=seconds)
    )
    assert found == [(k, here) for k in range(n_items)]


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_large_work_is_spread_and_comes_back_in_order(n_jobs: int) -> None:
    meeting = threading.Barrier(2, timeout=20)

    def work(k: int) -> tuple[int, int]:
        if k < 2:
            meeting.wait()  # passed only if two threads are at work
        return k * k, threading.get_ident()

    if n_jobs == -1:
        meeting = threading.Barrier(1)
    found = list(mapped(work, range(20), n_jobs=n_jobs, seconds=1.0))
    assert [square for square, _ in found] == [k * k for k in range(20)]
    assert threading.get_ident() not in {thread for _, thread in found} or n_jobs == -1


@pytest.mark.interpreted
def test_results_arrive_while_later_items_wait() -> None:
    done: list[int] = []
    results = mapped(lambda k: done.append(k) or k, [1, 2, 3], n_jobs=1, seconds=0.0)
    assert next(results) == 1
    assert done == [1]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_in_a_chunk_reaches_the_caller(n_jobs: int) -> None:
    def work(k: int) -> float:
        return 1 / (k - 3)

    with pytest.raises(ZeroDivisionError):
        list(mapped(work, range(6), n_jobs=n_jobs, seconds=1.0))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_in_a_chunk_reaches_the_caller(n_jobs: int) -> None:
    def work(k: int) -> int:
        if k == 3:
            raise KeyboardInterrupt
        return k

    with pytest.raises(KeyboardInterrupt):
        list(mapped(work, range(6), n_jobs=n_jobs, seconds=1.0))
