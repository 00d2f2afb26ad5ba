"""Workers that join a cluster late, and hold another loss."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from fastcheck.blackbox import BlackBox, sent, workers


class Latecomer:
    """A pool in this process whose workers verify the loss and then turn out to be another one."""

    n_workers = 2

    def __init__(self, n_deaths: int) -> None:
        self.n_deaths = n_deaths

    def submit(self, function: Any, *args: Any) -> Any:
        """Answer at once."""
        future: Future[Any] = Future()
        greeted = function is sent.greeted
        future.set_result(True if greeted else sent.Refusal("it is 1.0 there"))
        return future

    def finished(self, futures: Any) -> Any:
        """Return all."""
        return set(futures)

    def outcome(self, future: Any) -> Any:
        """Return the answer."""
        return future.result()


@pytest.mark.parametrize("n_deaths", [0, 1])
def test_what_a_late_worker_refuses_is_done_here_unless_it_may_kill(n_deaths: int) -> None:
    w = np.linspace(1.0, 2.0, 150)
    box = BlackBox(lambda: float("nan") if w[3] > kept else float((w**3).sum()), [w])
    kept = w[3]
    here = box.losses("0", np.arange(150), 1e-6)
    counted = box.n_outside
    box.workers = workers.Workers(box, Latecomer(n_deaths))
    parts = list(box.probed("0", np.arange(150), 1e-6))
    assert np.concatenate([part for part, _ in parts]).tolist() == list(range(150))
    up = np.concatenate([losses.up for _, losses in parts])
    if n_deaths:
        assert np.isnan(up).all()
    else:
        assert up.tobytes() == here.up.tobytes()
        assert box.n_outside == 2 * counted == 2
    (finding,) = box.workers.findings()[:1]
    assert finding.message == "the loss is called in one process only: it is 1.0 there"
