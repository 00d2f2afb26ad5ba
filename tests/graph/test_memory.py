"""Memory is used again once nobody looks at it, and never before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from fastcheck.graph import memory

pytestmark = pytest.mark.interpreted

N = 4 * memory.LARGE


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    memory.release()
    yield
    memory.release()


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def test_a_block_that_nobody_refers_to_is_used_again() -> None:
    first = memory.empty((4, N // 4))
    place = address(first)
    del first
    assert address(memory.empty((N - 5,))) == place


def test_a_block_that_a_view_refers_to_is_not_touched() -> None:
    first = memory.zeros((4, N // 4))
    view = first[1:, ::2].T
    del first
    others = [memory.empty((N,)) for _ in range(3)]
    for other in others:
        other.fill(1.0)
    assert not view.any()
    assert len({address(other) for other in others}) == 3


def test_blocks_in_use_outlive_their_release() -> None:
    kept = memory.zeros((N,))
    memory.release()
    memory.empty((N,)).fill(1.0)
    assert not kept.any()


def test_no_more_is_kept_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST", 3 * N)
    places = {address(a) for a in [memory.empty((k * N,)) for k in (1, 2)]}
    assert len(places) == 2
    memory.empty((3 * N,))
    assert memory._kept.total <= 3 * N


@pytest.mark.parametrize("shape", [(), (3,), (7, memory.LARGE), (2, 3, N + 1)])
def test_arrays_have_the_shape_and_order_that_was_asked_for(shape: tuple[int, ...]) -> None:
    array = np.ones(shape[::-1]).T
    for new in (memory.empty(shape), memory.zeros(shape), memory.like(array), memory.copied(array),
                memory.contiguous(array)):  # fmt: skip
        assert new.shape == shape
        assert new.flags.c_contiguous
        assert new.dtype == np.float64
    assert (memory.copied(array) == 1.0).all()
    assert not memory.zeros(shape).any()
    straight = memory.copied(array)
    assert memory.contiguous(straight) is straight
