"""Probes on a Dask cluster: the bits of one process, sent once, and deaths of workers."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import joblib
import pytest

import fastcheck as fc
from fastcheck.blackbox import workers
from fastcheck.processes import DaskPool, Parcel
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

distributed = pytest.importorskip("distributed", reason="dask[distributed] is not installed")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def client() -> Iterator[object]:
    """Start a cluster of two processes on this machine."""
    import dask

    options = {"distributed.scheduler.allowed-failures": 1}
    with (
        dask.config.set(options),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster) as found,
    ):  # fmt: skip
        yield found


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the cluster for little work too, and send it in small parts."""
    monkeypatch.setattr(workers, "PAYS", 0.0)
    monkeypatch.setattr(workers, "TASK", 0.005)


def numerical(loss: object, params: object) -> fc.NumericalGradient:
    return fc.numerical_gradient(loss, params, engine="black box")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_a_cluster_gives_the_bits_of_one_process(client: object, kind: str) -> None:
    net = KINDS[kind](4, "relu")
    before = contents(net.params)
    one = numerical(net.loss, net.params)
    with joblib.parallel_config("dask"):
        two = numerical(net.loss, net.params)
    assert same_bits(one, two)
    assert kinds(one) == kinds(two)
    assert contents(net.params) == before


def test_a_loss_is_sent_and_opened_once_by_each_worker(client: object, tmp_path: Path) -> None:
    net, diary = wide(), Diary(tmp_path / "diary")
    with joblib.parallel_config("dask"):
        numerical(observed(net, diary), net.params)
    calls, arrivals = diary.count("called"), diary.count("arrived")
    main = calls.pop(os.getpid())
    assert arrivals == dict.fromkeys(calls, 1) != {}
    assert sum(calls.values()) > 4 * sum(a.size for a in net.params.values()) > main


class Counted(Parcel):
    """A parcel that writes down where it arrives."""

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self.extra.write("received")


def pid(parcel: Parcel) -> int:
    return os.getpid()


def test_a_parcel_is_not_received_with_each_task(client: object, tmp_path: Path) -> None:
    diary = Diary(tmp_path / "diary")
    pool = DaskPool(client, {}, Counted(b"some megabytes", diary))
    futures = [pool.submit(pid) for _ in range(50)]
    workers = {pool.outcome(future) for future in futures}
    pool.close()
    received = diary.count("received")
    received.pop(os.getpid(), None)  # the scheduler, where it runs in this process
    assert workers <= set(received)
    assert max(received.values()) <= 2  # a task may ask for it while it is being sent around


def test_a_worker_that_is_killed_is_survived(client: object) -> None:
    net = wide()
    before = contents(net.params)
    one = numerical(net.loss, net.params)
    with joblib.parallel_config("dask"):
        two = numerical(killing(net, "b1", [4]), net.params)
    assert contents(net.params) == before
    assert differing(one, two) == [("b1", 4)]
    (finding,) = two._run.findings
    assert finding.kind == "probe-killed-worker"
    assert "the loss ended its process with b1[4] moved by ±" in finding.message


def test_a_cluster_of_threads_is_not_used() -> None:
    net = wide()
    with (
        distributed.Client(processes=False, n_workers=1, dashboard_address=None),
        joblib.parallel_config("dask"),
    ):
        two = numerical(net.loss, net.params)
    assert same_bits(numerical(net.loss, net.params), two)
    (finding,) = two._run.findings
    assert finding.kind == "not-spread"
    assert "threads of this process; start a cluster with processes=True" in finding.message


def test_ctrl_c_gives_what_was_reached(client: object) -> None:
    net = wide()
    before = contents(net.params)

    def progress(done: int, total: int) -> None:
        if done > 100:
            raise KeyboardInterrupt

    with joblib.parallel_config("dask"):
        result = fc.check_gradients(
            net.loss, net.params, net.grads, engine="black box", progress=progress
        )
    assert contents(net.params) == before
    assert result.interrupted
    assert result.coverage.n_checked > 100
