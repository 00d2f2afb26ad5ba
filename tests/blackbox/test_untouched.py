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


@pytest.mark.parametrize("k", [1, 2])
def test_an_exception_before_the_probes_is_the_callers(k: int) -> None:
    net = dense(0, "tanh")
    net.params["b1"][2] = -0.0
    grads, before = net.grads, snapshot(net.params)
    loss = stop_at(k, ZeroDivisionError, net.loss)
    with pytest.raises(ZeroDivisionError):
        fc.check_gradients(loss, net.params, grads, engine="black box")
    assert snapshot(net.params) == before


@pytest.mark.parametrize("k", [3, 9, 26, 27, 60, 100, 301, 600])
def test_an_exception_in_one_probe_costs_that_probe_only(k: int) -> None:
    net = dense(0, "tanh")
    net.params["b1"][2] = -0.0
    grads, before = net.grads, snapshot(net.params)
    loss = stop_at(k, ZeroDivisionError, net.loss)
    result = fc.check_gradients(loss, net.params, grads, engine="black box")
    assert snapshot(net.params) == before
    assert result.passed
    assert result.coverage.n_resolved == result.coverage.n_entries
    assert {f.kind for f in result.findings} <= {"domain-exit"}


@pytest.mark.parametrize("k", [3, 60, 200, 400])
def test_a_loss_that_breaks_for_good_leaves_what_was_reached(k: int) -> None:
    net = dense(0, "tanh")
    grads, before = net.grads, snapshot(net.params)
    n_calls = 0

    def loss() -> float:
        nonlocal n_calls
        n_calls += 1
        if n_calls >= k:
            raise OSError("the file is gone")
        return net.loss()

    result = fc.check_gradients(loss, net.params, grads, engine="black box")
    assert snapshot(net.params) == before
    assert result.verdict == "inconclusive"
    assert sum(t.n_disagree for t in result.tensors.values()) == 0
    assert (result.coverage.n_resolved > 0) == (k > 100)
    messages = {f.kind: f.message for f in result.findings}
    assert "the loss raised OSError: the file is gone with " in messages["domain-exit"]
    assert "and is nan after them" in messages["loss-not-repeatable"]
    assert n_calls < 5000  # it is given up, tensor by tensor


def test_an_entry_that_cannot_be_moved_is_named() -> None:
    w = np.array([[1.0, 2.0], [3.0, 4.0]])

    def loss() -> float:
        if w[1, 0] != 3.0 and w[0, 0] == 1.0 == w[0, 1] / 2 and w[1, 1] == 4.0:
            raise OverflowError
        return float(w.sum())

    result = fc.check_gradients(loss, {"W": w}, {"W": np.ones((2, 2))}, engine="black box")
    (finding,) = result.findings
    assert (finding.kind, finding.severity, finding.tensor) == ("domain-exit", "warning", "W")
    assert "the loss raised OverflowError with W[1, 0] moved by" in finding.message
    assert "1 entry has no derivative for that" in finding.message
    assert (result.tensors["W"].n_agree, result.tensors["W"].n_unresolved) == (3, 1)
    assert result.verdict == "inconclusive"


@pytest.mark.parametrize("edge", ["raises", "nan"])
def test_an_entry_at_the_edge_of_the_domain_is_probed_from_inside(edge: str) -> None:
    w = np.array([0.0, 2.0, 3.0])

    def loss() -> float:
        if w[0] < 0.0:
            if edge == "raises":
                raise ValueError("math domain error")
            return float("nan")
        return float(np.exp(w).sum())

    def checked(off: float) -> fc.CheckResult:
        grads = {"w": np.exp(w) + np.array([off, 0.0, 0.0])}
        return fc.check_gradients(loss, {"w": w}, grads, engine="black box")

    smooth = checked(0.0)
    assert smooth.tensors["w"].n_agree == 3
    (finding,) = smooth.findings
    assert (finding.kind, finding.severity) == ("domain-exit", "note")
    assert "w[0] moved by -" in finding.message
    assert "smaller steps or one side did for all entries" in finding.message
    worst = checked(1e-4).tensors["w"].worst
    assert str(worst).startswith("w[0]: yours 1.0001, should be 1 ")


def test_before_each_runs_before_every_evaluation_and_the_gradient() -> None:
    rng, calls = np.random.RandomState(0), []
    w = np.array([0.5, -1.5])

    def seed() -> None:
        calls.append("seed")
        rng.seed(3)

    def loss() -> float:
        calls.append("loss")
        return float((w**2 * rng.rand(2)).sum())

    def grads() -> list[np.ndarray]:
        calls.append("grads")
        return [2 * w * rng.rand(2)]

    result = fc.check_gradients(loss, [w], grads, before_each=seed, engine="black box")
    assert result.passed
    assert calls[::2] == ["seed"] * (len(calls) // 2)
    assert calls.count("grads") == 3
    assert not fc.check_gradients(loss, [w], grads, engine="black box")
    objective = fc.Network([fc.Dense(2, 1)], fc.SquaredError()).objective([[1.0, 2.0]], [[0.0]])
    with pytest.raises(fc.InputError, match="`before_each` must be None for an objective"):
        fc.numerical_gradient(objective, {}, before_each=seed)
    with pytest.raises(fc.InputError, match="`before_each` must be callable without arguments"):
        fc.numerical_gradient(loss, [w], before_each=3)


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
    assert [k for k, _ in seen] == sorted({k for k, _ in seen})
    assert {n for _, n in seen} == {total}
    assert seen[-1] == (total, total)


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
        found = box.losses("0", np.array([place]), step)
        for loss, distance in ((found.up, found.above), (found.down, found.below)):
            assert abs(distance[0]) != step
            assert loss[0] - base == distance[0]
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
