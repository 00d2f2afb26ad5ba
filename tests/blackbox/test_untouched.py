"""Whatever happens, the caller's arrays are bit for bit as before; any memory layout will do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastcheck as fc
from fastcheck.blackbox import BlackBox
from tests.blackbox.networks import dense

Arrays = dict[str, np.ndarray]


def snapshot(arrays: Arrays) -> list[tuple[int, bytes, Any]]:
    """Return everything about arrays that could change."""
    return [(id(a), a.tobytes(), a.strides) for a in arrays.values()]


def stop_at(k: int, error: type[BaseException], loss: Callable[[], float]) -> Callable[[], float]:
    """Return a loss that raises in its k-th call."""
    n_calls = 0

    def stopping() -> float:
        nonlocal n_calls
        n_calls += 1
        if n_calls == k:
            raise error
        return loss()

    return stopping


@pytest.mark.parametrize("k", [1, 2, 3, 9, 26, 27, 60, 100, 301, 600])
def test_an_exception_in_any_call_leaves_the_arrays_as_they_were(k: int) -> None:
    net = dense(0, "tanh")
    net.params["b1"][2] = -0.0
    grads, before = net.grads, snapshot(net.params)
    loss = stop_at(k, ZeroDivisionError, net.loss)
    with pytest.raises(ZeroDivisionError):
        fc.check_gradients(loss, net.params, grads, engine="black box")
    assert snapshot(net.params) == before


def test_an_exception_says_at_which_entry_it_came() -> None:
    w = np.array([[1.0, 2.0], [3.0, 4.0]])

    def loss() -> float:
        if w[1, 0] != 3.0 and w[0, 0] == 1.0 == w[0, 1] / 2:
            raise OverflowError
        return float(w.sum())

    with pytest.raises(OverflowError) as caught:
        fc.check_gradients(loss, {"W": w}, {"W": np.ones((2, 2))}, engine="black box")
    (note,) = caught.value.__notes__
    assert "with W[1, 0] moved by" in note


@pytest.mark.parametrize("k", [4, 27, 60, 300, 500])
def test_an_interrupt_gives_what_was_reached_and_restores(k: int) -> None:
    net = dense(0, "relu")
    before = snapshot(net.params)
    loss = stop_at(k, KeyboardInterrupt, net.loss)
    result = fc.check_gradients(loss, net.params, net.grads, engine="black box")
    assert snapshot(net.params) == before
    assert result.interrupted
    assert result.verdict == "inconclusive"
    assert sum(t.n_disagree for t in result.tensors.values()) == 0
    assert (result.coverage.n_checked > 0) == (k > 100)


def test_a_progress_that_raises_restores_too() -> None:
    net = dense(0, "tanh")
    before = snapshot(net.params)
    with pytest.raises(ZeroDivisionError):
        fc.check_gradients(
            net.loss, net.params, net.grads, engine="black box", progress=lambda *_: 1 // 0
        )
    assert snapshot(net.params) == before


def test_progress_counts_to_the_number_of_entries() -> None:
    net = dense(0, "tanh")
    seen: list[tuple[int, int]] = []
    fc.check_gradients(
        net.loss, net.params, net.grads, engine="black box", progress=lambda *p: seen.append(p)
    )
    total = sum(a.size for a in net.params.values())
    assert seen == [(k, total) for k in range(1, total + 1)]


def layouts() -> Arrays:
    """Return arrays that no reshape(-1) could write to, and others."""
    rng = np.random.default_rng(0)
    backing = rng.standard_normal((9, 14))
    return {
        "fortran": np.asfortranarray(rng.standard_normal((4, 5))),
        "strided": backing[1:8:2, ::-3],
        "transposed": rng.standard_normal((5, 3)).T,
        "scalar": np.array(0.7),
        "big_endian": rng.standard_normal(3).astype(">f8"),
        "single": rng.standard_normal((2, 3)).astype(np.float32),
        "empty": np.zeros((0, 3)),
        "unaligned": np.frombuffer(bytearray(b"x" + rng.random(4).tobytes()), "u1")[1:].view("f8"),
    }


def test_every_layout_is_perturbed_through_its_own_indexing() -> None:
    arrays = layouts()
    assert not arrays["unaligned"].flags.aligned
    before = snapshot(arrays)
    result = fc.check_gradients(
        lambda: sum(float(np.sin(a.astype(float)).sum()) for a in arrays.values()),
        arrays,
        {name: np.cos(a.astype(float)) for name, a in arrays.items()},
        engine="black box",
    )
    assert result.passed
    assert result.coverage.n_checked == sum(a.size for a in arrays.values())
    assert snapshot(arrays) == before


def test_private_copies_are_perturbed_for_a_loss_of_its_parameters() -> None:
    arrays = layouts()
    for array in arrays.values():
        array.flags.writeable = False
    before = snapshot(arrays)

    def loss(p: Arrays) -> float:
        assert not any(p[name] is a for name, a in arrays.items())
        return sum(float(np.sin(a.astype(float)).sum()) for a in p.values())

    grads = {name: np.cos(a.astype(float)) for name, a in arrays.items()}
    assert fc.check_gradients(loss, arrays, grads, engine="black box").passed
    assert snapshot(arrays) == before


def test_a_step_of_float32_is_the_one_that_was_stored() -> None:
    w = np.array([1.0, 1000.0], np.float32)
    box = BlackBox(lambda: float(w.astype(float).sum()), [w])
    for place, step in ((0, 1e-7), (1, 1e-4)):
        base = box.loss()
        loss, distance = box.moved("0", place, step)
        assert distance != step
        assert loss - base == distance
    assert fc.check_gradients(box.function, [w], [np.ones(2)], engine="black box").passed


def test_the_structure_of_the_parameters_is_the_users() -> None:
    w, v = np.array([0.3, 0.4]), np.array(2.0)
    seen = set()

    def loss(p: Any) -> float:
        seen.add(type(p))
        first, second = p.values() if isinstance(p, dict) else p
        return float(second * (first @ first))

    gradient = [2 * v * w, w @ w]
    for params, grads in (
        ([w, v], gradient),
        ((w, v), tuple(gradient)),
        ({"w": w, "v": v}, {"dw": gradient[0], "v": gradient[1]}),
        ([w, v], lambda: gradient),
    ):
        result = fc.check_gradients(loss, params, grads, engine="black box")
        assert result.passed
        assert list(result.tensors) == (["w", "v"] if isinstance(params, dict) else ["0", "1"])
    assert seen == {list, tuple, dict}


def test_a_gradient_is_copied_on_receipt() -> None:
    w, g = np.array([0.3, 0.4]), np.zeros(2)

    def loss() -> float:
        g[:] = np.nan  # a list of arrays that is used again
        return float(w @ w)

    def grads() -> list[np.ndarray]:
        g[:] = 2 * w
        return [g]

    assert fc.check_gradients(loss, [w], grads, engine="black box").passed
