"""Probes in two processes: the same bits, sent once, whatever happens to the processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

import fastcheck as fc
from fastcheck.blackbox import workers
from tests.blackbox import spreading
from tests.blackbox.networks import KINDS
from tests.blackbox.spreading import (
    Diary,
    contents,
    differing,
    killing,
    kinds,
    observed,
    same_bits,
    wide,
)


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes for little work too, and send it in small parts."""
    monkeypatch.setattr(workers, "PAYS", 0.0)
    monkeypatch.setattr(workers, "TASK", 0.002)


def numerical(loss: Any, params: Any, n_jobs: int = 1, **options: Any) -> fc.NumericalGradient:
    return fc.numerical_gradient(loss, params, engine="black box", n_jobs=n_jobs, **options)


# ------------------------------------------------------------ the same bits


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_two_processes_give_the_bits_of_one(kind: str, dtype: str) -> None:
    net = KINDS[kind](3, "relu", dtype)
    before = contents(net.params)
    one, two = (numerical(net.loss, net.params, n) for n in (1, 2))
    assert same_bits(one, two)
    assert kinds(one) == kinds(two)
    assert contents(net.params) == before


def test_a_wrong_gradient_is_judged_alike(tmp_path: Path) -> None:
    net, diary = wide(), Diary(tmp_path / "diary")
    grads = net.grads
    grads["W2"][2, 1] += 1e-3
    loss = observed(net, diary)
    one, two = (
        fc.check_gradients(loss, net.params, grads, engine="black box", n_jobs=n) for n in (1, 2)
    )
    assert str(one.tensors["W2"].worst) == str(two.tensors["W2"].worst)
    assert repr(one.tensors) == repr(two.tensors)
    assert one.findings == two.findings
    assert len(diary.count("called")) > 1  # in this process and in others


def test_a_loss_is_opened_once_by_each_process_and_most_calls_are_there(tmp_path: Path) -> None:
    net, diary = wide(), Diary(tmp_path / "diary")
    numerical(observed(net, diary), net.params, 2)
    calls, arrivals = diary.count("called"), diary.count("arrived")
    main = calls.pop(os.getpid())
    assert arrivals == dict.fromkeys(calls, 1) != {}
    assert sum(calls.values()) > 4 * sum(a.size for a in net.params.values()) > main


def test_a_loss_of_its_parameters_and_before_each_go_along() -> None:
    rng, w = np.random.RandomState(0), {"w": np.linspace(-1.0, 1.0, 70)}

    def loss(p: dict[str, np.ndarray]) -> float:
        return float((p["w"] ** 3 * rng.rand(70)).sum())

    one, two = (numerical(loss, w, n, before_each=lambda: rng.seed(3)) for n in (1, 2))
    assert same_bits(one, two)
    assert kinds(two) == []


def test_a_loss_of_a_module_reads_the_arrays_that_are_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diary = Diary(tmp_path / "diary")
    monkeypatch.setattr(spreading, "DIARY", [diary])
    params = {"W": spreading.W}
    for loss in (spreading.module_loss, lambda: spreading.module_loss()):
        one, two = (numerical(loss, params, n) for n in (1, 2))
        assert same_bits(one, two)
        assert np.abs(two.values["W"]).min() > 0.0
        assert [f.message for f in two._run.findings] == []
    assert len(diary.count("called")) > 2


def test_views_and_attributes_are_still_those_that_are_moved() -> None:
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(60)
    fortran = np.asfortranarray(rng.standard_normal((8, 5)))

    class Layer:
        W = theta[:40].reshape(8, 5)[::-1]
        b = theta[-5:]

        def loss(self) -> float:
            return float(np.tanh(theta[:40].sum() * self.W + fortran[2:].sum() + self.b).sum())

    layer = Layer()
    params = {"W": layer.W, "b": layer.b, "part": fortran[::3, 1:]}
    one, two = (numerical(layer.loss, params, n) for n in (1, 2))
    assert same_bits(one, two)
    assert kinds(two) == []


def test_threads_are_never_used(tmp_path: Path) -> None:
    net, diary = wide(), Diary(tmp_path / "diary")
    with joblib.parallel_config("threading", n_jobs=2):
        numerical(observed(net, diary), net.params)
    assert len(diary.count("called")) > 1


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_no_process_is_started_for_little_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_jobs: int
) -> None:
    monkeypatch.setattr(workers, "PAYS", 2.0 if n_jobs == 2 else 0.0)
    net, diary = wide(), Diary(tmp_path / "diary")
    numerical(observed(net, diary), net.params, n_jobs)
    assert set(diary.count("called")) == {os.getpid()}


def test_progress_counts_every_entry_once_and_in_steps() -> None:
    net = wide()
    seen: list[tuple[int, int]] = []
    numerical(net.loss, net.params, 2, progress=lambda *p: seen.append(p))
    total = sum(a.size for a in net.params.values())
    assert [k for k, _ in seen] == sorted({k for k, _ in seen})
    assert seen[-1] == (total, total)


# ------------------------------------------------------------ what can happen there


@pytest.mark.parametrize("outcome", ["raises", "nan"])
def test_the_edge_of_the_domain_is_reported_alike(outcome: str) -> None:
    w = np.linspace(0.0, 3.0, 200)

    def loss() -> float:
        if w[0] < 0.0 or w[7] != kept:
            if outcome == "raises":
                raise ValueError(f"no logarithm of {w[0]}")
            return float("nan")
        return float(np.exp(w).sum())

    kept = w[7]
    one, two = (
        fc.check_gradients(loss, [w], [np.exp(w)], engine="black box", n_jobs=n) for n in (1, 2)
    )
    assert one.findings == two.findings
    assert repr(one.tensors) == repr(two.tensors)
    assert two.tensors["0"].n_unresolved == 1
    assert "with 0[0] moved by -" in two.findings[0].message


@pytest.mark.slow
@pytest.mark.parametrize("places", [[31], [0, 63, 107]])
def test_an_entry_that_kills_is_found_and_costs_nothing_else(places: list[int]) -> None:
    net = wide()
    net.params["b1"][2] = -0.0
    flat = net.params["W1"].reshape(-1)
    assert flat.base is net.params["W1"]
    before = contents(net.params)
    one = numerical(net.loss, net.params)
    net.params["flat"] = flat
    two = numerical(killing(net, "flat", places), {k: net.params[k] for k in one.values}, 2)
    del net.params["flat"]
    assert contents(net.params) == before
    assert differing(one, two) == [("W1", place) for place in places]
    assert np.isnan(two.values["W1"].flat[places]).all()
    (finding,) = two._run.findings
    assert (finding.kind, finding.severity, finding.tensor) == (
        "probe-killed-worker",
        "warning",
        "W1",
    )
    assert f"with W1[{places[0] // 9}, {places[0] % 9}] moved by ±" in finding.message
    assert ("and with 2 other entries" in finding.message) == (len(places) == 3)


def test_a_killing_entry_leaves_a_usable_result() -> None:
    net = wide()
    before = contents(net.params)
    grads = net.grads
    grads["b2"][3] += 1e-3
    loss = killing(net, "b1", [4])
    result = fc.check_gradients(loss, net.params, grads, engine="black box", n_jobs=2)
    assert contents(net.params) == before
    assert result.verdict == "fail"
    assert [str(e).partition(":")[0] for e in result.tensors["b2"].mismatches] == ["b2[3]"]
    assert (result.tensors["b1"].n_agree, result.tensors["b1"].n_unresolved) == (8, 1)
    assert not result.interrupted


@pytest.mark.slow
def test_a_loss_that_keeps_killing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MOST_DEATHS", 3)
    net = wide()
    before = contents(net.params)
    loss = killing(net, "b2", list(range(7)))
    result = fc.check_gradients(loss, net.params, net.grads, engine="black box", n_jobs=2)
    assert contents(net.params) == before
    assert result.verdict == "inconclusive"
    assert result.tensors["W1"].n_agree == 12 * 9
    assert result.tensors["W3"].n_unresolved == 7 * 4
    assert any("3 worker processes died, after which" in f.message for f in result.findings)


def test_a_process_that_dies_by_accident_is_replaced(tmp_path: Path) -> None:
    net, flag = wide(), tmp_path / "flag"
    main = os.getpid()
    kept = net.params["W2"].copy()

    def loss() -> float:
        moved = np.flatnonzero(net.params["W2"] != kept)
        if os.getpid() != main and moved.tolist() == [40] and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return net.loss()

    one = numerical(net.loss, net.params)
    two = numerical(loss, net.params, 2)
    assert same_bits(one, two)
    (finding,) = two._run.findings
    assert (finding.kind, finding.severity) == ("workers-died", "note")
    assert "1 worker process died" in finding.message


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("who", ["progress", "loss", "signal"])
def test_ctrl_c_gives_what_was_reached_and_leaves_no_process(tmp_path: Path, who: str) -> None:
    net, diary = wide(), Diary(tmp_path / "diary")
    net.params["b1"][2] = -0.0
    before, grads = contents(net.params), net.grads
    main, last = os.getpid(), net.params["W3"].copy()
    inner = observed(net, diary)

    def loss() -> float:
        if os.getpid() != main:
            time.sleep(0.002 if who == "signal" else 0.0)
            if who == "loss" and np.count_nonzero(net.params["W3"] != last) == 1:
                raise KeyboardInterrupt
        return inner()

    def progress(done: int, total: int) -> None:
        if who == "progress" and done > 100:
            raise KeyboardInterrupt
        if who == "signal" and not timers:
            timers.append(threading.Timer(0.1, os.kill, (main, signal.SIGINT)))
            timers[0].start()

    timers: list[threading.Timer] = []
    result = fc.check_gradients(
        loss, net.params, grads, engine="black box", n_jobs=2, progress=progress
    )
    assert contents(net.params) == before
    assert result.interrupted
    assert result.verdict == "inconclusive"
    assert sum(t.n_disagree for t in result.tensors.values()) == 0
    pids = set(diary.count("called")) - {main}
    assert pids
    assert not any(map(is_alive, pids))
    if who == "loss":
        assert result.coverage.n_resolved > 100


# ------------------------------------------------------------ what cannot be spread


def said(loss: Any, params: Any) -> str:
    one, two = (numerical(loss, params, n) for n in (1, 2))
    assert same_bits(one, two)
    (finding,) = two._run.findings
    assert (finding.kind, finding.severity) == ("not-spread", "note")
    assert finding.message.startswith("the loss is called in one process only: ")
    return finding.message


def test_a_loss_that_cannot_be_sent_says_so() -> None:
    w, lock = np.array([0.3, 0.4]), threading.Lock()

    def loss() -> float:
        with lock:
            return float(w @ w)

    message = said(loss, [w])
    assert "it cannot be sent to other processes (" in message
    assert "'_thread.lock' object" in message


class Elsewhere:
    """An array that is made anew wherever it arrives."""

    def __init__(self) -> None:
        self.w = np.array([0.3, 0.4])

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return (Elsewhere, ())


def test_a_loss_that_reads_other_arrays_there_says_so() -> None:
    other = Elsewhere()
    w = other.w
    assert "does not read the w that was sent with it" in said(
        lambda: float(other.w @ other.w), {"w": w}
    )


def test_a_loss_with_another_value_there_says_so() -> None:
    w, main = np.array([3.0, 4.0]), os.getpid()
    message = said(lambda: float(w @ w) + (os.getpid() != main), {"w": w})
    assert "it is 26.0 in another process and 25.0 here" in message


def unavailable() -> None:
    raise ModuleNotFoundError("No module named 'mine'")


class Unavailable:
    """What cannot arrive."""

    def __reduce__(self) -> Any:
        return (unavailable, ())


def test_a_loss_that_cannot_be_loaded_there_says_so() -> None:
    w, baggage = np.array([3.0, 4.0]), Unavailable()
    message = said(lambda: float(w @ w) * (baggage is not None), {"w": w})
    assert (
        "cannot be loaded in another process (ModuleNotFoundError: No module named 'mine')"
        in message
    )


def test_a_loss_that_ends_every_other_process_is_called_in_this_one() -> None:
    w, main = np.array([3.0, 4.0]), os.getpid()

    def loss() -> float:
        if os.getpid() != main:
            os._exit(1)
        return float(w @ w)

    assert "it ends any other process in which it is called" in said(loss, {"w": w})
